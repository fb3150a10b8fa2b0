"""What an agent replied, as the messages that Jelou is to send. Pure: the same reply gives the same messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from bridge.chat_history import own_words
from bridge.chat_text import MOST, is_address, parts, tidy
from bridge.inline_images import distinct, lines_without_files, without_files
from bridge.marks import without
from bridge.urls import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bridge.domain import AgentReplied, Attachment, TicketRef

NEAR_MS: Final = 60_000
"""A webhook that tells when a comment was written, and not its id, may be so far from what the helpdesk shows."""

SAME_MS: Final = 1_000
"""What is so near to the time that was told is what was told of, whatever became of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of Jelou's. ``id`` is the same on every call, so that a repeat can be known by it.

    ``content`` is Jelou's own object for ``message_type``: text, image, video, audio or document.
    """

    id: str
    message_type: str
    content: dict[str, str]
    file: Attachment | None = None


def whole(event: AgentReplied, found: Sequence[AgentReplied] | None, said: Collection[str] = ()) -> list[AgentReplied]:
    """The comment as the helpdesk has it now, of those it shows, oldest first; the event where it shows none (None).

    Made private meanwhile, it does not leave. Empty: what was told of is not shown, because the list lags, or because
    it is gone. A webhook may tell no id: then the comment is meant that was written when it says, of those not ``said``
    already. Where it says no time either, the newest public one of agents is meant, with those right before it that are
    not among ``said``: by now the next reply may be there, or a note of ours.
    """
    if found is None:
        return [event]
    if event.comment_id:
        return [one for one in found if one.comment_id == event.comment_id][-1:]
    return _near(event, found, said) if event.at_ms else _newest(found, said)


def settled(event: AgentReplied, meant: Sequence[AgentReplied], said: Collection[str]) -> bool:
    """Whether these are what the event speaks of. What stands beside it in time may hide what is not shown yet."""
    if not meant or event.comment_id or not event.at_ms:
        return bool(meant)
    one = meant[-1]
    if one.fact in said:
        return one.at_ms == event.at_ms
    return _rank(one) == 0 or _apart_ms(one, event) <= SAME_MS


def _near(event: AgentReplied, found: Sequence[AgentReplied], said: Collection[str]) -> list[AgentReplied]:
    """The nearest, of those that went out: what is private, or ours, is not what the event speaks of."""
    near = [one for one in found if _apart_ms(one, event) <= NEAR_MS]
    return sorted(near, key=lambda one: (_rank(one), _beside(one, event, said), _apart_ms(one, event)))[:1]


def _beside(one: AgentReplied, event: AgentReplied, said: Collection[str]) -> bool:
    """Whether it was said for an event of its own; at the event's very time it is the one, told again."""
    return one.fact in said and one.at_ms != event.at_ms


def _rank(one: AgentReplied) -> int:
    if one.by_bridge:
        return 3
    return 0 if one.public else 1 if one.withheld else 2


def _newest(found: Sequence[AgentReplied], said: Collection[str]) -> list[AgentReplied]:
    """Behind them what was withheld since, so that it is told."""
    public = [one for one in found if one.public and not one.by_bridge]
    recent = [one for one in public[:-1] if one.at_ms and _apart_ms(public[-1], one) < NEAR_MS]
    since = found[found.index(public[-1]) :] if public else found
    withheld = [one for one in since if one.withheld and not one.by_bridge]
    return [one for one in recent if one.fact not in said] + public[-1:] + withheld[-1:]


def _apart_ms(one: AgentReplied, other: AgentReplied) -> int:
    return abs(one.at_ms - other.at_ms)


def as_it_is(file: Attachment) -> Attachment:
    """The file where it lies."""
    return file


