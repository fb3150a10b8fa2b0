"""What an operator sees of a bridge: its log, /ready, its metrics, the trace of a ticket, its dead letters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from aiohttp import ClientError

from tests.harness import API_TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import EventDict, WrappedLogger

    from bridge.wiring import App
    from tests.harness import Running

PLACES = ("log", "/ready", "metric", "trace", "letters")
AUTHORIZED = {"authorization": f"Bearer {API_TOKEN}"}
FOR_A_PERSON = frozenset({"warning", "error", "critical"})
WORTH_TELLING = ("reason", "redis", "warnings", "not_called", "silent")
SERIES = re.compile(r"^(bridge_\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)

Seen = dict[str, str]
"""The text of each place."""


@dataclass
class Log:
    """One process' log, as ``grep -v info`` finds it."""

    lines: list[str] = field(default_factory=list)

    def adapt(self, app: App) -> App:
        """The same process, which logs here."""
        log = structlog.wrap_logger(
            None,
            processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, self._keep],
            wrapper_class=structlog.make_filtering_bound_logger("INFO"),
        )
        adapted = replace(app, log=log)
        app.store.outage.log = log
        return adapted

    def _keep(self, _: WrappedLogger, __: str, told: EventDict) -> EventDict:
        if told["level"] in FOR_A_PERSON:
            self.lines.append(orjson.dumps(told, default=str).decode())
        raise structlog.DropEvent


@dataclass
class Observer:
    """Looks at one bridge again and again: of counters and the log it sees what is new."""

    bridge: Running
    log: Log
    ticket: str
    counted: dict[str, float] = field(default_factory=dict)
    read: int = 0

    async def begin(self) -> None:
        """From now on."""
        self.counted, self.read = await self._series(), len(self.log.lines)

    async def look(self) -> Seen:
        """All places."""
        return {
            "log": "\n".join(self.log.lines[self.read :]),
            "/ready": await self._ready(),
            "metric": "\n".join(f"{name} {value:g}" for name, value in _grown(self.counted, await self._series())),
            "trace": await self._trace(),
            "letters": await self._get("/api/dead-letters"),
        }

    async def _ready(self) -> str:
        told = orjson.loads(await self._get("/ready") or b"{}")
        worth: dict[str, Any] = {name: told[name] for name in WORTH_TELLING if told.get(name)}
        worth["redis"] = {"reason": told.get("redis", {}).get("reason", "")}
        return orjson.dumps(worth).decode()

    async def _trace(self) -> str:
        """What it waits for, and the last that happened."""
        text = await self._get(f"/api/tickets/{self.ticket}")
        told = orjson.loads(text or b"{}")
        if "waits_for" not in told or not told.get("known"):
            return text
        return orjson.dumps([told["says"], told["reason"], told["waits_for"], told["to_write"]]).decode()

    async def _series(self) -> dict[str, float]:
        return {name: float(value) for name, value in SERIES.findall(await self._get("/metrics"))}

    async def _get(self, path: str) -> str:
        try:
            async with self.bridge.session.get(self.bridge.url + path, headers=AUTHORIZED) as answer:
                return await answer.text()
        except ClientError as error:
            return str(error)


def _grown(before: Mapping[str, float], now: Mapping[str, float]) -> list[tuple[str, float]]:
    """Gauges, and of counters what they counted since."""
    changed = ((name, value - before.get(name, 0) if _counts(name) else value) for name, value in now.items())
    return [(name, value) for name, value in changed if value or name == "bridge_workers_alive"]


def _counts(name: str) -> bool:
    return name.partition("{")[0].endswith(("_total", "_count", "_sum", "_bucket", "_created"))
