"""A delivery that proved its sender and cannot be read: 400, kept, and never asked for again.

Whatever its reading raises, the same bytes would raise again: a 503 would bring them back for as long as the sender has
patience, and some senders switch a webhook off that fails so often. Only Redis being away is 503.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from bridge.errors import FAULT, StoreUnavailable, Unreadable, places
from bridge.unread import unread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bridge.domain import Delivery
    from bridge.signatures import Verification
    from bridge.wiring import App

CREDENTIALS: Final = frozenset({"authorization", "cookie"})


@asynccontextmanager
async def reading(app: App, delivery: Delivery, proofs: Iterable[Verification]) -> AsyncIterator[None]:
    """A block that reads a verified delivery. Raises Unreadable, its delivery kept, whatever was raised inside."""
    try:
        yield
    except Unreadable as error:
        error.delivery = await _kept(app, delivery, error, proofs)
        raise
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the same bytes raise it again
        # Not its text, nor a traceback that ends in it: what a reader stumbles upon is what a customer wrote.
        app.log.error("bug", sender=delivery.sender, error=type(error).__name__, at=places(error))  # noqa: TRY400
        refused = Unreadable("body", FAULT)
        refused.delivery = await _kept(app, delivery, refused, proofs)
        raise refused from None


async def _kept(app: App, delivery: Delivery, error: Unreadable, proofs: Iterable[Verification]) -> str:
    """The id under which the delivery can be looked at again; empty where it is not kept.

    Senders that never try again would leave nothing to look at. It costs the sender no answer if Redis is away.
    """
    delivery_id, hours = uuid4().hex, app.bridge.retention.unread_hours
    proven_by = {*CREDENTIALS, *(getattr(one, "header", "").lower() for one in proofs)}
    try:
        await app.store.unread.keep(unread(delivery, delivery_id, str(error), proven_by), hours)
    except StoreUnavailable:
        app.metrics.redis_failures.inc()
        return ""
    return delivery_id if hours else ""
