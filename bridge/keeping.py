"""What `bridge up` keeps running: begun again when it ends by itself, later each time, and given up with its reason."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

LAST_LINE_MOST = 300
"""Characters of a last line that are told."""


class ProcessFailedError(BridgeError):
    """A process of ours did not come up, or does not stay up."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long until what fell is begun again, and after how many falls in a row it is given up.

    One that ran for ``steady_s`` has come up: its next fall is the first of a row.
    """

    first_s: float = 1.0
    most_s: float = 30.0
    steady_s: float = 20.0
    falls: int = 8

    def pause_s(self, fall: int) -> float:
        """Before it is begun again after so many falls in a row."""
        return min(self.most_s, self.first_s * 2.0 ** min(fall - 1, 16))


PATIENCE = Patience()


async def keep(
    name: str, ended: Awaitable[str], again: Callable[[], Awaitable[str]], tell: Callable[[str], None], to: Patience
) -> None:
    """Begin it again whenever it ends by itself; each of the two returns why it has ended. Runs until cancelled.

    Raises ProcessFailedError where it falls again and again.
    """
    falls, begun, reason = 0, monotonic(), await ended
    while True:
        falls = 1 if monotonic() - begun >= to.steady_s else falls + 1
        if falls > to.falls:
            msg = f"{name} does not stay up: {reason} (begun again {to.falls} times)"
            raise ProcessFailedError(msg)
        pause_s = to.pause_s(falls)
        tell(f"{name} {reason}; begun again in {pause_s:g} s (time {falls} of {to.falls})")
        await asyncio.sleep(pause_s)
        begun = monotonic()
        reason = await again()


async def until_stopped(stop: asyncio.Event, kept: Iterable[asyncio.Task[None] | None]) -> None:
    """Wait for ``stop``. Raises ProcessFailedError as soon as one of these is given up."""
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({stopped, *filter(None, kept)}, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        stopped.cancel()


def still_kept(kept: Iterable[asyncio.Task[None] | None]) -> None:
    """Raises ProcessFailedError where one of these is given up."""
    for one in kept:
        if one is not None and one.done():
            one.result()


async def no_more(task: asyncio.Task[None] | None) -> None:
    """End the task that keeps something running, before the thing itself is stopped."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def how_it_ended(code: int, output: str) -> str:
    """A process' end in words: its code or signal, and what it said last that is no line of a structured log."""
    how = f"ended with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
    said = [line.strip() for line in output.splitlines() if line.strip()]
    plain = [line for line in said if not line.startswith("{")] or said
    return f"{how}: {plain[-1][-LAST_LINE_MOST:]}" if plain else how
