"""How the starts of each account do: running or paused, the hour's cap, what waits and why.

Every sentence says what is paused and what is not: tickets are accepted, and conversations that have begun go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.brake import moment, told
from bridge.protocol import helpdesk_destination, jelou_destination
from bridge.start_waits import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.accounts import Bridge
    from bridge.brake import Brakes, Pause, WaitingStarts
    from bridge.protocol import Breaker
    from bridge.store import Store

PAUSED = (
    "No new conversation is started. Tickets are accepted and wait; conversations that have begun go on, with messages "
    "and closes; a start call that is on its way is not called back."
)
OLD_WORKERS = "Workers of a version before this one, during an upgrade, keep pauses but do not know this limit."

WARNED_MOST = 20
"""So many accounts are named among the warnings; the others are counted."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account's starts: ``started`` of ``cap`` in this hour; ``jelou``, ``helpdesk``: why they are not called."""

    account: str
    project: str
    cap: int
    started: int
    pause: Pause | None
    waiting: tuple[WaitingStarts, ...]
    jelou: Breaker | None
    helpdesk: Breaker | None

    @property
    def count(self) -> int:
        """How many starts wait."""
        return sum(one.count for one in self.waiting)

    @property
    def oldest_ms(self) -> int:
        """For how long the first of them does."""
        return max((one.oldest_ms for one in self.waiting), default=0)


@dataclass(frozen=True, slots=True)
class States:
    """What holds starts back in all, and how each account does."""

    brakes: Brakes
    accounts: tuple[AccountState, ...]


async def account_states(store: Store, bridge: Bridge) -> States:
    """As it is now. Reads only. Raises StoreUnavailable."""
    named = {f"{kind}/{name}": one for kind, accounts in bridge.helpdesks.items() for name, one in accounts.items()}
    brakes, (waiting, started) = await store.brake.brakes(), await store.brake.waiting(list(named))
    destinations = [*map(jelou_destination, bridge.jelou), *map(helpdesk_destination, named)]
    by_account: dict[str, list[WaitingStarts]] = {}
    for one in waiting:
        by_account.setdefault(one.account, []).append(one)
    broken = {breaker.destination: breaker for breaker in await store.breakers(destinations)}
    return States(
        brakes,
        tuple(
            AccountState(
                account=name,
                project=account.project,
                cap=account.starts_per_hour,
                started=started[name],
                pause=brakes.of(name),
                waiting=tuple(by_account.get(name, ())),
                jelou=broken.get(jelou_destination(account.project)),
                helpdesk=broken.get(helpdesk_destination(name)),
            )
            for name, account in named.items()
        ),
    )


# --- in words --------------------------------------------------------------------------------------------------------


def waiting_now(waiting: Sequence[WaitingStarts]) -> str:
    """How many starts wait now, by account."""
    counts: dict[str, int] = {}
    for one in waiting:
        counts[one.account] = counts.get(one.account, 0) + one.count
    listed = ", ".join(f"{account} {count}" for account, count in sorted(counts.items()))
    return f"waiting now: {listed}" if listed else "no start waits now"


def of_all(brakes: Brakes) -> Iterator[str]:
    """What holds back the starts of all accounts."""
    if brakes.every:
        yield f"all starts are paused{told(brakes.every)}: bridge resume --all lets them go on"
    if brakes.limit:
        limit = brakes.limit
        many = f"{limit.per_minute} conversation{'s' * (limit.per_minute != 1)} a minute"
        yield (
            f"at most {many} are started for all accounts together until {moment(limit.until_ms)}, "
            f"set{told(limit)}: bridge start-limit off ends it"
        )


def warnings(brakes: Brakes, waiting: Sequence[WaitingStarts]) -> Iterator[str]:
    """What a person should know of who looks whether all is well."""
    yield from of_all(brakes)
    by_name = [name for name in brakes.accounts if brakes.own(name)]
    for name in sorted(by_name)[:WARNED_MOST]:
        yield f"starts of {name} are paused{told(brakes.accounts[name])}: bridge resume {name} lets them go on"
    if len(by_name) > WARNED_MOST:
        yield f"{len(by_name) - WARNED_MOST} more accounts are paused: bridge accounts"
    late = sorted((one for one in waiting if one.late), key=lambda one: -one.oldest_ms)
    yield from map(_late, late[:WARNED_MOST])
    if len(late) > WARNED_MOST:
        yield f"{sum(one.late for one in late[WARNED_MOST:])} more starts wait longer than 2 minutes: bridge accounts"


def _late(one: WaitingStarts) -> str:
    which = f"{one.late} starts of {one.account} wait" if one.late > 1 else f"a start of {one.account} waits"
    return f"{which} longer than 2 minutes, the first for {age(one.oldest_ms)}: {WORDS[one.cause]}"


def age(ms: int) -> str:
    """A time for people: 40 s, 37 min, 5 h, 3 d."""
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min")):
        if ms >= 2 * size:
            return f"{ms // size} {unit}"
    return f"{ms // 1_000} s"
