"""A bridge's webhooks, and what their senders post to them: signed now, by the secrets of the recordings."""

from __future__ import annotations

import asyncio
import base64
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from bridge import jelou
from bridge.accounts import Bridge
from bridge.helpdesks import REGISTRY
from bridge.signatures import standard_webhooks_signature
from tests.harness import API_TOKEN, DEADLINE_S, KEY, PROJECT, running
from tests.helpdesk_recordings import recordings_of
from tests.senders import Proof, delivered, prove
from tests.twin_callers import RECORDINGS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.signatures import Verification
    from tests.harness import Running

ACCOUNT = "main"
GUARDED = "guarded"
"""The project whose events present a bearer token besides their signature."""

JELOU = {"project_id": "p", "bot_id": "b", "api_key": "k", "signing_secrets": ["jelou-new", "jelou-old"]}


def bridge(**changes: Any) -> Bridge:
    """Every kind of helpdesk with one account, and two projects."""
    bearer = {"type": "bearer", "token": "jelou-token"}
    accounts = {
        kind: {ACCOUNT: dialect.settings.model_validate({**recordings_of(kind).section, "project": PROJECT})}
        for kind, dialect in REGISTRY.items()
    }
    told = {"jelou": {PROJECT: JELOU, GUARDED: {**JELOU, "webhook_auth": bearer}}, "helpdesks": accounts}
    return Bridge.model_validate({**told, "api": {"tokens": [API_TOKEN]}, **changes})


@dataclass(frozen=True)
class Sender:
    """Who posts to one webhook: where, a genuine body, and what proves it."""

    path: str
    body: bytes
    verifications: tuple[Verification, ...]

    def headers(
        self, body: bytes | None = None, *, secret: int = 0, off_s: float = 0.0, change: Callable[[str], str] = str
    ) -> dict[str, str]:
        """The headers of a delivery, each credential changed; ``off_s`` is how far its clock is from ours."""
        delivery = delivered(self.body if body is None else body)
        for proof in self._proofs(delivery.body, secret, off_s):
            delivery = proof.on(delivery, change)
        return {"content-type": "application/json", **delivery.headers}

    def credentials(self) -> list[str]:
        """The names of the headers that prove a delivery."""
        return [proof.credential[0] for proof in self._proofs(b"{}", 0, 0.0)]

    def _proofs(self, body: bytes, secret: int, off_s: float) -> list[Proof]:
        now_ms = int((time.time() + off_s) * 1000)
        known = [min(secret, _secrets(verification) - 1) for verification in self.verifications]
        return [
            prove(delivered(body), verification, now_ms=now_ms, secret=number)
            for verification, number in zip(self.verifications, known, strict=True)
        ]


def _secrets(verification: Verification) -> int:
    for name in ("secrets", "tokens", "passwords"):
        if hasattr(verification, name):
            return len(getattr(verification, name))
    return 1


def _helpdesk(kind: str) -> Sender:
    account = bridge().helpdesks[kind][ACCOUNT]
    path = f"/webhooks/helpdesks/{kind}/{ACCOUNT}"
    return Sender(path, recordings_of(kind).opening, (REGISTRY[kind].verification(account),))


def _jelou(project: str) -> Sender:
    body = (RECORDINGS / "jelou" / "webhook.conversation.start.full.json").read_bytes()
    return Sender(f"/webhooks/jelou/{project}", body, tuple(jelou.verifications(bridge().jelou[project])))


SENDERS: dict[str, Sender] = {kind: _helpdesk(kind) for kind in REGISTRY} | {
    "jelou": _jelou(PROJECT),
    "jelou with a token": _jelou(GUARDED),
}


@dataclass(frozen=True)
class Answer:
    """An answer of the bridge's."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, read."""
        return cast("dict[str, Any]", orjson.loads(self.body))


async def post(run: Running, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> Answer:
    """Send a request; redirects are not followed."""
    async with run.session.request(method, run.url + path, data=body, headers=headers, allow_redirects=False) as told:
        return Answer(told.status, {name.lower(): value for name, value in told.headers.items()}, await told.read())


async def deliver(run: Running, name: str, body: bytes | None = None, **proof: Any) -> Answer:
    """Post what this sender posts."""
    sender = SENDERS[name]
    return await post(run, sender.path, sender.body if body is None else body, sender.headers(body, **proof))


async def post_script(run: Running, body: bytes, message_id: str = "m") -> Answer:
    """Post what the scripted sender of ``tests.harness`` signs, whatever bytes it is."""
    now_s = int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": standard_webhooks_signature(base64.b64decode(KEY), message_id, now_s, body),
    }
    return await post(run, "/webhooks/helpdesks/standard-webhooks/scripts", body, headers)


async def get(run: Running, path: str, token: str = "") -> Answer:
    """Ask the bridge."""
    return await post(run, path, b"", {"authorization": f"Bearer {token}"} if token else {}, "GET")


async def exchange(
    run: Running, *parts: bytes, within_s: float = DEADLINE_S, sent: asyncio.Event | None = None
) -> Answer:
    """Send raw bytes, part by part, and read one answer; status 0 where none comes in time.

    ``sent`` is set when the bridge has had all of them.
    """
    host, port = run.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(within_s):
            for part in parts:
                writer.write(part)
                await writer.drain()
                # A request in between, so that the parts arrive apart.
                await get(run, "/live")
            if sent:
                sent.set()
            return await _answer(reader)
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        return Answer(0, {}, b"")
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    return Answer(int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def listening(redis_url: str, prefix: str, **changes: Any) -> AsyncIterator[Running]:
    """The web process alone, on every webhook."""
    async with running(bridge(**changes), redis_url, prefix, work=False) as run:
        yield run
