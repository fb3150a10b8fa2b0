"""Gathers what ``bridge doctor`` judges. Each question has its own time-out, and what fails hides no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.destinations import destinations
from bridge.errors import BridgeError, StoreUnavailable
from bridge.hearing import told_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bridge.accounts import Bridge
    from bridge.doctor import Facts
    from bridge.store import Store

ASKED_S: Final = 4.0
"""For each question; they are asked together."""


async def examine(store: Store, bridge: Bridge | None, known: Facts, now_ms: Callable[[], int]) -> Facts:
    """What is known of the configuration, and all that Redis tells. Without a configuration, of the server alone."""
    asked = _of_the_server(store, now_ms) | (_of_the_bridge(store, bridge, now_ms) if bridge else {})
    answers = await asyncio.gather(*(_answer(one) for one in asked.values()))
    told = dict(zip(asked, answers, strict=True))
    failed = {name: why for name, (_, why) in told.items() if why}
    found: dict[str, Any] = {name: value for name, (value, why) in told.items() if not why}
    return replace(known, **found, now_ms=now_ms(), failed={**known.failed, **failed})


async def _answer(asked: Awaitable[Any]) -> tuple[Any, str]:
    """The answer, or why there is none."""
    try:
        async with asyncio.timeout(ASKED_S):
            return await asked, ""
    except TimeoutError:
        return None, f"no answer within {ASKED_S:g} s"
    except BridgeError as error:
        return None, str(error)
    except (ValueError, TypeError, KeyError) as error:
        # Not by its text: that may hold what is stored.
        return None, f"what is stored cannot be read ({type(error).__name__})"


def _of_the_server(store: Store, now_ms: Callable[[], int]) -> dict[str, Awaitable[Any]]:
    return {
        "server": store.server(),
        "refusal": _refusal(store),
        "loss": _loss(store),
        "clock_ms": _clock(store, now_ms),
    }


def _of_the_bridge(store: Store, bridge: Bridge, now_ms: Callable[[], int]) -> dict[str, Awaitable[Any]]:
    return {
        "overview": store.overviews.take(bridge),
        "brakes": store.brake.brakes(),
        "waiting": _waiting(store),
        "breakers": store.breakers(destinations(bridge)),
        "silent": _silent(store, bridge),
        "refused": store.refused.all(now_ms()),
    }


async def _refusal(store: Store) -> str:
    try:
        await store.writable()
    except StoreUnavailable as error:
        return str(error)
    return ""


async def _loss(store: Store) -> list[Any]:
    loss = await store.generations.last_loss()
    return [loss] if loss else []


async def _clock(store: Store, now_ms: Callable[[], int]) -> int:
    """By how much Redis' clock is ahead; the way there and back counts half."""
    before = now_ms()
    redis = await store.brake.now_ms()
    return redis - (before + now_ms()) // 2


async def _waiting(store: Store) -> list[Any]:
    waiting, _ = await store.brake.waiting()
    return list(waiting)


async def _silent(store: Store, bridge: Bridge) -> Mapping[str, Any]:
    return told_of(await store.rounds.silent(), bridge)
