"""A conversation at Jelou that no ticket asked for, as it gets one: its name meanwhile, and what is opened. Pure.

Until it has its ticket it is worked under a name of the same form, ``jelou/<project>/<conversation>``, which is no
helpdesk's: so it has an inbox, a lane, a timeline and dead letters like any ticket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import customer_text, events
from bridge.correlate import lane_name, other_ids
from bridge.domain import ConversationStarted, CustomerWrote, OpenTicket, TicketRef, Unasked
from bridge.notes import marker
from bridge.phones import number_of
from bridge.protocol import Incoming
from bridge.timeline import entry
from bridge.translate import RENDERING_FAILED, compiled
from bridge.wording import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge import policies
    from bridge.accounts import Account, Bridge
    from bridge.correlate import Located
    from bridge.events import Received
    from bridge.links import Link
    from bridge.policies import Language

KIND = "jelou"
"""Stands where a ticket's name has its helpdesk's kind."""

OPEN = "open"
"""The key of the one write-back that such a ticket has: to open the real one."""

SUBJECT_MOST = 150
"""Characters: helpdesks take 150 to 255."""


def begun(event: Located, policy: policies.Unasked, delivery_id: str, at_ms: int) -> tuple[Incoming, ...]:
    """What begins with the first event of such a conversation; nothing where it is only to be listed.

    An event that names no conversation is nobody's, and one that is only known by its end needs no ticket any more.
    """
    wanted = policy.then == "open_ticket" and event.conversation_id.strip(".")
    if not wanted or not isinstance(event, ConversationStarted | CustomerWrote):
        return ()
    ref = TicketRef(KIND, event.project, event.conversation_id)
    told = Unasked(event.project, event.conversation_id, event.bot_id, event.user_id, event.user_name)
    return (
        Incoming(
            ticket=str(ref),
            lane=lane_name(ref, event.project),
            fact=Unasked.type,
            event=events.dump(told, delivery_id, at_ms),
            entry=entry(at_ms, "received", event=event.type, delivery=delivery_id, conversation=event.conversation_id),
            repeated="",
            person=event.user_id,
            people=other_ids(event.user_id),
        ),
    )


def account_of(ref: TicketRef, bridge: Bridge) -> tuple[str, str, Account] | None:
    """The helpdesk account that works this ticket, as (kind, name, account); None where none is configured."""
    kind, name = ref.kind, ref.account
    if kind == KIND:
        project = bridge.jelou.get(ref.account)
        kind, _, name = project.unasked.account.partition("/") if project else ("", "", "")
    account = bridge.account(kind, name)
    if account is None or (ref.kind == KIND and account.project != ref.account):
        return None
    return kind, name, account


def opening(
    ref: TicketRef,
    link: Link,
    told: Sequence[Received],
    policy: policies.Unasked,
    language: Language,
    earlier: str = "",
) -> OpenTicket:
    """The ticket that is opened. ``told`` is what came in the conversation, ``earlier`` the person's last ticket."""
    mark = marker(ref, OPEN)
    queue, message = _queue(told), _message(told, language)
    phone = number_of(link.user)
    name = link.name or phone or link.user
    lines = [
        say(language, "unasked"),
        say(language, "unasked.customer", name=" ".join(filter(None, (name, phone if link.name else "")))),
        say(language, "unasked.queue", queue=queue) if queue else "",
        say(language, "unasked.message", text=message) if message else "",
        say(language, "came_back", ticket=earlier) if earlier else "",
        mark,
    ]
    return OpenTicket(
        subject=_subject(policy.subject, name=name, queue=queue, message=message) or name,
        text="\n".join(filter(None, lines)),
        marker=mark,
        user_id=link.user,
        name=link.name,
        phone=phone,
        group=policy.groups.get(queue, ""),
    )


def _queue(told: Sequence[Received]) -> str:
    starts = (one.event for one in told if isinstance(one.event, ConversationStarted))
    return next((one.assignment.target for one in starts if one.assignment and one.assignment.type == "queue"), "")


def _message(told: Sequence[Received], language: Language) -> str:
    wrote = (one.event for one in told if isinstance(one.event, CustomerWrote))
    return next((customer_text.line_of(one, language) for one in wrote), "")


def _subject(template: str, **seen: str) -> str:
    """On one line. Empty where the template cannot be filled in: no ticket is to fail for its title."""
    try:
        return " ".join(compiled(template).render(**seen).split())[:SUBJECT_MOST]
    except RENDERING_FAILED:
        return ""
