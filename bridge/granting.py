"""Access tokens of helpdesks that hand them out: asked for when one is needed, kept while good, dropped when refused.

Each process has its own. A token is asked for before the call it is for, so its failure is certain: nothing was done.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bridge.errors import CallError, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.accounts import Account
    from bridge.domain import Call, Reply
    from bridge.http import Http
    from bridge.ports import Helpdesk

UNAUTHORISED: Final = 401

GOOD_PART: Final = 0.9
"""Of its life a token is used for so long: what is on its way when it ends would be refused."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The helpdesk account a call is for; ``name`` is kind/name."""

    dialect: Helpdesk
    account: Account
    name: str


@dataclass
class Granting:
    """The tokens of this process; ``monotonic`` is their clock, s."""

    monotonic: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)
    _asking: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock), repr=False)

    async def send(self, http: Http, whose: Whose, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """The answer, to a call with a token where it needs one. Raises CallError, LeaseLost.

        A refused token is asked for anew, once: nothing was done with it.
        """
        if not call.granted:
            return await http.send(call, allowed)
        token = await self._token(http, whose)
        reply = await http.send(_with(call, token), allowed)
        if reply.status != UNAUTHORISED:
            return reply
        again = await self._token(http, whose, refused=token)
        return await http.send(_with(call, again), allowed)

    async def _token(self, http: Http, whose: Whose, refused: str = "") -> str:
        async with self._asking[whose.name]:
            token, until = self._kept.get(whose.name, ("", 0.0))
            if not token or token == refused or self.monotonic() >= until:
                token = await self._asked(http, whose)
            return token

    async def _asked(self, http: Http, whose: Whose) -> str:
        call = whose.dialect.grant(whose.account)
        if call is None:
            msg = "the account has no credential for an access token"
            raise NotSent(msg)
        begun = self.monotonic()
        try:
            grant = whose.dialect.granted(whose.account, await http.send(call))
        except CallError as error:
            if error.certain:
                raise
            msg = f"no access token: {error.reason}"
            raise NotSent(msg, status=error.status) from error
        self._kept[whose.name] = grant.token, begun + grant.expires_in_s * GOOD_PART
        return grant.token


def _with(call: Call, token: str) -> Call:
    return replace(call, headers={**call.headers, "authorization": f"Bearer {token}"})
