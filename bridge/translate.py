"""From events to actions: what a ticket asks of Jelou, what a conversation asks of the ticket. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

import phonenumbers
from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridge.correlate import metadata
from bridge.domain import MARK, AddNote, Assignment, SetField, StartConversation
from bridge.errors import Unstartable
from bridge.owed import Todo
from bridge.routing import assignment, value_at

if TYPE_CHECKING:
    from jinja2 import Template

    from bridge.accounts import Account, Project, UserId
    from bridge.domain import Ticket, TicketRef, WriteBack
    from bridge.links import Link

INITIAL_MESSAGE_MOST = 4096
"""Characters. Jelou documents no limit; WhatsApp's own for a text is 4,096."""


# --- forward: a ticket becomes a start -------------------------------------------------------------------------------


def start_conversation(
    ref: TicketRef, ticket: Ticket, account: Account, project: Project, attempt: int
) -> StartConversation:
    """The start for this ticket. Raises Unstartable, in words for an agent, where there can be none."""
    to, rule = assignment(account, ticket)
    return StartConversation(
        bot_id=project.bot_id,
        user_id=user_id(account.user_id, ticket),
        initial_message=initial_message(account.initial_message, ticket),
        metadata=metadata(ref, 1, attempt),
        assignment=to,
        rule=rule,
    )


def again(start: StartConversation, ref: TicketRef, episode: int, attempt: int) -> StartConversation:
    """The same frozen start as another try: only the try's number in the metadata differs."""
    return replace(start, metadata=metadata(ref, episode, attempt))


def user_id(wanted: UserId, ticket: Ticket) -> str:
    """The customer's id at Jelou: the first field that holds a usable one. Raises Unstartable."""
    for path in wanted.fields:
        value = value_at(ticket.fields, path)
        text = "" if value is None else str(value).strip()
        found = text if wanted.format == "text" else phone(text, wanted.region)
        if found:
            return found
    what = "usable phone number" if wanted.format == "phone" else "user id"
    msg = f"the ticket has no {what} in {', '.join(wanted.fields)}"
    raise Unstartable(msg)


def person(wanted: UserId, ticket: Ticket) -> str:
    """The customer's id at Jelou as far as the ticket tells it, else empty."""
    try:
        return user_id(wanted, ticket)
    except Unstartable:
        return ""


@lru_cache(maxsize=4096)
def phone(text: str, region: str | None) -> str:
    """The number in international form without ``+``, as Jelou's user endpoints want it; empty where it is none.

    Possible numbers are taken, not only assigned ones: numbering plans change faster than libraries.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


@lru_cache(maxsize=1)
def _sandbox() -> ImmutableSandboxedEnvironment:
    sandbox = ImmutableSandboxedEnvironment(autoescape=False)
    # range, lipsum and the like are no use in a greeting, and a loop over them could be one without an end.
    sandbox.globals.clear()
    return sandbox


@lru_cache(maxsize=256)
def compiled(text: str) -> Template:
    """The template, compiled once. Raises jinja2.TemplateError."""
    return _sandbox().from_string(text)


RENDERING_FAILED = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)
"""What a template of the configuration can end in, with a ticket that nobody thought of."""


def initial_message(template: str, ticket: Ticket) -> str:
    """The first message for this ticket; empty where the account has no template. Raises Unstartable.

    The template sees ``ticket`` (all fields), ``requester`` and ``custom``.
    """
    if not template:
        return ""
    try:
        text = compiled(template).render(
            ticket=ticket.fields,
            requester=ticket.fields.get("requester") or {},
            custom=ticket.fields.get("custom") or {},
        )
    except RENDERING_FAILED as error:
        msg = f"initial_message cannot be made ({type(error).__name__})"
        raise Unstartable(msg) from error
    return text.strip()[:INITIAL_MESSAGE_MOST]


# --- write back: a conversation becomes a note -----------------------------------------------------------------------


def marker(ref: TicketRef, key: str) -> str:
    """The mark of one write-back: the same on every try, so that a second look recognises it."""
    return f"{MARK}{sha256(f'{ref}|{key}'.encode()).hexdigest()[:16]}]"


CONVERSATION = "Conversation: "
NAMED_IN_NOTE = rf"^{CONVERSATION}(\S+)\s*$"
"""Finds the conversation's id in a note of ours, line by line."""


def started_marker(ref: TicketRef, link: Link) -> str:
    """The mark of the note that tells of this episode's start."""
    return marker(ref, _note(link, "started", "").key)


def opened(link: Link, account: Account, project: Project) -> tuple[Todo, ...]:
    """What is written on the ticket when its conversation is known: note, field, tag, each once."""
    to = account.write_back
    todo = [_note(link, "started", _started_text(link, project))] if to.note else []
    if to.field:
        todo.append(Todo(f"{link.episode}:field", SetField.type, link.conversation, field=to.field))
    if to.tag:
        todo.append(Todo(f"{link.episode}:tag", SetField.type, to.tag, field="tag"))
    return _not_done(link, todo)


def told(link: Link, name: str, text: str, account: Account) -> tuple[Todo, ...]:
    """A note that says ``text``, once per episode and ``name``; nothing where the account wants no notes."""
    return _not_done(link, [_note(link, name, text)]) if account.write_back.note else ()


def _note(link: Link, name: str, text: str) -> Todo:
    return Todo(f"{link.episode}:note:{name}", AddNote.type, text)


def _not_done(link: Link, todo: list[Todo]) -> tuple[Todo, ...]:
    planned = {one.key for one in link.todo} | link.receipts.keys()
    return tuple(one for one in todo if one.key not in planned)


def _started_text(link: Link, project: Project) -> str:
    lines = [
        "Conversation started in Jelou.",
        f"{CONVERSATION}{link.conversation or 'not told yet'}",
        f"Assigned to: {in_words(link.assignment)}",
    ]
    if project.conversation_url:
        lines.append(f"Link: {_link(project.conversation_url, link)}")
    if link.shared_with:
        lines.append(f"This conversation is shared with ticket {link.shared_with}.")
    if not link.confirmed:
        lines.append("Jelou has not confirmed the start with an event yet.")
    return "\n".join(lines)


def _link(template: str, link: Link) -> str:
    return template.replace("{conversation_id}", link.conversation).replace("{room_id}", link.room)


def in_words(to: Assignment | None) -> str:
    """An assignment for people."""
    return f"{to.type} {to.target}" if to else "nobody in particular"


def write_back(ref: TicketRef, todo: Todo) -> WriteBack:
    """The action of one write-back, with its mark."""
    if todo.kind == SetField.type:
        return SetField(todo.field, todo.text)
    mark = marker(ref, todo.key)
    return AddNote(f"{todo.text}\n{mark}", mark)
