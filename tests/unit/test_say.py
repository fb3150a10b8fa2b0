"""An agent's reply becomes messages of Jelou's: text, then files, each as what WhatsApp can show, always the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import AgentReplied, Attachment, TicketRef
from bridge.say import NEAR_MS, file_name, form, message_id, messages_of, mime_type, sendable, settled, whole

REF = TicketRef("zendesk", "acme", "7")
HTTPS = "https://files.example/"


def reply(text: str = "", *attachments: Attachment, **changes: Any) -> AgentReplied:
    """A public reply on ticket 7."""
    told = {"ref": REF, "fact": "comment:9", "comment_id": "9", "text": text, "public": True}
    return AgentReplied(**{**told, "attachments": attachments, **changes})


def file(name: str = "a.pdf", **changes: Any) -> Attachment:
    """A file at an address that Jelou can reach."""
    return Attachment(**{"url": HTTPS + name.replace(" ", "%20"), "name": name, **changes})


def told(event: AgentReplied) -> list[tuple[str, dict[str, str]]]:
    """Type and content of each message."""
    return [(one.message_type, one.content) for one in messages_of(event, REF, 1)]


def test_the_text_goes_first_then_the_files() -> None:
    """Each with what Jelou wants of its type, in the order of the ticket."""
    event = reply("<p>Hola</p>", file("foto.JPG"), file("mi contrato.pdf", mime_type="application/pdf"), markup="html")
    assert told(event) == [
        ("text", {"body": "Hola"}),
        ("image", {"url": f"{HTTPS}foto.JPG", "mime_type": "image/jpeg"}),
        (
            "document",
            {"url": f"{HTTPS}mi%20contrato.pdf", "mime_type": "application/pdf", "filename": "mi contrato.pdf"},
        ),
    ]


def test_a_long_text_goes_in_parts() -> None:
    """In order, and each with its own id."""
    found = messages_of(reply("word " * 2_000), REF, 1)
    assert [one.message_type for one in found] == ["text"] * 3
    assert len({one.id for one in found}) == 3
    assert " ".join(one.content["body"] for one in found).split() == ["word"] * 2_000


def test_nothing_said_is_no_message() -> None:
    """A reply of blanks and marks that nobody sees."""
    assert messages_of(reply(" <p>&nbsp;</p><!-- x -->", markup="html"), REF, 1) == ()


def test_ids_stay_the_same_for_ever() -> None:
    """Jelou may know a repeat by it, also one of a later version of the bridge: this one must never change."""
    assert messages_of(reply("Hola"), REF, 1)[0].id == "f38836fd1feab3ce565fbbb0c85de02b"
    assert messages_of(reply("Hola"), REF, 1) == messages_of(reply("Hola"), REF, 1)


NAMES = st.text(min_size=1, max_size=3)


@given(
    one=st.tuples(NAMES, st.integers(1, 3), NAMES, st.integers(0, 3)),
    other=st.tuples(NAMES, st.integers(1, 3), NAMES, st.integers(0, 3)),
)
def test_two_messages_never_share_an_id(one: tuple[str, int, str, int], other: tuple[str, int, str, int]) -> None:
    """Another ticket, episode, comment or part has another."""
    ids = [
        message_id(TicketRef("zendesk", "acme", ticket), episode, fact, at)
        for ticket, episode, fact, at in (one, other)
    ]
    assert (ids[0] == ids[1]) is (one == other)


@pytest.mark.parametrize(
    ("attachment", "kind"),
    [
        (file(mime_type="image/png", size=5_000_000), "image"),
        (file(mime_type="IMAGE/JPEG; q=1"), "image"),
        (file(mime_type="image/png", size=5_000_001), "document"),
        (file(mime_type="image/gif"), "document"),
        (file(mime_type="video/mp4", size=16_000_000), "video"),
        (file(mime_type="video/mp4", size=16_000_001), "document"),
        (file(mime_type="video/quicktime"), "document"),
        (file(mime_type="video/3gpp"), "video"),
        (file(mime_type="audio/ogg; codecs=opus"), "audio"),
        (file(mime_type="audio/wav"), "document"),
        (file(mime_type="application/pdf", size=100_000_000), "document"),
        (file(mime_type="application/pdf", size=100_000_001), ""),
        (file("a.mp3"), "audio"),
        (file("a.png", mime_type="application/octet-stream"), "image"),
        (file("a.png", mime_type="nonsense"), "image"),
        (file("a"), "document"),
        (Attachment(f"{HTTPS}x/photo.png?token=1"), "image"),
        (Attachment("http://files.example/a.png"), ""),
        (Attachment("https:///a.png"), ""),
        (Attachment("file:///a.png"), ""),
        (Attachment(""), ""),
    ],
)
def test_a_file_goes_as_what_whatsapp_takes(attachment: Attachment, kind: str) -> None:
    """By type, else by name; too large or unknown as a document, else as a link."""
    assert form(attachment) == kind


@pytest.mark.parametrize(
    ("attachment", "line"),
    [
        (Attachment("http://intranet/a b.pdf", "a b.pdf"), "a b.pdf: http://intranet/a%20b.pdf"),
        (Attachment("http://intranet/a.pdf", "manual.pdf"), "manual.pdf: http://intranet/a.pdf"),
        (Attachment("http://intranet/a.pdf"), "http://intranet/a.pdf"),
        (file("big.zip", size=200_000_000), f"big.zip: {HTTPS}big.zip"),
        (Attachment("javascript:x", "x\n\u200by"), "x y"),
    ],
)
def test_what_cannot_go_as_a_file_is_a_line_of_the_text(attachment: Attachment, line: str) -> None:
    """With its address where it is one of the web; the customer sees that there was something."""
    assert told(reply("Hola", attachment)) == [("text", {"body": f"Hola\n{line}"})]


def test_a_reply_of_nothing_but_a_link_is_said() -> None:
    """The line is the text then; a file that has neither name nor address is nothing."""
    assert told(reply("", Attachment("http://x.example/a"))) == [("text", {"body": "http://x.example/a"})]
    assert told(reply("", Attachment(""))) == []


@given(url=st.text() | st.text().map(HTTPS.__add__), name=st.text(), mime=st.text(), size=st.integers(0))
def test_no_file_makes_it_fail(url: str, name: str, mime: str, size: int) -> None:
    """Whatever a helpdesk says of one: an address, a type and a name that can be sent, or a line."""
    attachment = Attachment(url, name, mime, size)
    for one in messages_of(reply("x", attachment), REF, 1):
        orjson.dumps(one.content)
        assert one.message_type == "text" or one.content["url"].startswith("https://")
    assert "\n" not in file_name(attachment) + mime_type(attachment)


@given(url=st.text(st.sampled_from("https:/[]@.a ñ\n\x00")))
def test_only_addresses_are_sendable(url: str) -> None:
    """With https, a host, and no blank in it."""
    if sendable(url):
        assert url.startswith("https://")
        assert not set(url) & set(" \n\x00")


# --- which comment is meant ------------------------------------------------------------------------------------------

NOW_MS = 1_795_184_405_000


def shown(*times_ms: int) -> list[AgentReplied]:
    """What a helpdesk shows: a comment of each time, which is its text as well."""
    return [reply(str(at), comment_id=str(at), at_ms=at) for at in times_ms]


def test_a_comment_without_an_id_is_the_one_of_its_time() -> None:
    """Two replies in one minute are both said, each for its own webhook."""
    found = shown(NOW_MS - 90_000, NOW_MS, NOW_MS + 5_000)
    for at, text in ((NOW_MS + 100, NOW_MS), (NOW_MS + 5_100, NOW_MS + 5_000)):
        assert whole(reply(comment_id="", at_ms=at), found)[-1].text == str(text)


def test_a_comment_of_another_time_is_not_meant() -> None:
    """What was written long before is not said again for a webhook about something that is not a comment."""
    for at in (NOW_MS - NEAR_MS - 1, NOW_MS + NEAR_MS + 1):
        assert whole(reply(comment_id="", at_ms=NOW_MS), shown(at)) == []


def test_a_comment_without_id_and_time_is_the_newest() -> None:
    """A trigger knows neither. Those right before it are meant as well, unless they were said already."""
    found = shown(NOW_MS - 90_000, NOW_MS - 5_000, NOW_MS)
    meant = whole(reply(comment_id=""), found)
    assert [one.text for one in meant] == [str(NOW_MS - 5_000), str(NOW_MS)]
    assert whole(reply(comment_id=""), found, [meant[0].fact]) == [found[-1]]


def test_what_is_nearer_in_time_hides_nothing_that_went_out() -> None:
    """A note, a draft or a write of ours beside the public reply is not what the event speaks of."""
    sent = reply("sent", comment_id="1", at_ms=NOW_MS + 2_000)
    for nearer in ({"public": False}, {"by_bridge": True}, {"public": False, "withheld": "addressees"}):
        beside = reply("beside", comment_id="2", at_ms=NOW_MS, **nearer)
        assert [one.text for one in whole(reply(comment_id="", at_ms=NOW_MS), [beside, sent])] == ["sent"]
    note = reply("note", comment_id="2", at_ms=NOW_MS, public=False)
    assert whole(reply(comment_id="", at_ms=NOW_MS), [note]) == [note]


def test_what_was_withheld_is_meant_where_nothing_went_out_since() -> None:
    """So that it is told: a mail to somebody else behind the last reply, and not one from before."""
    forward = reply("forward", comment_id="2", at_ms=NOW_MS, public=False, withheld="addressees")
    before, after = shown(NOW_MS - 90_000), shown(NOW_MS + 90_000)
    assert [one.text for one in whole(reply(comment_id=""), [*before, forward])] == [before[0].text, "forward"]
    assert whole(reply(comment_id=""), [forward, *after]) == after
    assert whole(reply(comment_id=""), [forward]) == [forward]


def test_a_comment_is_what_the_helpdesk_shows_of_it() -> None:
    """By its id, whatever its time; none where it is not shown; and where nothing is shown, it is what was told."""
    assert whole(reply(comment_id="2", at_ms=9), shown(1, 2, 3))[-1].text == "2"
    assert whole(reply(comment_id="4"), shown(1, 2, 3)) == []
    assert whole(reply("told", comment_id="4"), None)[-1].text == "told"


def test_two_replies_in_the_same_moment_are_both_said_once() -> None:
    """Whichever of them the list shows first, and whatever the webhook's time is off by."""
    first, second = (replace(one, fact=one.text) for one in shown(NOW_MS, NOW_MS + 2))
    at_first, at_second = (reply(comment_id="", at_ms=at) for at in (NOW_MS, NOW_MS + 2))
    assert whole(at_first, [first, second]) == [first]
    assert whole(at_second, [first, second], [first.fact]) == [second]
    for off in (replace(at_first, at_ms=NOW_MS + 3), replace(at_second, at_ms=NOW_MS - 1)):
        assert whole(off, [first, second], [first.fact]) == [second]
        assert whole(off, [first, second], [second.fact]) == [first]


def test_a_reply_beside_another_is_waited_for() -> None:
    """What was said already, a private note or a write of ours at another time is not what the event speaks of."""
    event = reply(comment_id="", at_ms=NOW_MS)
    beside = reply("beside", comment_id="1", at_ms=NOW_MS - 30_000)
    for one, said in (
        (replace(beside, public=False), ()),
        (replace(beside, by_bridge=True), ()),
        (beside, [beside.fact]),
    ):
        meant = whole(event, [one], said)
        assert not settled(event, meant, said)
        assert settled(event, whole(event, [replace(one, at_ms=NOW_MS)], said), said)
    other = replace(beside, at_ms=NOW_MS - 2)
    assert not settled(event, whole(event, [other], [other.fact]), [other.fact])
    assert settled(event, whole(event, [beside]), ())
    assert not settled(reply(comment_id="4"), whole(reply(comment_id="4"), [beside]), ())
