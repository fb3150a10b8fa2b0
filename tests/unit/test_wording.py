"""What the bridge writes for people is said in every language, with the same places, and each text has its use."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from bridge import notes
from bridge.domain import Assignment
from bridge.links import Link
from bridge.start_waits import WORDS, Cause
from bridge.wording import LANGUAGES, TEXTS, in_words, known, named_in_note, say
from tests.import_rules import sources
from tests.unit.test_notes import account, project

MADE_OF_A_WORD = ("waits.", "media.", "outcome.", "to.", "withheld.")
"""Keys that another side's word, or a reason's, is put into."""

NOT_SAID_YET = frozenset(["status.ignored", "status.open"])
"""Texts that nothing says yet; a text that is said is taken off."""


def places(text: str) -> set[str]:
    """The named places of a template."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def said() -> set[str]:
    """The keys that stand in the program, beside their own tables."""
    told = "\n".join(text for module, text in sources().items() if not re.fullmatch(r"bridge\.wording_\w+", module))
    return {key for key in TEXTS if f'"{key}"' in told or key.startswith(MADE_OF_A_WORD)}


def test_every_text_is_said_in_every_language() -> None:
    """With words in it, no blanks at its ends, and the same named places."""
    for key, texts in TEXTS.items():
        assert tuple(texts) == LANGUAGES == ("en", "es", "pt"), key
        assert all(text and text == text.strip() for text in texts.values()), key
        assert len({frozenset(places(text)) for text in texts.values()}) == 1, key
        assert all(name.isidentifier() for name in places(texts["en"])), key


def test_every_text_has_its_use() -> None:
    """Nobody translates what is never said."""
    assert TEXTS.keys() - said() == NOT_SAID_YET


def test_every_text_that_is_said_exists() -> None:
    """In the table, under the name that the program uses."""
    program = "\n".join(sources().values())
    assert set(re.findall(r'\bsay\(\s*[a-z_.]+,\s*"([^"]+)"', program)) <= TEXTS.keys()


def test_values_are_taken_as_they_are() -> None:
    """What looks like a place in a customer's name is none."""
    assert say("es", "customer.says", name="{name} {0} %s") == "{name} {0} %s (vía Jelou):"


def test_english_is_what_it_was() -> None:
    """Notes on tickets are found again by their text, so these words never change."""
    vague = Link(conversation="", shared_with="zendesk/acme/3")
    was = notes.opened(vague, account(), project(conversation_url="https://x.example/"))[0].text
    assert was.splitlines() == [
        say("en", "started"),
        say("en", "started.conversation", conversation=say("en", "started.not_told")),
        say("en", "started.assigned", to=in_words("en", None)),
        say("en", "started.link", link="https://x.example/"),
        say("en", "started.shared", ticket="zendesk/acme/3"),
        say("en", "started.unconfirmed"),
    ]
    assert say("en", "failed", reason="because") == "No conversation was started in Jelou: because."
    assert say("en", "parked", reason="Because") == (
        "It is not known whether a conversation was started in Jelou. Because."
    )
    assert say("en", "extra", conversation="c-2") == (
        "A second conversation was started in Jelou for this ticket: c-2. It was left open."
    )


def test_an_assignment_is_said_in_every_language() -> None:
    """A type that Jelou may yet make up is said as it was told."""
    to = Assignment("queue", "VIP {x}")
    assert [in_words(language, to) for language in LANGUAGES] == ["queue VIP {x}", "cola VIP {x}", "fila VIP {x}"]
    assert in_words("en", None) == "nobody in particular"
    assert in_words("pt", Assignment("{0}", "x")) == "{0} x"
    assert known("es", "outcome.made_up", "made up") == "made up"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_note_names_its_conversation_in_any_language(language: str) -> None:
    """An account's language may change while its notes stay; an id not told is none."""
    texts = TEXTS["started.conversation"]
    line = next(text for one, text in texts.items() if one == language)
    note = f"x\n{line.format(conversation='c-1')}\r\ny"
    found = re.search(named_in_note(), note, re.MULTILINE)
    assert found is not None
    assert found[1] == "c-1"
    untold = next(text for one, text in TEXTS["started.not_told"].items() if one == language)
    assert re.search(named_in_note(), line.format(conversation=untold), re.MULTILINE) is None


def test_other_lines_name_no_conversation() -> None:
    """Only at the beginning of a line."""
    assert re.search(named_in_note(), "The Conversation: c-1\n> Conversa: c-1", re.MULTILINE) is None


def test_each_cause_of_a_waiting_start_has_its_words() -> None:
    """For agents on the ticket, in each language, and for who runs the bridge."""
    assert {f"waits.{cause}" for cause in Cause} == {key for key in TEXTS if key.startswith("waits.")}
    assert set(Cause) == WORDS.keys()
