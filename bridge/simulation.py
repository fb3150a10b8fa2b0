"""What a delivery would become: verified, read, routed, planned, and the very calls, of which none is sent. Pure.

It is worked as a ticket would be that the bridge meets for the first time, with the rules, templates and dialects of
the workers. What only an answer tells stands in its place as words in angle brackets. A read that would come first is
shown; with ``answers`` it is taken as answered, and the plan goes on with what they tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge import file_links, jelou, jelou_send, marks, notes, say, translate
from bridge.addressees import REASONS
from bridge.admission import asks_for_nothing, unmapped
from bridge.domain import (
    AgentReplied,
    CloseConversation,
    Phase,
    SayToCustomer,
    TicketOpened,
    TicketReopened,
    TicketSolved,
)
from bridge.errors import FAULT, CallError, SignatureRejected, Unreadable, Unstartable, places
from bridge.links import Link
from bridge.rehearsal import rehearsed
from bridge.requesters import with_requester
from bridge.routing import start_rule
from bridge.signatures import verify
from bridge.steps import MOST
from bridge.wording import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import SecretStr

    from bridge.accounts import Account, Files, Project
    from bridge.domain import Call, Delivery, Reply, StartConversation, Ticket, TicketEvent, TicketRef, WriteBack
    from bridge.ports import Helpdesk

CONVERSATION: Final = "<the conversation's id>"
ROOM: Final = "<the room's id>"


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that would be made, and what it is for."""

    what: str
    call: Call


@dataclass(slots=True)
class Step:
    """One event of the delivery: what it becomes, why, the calls in their order, and what is wrong with it."""

    event: TicketEvent
    lines: list[str] = field(default_factory=list)
    calls: list[Planned] = field(default_factory=list)
    problem: str = ""


@dataclass(slots=True)
class Simulation:
    """All that a delivery would become. ``problem`` says why it would be refused."""

    proof: str
    problem: str = ""
    delivery_id: str = ""
    steps: list[Step] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether it would be accepted and every event worked."""
        return not self.problem and not any(step.problem for step in self.steps)


@dataclass(frozen=True, slots=True)
class Desk:
    """The account that the delivery is for, and its project."""

    dialect: Helpdesk
    account: Account
    name: str
    project: Project
    files: Files | None = None
    keys: Sequence[SecretStr] = ()

    def judged(self, event: TicketEvent) -> TicketEvent:
        """The event as a worker takes it on a ticket that nothing is known of."""
        found = marks.judged(event, self.keys)
        return marks.resolved(found, keyed=bool(self.keys), written=()) if isinstance(found, AgentReplied) else found


def simulate(desk: Desk, delivery: Delivery, now_ms: int, *, signed: bool, answers: Sequence[Reply] = ()) -> Simulation:
    """The whole way of one delivery. ``signed`` says that its headers are the sender's, so its proof is checked."""
    dialect, account = desk.dialect, desk.account
    told = Simulation("not checked: no header was given")
    try:
        if signed:
            told.proof = "refused"
            verify(delivery, dialect.verification(account), now_ms)
            told.proof = "accepted"
        events = _read_events(desk, delivery)
        told.delivery_id = dialect.delivery_id(delivery, account)
    except SignatureRejected as error:
        told.problem = f"401: {error}"
    except Exception as error:  # noqa: BLE001 - whatever it is, the web answers 400 to the same bytes
        told.problem = f"400: {_in_words('body', error)}"
    else:
        told.steps = [_planned(desk, event, now_ms, list(answers)) for event in events]
    return told


def _read_events(desk: Desk, delivery: Delivery) -> list[TicketEvent]:
    dialect, account = desk.dialect, desk.account
    read = dialect.read(rehearsed(delivery), account, desk.name)
    return [desk.judged(event) for event in with_requester(read, dialect, rehearsed(delivery), account)]


def _in_words(field: str, error: Exception) -> str:
    """Ours as it is. Any other without its text, which holds what came from outside; the places are for the report."""
    if isinstance(error, (Unreadable, Unstartable, CallError)):
        return str(error)
    return f"{field}: {FAULT} ({type(error).__name__} at {', '.join(places(error))})"


def _planned(desk: Desk, event: TicketEvent, now_ms: int, answers: list[Reply]) -> Step:
    step = Step(event, list(unmapped(event).values()))
    nothing = asks_for_nothing(event)
    if nothing:
        step.lines.append(f"nothing: {nothing}")
    elif event.ref is None:
        step.problem = "it is about no ticket"
    else:
        try:
            _PLANS[event.type](desk, step, now_ms, answers)
        except Exception as error:  # noqa: BLE001 - what is wrong with one event is told, and the next one shown
            step.problem = _in_words("event", error)
    return step


# --- a ticket that was opened ----------------------------------------------------------------------------------------


def _opened(desk: Desk, step: Step, now_ms: int, answers: list[Reply]) -> None:
    if not isinstance(step.event, TicketOpened):
        return
    ticket = step.event.ticket
    if ticket.partial:
        ticket = _read(desk, step, answers) or ticket
    rule, why_not = start_rule(desk.account, ticket, now_ms)
    if why_not:
        step.lines.append(f"no conversation is started: {why_not}")
        return
    step.lines.append(f"a conversation is started by {rule}")
    start = translate.start_conversation(ticket.ref, ticket, desk.account, desk.project, 1)
    step.lines.append(f"assigned by {start.rule}: {in_words('en', start.assignment)}")
    step.calls.append(Planned("Jelou: start the conversation", jelou.start_call(desk.project, start)))
    _written_back(desk, step, start, ticket)


