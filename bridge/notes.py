"""What is written on the ticket, as write-backs in the account's language, each with its mark. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from bridge import marks
from bridge.customer_text import merged
from bridge.domain import MARK, AddNote, AddReply, Phase, SetField, SetStatus
from bridge.errors import (
    AlreadyClosed,
    BotNotFound,
    Denied,
    Refused,
    Unidentified,
    Unreachable,
    UserNotFound,
    WindowClosed,
)
from bridge.jelou_answers import AlreadyActive
from bridge.owed import Todo
from bridge.wording import in_words, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

    from bridge.accounts import Account, Project
    from bridge.domain import TicketRef, WriteBack
    from bridge.errors import BridgeError
    from bridge.links import Link
    from bridge.policies import Language

NOBODY = "-"
"""Stands for a customer whom the helpdesk gives no id that we know of."""

MESSAGE, STATUS = "message:", "status"
"""The beginning of the key of what a customer wrote, and the key of the status field."""

PACKAGE = ":note:package"
"""The end of the key of the one note at the end of a conversation."""

WAITS = ":note:waits"
"""The end of the key of the note that says that a start waits."""

MANY = (MESSAGE, STATUS)
"""The beginnings of keys that are done many times over."""

WRITES, FIELDS = "writes", "fields"
"""What a ticket's own rate limits: all writes, and fields and tags earlier than the others."""

OWN_RATE = "the ticket's own rate of updates"
"""Why a write waits that nothing else holds back."""


def marker(ref: TicketRef, key: str) -> str:
    """The mark of one write-back: the same on every try, so that a second look recognises it."""
    return f"{MARK}{sha256(f'{ref}|{key}'.encode()).hexdigest()[:16]}]"


def started_marker(ref: TicketRef, link: Link) -> str:
    """The mark of the note that tells of this episode's start."""
    return marker(ref, _note(link, "started", "").key)


def opened(link: Link, account: Account, project: Project) -> tuple[Todo, ...]:
    """What is written on the ticket when its conversation is known: note, field, tag, each once."""
    to = account.write_back
    todo = [_note(link, "started", _started_text(link, account, project))] if to.note else []
    if to.field:
        todo.append(Todo(f"{link.episode}:field", SetField.type, link.conversation, field=to.field))
    if to.tag:
        todo.append(Todo(f"{link.episode}:tag", SetField.type, to.tag, field="tag"))
    return _not_done(link, todo)


def told(link: Link, name: str, account: Account, key: str, **values: str) -> tuple[Todo, ...]:
    """A note in the words of ``key``, once per episode and ``name``; nothing where the account wants no notes."""
    if not account.write_back.note:
        return ()
    return _not_done(link, [_note(link, name, say(account.language, key, **values))])


def waits_key(link: Link) -> str:
    """By which the note that this episode's start waits is known among what is owed."""
    return f"{link.episode}{WAITS}"


def start_waits(link: Link, account: Account, cause: str) -> tuple[Todo, ...]:
    """The note that the start waits, once per episode; none where a note says already that a person is to decide."""
    decided = {_note(link, name, "").key for name in ("failed", "parked")}
    if decided & ({one.key for one in link.todo} | link.receipts.keys()):
        return ()
    if not account.write_back.note:
        return ()
    return _not_done(link, [Todo(waits_key(link), AddNote.type, start_waits_text(account.language, cause))])


def start_waits_text(language: Language, cause: str) -> str:
    """Why, and what happens next."""
    return say(language, "waits", why=say(language, f"waits.{cause}"))


def closed_status(link: Link, status: str, *, doubted: bool) -> tuple[Todo, ...]:
    """The ticket's status when its conversation has ended at Jelou."""
    return _not_done(link, [Todo(closed_key(link), SetStatus.type, status, doubted=doubted)])


def closed_key(link: Link) -> str:
    """By which that status is known among what is owed."""
    return f"{link.episode}:closed"


def back_status(link: Link) -> tuple[Todo, ...]:
    """The ticket is open again where its customer came back: one that stays solved would be ended by the next look."""
    return _not_done(link, [Todo(f"{link.episode}:back", SetStatus.type, "open")])


def limit_of(todo: Todo) -> str:
    """What of the ticket's own rate this write is limited by."""
    return FIELDS if todo.kind == SetField.type else WRITES


