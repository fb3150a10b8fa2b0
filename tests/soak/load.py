"""The helpdesks' and the customers' side: tickets, told until they are taken, again, and once more."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientTimeout

from bridge.twins.ledger import now_ms
from tests.soak.plan import TALKS
from tests.soak.records import Answered
from tests.soak.senders import scripted, triggered
from tests.soak.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.plan import Planned
    from tests.soak.senders import Delivery
    from tests.soak.setup import Account
    from tests.soak.talk import Told
    from tests.soak.world import World

PATIENCE_S = 5.0
AT_ONCE = 64


class Load:
    """The load of one run. ``acknowledged`` holds every ticket that was answered 202, ``talks`` what was said."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = Random(f"load {world.setup.seed}")  # noqa: S311 - repeatable, not secret
        self._room = asyncio.Semaphore(AT_ONCE)
        self.acknowledged: set[str] = set()
        self.talks: dict[str, Told] = {}
        self.opened: dict[str, tuple[int, int]] = {}
        self.phones: dict[str, str] = {}
        self._silent: set[str] = set()
        self.taken = 0
        self.duplicates = 0
        self.refused = 0
        self.answered: list[Answered] = []

    async def run(self, planned: Sequence[Planned]) -> None:
        """Open every ticket at its time; returns when all are taken and all is told again that is to be."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for one in planned:
                await asyncio.sleep(begun + one.at_s - time.monotonic())
                group.create_task(OPENED[self._world.setup.accounts[one.account].kind](self, one))

    async def open_scripted(self, one: Planned) -> None:
        """A ticket of a scripted sender."""
        account = self._world.setup.accounts[one.account]
        ticket_id = f"{account.name}-{one.number:05d}"
        told = {
            "type": "ticket.created",
            "data": {"ticket": {"id": ticket_id, "subject": "Ayuda"}, "requester": {"phone": one.phone}},
        }
        first = scripted(account, told, f"{ticket_id}-1")
        began_ms = now_ms()
        await self.until_taken(first)
        self._acknowledge(f"{account.path}/{ticket_id}", one, began_ms)
        others = {"same": first, "other": scripted(account, told, f"{ticket_id}-2")}
        await self._again([others[way] for way in one.again])
        await self._then(account, one, ticket_id)

    async def open_in_zendesk(self, one: Planned) -> None:
        """A ticket in Zendesk: its webhook tells of it, within Zendesk's patience; a trigger tells of each as well."""
        account = self._world.setup.accounts[one.account]
        told = {"subject": "Ayuda", "phone": one.phone, "name": "Ana"}
        began_ms = now_ms()
        ticket = await self._world.ask(account.name, "POST", "/twin/tickets", told)
        await self._later()
        trigger = triggered(
            account, {"event": "ticket.created", "ticket_id": str(ticket["id"])}, f"trigger-{ticket['id']}"
        )
        await self.until_taken(trigger)
        self._acknowledge(f"{account.path}/{ticket['id']}", one, began_ms)
        self.duplicates += 1
        await self._again([trigger] if "same" in one.again else [])
        await self._then(account, one, str(ticket["id"]))

    def _acknowledge(self, name: str, one: Planned, began_ms: int) -> None:
        self.acknowledged.add(name)
        self.opened[name], self.phones[name] = (began_ms, now_ms()), one.phone[1:]
        if not one.then:
            self._silent.add(name)

    async def answer_together(self, at_s: float) -> None:
        """At this time, in conversations of the paced project in which nobody talks, many agents answer at once."""
        await asyncio.sleep(at_s)
        setup = self._world.setup
        talks: list[tuple[str, Talk]] = []
        for name in sorted(self._silent):
            account = setup.accounts[name.rpartition("/")[0]]
            if setup.paces(account) and len(talks) < setup.together:
                talk = Talk(self._world, self, account, name.rpartition("/")[2], self.phones[name], self._dice)
                talks += [(name, talk)] if await talk.is_live() else []
        self.talks.update({name: talk.told for name, talk in talks})
        self._silent -= self.talks.keys()
        await asyncio.gather(*(talk.reply(again=False) for _, talk in talks))

    # -- sending ------------------------------------------------------------------------------------------------------

    async def until_taken(self, delivery: Delivery) -> None:
        """Send it until it is answered 202."""
        while await self._send(delivery) != 202:
            await asyncio.sleep(self._dice.uniform(0.3, 1.0))
        self.taken += 1

    async def _send(self, delivery: Delivery) -> int:
        """The answer's status, 0 where there is none."""
        async with self._room:
            sent_ms = now_ms()
            status = await self._posted(delivery)
            self.answered.append(Answered(sent_ms, now_ms() - sent_ms, status))
        self.refused += status == 0
        return status

    async def _posted(self, delivery: Delivery) -> int:
        url, timeout = self._world.web_url + delivery.path, ClientTimeout(PATIENCE_S)
        try:
            async with self._world.session.post(
                url, data=delivery.body, headers=delivery.headers(), timeout=timeout
            ) as answer:
                return answer.status
        except (ClientError, TimeoutError, OSError):
            return 0

    async def _again(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            await self._later()
            await self.until_taken(delivery)
            self.duplicates += 1

    async def _later(self) -> None:
        await asyncio.sleep(self._dice.uniform(*self._world.setup.later_s))

    async def _then(self, account: Account, one: Planned, ticket_id: str) -> None:
        """What agent and customer do once there is a conversation."""
        if one.then:
            await self._later()
            talk = Talk(self._world, self, account, ticket_id, one.phone[1:], self._dice)
            self.talks[f"{account.path}/{ticket_id}"] = talk.told
            await talk.hold(TALKS[one.then])


OPENED = {"standard-webhooks": Load.open_scripted, "zendesk": Load.open_in_zendesk}