def _read(desk: Desk, step: Step, answers: list[Reply]) -> Ticket | None:
    """The ticket as the answers tell it; None where there are not enough of them."""
    ref, dialect, account = _ref(step), desk.dialect, desk.account
    first = dialect.fetch(account, ref)
    more = partial(dialect.fetch_more, account, ref)
    replies = _answered(step, "read the ticket", first, more, answers)
    return dialect.fetched(account, ref, *replies) if replies else None


def _ref(step: Step) -> TicketRef:
    if step.event.ref is None:
        msg = "it is about no ticket"
        raise Unreadable("ticket", msg)
    return step.event.ref


def _answered(
    step: Step, what: str, first: Call | None, more: Callable[[Sequence[Reply]], Call | None], answers: list[Reply]
) -> list[Reply]:
    """The answers of a read of several calls; none where they are not all there."""
    replies: list[Reply] = []
    call = first
    while call is not None and len(replies) < MOST:
        step.calls.append(Planned(f"helpdesk: {what}", call))
        if not answers:
            step.lines.append(f"first: {what} (give the answers with --answer); below is what the delivery tells alone")
            return []
        replies.append(answers.pop(0))
        call = more(replies)
    return replies


def _written_back(desk: Desk, step: Step, start: StartConversation, ticket: Ticket) -> None:
    requester = ticket.fields.get("requester") or {}
    link = Link(
        phase=Phase.OPEN,
        conversation=CONVERSATION,
        room=ROOM,
        bot=start.bot_id,
        user=start.user_id,
        assignment=start.assignment,
        confirmed=True,
        requester=str(requester.get("id") or notes.NOBODY),
    )
    for todo in notes.opened(link, desk.account, desk.project):
        _write(desk, step, todo.key, notes.write_back(ticket.ref, todo, link, desk.account.language, desk.keys))


def _write(desk: Desk, step: Step, key: str, action: WriteBack) -> None:
    ref, dialect, account = _ref(step), desk.dialect, desk.account
    before = dialect.prepare(account, ref, action, ())
    if before:
        step.calls.append(Planned(f"helpdesk: before {action.type}", before))
    call = dialect.call(account, ref, action, key, now_ms=0)
    if call is None:
        step.lines.append(f"{action.type} is not written: this account takes no such write")
    else:
        step.calls.append(Planned(f"helpdesk: {action.type}", call))


# --- what an agent does ----------------------------------------------------------------------------------------------


def _replied(desk: Desk, step: Step, now_ms: int, answers: list[Reply]) -> None:
    if not isinstance(step.event, AgentReplied):
        return
    event, meant = step.event, [step.event]
    if event.partial and event.public and desk.account.messages.to_customer:
        meant = _whole(desk, step, event, answers)
    for one in meant:
        _said(desk, step, one, now_ms)


def _said(desk: Desk, step: Step, event: AgentReplied, now_ms: int) -> None:
    if event.by_bridge:
        step.lines.append("nothing: the bridge did this itself")
        return
    if not event.public or event.withheld:
        step.lines.append(f"nothing: {REASONS.get(event.withheld, 'a private note stays in the helpdesk')}")
        return
    if not desk.account.messages.to_customer:
        step.lines.append("nothing: the account's messages.to_customer is off")
        return
    step.lines.append("the customer is told, in the ticket's conversation")
    serve = file_links.server(desk.dialect, desk.account, f"{desk.dialect.kind}/{desk.name}", desk.files, now_ms)
    for one in say.messages_of(event, event.ref, 1, serve):
        action = SayToCustomer(one.id, ROOM, desk.project.bot_id, "<the customer>", one.message_type, dict(one.content))
        step.calls.append(Planned(f"Jelou: send {one.message_type}", jelou_send.send_call(desk.project, action)))


def _whole(desk: Desk, step: Step, event: AgentReplied, answers: list[Reply]) -> list[AgentReplied]:
    dialect, account = desk.dialect, desk.account
    first = dialect.fetch_comments(account, event.ref)
    more = partial(dialect.comments_more, account, event.ref)
    replies = _answered(step, "read the comments", first, more, answers)
    if not replies:
        return [event]
    found = [desk.judged(one) for one in dialect.fetched_comments(account, event.ref, *replies)]
    meant = say.whole(event, [one for one in found if isinstance(one, AgentReplied)])
    if not meant:
        step.lines.append("nothing yet: the helpdesk does not show the comment; it is asked for again, then told")
    return meant


def _solved(desk: Desk, step: Step, now_ms: int, answers: list[Reply]) -> None:  # noqa: ARG001 - every plan is called alike
    if not desk.account.close_when_solved:
        step.lines.append("nothing: the account's close_when_solved is off")
        return
    step.lines.append("its conversation is closed, unless another ticket of the same person has one open")
    step.calls.append(Planned("Jelou: look at the conversation", jelou.get_call(desk.project, CONVERSATION)))
    goodbye = translate.rendered(desk.account.goodbye, None)
    close = CloseConversation(desk.project.bot_id, "<the customer>", goodbye)
    step.calls.append(Planned("Jelou: close the conversation", jelou_send.close_call(desk.project, close)))


def _reopened(desk: Desk, step: Step, now_ms: int, answers: list[Reply]) -> None:  # noqa: ARG001 - every plan is called alike
    wanted = desk.account.reopen.ticket == "start"
    step.lines.append(
        "the next episode begins: a new conversation" if wanted else "nothing: reopen.ticket is not start"
    )


_PLANS: Final[Mapping[str, Callable[[Desk, Step, int, list[Reply]], None]]] = {
    TicketOpened.type: _opened,
    AgentReplied.type: _replied,
    TicketSolved.type: _solved,
    TicketReopened.type: _reopened,
}
