"""Who is silent: looked at by one worker about twice a minute, told by all processes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from bridge import stored
from bridge.silence import Silence, silence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Bridge
    from bridge.policies import Silence as Policy
    from bridge.wiring import App

EVERY_MS = 30_000
TURN = "silence"


def senders(bridge: Bridge) -> dict[str, Policy]:
    """Everybody who posts to the webhooks, as deliveries name them, and when their silence is told."""
    accounts = {
        f"{kind}/{name}": account.silence for kind, named in bridge.helpdesks.items() for name, account in named.items()
    }
    return {**accounts, **{f"jelou/{name}": project.silence for name, project in bridge.jelou.items()}}


async def listen(app: App) -> None:
    """One look, if it is time for one and nobody else has it. Who has fallen silent, or is heard again, is logged."""
    if not await app.store.rounds.take_turn(TURN, EVERY_MS):
        return
    policies, now = senders(app.bridge), app.now_ms()
    counts = await app.store.rounds.heard(list(policies))
    found = {name: silence(counts[name], now, policy) for name, policy in policies.items()}
    are = {name: asdict(one) for name, one in found.items() if one}
    were = await app.store.rounds.silent()
    begun, ended = {name: are[name] for name in are.keys() - were.keys()}, sorted(were.keys() - are.keys())
    if are or ended:
        await app.store.rounds.note_silent({name: orjson.dumps(told) for name, told in are.items()}, ended)
    for name, told in sorted(begun.items()):
        app.log.warning(
            "sender silent", sender=name, for_s=round((now - told["since_ms"]) / 1000), usual=told["missed"]
        )
    for name in ended:
        app.log.warning("sender heard again", sender=name)


async def silent_now(app: App) -> dict[str, dict[str, Any]]:
    """Who is silent, as it was last looked at: ``{since_ms, missed}`` each. Raises StoreUnavailable."""
    return told_of(await app.store.rounds.silent(), app.bridge)


def told_of(noted: Mapping[str, bytes], bridge: Bridge) -> dict[str, dict[str, Any]]:
    """The same from what is noted; who is not configured any more is left out."""
    known = senders(bridge)
    return {name: asdict(stored.read(Silence, orjson.loads(text))) for name, text in noted.items() if name in known}
