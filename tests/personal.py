"""A ticket full of what is to be forgotten, and a look for what is left of it anywhere in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tests.steps import PROJECT

if TYPE_CHECKING:
    from bridge.protocol import Claimed
    from tests.steps import Steps

PHONE = "593987001234"
TICKET = "zendesk/acme/T-4711"
PERSONAL = (PHONE, "T-4711", "mariposa", "c-77", "r-77")


async def opened(steps: Steps, ticket: str = TICKET, **of: str) -> Claimed:
    """The ticket, just opened and in a worker's hands; full of what is to be forgotten."""
    await steps.accept("mariposa", ticket=ticket, fact="opened mariposa", person=PHONE, **of)
    [claimed] = (await steps.claim()).tickets
    return claimed


async def left(steps: Steps) -> list[str]:
    """What of the person is still to be found, in any key or value."""
    everything = await steps.everything()
    return [word for word in PERSONAL if word in everything]


def named(**how: Any) -> dict[str, Any]:
    """A finish that names everything."""
    who = {"room": f"{PROJECT}:r-77", "contact": f"{PROJECT}:1:b:{PHONE}", "person": PHONE}
    return {"adopt": ("c-77",), "open": True, "release": True, "entries": ("mariposa",), **who, **how}


def evidence(conversation: str) -> str:
    """A start event as it is stored."""
    return orjson.dumps({"event": {"project": PROJECT, "conversation_id": conversation, "user_id": PHONE}}).decode()
