"""The web process: webhooks in, 202 out when they are stored. What people and machines ask is in ``bridge.api``.

A sender is answered before any work is done. The order of the checks is the order of their cost and of what a
stranger may learn: place, type, size, what of the proof the head shows, and then the body: signature, shape.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from aiohttp import web

from bridge import correlate, events, jelou, logs, unasked
from bridge.admission import admitted
from bridge.answering import APP, answered, json_answer
from bridge.api import asked
from bridge.bodies import BUDGET, Budget, bodies_counted
from bridge.domain import (
    ConversationClosed,
    ConversationStarted,
    Delivery,
    UnrecognisedConversation,
)
from bridge.errors import StoreUnavailable, UnknownSender
from bridge.faults import Faults
from bridge.file_serving import files
from bridge.marks import judged
from bridge.observe import alive, observed
from bridge.peers import prove
from bridge.protocol import Told
from bridge.proving import Proving
from bridge.receiving import asked_by, received, refuse_by_type, seen_key
from bridge.refusing import REFUSALS, TICKET, Refusals
from bridge.requesters import with_requester
from bridge.scripting import persistently
from bridge.signatures import check_head, verify
from bridge.timeline import entry
from bridge.unreadable import reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence

    from bridge.accounts import Account
    from bridge.domain import Delivery, Handshake, TicketEvent
    from bridge.ports import Helpdesk
    from bridge.protocol import Accepted, Incoming
    from bridge.wiring import App

TICK_S = 1.0
STORE_PATIENCE_S = 2.0
"""Within the tightest sender's limit (3 s, inside an agent's own request), with time left to answer."""

NAMED_MOST = 5
"""Tickets of one delivery that its log lines name."""

HELPDESK = "/webhooks/helpdesks/{kind}/{account}"
LATER: web.AppKey[set[asyncio.Task[None]]] = web.AppKey("later")
PROVING: web.AppKey[Proving] = web.AppKey("proving")


def application(app: App, *, operators: bool = True) -> web.Application:
    """The aiohttp application; without ``operators`` what they ask is at a port of its own (``for_operators``)."""
    site = _site(app)
    site[LATER] = set()
    site[REFUSALS] = Refusals(app)
    site[PROVING] = Proving(app, partial(_later, site))
    site.add_routes(
        [
            web.post(HELPDESK, helpdesk_webhook),
            web.route("*", HELPDESK, helpdesk_handshake),
            web.post("/webhooks/jelou/{project}", jelou_webhook),
            *files(site),
            *(_operators(app) if operators else alive()),
        ]
    )
    site.cleanup_ctx.append(_ticking)
    site.on_shutdown.append(_finish_later)
    return site


def for_operators(app: App) -> web.Application:
    """What people, programs and monitors ask, and ``/live``; no webhook."""
    site = _site(app)
    site.add_routes(_operators(app))
    return site


def _site(app: App) -> web.Application:
    site = web.Application(middlewares=[answered, bodies_counted])
    site[APP] = app
    site[BUDGET] = Budget()
    return site


def _operators(app: App) -> list[web.RouteDef]:
    return [*asked(app), *observed(app)]


# --- the helpdesk's webhook ------------------------------------------------------------------------------------------


async def helpdesk_webhook(request: web.Request) -> web.Response:
    """Verify, store, 202. A duplicate is 202 too."""
    app = request.app[APP]
    kind, name, dialect, account = _sender(request)
    refuse_by_type(request, dialect.content_type(account))
    verification = dialect.verification(account)

    def by_head(head: Delivery) -> None:
        if not dialect.handshake_in_body(account):
            check_head(head, verification, app.now_ms())

    delivery = await received(request, app, f"{kind}/{name}", by_head)
    if hello := dialect.handshake(account, delivery):
        return _shaken(hello)
    verified = verify(delivery, verification, app.now_ms())
    prove(request)
    async with reading(app, delivery, [verification]):
        read = with_requester(dialect.read(verified, account, name), dialect, verified, account)
        told = [judged(event, app.bridge.mark_keys) for event in read]
        sender_id, delivery_id = dialect.delivery_id(delivery, account), uuid4().hex
        logs.about(delivery=delivery_id, ticket=_tickets(told))
        items = [admitted(event, delivery_id, delivery.received_ms, account) for event in told if event.ref is not None]
    if items:
        request[TICKET] = items[0].ticket
    accepted = await _stored(app, delivery, sender_id, delivery_id, items)
    return _accepted(request, delivery.sender, accepted, dialect.accepted(account))


async def helpdesk_handshake(request: web.Request) -> web.Response:
    """What some helpdesks ask by GET before they send; HEAD is answered too, without a body. 405 for all the rest."""
    kind, name, dialect, account = _sender(request)
    hello = dialect.handshake(account, asked_by(request, request.app[APP], f"{kind}/{name}"))
    if hello is None:
        raise web.HTTPMethodNotAllowed(request.method, ["POST"])
    return _shaken(hello)


def _sender(request: web.Request) -> tuple[str, str, Helpdesk, Account]:
    app = request.app[APP]
    kind, name = request.match_info["kind"], request.match_info["account"]
    dialect, account = app.helpdesks.get(kind), app.bridge.account(kind, name)
    if dialect is None or account is None:
        msg = f"no {kind} account of that name"
        raise UnknownSender(msg)
    logs.about(sender=f"{kind}/{name}")
    return kind, name, dialect, account


def _tickets(told: Sequence[TicketEvent]) -> str:
    """The tickets that a delivery tells of: nearly always one."""
    refs = dict.fromkeys(str(event.ref) for event in told if event.ref is not None)
    return ", ".join(list(refs)[:NAMED_MOST])


def _shaken(hello: Handshake) -> web.Response:
    headers = {"X-Content-Type-Options": "nosniff"}
    return web.Response(status=hello.status, body=hello.body, content_type=hello.content_type, headers=headers)


async def _stored(
    app: App, delivery: Delivery, sender_id: str, delivery_id: str, items: Sequence[Incoming]
) -> Accepted:
    seen, ttl_s = seen_key(delivery, sender_id)
    return await persistently(
        lambda: app.store.accept(seen, delivery_id, ttl_s, items, sender=delivery.sender), STORE_PATIENCE_S
    )


# --- Jelou's webhook -------------------------------------------------------------------------------------------------


async def jelou_webhook(request: web.Request) -> web.Response:
    """Verify, correlate and store in one step, 202. An event of no ticket is kept as an orphan; that is no error."""
    app = request.app[APP]
    name = request.match_info["project"]
    project = app.bridge.jelou.get(name)
    if project is None:
        msg = "no project of that name"
        raise UnknownSender(msg)
    logs.about(sender=f"jelou/{name}")
    refuse_by_type(request)
    proving = request.app[PROVING]
    delivery = await received(request, app, f"jelou/{name}", lambda head: proving.check_head(head, project))
    verified = await proving.verified(delivery, name, project)
    prove(request)
    seen, ttl_s = seen_key(delivery, "")
    delivery_id = uuid4().hex
    async with reading(app, delivery, jelou.verifications(project)):
        event = jelou.read(verified, name)
        logs.about(delivery=delivery_id, conversation=getattr(event, "conversation_id", ""))
        unknown = event.told if isinstance(event, UnrecognisedConversation) else ""
        told = (
            None
            if isinstance(event, UnrecognisedConversation)
            else _told(event, app, delivery_id, delivery.received_ms)
        )
    if told is None:
        app.log.info("unrecognised", sender=delivery.sender, told=unknown)
        accepted = await persistently(
            lambda: app.store.accept(seen, delivery_id, ttl_s, [], sender=delivery.sender), STORE_PATIENCE_S
        )
        return _accepted(request, delivery.sender, accepted)
    accepted = await persistently(
        lambda: app.store.accept_conversation(seen, delivery_id, ttl_s, told, sender=delivery.sender),
        STORE_PATIENCE_S,
    )
    return _accepted(request, delivery.sender, accepted)


BY_WORDS = {
    "ticket": "our metadata",
    "conversation": "conversation id",
    "starting": "the one start in flight for this bot and user",
    "room": "the one open ticket of the room",
    "contact": "the one open ticket of this bot and user",
}


def _told(event: correlate.Located, app: App, delivery_id: str, at: int) -> Told:
    def line(what: str, by: str = "") -> str:
        conversation = event.conversation_id
        return entry(at, what, event=event.type, delivery=delivery_id, conversation=conversation, by=by)

    policy = app.bridge.jelou[event.project].unasked
    return Told(
        project=event.project,
        fact=event.fact,
        event=events.dump(event, delivery_id, at),
        is_start=isinstance(event, ConversationStarted),
        is_evidence=isinstance(event, ConversationStarted | ConversationClosed),
        clues=correlate.clues(event, app.bridge),
        entries={by: line("received", words) for by, words in BY_WORDS.items()} | {"repeated": line("repeated")},
        unasked=unasked.begun(event, policy, delivery_id, at),
        unasked_ms=round(policy.wait_s * 1000),
    )


# --- both ------------------------------------------------------------------------------------------------------------


def _accepted(request: web.Request, sender: str, accepted: Accepted, wanted: Handshake | None = None) -> web.Response:
    app = request.app[APP]
    for lane in accepted.wake:
        _later(request.app, _wake(app, lane))
    app.metrics.deliveries.labels(sender, accepted.status).inc()
    logs.about(ticket=accepted.ticket)
    app.log.info("delivery", sender=sender, delivery=accepted.id, status=accepted.status)
    if wanted:
        return _shaken(wanted)
    return json_answer(202, {"delivery": accepted.id, "status": accepted.status})


async def _wake(app: App, lane: str) -> None:
    try:
        await app.queue.wake(lane)
    except StoreUnavailable:
        app.metrics.redis_failures.inc()


def _later(site: web.Application, work: Awaitable[None]) -> None:
    """The sender does not wait for this: the event is stored, and the sweep wakes the lane if this is lost."""
    task = asyncio.ensure_future(work)
    site[LATER].add(task)
    task.add_done_callback(site[LATER].discard)


async def _ticking(site: web.Application) -> AsyncIterator[None]:
    """Notice about every second what Redis has lost, also while nobody delivers."""
    stop = asyncio.Event()
    task = asyncio.create_task(_tick(site, stop))
    yield
    # Not cancelled: asyncio.wait_for on Python 3.11, with which redis-py sends, can lose that.
    stop.set()
    await task
    # No request is under way any more. A Redis that does not take it is told of elsewhere.
    await Faults(site[APP], "refused deliveries").guard(site[REFUSALS].close)


async def _tick(site: web.Application, stop: asyncio.Event) -> None:
    app = site[APP]
    faults, writing = Faults(app, "tick"), Faults(app, "refused deliveries")
    while not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await stop.wait()
        # Deliveries are taken all the same.
        await faults.guard(lambda: _noticed(app))
        await writing.guard(site[REFUSALS].write)


async def _noticed(app: App) -> None:
    for lane in await app.store.generations.tick():
        await app.queue.wake(lane)


async def _finish_later(site: web.Application) -> None:
    await asyncio.gather(*site[LATER], return_exceptions=True)
