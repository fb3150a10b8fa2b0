"""/live, /ready and /metrics, the same for the web and the worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from bridge import fullness, refusals
from bridge.account_states import warnings as starts_held
from bridge.destinations import destinations
from bridge.errors import StoreUnavailable
from bridge.gauges import show
from bridge.hearing import senders, silent_now
from bridge.heartbeats import own_version
from bridge.protocol import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from bridge.brake import WaitingStarts
    from bridge.generations import Loss
    from bridge.protocol import Breaker
    from bridge.wiring import App

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def alive() -> list[web.RouteDef]:
    """``/live`` alone, for a port that everybody may reach."""
    return [web.get("/live", _live)]


def observed(app: App) -> list[web.RouteDef]:
    """The routes. ``/live`` hangs on nothing; ``/ready`` tells whether Redis takes what is delivered.

    A web pod must not be out of its Service because Redis is away or full, a new one neither: an empty Service answers
    502, which Zendesk does not retry, while the bridge answers 503 with Retry-After. So all probes look at ``/live``;
    ``/ready`` is for people, monitors and the gates of a rollout.
    """
    return [*alive(), web.get("/ready", _ready(app)), web.get("/metrics", _metrics(app))]


async def _live(_: web.Request) -> web.Response:
    return web.json_response({"status": "live"})


def _ready(app: App) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def ready(_: web.Request) -> web.Response:
        told = await readiness(app)
        if app.stopping.is_set():
            told = {**told, "ready": False, "reason": "draining: this process was told to end"}
        status = 200 if told["ready"] else 503
        return web.Response(status=status, body=orjson.dumps(told), content_type="application/json")

    return ready


async def readiness(app: App) -> dict[str, object]:
    """Whether a delivery would be taken now, with details for a person."""
    try:
        server = await app.store.server()
        loss = await app.store.generations.last_loss()
        breakers = await app.store.breakers(destinations(app.bridge))
        silent = await silent_now(app)
        overview = await app.store.overviews.take(app.bridge)
        brakes = await app.store.brake.brakes()
        refused = await app.store.refused.lately(app.now_ms())
    except StoreUnavailable as error:
        unreachable = {"reachable": False, "reason": str(error)}
        return {"ready": False, "version": own_version(), "redis": unreachable}
    refusal = await _refusal(app, server)
    return {
        "ready": not refusal,
        "version": own_version(),
        "redis": {"reachable": True, **refusal, **server, "last_loss": loss},
        "warnings": [
            *overview.warnings(),
            *_warnings(server),
            *_lost(loss, app.now_ms()),
            *starts_held(brakes, await _waiting(app)),
            *refusals.warnings(refused, app.now_ms()),
        ],
        "workers_alive": overview.workers_alive,
        "not_called": [_not_called(one) for one in breakers],
        "silent": [_silent(name, one, app.now_ms()) for name, one in sorted(silent.items())],
    }


async def _waiting(app: App) -> list[WaitingStarts]:
    """The starts that wait; none where Redis takes no writes, since whoever looks at them also tidies up."""
    try:
        waiting, _ = await app.store.brake.waiting()
    except StoreUnavailable:
        return []
    return waiting


async def _refusal(app: App, server: Mapping[str, Any]) -> dict[str, str]:
    """Why deliveries are not taken: Redis takes no writes, or is so full that they are refused; else nothing."""
    try:
        await app.store.writable()
    except StoreUnavailable as error:
        return {"reason": str(error)}
    return {"reason": fullness.in_words(server["memory"])} if server["memory"] >= fullness.DELIVERIES_AT else {}


def _not_called(one: Breaker) -> dict[str, object]:
    return {"destination": shown(one.destination), "reason": one.reason, "for_s": round(one.for_ms / 1000, 1)}


def _silent(sender: str, one: Mapping[str, int], now_ms: int) -> dict[str, object]:
    return {"sender": sender, "for_s": round((now_ms - one["since_ms"]) / 1000), "usual": one["missed"]}


def _warnings(server: Mapping[str, Any]) -> Iterator[str]:
    """What of the server does not keep the bridge's promises. It works, so that a person can decide."""
    if not server["append_only_file"]:
        yield "the append-only file is off: a restart of Redis loses tickets (appendonly yes)"
    if server["eviction"] != "noeviction":
        yield f"maxmemory-policy is {server['eviction']}: Redis may drop tickets (noeviction)"
    if server["role"] != "master":
        yield f"its role is {server['role']}: it takes no writes"
    if server["memory"] >= fullness.STARTS_AT:
        yield fullness.in_words(server["memory"])


LOSS_TOLD_MS = 7 * 86_400_000


def _lost(loss: Loss | None, now_ms: int) -> Iterator[str]:
    if loss is None or now_ms - loss.at_ms > LOSS_TOLD_MS:
        return
    between = " and ".join(datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (loss.since_ms, loss.at_ms))
    how = LOST.get(loss.kind, "lost something")
    yield (
        f"Redis {how} between {between}: {loss.put_back} deliveries were put back and {loss.testified} "
        f"starts and ends told again; {loss.awaited} workers have not told theirs"
    )


LOST = {
    "flushed": "was emptied",
    "rolled back": "lost what was written",
    "unvouched": "may have lost what was written, because nobody vouches for its file,",
}


def _metrics(app: App) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def metrics(_: web.Request) -> web.Response:
        await _look_at_breakers(app)
        await _look_at_silence(app)
        await _look_at_starts(app)
        await _look_at_all(app)
        return web.Response(body=app.metrics.text(), headers={"Content-Type": METRICS_TYPE})

    return metrics


async def _look_at_breakers(app: App) -> None:
    """They are shared by all processes, so each shows the same; while Redis is away, what was seen last."""
    names = destinations(app.bridge)
    try:
        open_ones = {one.destination for one in await app.store.breakers(names)}
    except StoreUnavailable:
        return
    for name in names:
        app.metrics.breaker_open.labels(shown(name)).set(name in open_ones)


async def _look_at_silence(app: App) -> None:
    """The same: one worker looks, and all show it."""
    try:
        silent = await silent_now(app)
    except StoreUnavailable:
        return
    for name in senders(app.bridge):
        app.metrics.silent.labels(name).set(name in silent)


async def _look_at_all(app: App) -> None:
    """The same: what waits and who lives is one thing, whichever process is asked."""
    try:
        overview, server = await app.store.overviews.take(app.bridge), await app.store.server()
        loss = await app.store.generations.last_loss()
    except StoreUnavailable:
        return
    show(app.metrics.gauges, app.bridge, overview, server, loss)


async def _look_at_starts(app: App) -> None:
    """The same: the starts that wait, by account and cause; what waits no longer is told no longer."""
    try:
        waiting, _ = await app.store.brake.waiting()
    except StoreUnavailable:
        return
    for gauge in (app.metrics.starts_waiting, app.metrics.starts_waiting_seconds):
        gauge.clear()
    for one in waiting:
        app.metrics.starts_waiting.labels(one.account, one.cause).set(one.count)
        app.metrics.starts_waiting_seconds.labels(one.account, one.cause).set(one.oldest_ms / 1_000)
