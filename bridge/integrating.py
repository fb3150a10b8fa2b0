"""Jelou's integration of one project made, shown, changed and removed; its secret made anew without losing an event.

The order is the point. The processes are told that a secret is being made, and have heard it before Jelou is asked;
the secret is kept the moment it is read, because Jelou never tells it again; then it is handed to the processes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge import jelou_integration as dialect
from bridge.errors import BridgeError, CallError, StoreUnavailable
from bridge.handover import HEARD_S
from bridge.rotations import Rotation, digest_of
from bridge.scripting import persistently

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from bridge.accounts import Project
    from bridge.domain import Call, Reply
    from bridge.jelou_integration import Integration, Operation
    from bridge.rotations import Rotations

    Keep = Callable[[str], None]

HAND_OVER_S = 10.0
"""How long Redis may take to take a secret, once there is one."""


@dataclass(frozen=True, slots=True)
class Made:
    """An integration with a new secret. ``until_ms``: so long the running processes accept old and new.

    0 where they were not told; ``unheard`` says why, where they were to be.
    """

    integration: Integration
    until_ms: int
    unheard: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What Jelou tells of an integration, and what Redis knows of its secrets: None where it does not answer."""

    integration: Integration
    rotation: Rotation | None


class Integrating:
    """The integration of one project. ``rotations`` is None where no process is to be told of anything."""

    def __init__(
        self,
        name: str,
        project: Project,
        send: Callable[[Call], Awaitable[Reply]],
        rotations: Rotations | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._name = name
        self._project = project
        self._send = send
        self._rotations = rotations
        self._now_ms = now_ms

    async def create(self, webhook_url: str, grace_ms: int, keep: Keep) -> Made:
        """Make it; ``keep`` gets its secret. Redis need not be there: usually nothing runs yet. Raises CallError."""
        try:
            await self._begin()
        except StoreUnavailable:
            self._rotations = None
        return await self._make("create", dialect.create_call(self._project, webhook_url), grace_ms, keep)

    async def rotate(self, grace_ms: int, keep: Keep) -> Made:
        """Make its secret anew; ``keep`` gets it. Raises StoreUnavailable before anything is done, and CallError."""
        await self._begin()
        return await self._make("rotate", dialect.rotate_call(self._project), grace_ms, keep)

    async def show(self) -> Shown:
        """Ask Jelou and Redis. Raises CallError."""
        found = await self._ask("show", dialect.show_call(self._project))
        rotation: Rotation | None = None
        if self._rotations:
            with suppress(StoreUnavailable):
                rotation = await self._rotations.known(self._name)
        return Shown(found, rotation)

    async def update(self, webhook_url: str, *, auth: bool) -> Integration:
        """Change where events go, and what Jelou presents with them. Raises CallError."""
        return await self._ask("update", dialect.update_call(self._project, webhook_url, auth=auth))

    async def delete(self) -> None:
        """Remove it, and what is known of its secrets. Raises CallError."""
        await self._ask("delete", dialect.delete_call(self._project))
        if self._rotations:
            with suppress(StoreUnavailable):
                await self._rotations.forget(self._name)

    async def _begin(self) -> None:
        if self._rotations:
            await self._rotations.begin(self._name)
            await asyncio.sleep(HEARD_S)

    async def _make(self, operation: Operation, call: Call, grace_ms: int, keep: Keep) -> Made:
        try:
            made = await self._ask(operation, call)
        except CallError as error:
            # Where nobody knows whether there is a new secret, events that none has signed go on being put off.
            if error.certain and self._rotations:
                with suppress(StoreUnavailable):
                    await self._rotations.give_up(self._name)
            raise
        keep(made.secret)
        return await self._handed_over(made, grace_ms)

    async def _handed_over(self, made: Integration, grace_ms: int) -> Made:
        """From here on Jelou has the new secret and it is kept: whatever goes wrong now is told, and raises nothing."""
        if self._rotations is None:
            return Made(made, 0)
        rotations, at_ms = self._rotations, self._now_ms()
        old = [one.get_secret_value() for one in self._project.signing_secrets]
        try:
            await persistently(lambda: rotations.hand_over(self._name, made.secret, old, at_ms, grace_ms), HAND_OVER_S)
        except BridgeError as error:
            return Made(made, 0, str(error))
        except ValueError:
            return Made(made, 0, "what Redis keeps of the secrets before cannot be read")
        return Made(made, at_ms + grace_ms)

    async def _ask(self, operation: Operation, call: Call) -> Integration:
        try:
            reply = await self._send(call)
        except CallError as error:
            raise dialect.unanswered(operation, error) from None
        return dialect.answered(operation, reply)


def warnings(name: str, project: Project, shown: Shown) -> Iterator[str]:
    """What of an integration does not fit to the configuration as it is read here."""
    told, rotation = shown.integration, shown.rotation
    if told.webhook_url and not told.webhook_url.endswith(f"/webhooks/jelou/{name}"):
        yield f"its webhook does not end in /webhooks/jelou/{name}: bridge integration update --url changes it"
    if told.auth_type and told.auth_type != project.webhook_auth.type:
        yield f"Jelou presents {told.auth_type}, and webhook_auth is {project.webhook_auth.type}: see update --auth"
    if rotation is None:
        yield "Redis does not answer: what the running processes know of its secrets is not known"
    known = {digest_of(one.get_secret_value()) for one in project.signing_secrets}
    if not known:
        yield "signing_secrets leads to no secret yet: events are refused"
    elif rotation and rotation.digest and rotation.digest not in known:
        yield "signing_secrets lacks the newest secret that was handed over: after the grace time, events are refused"
