"""Whether a destination that was not called for a while answers again: asked by a read that changes nothing.

A customer's start is no probe: one that is not answered leaves its fate open. Where there is no such read, whoever
waits first has to be it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bridge import jelou, jelou_send
from bridge.credentials import with_credential
from bridge.domain import Probe, TicketRef
from bridge.errors import CallError, StoreUnavailable
from bridge.gates import caller_gate, explained, outcome, project_gate
from bridge.granting import Whose
from bridge.protocol import CallClass, shown
from bridge.replies import raise_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.domain import Reply
    from bridge.protocol import Gate
    from bridge.wiring import App

NO_CONVERSATION = "bridge-asks-whether-jelou-answers"
"""No conversation has this id: an answer that says so is one of Jelou's own, given to our own key."""

LANE = "probe"


async def probe(app: App, destination: str, name: str) -> None:
    """Ask it, and tell the breaker what came of it. ``name`` is who waits first there."""
    try:
        side, _, of = destination.partition(":")
        known = _jelou(app, of) if side == "jelou" else _helpdesk(app, of, name)
        if known is None:
            await app.store.probe_by_call(destination)
        else:
            await _ask(app, *known)
    except StoreUnavailable as error:
        app.metrics.redis_failures.inc()
        app.store.outage.failed(str(error))
    except Exception:
        # A destination that nothing can ask is tried by whoever waits first, or it would never be called again.
        app.metrics.faults.labels("").inc()
        app.log.exception("bug", destination=shown(destination))
        await _by_call(app, destination)
    app.turns.expect(0)


async def _by_call(app: App, destination: str) -> None:
    with suppress(StoreUnavailable):
        await app.store.probe_by_call(destination)


async def _ask(app: App, gate: Gate, send: Callable[[], Awaitable[Reply]], judge: Callable[[Reply], object]) -> None:
    error: CallError | None = None
    try:
        judge(await send())
    except CallError as failed:
        error = explained(gate, failed)
    learned = with_credential(app.bridge, outcome(gate, error))
    app.metrics.calls.labels(shown(gate.destination), Probe.type, learned.kind).inc()
    app.log.info("probed", destination=shown(gate.destination), outcome=learned.kind, reason=learned.reason)
    await app.store.rounds.pass_gate(LANE, None, [learned])


Asked = tuple["Gate", "Callable[[], Awaitable[Reply]]", "Callable[[Reply], object]"]


def _jelou(app: App, name: str) -> Asked | None:
    project = app.bridge.jelou.get(name)
    if project is None:
        return None
    call = jelou.get_call(project, NO_CONVERSATION)
    gate = project_gate(project, name, LANE, CallClass.QUIET)
    return gate, lambda: app.http.send(call), jelou_send.conversation


def _helpdesk(app: App, of: str, name: str) -> Asked | None:
    """The ticket that waits first is read, or the list of changes where another caller does. None: neither is there."""
    kind, _, account_name = of.partition("/")
    account = app.bridge.account(kind, account_name)
    if account is None:
        return None
    dialect, ref = app.helpdesks[kind], _ticket(name, kind, account_name)
    call = dialect.fetch(account, ref) if ref else dialect.changed(account, app.now_ms(), "")
    if call is None:
        return None
    whose = Whose(dialect, account, of)
    return caller_gate(dialect, account, of, LANE), lambda: app.granting.send(app.http, whose, call), raise_for


def _ticket(name: str, kind: str, account: str) -> TicketRef | None:
    try:
        ref = TicketRef.parse(name)
    except ValueError:
        return None
    return ref if (ref.kind, ref.account) == (kind, account) else None
