"""Which file of a comment, read again, is the one that waited, and when it may not be sent any more."""

from __future__ import annotations

import pytest

from bridge.domain import AgentReplied, Attachment, TicketRef
from bridge.links import Link
from bridge.owed import File, Say
from bridge.renewing import FRESH_MS, GONE, PRIVATE, is_stale, of_says, renewed

REF = TicketRef("zendesk", "acme", "7")
URL, NOW = "https://files.example/1/a.pdf?s=1", 1_000_000
SAY = Say("m", "document", {"url": URL, "mime_type": "application/pdf", "filename": "a.pdf"}, "9")
LINK = Link(says=(SAY,), files={"m": File("comment:9", "31", "a.pdf", NOW)})


def comment(*files: Attachment, **changes: object) -> AgentReplied:
    """The comment as it is now."""
    told = {"ref": REF, "fact": "comment:9", "comment_id": "9", "text": "", "public": True, "attachments": files}
    return AgentReplied(**{**told, **changes})  # type: ignore[arg-type]


def at(url: str, file_id: str = "", name: str = "a.pdf") -> Attachment:
    """A file."""
    return Attachment(url, name, id=file_id)


NEW = "https://cdn.example/x/mi%20a"


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ((at("https://cdn.example/y", "30"), at(NEW, "31", "b.pdf")), LINK.files),
        ((at(NEW, "31"), at(NEW, "31")), LINK.files),
        ((at("https://cdn.example/y", name="b.pdf"), at(NEW)), LINK.files),
        ((at("https://cdn.example/y", name="b.pdf"), at(NEW)), {}),
        ((at("https://cdn.example/x/mi a", "31"),), LINK.files),
    ],
)
def test_the_same_file_is_found(files: tuple[Attachment, ...], known: dict[str, File]) -> None:
    """By its id, else by its name where no other has it, also where a version before noted nothing of it."""
    link = Link(says=(SAY,), files=known)
    fresh, why = renewed(
        link, SAY, [comment(at("https://x.example"), fact="comment:8", comment_id="8"), comment(*files)]
    )
    assert (fresh.content["url"], why) == (NEW, "")
    assert {**fresh.content, "url": ""} == {**SAY.content, "url": ""}


def test_a_file_is_found_by_its_place() -> None:
    """The signature alone is new, and another file has the same name."""
    link = Link(says=(SAY,), files={"m": File("comment:9", "", "a.pdf", NOW)})
    files = (at("https://files.example/2/a.pdf?s=2"), at("https://files.example/1/a.pdf?s=2"))
    assert renewed(link, SAY, [comment(*files)])[0].content["url"].startswith("https://files.example/1/")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], GONE),
        ([comment()], GONE),
        ([comment(at(URL, "32"))], GONE),
        ([comment(at("https://cdn.example/y"), at("https://cdn.example/z"))], GONE),
        ([comment(at("http://intranet/a", "31"))], GONE),
        ([comment(at(URL, "31"), public=False)], PRIVATE),
        ([comment(at(URL, "31"), withheld="addressees")], PRIVATE),
    ],
)
def test_what_is_gone_or_private_is_not_sent(found: list[AgentReplied], why: str) -> None:
    """Nor one of which nobody can say which of several it is."""
    assert renewed(LINK, SAY, found) == (SAY, why)


def test_a_reply_without_an_id_goes_as_it_is() -> None:
    """That it is not found under its fact says nothing."""
    say = Say("m", "document", {"url": URL})
    link = Link(says=(say,), files={"m": File("comment:hash", "", "a.pdf", NOW)})
    assert renewed(link, say, [comment()]) == (say, "")


@pytest.mark.parametrize(
    ("say", "stale"),
    [
        (SAY, True),
        (Say("m", "document", SAY.content, "9", tries=3), True),
        (Say("m", "document", SAY.content, "9", sent=True), False),
        (Say("m", "document", SAY.content, "9", doubts=1), False),
        (Say("t", "text", {"body": "Hola"}, "9"), False),
    ],
)
def test_only_a_file_that_cannot_be_out_is_read_again(say: Say, stale: bool) -> None:
    """What may be with Jelou is never changed under the same id."""
    assert is_stale(LINK, say, NOW + FRESH_MS) is stale
    assert not is_stale(LINK, say, NOW + FRESH_MS - 1) or say.id not in LINK.files


def test_of_what_is_sent_nothing_is_kept() -> None:
    """The link does not grow with each file."""
    assert of_says(LINK) == LINK.files
    assert of_says(Link(says=(), files=LINK.files)) == {}
