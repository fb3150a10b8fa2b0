"""An echo is proven: by a mark that one of our keys made for this ticket, never by a string anywhere in a text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bridge import marks, notes
from bridge.addressees import OWN_USER
from bridge.admission import asks_for_nothing
from bridge.domain import AddReply, AgentReplied, TicketRef
from bridge.links import Link
from bridge.owed import Todo
from bridge.say import messages_of

REF = TicketRef("zendesk", "main", "7")
OTHER = TicketRef("zendesk", "main", "8")
OLD, NEW = SecretStr("old-key-0123456789"), SecretStr("new-key-0123456789")


def written(ref: TicketRef = REF, *keys: SecretStr, text: str = "Gracias") -> str:
    """What the bridge writes on a ticket."""
    todo = Todo("message:m-1", AddReply.type, text)
    action = notes.write_back(ref, todo, Link(requester="77"), "es", keys)
    assert isinstance(action, AddReply)
    return action.text


def reply(text: str, markup: str = "text", echo: str = "") -> AgentReplied:
    """A public comment as a dialect reads it."""
    by_bridge = bool(echo) or marks.stands(text, markup)
    return AgentReplied(REF, "comment:9", "9", text, public=True, by_bridge=by_bridge, markup=markup, echo=echo)


def decided(event: AgentReplied, *keys: SecretStr, keyed: bool = True, wrote: tuple[str, ...] = ()) -> AgentReplied:
    """The same as a worker takes it."""
    return marks.resolved(marks.judged_reply(event, keys), keyed=keyed, written=wrote)


ECHOES = [
    written(REF, NEW),
    written(REF, OLD),
    f"{written(REF, NEW)}\n\nAcme S.A. - ticket 7",
    written(REF, NEW).replace("\n", "\r\n"),
    written(REF, NEW, text="> usted dijo\nsí\n-- \nAna"),
]
"""As they come back: with a footer, in another helpdesk's lines, of a key that was rotated since."""


@pytest.mark.parametrize("text", ECHOES)
def test_what_one_of_our_keys_made_is_an_echo(text: str) -> None:
    """At the door, without anything that is known of the ticket: Redis may have been flushed."""
    event = marks.judged_reply(reply(text), [NEW, OLD])
    assert (event.by_bridge, event.echo) == (True, marks.PROVEN)
    assert asks_for_nothing(event) == "the bridge did this itself"


@pytest.mark.parametrize("text", ECHOES)
def test_an_echo_in_html_is_one(text: str) -> None:
    """A helpdesk of rich text gives back its own lines."""
    page = "<div>" + text.replace("> ", "&gt; ").replace("\r\n", "\n").replace("\n", "<br>") + "</div>"
    assert decided(reply(page, "html"), NEW, OLD).by_bridge


QUOTED = [
    f"Ya quedó.\n\nEl lun, 30 nov 2026, Ana (<a@x.co>) escribió:\n\n> Hola\n> {written(REF, NEW).splitlines()[-1]}",
    f"Ya quedó.\n\n-----Original Message-----\nFrom: Ana\n{written(REF, NEW)}",
    "Ya quedó.\n> " + written(REF, NEW).replace("\n", "\n> "),
    f"Vea el mensaje {written(REF, NEW).splitlines()[-1]} de ayer",
    written(OTHER, NEW),
    written(REF, SecretStr("another-key-0123456789")),
]
"""A mark in what is quoted, in the midst of a line, of another ticket, of another bridge."""


@pytest.mark.parametrize("text", QUOTED)
def test_a_reply_that_quotes_or_copies_a_mark_is_sent(text: str) -> None:
    """A person wrote it."""
    event = decided(reply(text), NEW, OLD)
    assert (event.by_bridge, event.public, event.withheld) == (False, True, "")
    assert asks_for_nothing(marks.judged_reply(reply(text), [NEW, OLD])) == ""


