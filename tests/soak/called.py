"""Afterwards: every call that the destinations with a pace saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.records import Called, Destination
from tests.soak.setup import CALLS_PER_S, DESK_CALLS

if TYPE_CHECKING:
    from tests.soak.setup import Account
    from tests.soak.world import World


async def paced(world: World) -> Destination:
    """The Jelou project at the default pace."""
    return Destination(f"jelou {world.setup.paced}", CALLS_PER_S, 1.0, await _calls(world, world.setup.paced))


async def paced_desks(world: World) -> tuple[Destination, ...]:
    """The helpdesk accounts on it."""
    accounts = [one for one in world.setup.accounts.values() if world.setup.paces(one)]
    return tuple([Destination(one.path, DESK_CALLS[one.kind], 60.0, await _at(world, one)) for one in accounts])


async def _at(world: World, account: Account) -> tuple[Called, ...]:
    if account.kind == "zendesk":
        return await _calls(world, account.name)
    return tuple(world.receiver.calls.get(account.name, ()))


async def _calls(world: World, twin: str) -> tuple[Called, ...]:
    return tuple(Called(**told) for told in await world.ask(twin, "GET", "/twin/calls"))
