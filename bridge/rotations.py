"""What the running processes are told of a project's signing secrets, in Redis: a new one works before any restart.

Jelou kills the old secret the moment it makes the new one, and whoever asked for it is the only one to know it. So the
secret is handed to all processes through Redis for a grace time, and goes from there by itself. What stays is when it
was made, a digest by which it is found in a configuration, and when an older one was last used.

Raises StoreUnavailable.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from bridge.scripting import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.scripting import Scripts

ROTATING_MS = 60_000
"""How long a rotation counts as under way when nobody says how it ended: longer than the call to Jelou."""

SECRETS_MOST = 6


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is known of a project's secrets. Times are Unix ms, 0 where it never happened.

    ``rotating``: a secret is being made just now. ``secrets``: handed over until ``until_ms``, the newest first; then
    those that were valid before it. ``digest`` is of the newest. Since it was made: ``old_used_ms``, when an event
    came that an older one had signed; ``lacked_ms``, when a process took one that its own configuration would refuse.
    """

    rotating: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)
    until_ms: int = 0
    rotated_ms: int = 0
    digest: str = ""
    old_used_ms: int = 0
    lacked_ms: int = 0


Use = Literal["old_used_ms", "lacked_ms"]
FIELDS = ("at_ms", "until_ms", "digest", "old_used_ms", "lacked_ms")


def digest_of(secret: str) -> str:
    """By which a secret is known without being told: keyed with the secret itself, so that none is found twice."""
    return hmac.digest(secret.encode(), b"bridge: signing secret of an integration", "sha256").hex()[:32]


class Rotations:
    """The rotations of one store's projects."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def _key(self, name: str, project: str) -> str:
        return f"{self._scripts.prefix}:{name}:{project}"

    def _guard(self, answer: Any) -> Any:
        return self._scripts.guard(answer)

    async def begin(self, project: str) -> None:
        """Note that a secret is about to be made: an event that none of the known ones signed is worth a wait."""
        await self._guard(self._scripts.redis.set(self._key("rotating", project), 1, px=ROTATING_MS))

    async def give_up(self, project: str) -> None:
        """No secret was made."""
        await self._guard(self._scripts.redis.delete(self._key("rotating", project)))

    async def hand_over(self, project: str, secret: str, old: Sequence[str], at_ms: int, grace_ms: int) -> None:
        """Hand a secret made at ``at_ms`` to all processes, for ``grace_ms``, beside those that were valid before it.

        Those are handed over too: a process that starts in that time may have a configuration without them.
        """
        before = await self.known(project)
        secrets = list(dict.fromkeys((secret, *old, *before.secrets)))[:SECRETS_MOST]
        until_ms = at_ms + grace_ms
        handed = orjson.dumps({"secrets": secrets, "until_ms": until_ms})
        rotated = {"at_ms": at_ms, "until_ms": until_ms, "digest": digest_of(secret)}
        async with self._scripts.redis.pipeline(transaction=True) as pipe:
            pipe.set(self._key("handed-over", project), handed, px=grace_ms)
            pipe.delete(self._key("rotated", project), self._key("rotating", project))
            pipe.hset(self._key("rotated", project), mapping=rotated)
            await self._guard(pipe.execute())

    async def known(self, project: str) -> Rotation:
        """What is known of the project's secrets, all of one moment."""
        async with self._scripts.redis.pipeline(transaction=True) as pipe:
            pipe.exists(self._key("rotating", project))
            pipe.get(self._key("handed-over", project))
            pipe.hmget(self._key("rotated", project), list(FIELDS))
            rotating, handed, (at_ms, until_ms, digest, old_used_ms, lacked_ms) = await self._guard(pipe.execute())
        return Rotation(
            rotating=bool(rotating),
            secrets=tuple(orjson.loads(handed).get("secrets", ())) if handed else (),
            until_ms=int(until_ms or 0),
            rotated_ms=int(at_ms or 0),
            digest=as_text(digest),
            old_used_ms=int(old_used_ms or 0),
            lacked_ms=int(lacked_ms or 0),
        )

    async def used(self, project: str, use: Use, at_ms: int) -> None:
        """Note when a secret was last used in this way."""
        await self._guard(self._scripts.redis.hset(self._key("rotated", project), use, str(at_ms)))

    async def forget(self, project: str) -> None:
        """Forget all of it: the integration is gone."""
        keys = [self._key(name, project) for name in ("rotating", "handed-over", "rotated")]
        await self._guard(self._scripts.redis.delete(*keys))
