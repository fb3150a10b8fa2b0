"""A file that waited is sent under the address that it has now: which it is, and whether it may still go. Pure.

The words of a message stay as they were; of a file the address alone is changed, and only while no try of it can be
out: what may be with Jelou is never changed under the same id.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.inline_images import names
from bridge.owed import File
from bridge.say import as_it_is, file_name, sendable
from bridge.urls import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.domain import AgentReplied, Attachment
    from bridge.links import Link
    from bridge.owed import Say
    from bridge.say import Message

FRESH_MS: Final = 60_000
"""An address that was read so long ago is read again: signed ones last from some minutes to an hour."""

PATIENCE_MS: Final = 600_000
"""So long a helpdesk that cannot be read holds a file back, and what is behind it; then it goes as it is."""

GONE: Final = "reason.file_gone"
PRIVATE: Final = "reason.file_private"
REASONS: Final = {
    GONE: "the file is not on the ticket any more",
    PRIVATE: "the comment of the file is not public any more",
}
"""Why a file is not sent, by the key of the words for agents."""


def file_of(message: Message, fact: str, read_ms: int) -> dict[str, File]:
    """What is to be known of a message's file, by the message's id; nothing for a text."""
    one = message.file
    return {message.id: File(fact, one.id, file_name(one), read_ms)} if one else {}


def is_file(say: Say) -> bool:
    """Whether the message is a file."""
    return say.message_type != "text" and "url" in say.content


def is_stale(link: Link, say: Say, now_ms: int) -> bool:
    """Whether the address of this message must be read again before it is sent. One that may be out keeps its own."""
    if not is_file(say) or say.sent or say.doubts or not known(link, say).fact:
        return False
    return now_ms - known(link, say).read_ms >= FRESH_MS


def known(link: Link, say: Say) -> File:
    """What is known of the message's file. A version before noted nothing but the comment."""
    told = File(f"comment:{say.comment}" if say.comment else "", name=say.content.get("filename", ""))
    return link.files.get(say.id, told)


def renewed(
    link: Link, say: Say, found: Sequence[AgentReplied], serve: Callable[[Attachment], Attachment] = as_it_is
) -> tuple[Say, str]:
    """The message with the file's address among these comments, or else the key of why it may not be sent."""
    told = known(link, say)
    same = [one for one in found if one.fact == told.fact or (say.comment and one.comment_id == say.comment)]
    if not same:
        # Without an id nobody can say which of them it was.
        return say, GONE if say.comment else ""
    if not same[-1].public or same[-1].withheld:
        return say, PRIVATE
    file = _same_file(say.content["url"], told, same[-1].attachments)
    address = encoded(serve(file).url) if file else ""
    if not sendable(address):
        return say, GONE
    return replace(say, content={**say.content, "url": address}), ""


def _same_file(url: str, told: File, files: Sequence[Attachment]) -> Attachment | None:
    """By its id, else by its place, else by its name where no other has the same."""
    if told.id:
        with_ids = [one for one in files if one.id]
        if with_ids:
            return next((one for one in with_ids if one.id == told.id), None)
    placed = [one for one in files if not names(one.url).isdisjoint(names(url))]
    named = [one for one in files if told.name and file_name(one) == told.name]
    return next(iter(placed or (named if len(named) == 1 else [])), None)


def of_says(link: Link) -> dict[str, File]:
    """What is known of files that still wait."""
    waiting = {one.id for one in link.says}
    return {message: one for message, one in link.files.items() if message in waiting}
