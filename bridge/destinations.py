"""Everything that the bridge calls, by its name at the gates. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol import helpdesk_destination, jelou_destination

if TYPE_CHECKING:
    from bridge.accounts import Bridge


def destinations(bridge: Bridge) -> list[str]:
    """All of them."""
    accounts = [f"{kind}/{name}" for kind, named in bridge.helpdesks.items() for name in named]
    return [*map(jelou_destination, bridge.jelou), *map(helpdesk_destination, accounts)]


def named(bridge: Bridge, name: str) -> list[str]:
    """What a person means by ``jelou``, ``jelou/soporte`` or ``zendesk/acme``; nothing where there is no such."""
    side, _, project = name.partition("/")
    if side == "jelou":
        return [jelou_destination(one) for one in bridge.jelou if project in {"", one}]
    kind, _, account = name.partition("/")
    return [helpdesk_destination(name)] if bridge.account(kind, account) else []
