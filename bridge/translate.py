"""Forward: what a ticket asks of Jelou, by the account's rules and templates. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridge.correlate import metadata
from bridge.domain import StartConversation, Ticket
from bridge.errors import Unidentified, Unreachable, Unstartable
from bridge.phones import is_business_id, phone
from bridge.routing import assignment, value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template

    from bridge.accounts import Account, Project, UserId, UserIdSource
    from bridge.domain import TicketRef
    from bridge.links import Link

INITIAL_MESSAGE_MOST = 4096
"""Characters. Jelou documents no limit; WhatsApp's own for a text is 4,096."""


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


def next_start(
    ref: TicketRef, ticket: Ticket | None, link: Link, account: Account, project: Project
) -> StartConversation:
    """The start of a reopened ticket's next episode, for the same person. Raises Unstartable.

    Where the helpdesk tells no ticket, the assignment is the one before.
    """
    to, rule = assignment(account, ticket) if ticket else (link.assignment, link.rule)
    return StartConversation(
        bot_id=link.bot or project.bot_id,
        user_id=link.to or (user_id(account.user_id, ticket) if ticket else ""),
        initial_message=initial_message(account.reopen.initial_message, ticket or Ticket(ref, {})),
        metadata=metadata(ref, link.episode, link.attempt + 1),
        assignment=to,
        rule=rule,
    )


def again(start: StartConversation, ref: TicketRef, episode: int, attempt: int) -> StartConversation:
    """The same frozen start as another try: only the try's number in the metadata differs."""
    return replace(start, metadata=metadata(ref, episode, attempt))


def user_id(wanted: UserId, ticket: Ticket) -> str:
    """The customer's id at Jelou: of the first source that holds a usable one. Raises Unstartable."""
    sources = wanted.ordered()
    found = (_in_form(text, source) for source in sources for text in _told(value_at(ticket.fields, source.field)))
    usable = next(filter(None, found), "")
    if usable:
        return usable
    fields = ", ".join(source.field for source in sources)
    if any(source.format != "phone" for source in sources):
        raise Unidentified("user id", fields)
    raise Unreachable("usable phone number", fields)


def _told(value: Any) -> list[str]:
    """What a field holds, of a list each; yes and no name nobody."""
    values = value if isinstance(value, list | tuple) else (value,)
    return [str(one).strip() for one in values if isinstance(one, str | int | float) and not isinstance(one, bool)]


def _in_form(text: str, source: UserIdSource) -> str:
    match source.format:
        case "phone":
            return phone(text, source.region)
        case "business_id":
            return text if is_business_id(text) else ""
        case _:
            return text


def person(wanted: UserId, ticket: Ticket) -> str:
    """The customer's id at Jelou as far as the ticket tells it, else empty."""
    try:
        return user_id(wanted, ticket)
    except Unstartable:
        return ""


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
    try:
        return _rendered(template, ticket.fields)
    except RENDERING_FAILED as error:
        msg = f"initial_message cannot be made ({type(error).__name__})"
        raise Unstartable(msg) from error


def rendered(template: str, ticket: Ticket | None) -> str:
    """A template of the account's, filled in; empty where it cannot be, since less hangs on it than on a start."""
    try:
        return _rendered(template, ticket.fields if ticket else {})
    except RENDERING_FAILED:
        return ""


def _rendered(template: str, fields: Mapping[str, Any]) -> str:
    if not template:
        return ""
    requester, custom = fields.get("requester") or {}, fields.get("custom") or {}
    text = compiled(template).render(ticket=fields, requester=requester, custom=custom)
    return text.strip()[:INITIAL_MESSAGE_MOST]
