"""The bearer tokens of ``/api/``: who presents one of ours, and what becomes of those who guess. No I/O.

Every token is compared with every known one, each by its digest and in constant time. After ``FAILURES_MOST`` wrong
ones from an address within ``WINDOW_S``, nothing more from there is looked at, right or wrong, until the window ends:
that, and not another status, is what limits guessing. Who presents no token at all guesses nothing and is not counted.

An address is the other end of the connection (of IPv6 its /64, which is one customer). ``X-Forwarded-For`` is not
looked at, because anybody can write it. So all who come through one proxy share one budget, and a stranger there could
lock the others out for a minute: a proxy is to publish ``/webhooks/`` alone. A budget for the whole process would let
that stranger lock out those within as well. The table holds ``ADDRESSES_MOST``; who comes when it is full shares the
budget of all such, so that neither memory nor guesses grow with the number of addresses. Each process counts its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING

from bridge.errors import SignatureRejected, TooManyFailures
from bridge.signatures import same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAILURES_MOST = 10
WINDOW_S = 60.0
ADDRESSES_MOST = 1_024
OTHERS = "others"
CUSTOMER_BITS = 64


@dataclass(slots=True)
class _Failures:
    until: float
    count: int = 0


@dataclass(slots=True)
class Tokens:
    """The known tokens, and who failed lately. One per process."""

    known: Sequence[bytes]
    clock: Callable[[], float] = monotonic
    _failed: dict[str, _Failures] = field(default_factory=dict)

    @property
    def remembered(self) -> int:
        """Of how many addresses a failure is remembered."""
        return len(self._failed)

    def owner(self, authorization: str, address: str) -> str:
        """Whose token it is: ``API token 1`` is the first in the configuration.

        Raises TooManyFailures where it was not even looked at, else SignatureRejected.
        """
        scheme, _, token = authorization.partition(" ")
        presented = token.strip().encode("utf-8", "surrogatepass")
        if scheme.lower() != "bearer" or not presented:
            msg = "no bearer token"
            raise SignatureRejected(msg)
        where = self._place(address)
        self._refuse_guesser(where)
        matches = [same(presented, one) for one in self.known]
        if not any(matches):
            self._count(where)
            msg = "no valid bearer token"
            raise SignatureRejected(msg)
        return f"API token {matches.index(True) + 1}"

    def _refuse_guesser(self, where: str) -> None:
        failures, now = self._failed.get(where), self.clock()
        if failures and failures.until > now and failures.count >= FAILURES_MOST:
            raise TooManyFailures(ceil(failures.until - now))

    def _count(self, where: str) -> None:
        now = self.clock()
        failures = self._failed.get(where)
        if failures is None or failures.until <= now:
            failures = self._failed[where] = _Failures(now + WINDOW_S)
        failures.count += 1

    def _place(self, address: str) -> str:
        where = _customer(address)
        if where in self._failed or len(self._failed) < ADDRESSES_MOST:
            return where
        now = self.clock()
        self._failed = {one: failures for one, failures in self._failed.items() if failures.until > now}
        return where if len(self._failed) < ADDRESSES_MOST else OTHERS


def _customer(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return OTHERS
    if isinstance(known, IPv6Address) and known.ipv4_mapped is None:
        return str(ip_network((known, CUSTOMER_BITS), strict=False))
    return address
