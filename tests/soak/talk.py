"""What agent and customer do in one ticket's conversation: they write, in order; the agent ends it and begins anew."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError
from redis import exceptions

from bridge.domain import Phase
from bridge.links import LIVE, Link
from bridge.twins.ledger import now_ms
from bridge.twins.zendesk_desk import iso
from tests.soak.records import Wrote
from tests.soak.senders import scripted, triggered
from tests.soak.watch import PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from random import Random

    from tests.soak.load import Load
    from tests.soak.senders import Delivery
    from tests.soak.setup import Account
    from tests.soak.world import World

LOOK_S = 0.3
BURST = 3
REPLY, PRIVATE, WRITTEN = "respuesta", "privado", "mensaje"
"""The first words of what is written: by an agent for the customer, for colleagues, by the customer."""


@dataclass
class Told:
    """What agents did, in order, as far as the bridge answered 202. ``solved`` and ``reopened`` are times (Unix ms)."""

    replies: list[Wrote] = field(default_factory=list)
    privates: list[str] = field(default_factory=list)
    solved: list[int] = field(default_factory=list)
    reopened: list[int] = field(default_factory=list)


class Talk:
    """One ticket's talk. What is told to the bridge is told until it is taken, and only then goes on."""

    def __init__(self, world: World, load: Load, account: Account, ticket_id: str, user: str, dice: Random) -> None:
        self._world, self._load, self._account, self._dice = world, load, account, dice
        self._ticket_id, self._user = ticket_id, user
        self._number = 0
        self.told = Told()

    async def hold(self, steps: Sequence[str]) -> None:
        """All of it, once there is a conversation; nothing where none comes in time."""
        if not await self._reached(LIVE):
            return
        for step in steps:
            name, _, again = step.partition(" ")
            await STEPS[name](self, bool(again))
            await asyncio.sleep(self._dice.uniform(*self._world.setup.pause_between_s))

    # -- the agent ----------------------------------------------------------------------------------------------------

    async def reply(self, again: bool) -> None:
        """For the customer."""
        began_ms, text = now_ms(), self._text(REPLY)
        await self._comment(text, public=True, again=again)
        self.told.replies.append(Wrote(text, began_ms, now_ms()))

    async def private(self, again: bool) -> None:
        """For colleagues."""
        text = self._text(PRIVATE)
        self.told.privates.append(text)
        await self._comment(text, public=False, again=again)

    async def solve(self, again: bool) -> None:
        """The ticket is done."""
        self.told.solved.append(now_ms())
        await self._status("solved", again=again)

    async def reopen(self, _again: bool) -> None:
        """It is not; the talk goes on in the next conversation."""
        if await self._reached({Phase.CLOSED}):
            self.told.reopened.append(now_ms())
            await self._status("open", again=False)
            await self._reached(LIVE)

    async def _comment(self, text: str, *, public: bool, again: bool) -> None:
        if self._account.kind == "zendesk":
            told = {"id": self._ticket_id, "text": text, "public": public}
            audit = await self._world.ask(self._account.name, "POST", "/twin/agent-writes", told)
            comment = {"id": str(audit["events"][0]["id"]), "is_public": public}
            await self._tell(self._trigger("ticket.comment_added", comment=comment), again=again)
        else:
            comment = {"id": f"c{self._number}", "body": text, "public": public}
            actor = {"id": "a-1", "type": "agent"}
            await self._tell(self._script("comment.added", comment=comment, actor=actor), again=again)

    async def _status(self, status: str, *, again: bool) -> None:
        self._number += 1
        if self._account.kind == "zendesk":
            path = f"/twin/tickets/{self._ticket_id}"
            await self._world.ask(self._account.name, "PATCH", path, {"status": status})
            at = iso((await self._world.ask(self._account.name, "GET", path))["updated_ms"])
            event = {"solved": "ticket.solved", "open": "ticket.reopened"}[status]
            await self._tell(self._trigger(event, status=status, updated_at=at), again=again)
        else:
            await self._tell(self._script({"solved": "ticket.solved", "open": "ticket.reopened"}[status]), again=again)

    def _script(self, event: str, **data: Any) -> Delivery:
        told = {"type": event, "data": {"ticket": {"id": self._ticket_id}, **data}}
        return scripted(self._account, told, f"{self._ticket_id}-talk-{self._number}")

    def _trigger(self, event: str, **more: Any) -> Delivery:
        told = {"event": event, "ticket_id": self._ticket_id, "actor_id": "1", **more}
        return triggered(self._account, told, f"trigger-{self._ticket_id}-{self._number}")

    async def _tell(self, delivery: Delivery, *, again: bool) -> None:
        await self._load.until_taken(delivery)
        if again:
            await self._load.until_taken(delivery)
            self._load.duplicates += 1

    # -- the customer, and Jelou's operator ---------------------------------------------------------------------------

    async def writes(self, _again: bool) -> None:
        """One message."""
        await self._at_jelou("/twin/customer-writes", text=self._text(WRITTEN))

    async def burst(self, again: bool) -> None:
        """Several, one right after the other."""
        for _ in range(BURST):
            await self.writes(again)

    async def closes(self, _again: bool) -> None:
        """Jelou's operator ends the customer's newest conversation."""
        await self._at_jelou("/twin/close")

    async def _at_jelou(self, path: str, **told: str) -> None:
        # Without a conversation there is nothing to write in or to close.
        with contextlib.suppress(ClientError):
            await self._world.ask(self._account.project, "POST", path, {"userId": self._user, **told})

    # -- both ---------------------------------------------------------------------------------------------------------

    def _text(self, kind: str) -> str:
        self._number += 1
        return f"{kind} {self._number} de {self._account.name}-{self._ticket_id}"

    async def _reached(self, phases: set[Phase] | frozenset[Phase]) -> bool:
        """Whether the ticket's link comes into one of these phases in time."""
        setup = self._world.setup
        until = time.monotonic() + (setup.paced_conversation_s if setup.paces(self._account) else setup.conversation_s)
        while time.monotonic() < until:
            if await self._is_in(phases):
                return True
            await asyncio.sleep(LOOK_S)
        return False

    async def is_live(self) -> bool:
        """Whether it has a conversation now."""
        return await self._is_in(LIVE)

    async def _is_in(self, phases: set[Phase] | frozenset[Phase]) -> bool:
        key = f"{PREFIX}:link:{self._account.path}/{self._ticket_id}"
        with contextlib.suppress(exceptions.RedisError, OSError):
            # redis-py types one method for its clients of both kinds.
            asked: Any = self._world.redis.hget(key, "state")
            return Link.load(await asked or b"").phase in phases
        return False


STEPS: dict[str, Callable[[Talk, bool], Awaitable[None]]] = {
    "reply": Talk.reply,
    "private": Talk.private,
    "solve": Talk.solve,
    "reopen": Talk.reopen,
    "writes": Talk.writes,
    "burst": Talk.burst,
    "closes": Talk.closes,
}
