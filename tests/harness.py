"""A whole bridge for tests: the web and a worker in this process, on a real Valkey, between the twins."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import ClientSession, web

from bridge.accounts import Bridge
from bridge.embedded import free_port
from bridge.helpdesks import REGISTRY
from bridge.listening import listening
from bridge.protocol import Leases
from bridge.signatures import standard_webhooks_signature
from bridge.twins.jelou import JelouTwin
from bridge.twins.jelou_rest import BASES
from bridge.twins.jelou_settings import JelouSettings
from bridge.twins.zendesk import ZendeskTwin
from bridge.twins.zendesk_desk import ZendeskSettings
from bridge.web import application
from bridge.wiring import opened
from workers.lanes import Lanes
from workers.limits import Limits
from workers.main import background, end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from bridge.wiring import App

API_TOKEN = "api-token-for-tests"
PROJECT = "soporte"
DEADLINE_S = 60.0
"""How long a test waits for what must come, on a machine that has other things to do."""

UNMEASURED: dict[str, Any] = {"start_timeout_s": DEADLINE_S}
"""A start call that nobody times: a loaded machine must not make an unknown start of it."""


def project(jelou: JelouTwin, base: str = BASES[1], **changes: Any) -> dict[str, Any]:
    """The Jelou project of the tests, on the twin; ``base`` is the path up to the project id."""
    secret = jelou.integration.secret if jelou.integration else "unset"
    return {
        "project_id": jelou.settings.project_id,
        "bot_id": jelou.settings.bot_id,
        "base_url": jelou.url + base,
        "send_url": jelou.send_url,
        "general_url": jelou.url,
        "api_key": jelou.settings.api_key,
        "signing_secrets": [secret],
        "conversation_url": "https://apps.example.com/c/{conversation_id}",
        "calls_per_s": 1000.0,
    } | changes


def configuration(
    jelou: dict[str, Any], helpdesks: dict[str, dict[str, dict[str, Any]]], mark_keys: Sequence[str] = ()
) -> Bridge:
    """A checked configuration: each account by its dialect's own model."""
    accounts = {
        kind: {name: REGISTRY[kind].settings.model_validate(account) for name, account in named.items()}
        for kind, named in helpdesks.items()
    }
    api = {"tokens": [API_TOKEN]}
    told = {"jelou": {PROJECT: jelou}, "helpdesks": accounts, "api": api, "mark_keys": list(mark_keys)}
    return Bridge.model_validate(told)


@dataclass
class Running:
    """A running bridge."""

    url: str
    session: ClientSession
    lanes: Lanes
    app: Any
    site: web.Application
    waits: dict[str, Any] = field(default_factory=dict)

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Deliver a webhook."""
        headers = {"content-type": "application/json"} | headers
        async with self.session.post(self.url + path, data=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def trace(self, kind: str, account: str, ticket: str) -> dict[str, Any]:
        """What the API says of a ticket."""
        headers = {"authorization": f"Bearer {API_TOKEN}"}
        async with self.session.get(f"{self.url}/api/tickets/{kind}/{account}/{ticket}", headers=headers) as answer:
            return dict(await answer.json())

    async def traced(
        self, kind: str, account: str, ticket: str, until: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """The ticket's trace as soon as ``until`` holds for it."""
        found: dict[str, Any] = {}

        async def holds() -> bool:
            found.update(await self.trace(kind, account, ticket))
            return until(found)

        await eventually(holds, lambda: str(found))
        return found


async def eventually(
    condition: Callable[[], Awaitable[bool]], told: Callable[[], str] = lambda: "", within_s: float = DEADLINE_S
) -> None:
    """Wait for other processes and tasks to get there; fails with ``told`` when they do not."""
    try:
        async with asyncio.timeout(within_s):
            while not await condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        msg = f"did not happen within {within_s} s: {told()}"
        raise AssertionError(msg) from None


