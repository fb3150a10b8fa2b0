"""The helpdesks' and the customers' side: tickets, told until they are taken, again, and once more."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import ClientError, ClientTimeout

from bridge.signatures import standard_webhooks_signature
from bridge.twins import zendesk_events
from bridge.twins.zendesk_desk import ZendeskSettings
from tests.harness import KEY
from tests.soak.setup import ZENDESK_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.soak.plan import Planned
    from tests.soak.setup import Account
    from tests.soak.world import World

PATIENCE_S = 5.0
AT_ONCE = 64


@dataclass(frozen=True)
class Delivery:
    """One webhook call: the same id and body on every try, signed anew each time."""

    path: str
    body: bytes
    headers: Callable[[], dict[str, str]]


def scripted(account: Account, told: dict[str, Any], message_id: str) -> Delivery:
    """A delivery of a scripted sender."""
    body = orjson.dumps(told)

    def headers() -> dict[str, str]:
        now_s = int(time.time())
        signature = standard_webhooks_signature(base64.b64decode(KEY), message_id, now_s, body)
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signature,
        }

    return Delivery(f"/webhooks/helpdesks/{account.path}", body, headers)


def triggered(account: Account, ticket_id: str, invocation: str) -> Delivery:
    """A Zendesk trigger's call about a ticket that the native event tells of as well."""
    body = orjson.dumps({"event": "ticket.created", "ticket_id": ticket_id})
    settings = ZendeskSettings(secret=ZENDESK_SECRET)
    return Delivery(
        f"/webhooks/helpdesks/{account.path}",
        body,
        lambda: zendesk_events.headers(settings, invocation, body, rightly=True),
    )


class Load:
    """The load of one run. ``acknowledged`` holds every ticket that was answered 202, by its name."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = Random(f"load {world.setup.seed}")  # noqa: S311 - repeatable, not secret
        self._room = asyncio.Semaphore(AT_ONCE)
        self.acknowledged: set[str] = set()
        self.taken = 0
        self.duplicates = 0
        self.refused = 0

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
        await self._until_taken(first)
        self.acknowledged.add(f"{account.path}/{ticket_id}")
        others = {"same": first, "other": scripted(account, told, f"{ticket_id}-2")}
        await self._again([others[way] for way in one.again])
        await self._then(account, one)

    async def open_in_zendesk(self, one: Planned) -> None:
        """A ticket in Zendesk: its webhook tells of it, within Zendesk's patience; a trigger tells of each as well."""
        account = self._world.setup.accounts[one.account]
        told = {"subject": "Ayuda", "phone": one.phone, "name": "Ana"}
        ticket = await self._world.ask(account.name, "POST", "/twin/tickets", told)
        await self._later()
        trigger = triggered(account, str(ticket["id"]), f"trigger-{ticket['id']}")
        await self._until_taken(trigger)
        self.acknowledged.add(f"{account.path}/{ticket['id']}")
        self.duplicates += 1
        await self._again([trigger] if "same" in one.again else [])
        await self._then(account, one)

    # -- sending ------------------------------------------------------------------------------------------------------

    async def _until_taken(self, delivery: Delivery) -> None:
        while await self._send(delivery) != 202:
            await asyncio.sleep(self._dice.uniform(0.3, 1.0))
        self.taken += 1

    async def _send(self, delivery: Delivery) -> int:
        """The answer's status, 0 where there is none."""
        url, timeout = self._world.web_url + delivery.path, ClientTimeout(PATIENCE_S)
        async with self._room:
            try:
                async with self._world.session.post(
                    url, data=delivery.body, headers=delivery.headers(), timeout=timeout
                ) as answer:
                    return answer.status
            except (ClientError, TimeoutError, OSError):
                self.refused += 1
                return 0

    async def _again(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            await self._later()
            await self._until_taken(delivery)
            self.duplicates += 1

    async def _later(self) -> None:
        await asyncio.sleep(self._dice.uniform(*self._world.setup.later_s))

    async def _then(self, account: Account, one: Planned) -> None:
        """What the customer's side does. Without a conversation there is nothing to write in or to close."""
        if not one.then:
            return
        await self._later()
        path, more = {"writes": ("/twin/customer-writes", {"text": "Hola"}), "closes": ("/twin/close", {})}[one.then]
        with contextlib.suppress(ClientError):
            await self._world.ask(account.project, "POST", path, {"userId": one.phone[1:], **more})


OPENED = {"standard-webhooks": Load.open_scripted, "zendesk": Load.open_in_zendesk}
