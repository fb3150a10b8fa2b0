"""A process keeps what it did lately: so long, so much, each thing once."""

from __future__ import annotations

from bridge.journal import Entry, Journal


def entry(text: str, at_s: float = 0.0) -> Entry:
    """A step with this text."""
    return Entry("accept", (text,), at_s)


def texts(journal: Journal, now_s: float = 0.0) -> list[str | bytes]:
    """What is kept, oldest first."""
    return [one.args[0] for one in journal.entries(now_s)]


def test_what_is_young_is_kept_in_order() -> None:
    """It is told again in the order it happened."""
    journal = Journal(keep_s=60.0, most_bytes=1_000)
    for name in ("a", "b", "c"):
        journal.note(name, entry(name))
    assert texts(journal) == ["a", "b", "c"]


def test_what_is_old_is_dropped() -> None:
    """By its age, also while nothing new comes."""
    journal = Journal(keep_s=60.0, most_bytes=1_000)
    journal.note("old", entry("old", 0.0))
    journal.note("young", entry("young", 50.0))
    assert texts(journal, 61.0) == ["young"]
    assert texts(journal, 111.0) == []


def test_a_key_is_kept_once_at_its_newest() -> None:
    """What has become of a thing takes the place of the thing."""
    journal = Journal(keep_s=60.0, most_bytes=1_000)
    for name, text in (("t1", "sent"), ("t2", "sent"), ("t1", "answered")):
        journal.note(name, entry(text))
    assert texts(journal) == ["sent", "answered"]


def test_it_never_weighs_more_than_allowed() -> None:
    """The oldest goes first; one that is too heavy alone is kept alone."""
    journal = Journal(keep_s=60.0, most_bytes=10)
    for name in ("aaaa", "bbbb", "cccc"):
        journal.note(name, entry(name))
    assert texts(journal) == ["bbbb", "cccc"]
    journal.note("big", entry("d" * 50))
    assert texts(journal) == ["d" * 50]
    journal.note("e", entry("e"))
    assert texts(journal) == ["e"]


def test_what_is_forgotten_weighs_nothing() -> None:
    """Forgetting makes room, and what was never kept may be forgotten."""
    journal = Journal(keep_s=60.0, most_bytes=10)
    journal.note("a", entry("aaaaaaaa"))
    journal.forget("a")
    journal.forget("never")
    journal.note("b", entry("bbbbb"))
    journal.note("c", entry("ccccc"))
    assert texts(journal) == ["bbbbb", "ccccc"]
