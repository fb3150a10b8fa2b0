"""Refused deliveries are counted in the web process and written about once a second, never by a request.

So a stranger's requests cost no command, and while Redis is away or full the counts wait here, bounded.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.errors import (
    FAULT,
    Overloaded,
    Rejected,
    SignatureRejected,
    StoreUnavailable,
    TooLarge,
    UnknownSender,
    Unreadable,
    WrongContentType,
)
from bridge.refusals import DAY_MS, UNKNOWN, WORDS, Reason, RefusedDelivery, plain_path, plain_text

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from bridge.wiring import App

TICKET: web.RequestKey[str] = web.RequestKey("ticket")
"""The ticket that a proven body names."""

PENDING_MOST = 1_000
"""Kinds that wait to be written. Beyond it what is new is counted without its ticket and path."""

LOGGED_MS = 1_000

SAID = (Rejected, StoreUnavailable)
"""Errors whose text is ours; another may hold what came from outside."""


class Refusals:
    """The refusals of one web process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._pending: dict[tuple[str, int, str, str], RefusedDelivery] = {}
        self._logged: dict[tuple[str, int, str], int] = {}
        self._unlogged: dict[tuple[str, int, str], RefusedDelivery] = {}
        self._proxies = [ip_network(one) for one in app.bridge.trusted_proxies]

    def note(self, request: web.Request, sender: str, status: int, error: Exception) -> None:
        """Count one, in memory alone, and log it; later, with a count, where its kind was logged within the second."""
        now, reason = self._app.now_ms(), reason_of(error)
        known = sender != UNKNOWN
        told = RefusedDelivery(
            sender=sender,
            status=status,
            reason=reason.value,
            count=1,
            first_ms=now,
            last_ms=now,
            says=plain_text(str(error)) if isinstance(error, SAID) and str(error) else WORDS[reason],
            ticket=request.get(TICKET, ""),
            delivery=getattr(error, "delivery", ""),
            path="" if known else plain_path(request.path),
            remote=remote_of(request, self._proxies),
        )
        self._app.metrics.refused.labels(sender, reason.value).inc()
        self._add(told)
        self._log(told)

    def note_unread(self, status: int, reason: Reason, says: str = "") -> None:
        """The same for what never became a request that a handler could see."""
        now = self._app.now_ms()
        self._app.metrics.refused.labels(UNKNOWN, reason.value).inc()
        one = RefusedDelivery(UNKNOWN, status, reason.value, 1, now, now, says or WORDS[reason])
        self._add(one)
        self._log(one)

    def _add(self, one: RefusedDelivery) -> None:
        if one.key not in self._pending and len(self._pending) >= PENDING_MOST:
            one = replace(one, ticket="", path="")
        before = self._pending.get(one.key)
        self._pending[one.key] = before.and_then(one) if before else one

    def _log(self, one: RefusedDelivery) -> None:
        # What Redis says is ours, and of few kinds: each is worth its line.
        kind = (one.sender, one.status, one.says if one.reason == Reason.REDIS_UNAVAILABLE else one.reason)
        before = self._unlogged.pop(kind, None)
        both = before.and_then(one) if before else one
        if one.last_ms - self._logged.get(kind, -LOGGED_MS) < LOGGED_MS:
            self._unlogged[kind] = both
            return
        self._logged[kind] = one.last_ms
        self._warn(both)

    def _log_rest(self, now_ms: int, held_ms: int = LOGGED_MS) -> None:
        """Log what was held back for so long."""
        for kind in [kind for kind, at_ms in self._logged.items() if now_ms - at_ms >= held_ms]:
            del self._logged[kind]
            if one := self._unlogged.pop(kind, None):
                self._logged[kind] = now_ms
                self._warn(one)

    def _warn(self, one: RefusedDelivery) -> None:
        kept = {name: value for name in ("path", "ticket", "delivery", "remote") if (value := getattr(one, name))}
        self._app.log.warning(
            "refused delivery",
            sender=one.sender,
            status=one.status,
            reason=one.reason,
            says=one.says,
            times=one.count,
            **kept,
        )

    async def write(self) -> None:
        """Write what was counted. While Redis does not take it, it waits. Raises StoreUnavailable."""
        now = self._app.now_ms()
        self._log_rest(now)
        pending, self._pending = self._pending, {}
        if not pending:
            return
        try:
            await self._app.store.refused.keep(list(pending.values()), now)
        except BaseException:
            since, self._pending = self._pending, {k: one for k, one in pending.items() if one.last_ms > now - DAY_MS}
            for one in since.values():
                self._add(one)
            raise

    async def close(self) -> None:
        """The same at the end of the process, where nothing waits any longer. Raises StoreUnavailable."""
        self._log_rest(self._app.now_ms(), 0)
        await self.write()


REFUSALS: web.AppKey[Refusals] = web.AppKey("refusals")


def reason_of(error: Exception) -> Reason:
    """The reason that an error stands for."""
    if isinstance(error, SignatureRejected):
        return error.reason
    if isinstance(error, Unreadable):
        return reason_of_problem(error.problem)
    return next((reason for kind, reason in BY_KIND.items() if isinstance(error, kind)), Reason.OTHER)


BY_KIND: dict[type[Exception], Reason] = {
    UnknownSender: Reason.UNKNOWN_ACCOUNT,
    TooLarge: Reason.TOO_LARGE,
    WrongContentType: Reason.WRONG_TYPE,
    StoreUnavailable: Reason.REDIS_UNAVAILABLE,
    Overloaded: Reason.OVERLOADED,
    web.HTTPNotFound: Reason.UNKNOWN_PATH,
    web.HTTPMethodNotAllowed: Reason.WRONG_METHOD,
    web.HTTPRequestEntityTooLarge: Reason.TOO_LARGE,
    web.HTTPException: Reason.OTHER,
    Rejected: Reason.OTHER,
    Exception: Reason.BRIDGE_FAULT,
}
"""The first that fits decides."""


def reason_of_problem(problem: str) -> Reason:
    """The reason that the problem of an Unreadable stands for."""
    return next((reason for words, reason in BY_PROBLEM.items() if words in problem), Reason.UNREADABLE)


BY_PROBLEM = {
    FAULT: Reason.BRIDGE_FAULT,
    "JSON": Reason.NOT_JSON,
    "placeholder": Reason.PLACEHOLDER,
    "did not come in time": Reason.INCOMPLETE,
    "broke off": Reason.INCOMPLETE,
    "breaks off": Reason.INCOMPLETE,
}


def remote_of(request: web.Request, proxies: list[IPv4Network | IPv6Network]) -> str:
    """The address that sent it, by the header of a proxy we trust; else none: anybody can write the header."""
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    if not proxies or not _within(request.remote or "", proxies):
        return ""
    # Each proxy adds whom it heard from: the last one that is no proxy of ours is what one of ours has seen.
    strange = (hop for one in reversed(hops) if not _within(hop := one.strip(), proxies))
    return _address(next(strange, ""))


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _within(text: str, proxies: list[IPv4Network | IPv6Network]) -> bool:
    address = _address(text)
    return bool(address) and any(ip_address(address) in one for one in proxies)