def test_a_mail_reply_in_html_that_quotes_the_mark_is_sent() -> None:
    """The mark stands alone on a line there, in what the mail program quotes."""
    page = f"<p>Ya quedó.</p><blockquote type='cite'>{written(REF, NEW).replace(chr(10), '<br>')}</blockquote>"
    assert not decided(reply(page, "html"), NEW).by_bridge


def test_an_unkeyed_mark_counts_on_tickets_from_before_the_keys() -> None:
    """There the version before wrote them. On a younger ticket it is anybody's."""
    event = reply(written())
    assert decided(event, NEW, keyed=False).by_bridge
    assert not decided(event, NEW, keyed=True).by_bridge
    assert not asks_for_nothing(marks.judged_reply(event, [NEW]))
    assert decided(event).by_bridge


def test_the_author_alone_proves_nothing() -> None:
    """A small team may work as the bridge's user: what is public is not sent, and the ticket says so."""
    event = reply("Ya quedó.", echo=marks.USER)
    held = decided(event, NEW)
    assert (held.by_bridge, held.public, held.withheld) == (False, False, OWN_USER)
    assert not asks_for_nothing(marks.judged_reply(event, [NEW]))
    assert marks.judged_reply(event, [NEW]).by_bridge


def test_the_author_proves_it_with_a_mark_or_a_receipt_beside() -> None:
    """The mark may be lost where the id is known, and the other way round."""
    assert decided(reply("Ya quedó.", echo=marks.USER), NEW, wrote=("9",)).by_bridge
    assert decided(reply(written(REF, NEW), echo=marks.USER), NEW).by_bridge
    assert decided(reply(written(), echo=marks.USER), NEW, keyed=False).by_bridge
    assert decided(reply(written(), echo=marks.USER), NEW).withheld == OWN_USER


def test_what_the_helpdesk_keeps_with_it_proves_it() -> None:
    """Its app, its request source, a message id that we gave."""
    assert decided(reply("Gracias", echo=marks.APP), NEW).echo == marks.PROVEN


def test_a_private_note_of_the_bridges_user_asks_for_nothing() -> None:
    """Nobody would have sent it."""
    event = marks.judged_reply(replace(reply("x", echo=marks.USER), public=False), [NEW])
    assert asks_for_nothing(event) == "the bridge did this itself"


def test_a_dialect_that_tells_nothing_more_than_that_it_was_the_bridge_is_taken_as_its_user() -> None:
    """Nothing else is known then."""
    assert decided(replace(reply("x"), by_bridge=True)).withheld == OWN_USER


def test_a_mark_is_looked_for_by_the_same_name_whatever_the_key() -> None:
    """A worker of the version before finds it, and so does one with another key."""
    mark = notes.marker(REF, "message:m-1|Gracias")
    assert all(mark in text for text in (written(), written(REF, OLD), written(REF, NEW)))
    assert len({written(), written(REF, OLD), written(REF, NEW)}) == 3


@pytest.mark.parametrize("copied", [written(REF, NEW), written(), f"> {written(OTHER, NEW)}"])
def test_no_customer_reads_a_mark(copied: str) -> None:
    """An agent may copy a note with its mark, or send nothing but what they quote."""
    for text in (f"Vea:\n{copied}\nSaludos", copied):
        said = "".join(one.content["body"] for one in messages_of(reply(text), REF, 1))
        assert "jelou-bridge" not in said
        assert "Gracias" in said
        assert not re.search("[0-9a-f]{16}", said)


@pytest.mark.parametrize("words", ["{}", "Ayuda\n> {}", "Ayuda\n\nOn 30/11/2026 9:30, Ana wrote:\n{}"])
def test_a_ticket_that_quotes_what_was_written_on_another_was_not_opened_by_the_bridge(words: str) -> None:
    """What is written on tickets is signed, and the first words of one that the bridge opens are not."""
    assert not marks.opens(words.format(written(OTHER, NEW)))
    assert not marks.opens("Ayuda\n> [jelou-bridge:0123456789abcdef]")
    assert marks.opens("Ana escribió\n[jelou-bridge:0123456789abcdef]\n\nAcme")