def messages_of(
    event: AgentReplied, ref: TicketRef, episode: int, serve: Callable[[Attachment], Attachment] = as_it_is
) -> tuple[Message, ...]:
    """The text in parts, then each file; none where the reply holds neither.

    A file that cannot be sent as one (no https address, or larger than WhatsApp takes) stands as a line in the text.
    An image in the text that is a file as well goes as the file alone. ``serve`` says where the customer gets a file.
    """
    attached = distinct(event.attachments)
    told = [(one, form(one)) for one in map(serve, attached)]
    lines = [*filter(None, (_line(one) for one, kind in told if not kind))]
    words = without(own_words(without_files(event.text, event.markup, attached), event.markup))
    said = lines_without_files(words, attached)
    text = tidy("\n".join((said, *lines)))
    files = [(kind, _content(one, kind), one) for one, kind in told if kind]
    found = [*(("text", {"body": part}, None) for part in parts(text, MOST)), *files]
    return tuple(
        Message(message_id(ref, episode, event.fact, at), kind, content, file)
        for at, (kind, content, file) in enumerate(found)
    )


def message_id(ref: TicketRef, episode: int, fact: str, at: int) -> str:
    """The id of one message. It must never change: Jelou may know a repeat by it."""
    named = "\0".join((str(ref), str(episode), fact, str(at)))
    return sha256(named.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def form(attachment: Attachment) -> str:
    """As what a file is sent: image, video, audio or document; empty where it can only be a link.

    What WhatsApp does not show as what it is goes as a document, while a document may be so large.
    """
    if not sendable(encoded(attachment.url)):
        return ""
    kind = KINDS.get(mime_type(attachment), "document")
    fitting = (one for one in (kind, "document") if attachment.size <= MOST_BYTES[one])
    return next(fitting, "")


def mime_type(attachment: Attachment) -> str:
    """The file's type: as it was told, else by its name; application/octet-stream where neither says."""
    told = attachment.mime_type.partition(";")[0].strip().lower()
    if re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", told) and told != UNTOLD:
        return told
    ending = file_name(attachment).rpartition(".")[2].lower()
    return ENDINGS.get(ending, UNTOLD)


def file_name(attachment: Attachment) -> str:
    """The file's name, else the last step of its address; it may be empty."""
    return _one_line(attachment.name) or _one_line(unquote(_path(attachment.url).rpartition("/")[2]))


def sendable(url: str) -> bool:
    """Whether Jelou can be told to fetch this: only https will do."""
    return url[:8].lower() == "https://" and is_address(url)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _content(attachment: Attachment, kind: str) -> dict[str, str]:
    content = {"url": encoded(attachment.url), "mime_type": mime_type(attachment)}
    name = file_name(attachment)
    return content | {"filename": name} if kind == "document" and name else content


def _line(attachment: Attachment) -> str:
    """A file as a line for people: its name and its address, as far as it has them."""
    name, url = file_name(attachment), encoded(attachment.url)
    return f"{name}: {url}" if name and url and attachment.name else url or name


def _one_line(text: str) -> str:
    return " ".join(tidy(text).split())


UNTOLD: Final = "application/octet-stream"


class _Form(NamedTuple):
    most_bytes: int
    types: str


# https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
FORMS: Final[Mapping[str, _Form]] = {
    "image": _Form(5_000_000, "image/jpeg image/png"),
    "video": _Form(16_000_000, "video/mp4 video/3gpp"),
    "audio": _Form(16_000_000, "audio/aac audio/amr audio/mpeg audio/mp4 audio/ogg"),
    "document": _Form(100_000_000, ""),
}
"""As what WhatsApp shows a file, up to which size, and for which types; a document may be of any."""

KINDS: Final = {one: kind for kind, told in FORMS.items() for one in told.types.split()}
MOST_BYTES: Final = {kind: told.most_bytes for kind, told in FORMS.items()}

ENDINGS: Final[Mapping[str, str]] = {
    "3gp": "video/3gpp",
    "aac": "audio/aac",
    "amr": "audio/amr",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
"""Of a file's name. Not the machine's own table: every machine has another."""