def first_of_each(todo: tuple[Todo, ...]) -> tuple[Todo, ...]:
    """What may be written next, the more important first: a word or a status, and a field or a tag.

    What may be out already is settled before others of its row. Words keep their order, and a status comes behind all
    of them: many a helpdesk reopens a ticket on which something is said. That a start waits comes last. Fields wait for
    neither, and nothing for them.
    """
    rows = ([one for one in todo if limit_of(one) == limit] for limit in (WRITES, FIELDS))
    return tuple(min(row, key=_standing) for row in rows if row)


def _standing(todo: Todo) -> tuple[bool, bool, bool]:
    return todo.key.endswith(WAITS), not todo.sent, todo.kind == SetStatus.type


def _note(link: Link, name: str, text: str) -> Todo:
    return Todo(f"{link.episode}:note:{name}", AddNote.type, text)


def _not_done(link: Link, todo: list[Todo]) -> tuple[Todo, ...]:
    planned = {one.key for one in link.todo} | link.receipts.keys()
    return tuple(one for one in todo if one.key not in planned)


def _started_text(link: Link, account: Account, project: Project) -> str:
    language = account.language
    lines = [
        say(language, "started"),
        say(language, "started.conversation", conversation=link.conversation or say(language, "started.not_told")),
        say(language, "started.assigned", to=in_words(language, link.assignment)),
    ]
    if project.conversation_url:
        lines.append(say(language, "started.link", link=_link(project.conversation_url, link)))
    if link.shared_with:
        lines.append(say(language, "started.shared", ticket=link.shared_with))
    if not link.confirmed:
        lines.append(say(language, "started.unconfirmed"))
    return "\n".join(lines)


def _link(template: str, link: Link) -> str:
    return template.replace("{conversation_id}", link.conversation).replace("{room_id}", link.room)


def write_back(ref: TicketRef, todo: Todo, link: Link, language: Language, keys: Sequence[SecretStr] = ()) -> WriteBack:
    """The action of one write-back, with its mark, signed by the first key. A customer's words say whose they are."""
    if todo.kind == SetField.type:
        return SetField(todo.field, todo.text)
    if todo.kind == SetStatus.type:
        return SetStatus(todo.text)
    many = todo.key.startswith(MESSAGE)
    # After Redis has lost data the same first message may begin an update with more in it: that is another one.
    mark = marker(ref, f"{todo.key}|{todo.text}" if many else todo.key)
    line = marks.line(mark, str(ref), keys)
    if todo.kind == AddReply.type and link.requester != NOBODY:
        return AddReply(f"{todo.text}\n{line}", mark, link.name, link.requester)
    text = todo.text
    if many:
        text = merged([text], link.name or link.user, language)
    if todo.kind == AddReply.type:
        return AddReply(f"{text}\n{line}", mark, link.name)
    return AddNote(f"{text}\n{line}", mark)


STATUS_KEYS = {
    Phase.NEW: "status.queued",
    Phase.STARTING: "status.starting",
    Phase.UNKNOWN: "status.unknown",
    Phase.STARTED: "status.started",
    Phase.OPEN: "status.started",
    Phase.CLOSED: "status.closed",
    Phase.PARKED: "status.parked",
    Phase.FAILED: "status.failed",
}
"""The words of the status field; a ticket for which nothing is started shows nothing."""


def status_text(link: Link, account: Account, project: Project, waits_for: str) -> str:
    """What the status field is to say; empty where it is to stay as it is."""
    key = STATUS_KEYS.get(link.phase, "")
    if not key or (link.phase is Phase.NEW and not link.attempt and not waits_for and not link.since_ms):
        return ""
    if waits_for and link.phase is Phase.NEW:
        return say(account.language, "status.waiting", what=waits_for)
    where = _link(project.conversation_url, link) if project.conversation_url else link.conversation
    return say(account.language, key, reason=link.reason, link=where)


REASONS: tuple[tuple[type[BridgeError], str], ...] = (
    (UserNotFound, "reason.user_not_found"),
    (BotNotFound, "reason.bot_not_found"),
    (AlreadyActive, "reason.already_active"),
    (AlreadyClosed, "reason.closed_meanwhile"),
    (WindowClosed, "reason.window_closed"),
    (Denied, "reason.denied"),
    (Unidentified, "reason.no_id"),
    (Unreachable, "reason.no_phone"),
    (Refused, "reason.refused"),
)
"""What an agent is told of an error; the first that fits."""


def reason(language: Language, error: BridgeError) -> str:
    """Why, in an agent's words, without a full stop; what has no words of its own is told as it is."""
    key = next((key for kind, key in REASONS if isinstance(error, kind)), "")
    return say(language, key, detail=error, fields=getattr(error, "fields", "")) if key else str(error)
