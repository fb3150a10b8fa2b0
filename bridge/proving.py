"""Whether an event is Jelou's: by the configured secrets, and around a rotation by those that were handed over.

Where no secret fits and Redis cannot be asked, the answer is 503 and not 401: the event may be signed with a secret
that only Redis knows, and Jelou, which promises no retry at all, would take a 401 for the last word. It tells a
stranger no more than a genuine delivery's 503 at that moment, and Redis is asked once a second at most.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from bridge import jelou
from bridge.errors import SignatureRejected, StoreUnavailable
from bridge.rotations import digest_of
from bridge.signatures import check_head, jelou_signed, verify
from bridge.waiting_room import WaitingRoom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.accounts import Project
    from bridge.domain import Delivery, Verified
    from bridge.rotations import Rotation, Use
    from bridge.waiting_room import Place
    from bridge.wiring import App

SIGNATURE = "x-jelou-signature"
"""Without it, it is nobody's event: nothing is asked or waited for."""

WAIT_S = 5.0
"""How long an event may wait for the secret that is being made: a call to Jelou's API, within its patience for us."""

POLL_S = 0.1
NOTED_S = 60.0


class Proving:
    """The proofs of one web process. ``later`` runs what the sender need not wait for."""

    def __init__(self, app: App, later: Callable[[Awaitable[None]], None]) -> None:
        self._app = app
        self._later = later
        self._room = WaitingRoom()
        self._waiting: Counter[str] = Counter()
        self._lookouts: dict[str, asyncio.Task[Rotation | StoreUnavailable]] = {}
        self._noted: dict[tuple[str, Use], tuple[str, float]] = {}

    @property
    def waiting(self) -> int:
        """How many events wait for a secret that is being made."""
        return self._waiting.total()

    def check_head(self, head: Delivery, project: Project) -> None:
        """Raises SignatureRejected where the head alone shows that Jelou did not send it."""
        for one in jelou.verifications(project):
            check_head(head, one, self._app.now_ms())

    async def verified(self, delivery: Delivery, name: str, project: Project) -> Verified:
        """Proof that Jelou sent it. Raises SignatureRejected, and StoreUnavailable where nobody can know."""
        signature, *presented = jelou.verifications(project)
        now_ms = self._app.now_ms()
        for one in presented:
            verify(delivery, one, now_ms)
        configured = True
        try:
            proof = verify(delivery, signature, now_ms)
        except SignatureRejected as refused:
            if SIGNATURE not in delivery.headers:
                raise
            configured = False
            proof = await self._by_handed_over(delivery, name, project, refused)
        known = self._app.handover.fresh(name)
        if known is None or known.secrets:
            self._later(self._note(delivery, name, configured=configured))
        return proof

    async def _by_handed_over(
        self, delivery: Delivery, name: str, project: Project, refused: SignatureRejected
    ) -> Verified:
        known = await self._app.handover.known(name)
        proof = self._proof(delivery, known.secrets)
        if proof is None and known.rotating:
            proof = await self._awaited(delivery, name)
        if proof is None:
            raise SignatureRejected(f"{refused}{_lacks(project, known)}")
        return proof

    async def _awaited(self, delivery: Delivery, name: str) -> Verified | None:
        """The proof as soon as the secret that is being made is handed over; None where the rotation ends without."""
        self._waiting[name] += 1
        try:
            with self._room.place(delivery.body) as place:
                async with asyncio.timeout(WAIT_S):
                    return await self._looked_for(delivery, name, place)
        except TimeoutError:
            raise StoreUnavailable(ROTATING) from None
        finally:
            self._waiting[name] -= 1

    async def _looked_for(self, delivery: Delivery, name: str, place: Place) -> Verified | None:
        while True:
            looking = self._looking_out(name)
            either: set[asyncio.Future[Any]] = {looking, place.gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not looking.done():
                raise StoreUnavailable(ROTATING)
            known = looking.result()
            if isinstance(known, StoreUnavailable):
                raise StoreUnavailable(str(known))
            proof = self._proof(delivery, known.secrets)
            if proof or not known.rotating:
                return proof

    def _looking_out(self, name: str) -> asyncio.Task[Rotation | StoreUnavailable]:
        """What is known of the project's secrets when it has changed: one look-out for all who wait."""
        looking = self._lookouts.get(name)
        if looking is None or looking.done():
            looking = self._lookouts[name] = asyncio.create_task(self._look_out(name))
        return looking

    async def _look_out(self, name: str) -> Rotation | StoreUnavailable:
        try:
            first = known = await self._app.handover.known(name, POLL_S)
            while self._waiting[name] and known.rotating and known.secrets == first.secrets:
                await asyncio.sleep(POLL_S)
                known = await self._app.handover.known(name, POLL_S)
        except StoreUnavailable as error:
            return error
        return known

    def _proof(self, delivery: Delivery, secrets: Sequence[str]) -> Verified | None:
        try:
            return verify(delivery, jelou_signed(secrets), self._app.now_ms()) if secrets else None
        except SignatureRejected:
            return None

    async def _note(self, delivery: Delivery, name: str, *, configured: bool) -> None:
        """Count what an older secret has signed, or one that is not configured; note it about once a minute."""
        try:
            known = await self._app.handover.known(name)
            is_newest = self._proof(delivery, known.secrets[:1]) is not None
            if known.secrets and not (is_newest and configured):
                await self._used(delivery, name, known, "lacked_ms" if is_newest else "old_used_ms")
        except StoreUnavailable:
            self._app.metrics.redis_failures.inc()

    async def _used(self, delivery: Delivery, name: str, known: Rotation, use: Use) -> None:
        metrics = self._app.metrics
        (metrics.unconfigured_secret if use == "lacked_ms" else metrics.old_secret).inc()
        digest, at_s = self._noted.get((name, use), ("", 0.0))
        if digest != known.digest or self._app.monotonic() - at_s >= NOTED_S:
            self._noted[name, use] = (known.digest, self._app.monotonic())
            self._app.log.warning(WORDS[use], sender=delivery.sender)
            await self._app.store.rotations.used(name, use, delivery.received_ms)


def _lacks(project: Project, known: Rotation) -> str:
    """For our log: the likely reason, where the grace time of a rotation has passed and nothing was configured."""
    digests = {digest_of(secret.get_secret_value()) for secret in project.signing_secrets}
    return "; the configuration lacks the newest secret" if known.digest and known.digest not in digests else ""


WORDS: dict[Use, str] = {
    "old_used_ms": "signed with an old secret",
    "lacked_ms": "signed with a secret that is not configured",
}
ROTATING = "the signing secret is being made anew"