@asynccontextmanager
async def serving(site: web.Application, port: int) -> AsyncIterator[str]:
    """An aiohttp application on a loopback port, as the web process serves it."""
    async with listening(site, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def running(
    bridge: Bridge,
    redis_url: str,
    prefix: str,
    *,
    port: int = 0,
    limits: Limits = Limits(drain_s=1.0, sweep_s=0.1, tend_s=0.1),
    leases: Leases = Leases(),
    work: bool = True,
    adapted: Callable[[App], App] = lambda app: app,
) -> AsyncIterator[Running]:
    """Web and worker until the end of the block; ``adapted`` may give them parts of the test's own."""
    async with AsyncExitStack() as stack:
        app = adapted(await stack.enter_async_context(opened(bridge, redis_url, prefix=prefix, leases=leases)))
        site = application(app)
        url = await stack.enter_async_context(serving(site, port or free_port()))
        session = await stack.enter_async_context(ClientSession())
        lanes = Lanes(app, limits)
        tasks = background(app, lanes, limits) if work else []
        try:
            yield Running(url, session, lanes, app, site)
        finally:
            await lanes.drain()
            await end(tasks)


@asynccontextmanager
async def jelou_twin(webhook_url: str, **settings: Any) -> AsyncIterator[JelouTwin]:
    """A Jelou whose events go to ``webhook_url``."""
    async with JelouTwin(JelouSettings(**settings)) as twin:
        twin.integrate(webhook_url)
        yield twin
        await twin.settle()


# --- scenes ----------------------------------------------------------------------------------------------------------

KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
STANDARD_SECRET = f"whsec_{KEY}"


def zendesk_account(twin: ZendeskTwin, **changes: Any) -> dict[str, Any]:
    """The tests' Zendesk account, on the twin."""
    return {
        "project": PROJECT,
        "verification": {"secrets": [twin.settings.secret]},
        "access": {"base_url": twin.url, "email": twin.settings.email, "api_token": twin.settings.api_token},
        "start_when": [{"name": "all new"}],
        "initial_message": "Hola {{ requester.name }}: {{ ticket.subject }}",
        "assignment": [{"name": "vip", "when": {"tags": "vip"}, "to": {"type": "queue", "target": "VIP"}}],
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
        "write_back": {"field": "external_id", "tag": "jelou"},
        "calls_per_minute": 60_000,
    } | changes


def scripted_account(**changes: Any) -> dict[str, Any]:
    """A Standard Webhooks sender; nothing is written back."""
    return {
        "project": PROJECT,
        "verification": {"secrets": [STANDARD_SECRET]},
        "start_when": [{"name": "all new"}],
        "write_back": {"note": False},
    } | changes


@dataclass
class Scene:
    """Both twins and the bridge between them."""

    bridge: Running
    jelou: JelouTwin
    zendesk: ZendeskTwin

    async def scripted(
        self, ticket_id: str, *, message_id: str = "", account: str = "scripts", **ticket: Any
    ) -> tuple[int, dict[str, Any]]:
        """A ticket of a scripted sender, signed now."""
        requester = {"phone": ticket.pop("phone", "+593987654321")}
        told = {"ticket": {"id": ticket_id, **ticket}, "requester": requester}
        body = {"type": "ticket.created", "data": told}
        return await self.signed(body, message_id or f"msg-{ticket_id}", account)

    async def signed(
        self, body: dict[str, Any], message_id: str, account: str = "scripts"
    ) -> tuple[int, dict[str, Any]]:
        """Any body of a scripted sender, signed now."""
        raw, now_s = orjson.dumps(body), int(time.time())
        signature = standard_webhooks_signature(base64.b64decode(KEY), message_id, now_s, raw)
        headers = {"webhook-id": message_id, "webhook-timestamp": str(now_s), "webhook-signature": signature}
        return await self.bridge.post(f"/webhooks/helpdesks/standard-webhooks/{account}", raw, headers)

    async def start_elsewhere(self, user_id: str, **metadata: str) -> None:
        """A start that somebody else asks of Jelou."""
        url = f"{self.jelou.base_url}/{self.jelou.settings.project_id}/conversations/start"
        body = {"botId": self.jelou.settings.bot_id, "userId": user_id, "metadata": metadata}
        headers = {"x-api-key": self.jelou.settings.api_key}
        async with self.bridge.session.post(url, json=body, headers=headers) as answer:
            answer.raise_for_status()
        await self.jelou.settle()

    async def until_phase(self, ticket: str, *phases: str, kind: str = "", account: str = "") -> dict[str, Any]:
        """The trace of a ticket as soon as its link is in one of the phases and nothing is left to write."""
        kind, account = kind or "standard-webhooks", account or "scripts"
        return await self.bridge.traced(
            kind, account, ticket, lambda told: told["phase"] in phases and not told["to_write"]
        )


@asynccontextmanager
async def scene(
    redis_url: str,
    prefix: str,
    *,
    zendesk: dict[str, Any] | None = None,
    scripts: dict[str, Any] | None = None,
    jelou: dict[str, Any] | None = None,
    more_scripts: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    mark_keys: Any = (),
    **running_with: Any,
) -> AsyncIterator[Scene]:
    """A Zendesk, a scripted sender and a Jelou, with a bridge between them; ``zendesk`` and so on are changes.

    ``more_scripts`` are further scripted senders by name, each as its changes.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    desk = ZendeskTwin(ZendeskSettings(webhook_url=f"{url}/webhooks/helpdesks/zendesk/acme", time_scale=0.01))
    async with desk, jelou_twin(f"{url}/webhooks/jelou/{PROJECT}") as peer:
        bridge = configuration(
            project(peer, **(UNMEASURED | (jelou or {}))),
            {
                "zendesk": {"acme": zendesk_account(desk, **(zendesk or {}))},
                "standard-webhooks": {
                    name: scripted_account(**changes)
                    for name, changes in {"scripts": scripts or {}, **more_scripts}.items()
                },
            },
            mark_keys,
        )
        async with running(bridge, redis_url, prefix, port=port, **running_with) as run:
            yield Scene(run, peer, desk)
            await desk.settle()
