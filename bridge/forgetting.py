"""Forgetting a person or a ticket: what is found is shown, then removed. For the command line and the API.

Redis alone is emptied: Jelou and the helpdesk keep what is theirs, and the logs hold ids. Nothing is waited for. A
ticket in a worker's hands is taken away from it: what it has not sent yet is not sent, and what comes of a start that
is out already is written nowhere. Such a conversation may begin in Jelou; its events are accepted and not kept.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from bridge.domain import TicketRef
from bridge.errors import BridgeError
from bridge.links import IN_FLIGHT, Link
from bridge.phones import person_key, phone, spellings
from bridge.protocol import Keep, Whom
from bridge.unasked import KIND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from bridge.accounts import Bridge
    from bridge.pages import Place
    from bridge.protocol import Trail, Trails
    from bridge.store import Store

DAY_MS = 86_400_000

ORPHANS_READ = 100
"""At a time: one has at most a quarter of a megabyte."""


class AmbiguousTicketError(BridgeError):
    """Several accounts have a ticket of this id: say which."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Works on one store."""

    store: Store
    bridge: Bridge

    async def whom(self, *, user: str = "", ticket: str = "") -> Whom:
        """Whose traces are meant. Raises AmbiguousTicketError."""
        if ticket:
            return Whom(tickets=tuple(await self._ticket(ticket)))
        return await self._again(Whom(people=people_of(self.bridge, user)))

    async def _again(self, whom: Whom) -> Whom:
        """The same, with the orphans of the people as they are now."""
        return replace(whom, orphans=tuple([one async for one in self._orphans(whom.people)]))

    async def preview(self, whom: Whom) -> dict[str, Any]:
        """What would go, without anything of the person's.

        ``{tickets: [{ticket, phase, held, start_may_be_out, events, entries, dead_letters}], more, orphans}``: of many
        tickets some are shown, and ``more`` says how many are not. ``events`` wait, ``entries`` are the timeline's.
        """
        return _told(await self.store.removals.forget(whom, keeping(self.bridge), preview=True))

    async def forget(self, whom: Whom) -> dict[str, Any]:
        """Remove all of it, and tell it as ``preview`` does. Repeating it finds nothing.

        What comes while it runs goes as well: it is looked again until nothing is found. What comes later in a
        conversation that was an orphan is accepted and not kept.
        """
        keep = keeping(self.bridge)
        gone: list[Trails] = []
        while not gone or gone[-1].tickets or gone[-1].orphans:
            gone.append(await self.store.removals.forget(await self._again(whom), keep, preview=False))
        return _told(*gone)

    async def _ticket(self, text: str) -> list[str]:
        """The one ticket of this name: an id, account/id or kind/account/id."""
        whom = Whom(tickets=tuple(names_of(self.bridge, text)))
        found = await self.store.removals.forget(whom, keeping(self.bridge), preview=True)
        if found.tickets > 1:
            raise AmbiguousTicketError(f"several are named so: {', '.join(one.ticket for one in found.shown)}")
        return [one.ticket for one in found.shown]

    async def _orphans(self, people: Sequence[tuple[str, tuple[str, ...]]]) -> AsyncIterator[tuple[str, str, str]]:
        """Those of one of the people: each is read, a page at a time."""
        for project in self.bridge.jelou:
            users = {
                person_key(person) for person, accounts in people if not accounts or project in self._projects(accounts)
            }
            after: Place | None = None
            while users and (page := await self.store.records.orphans(project, after, ORPHANS_READ)):
                for place, texts in page:
                    events = [orjson.loads(orjson.loads(text)[2]).get("event", {}) for text in texts]
                    if any(person_key(event.get("user_id", "")) in users for event in events):
                        yield project, place.name, next((one.get("conversation_id", "") for one in events), "")
                after = page[-1][0]

    def _projects(self, accounts: Sequence[str]) -> set[str]:
        found = (self.bridge.account(*account.split("/")) for account in accounts)
        return {account.project for account in found if account}


def keeping(bridge: Bridge) -> Keep:
    """The configured retention as the store takes it."""
    kept = bridge.retention
    accounts = [account for named in bridge.helpdesks.values() for account in named.values()]
    return Keep(
        ended={
            "closed": _ms(kept.closed_days),
            "failed": _ms(kept.failed_days),
            "ignored": _ms(kept.ignored_days),
            "heard": _ms(kept.ignored_days),
        },
        letters=_ms(kept.dead_letters_days),
        orphans=_ms(kept.orphans_days),
        tombstones=_ms(kept.tombstones_days),
        in_flight=max((int(account.unknown_start.wait_s * 1000) for account in accounts), default=1),
    )


def _ms(days: float) -> int:
    return round(days * DAY_MS)


def people_of(bridge: Bridge, user: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The Jelou ids that a person may have who is called so, each with the accounts it holds for (none: all).

    A number without its country is read as each account reads it, and then means that account's tickets alone.
    """
    found: dict[str, set[str]] = {}
    for kind, named in bridge.helpdesks.items():
        for name, account in named.items():
            for region in account.user_id.regions():
                names = (f"{kind}/{name}", f"{KIND}/{account.project}")
                found.setdefault(phone(user, region), set()).update(names)
    anywhere = {user.strip(), phone(user, None)}
    people = {**{person: tuple(sorted(accounts)) for person, accounts in found.items()}, **dict.fromkeys(anywhere, ())}
    spelt = {spelling: accounts for person, accounts in people.items() for spelling in spellings(person)}
    return tuple(spelt.items())


def names_of(bridge: Bridge, text: str) -> Iterator[str]:
    """The tickets that may be named so: kind/account/id as it is shown, account/id, or an id, with a slash perhaps."""
    with suppress(ValueError):
        yield str(TicketRef.parse(text))
    accounts = [(kind, name) for kind, named in bridge.helpdesks.items() for name in named]
    of = [one for one in accounts if text.startswith(f"{one[1]}/")]
    for kind, name in of or accounts:
        yield str(TicketRef(kind, name, text.removeprefix(f"{name}/") if of else text))


def _told(*found: Trails) -> dict[str, Any]:
    trails = [trail for one in found for trail in one.shown]
    return {
        "tickets": [_trail(trail) for trail in trails],
        "more": sum(one.tickets for one in found) - len(trails),
        "orphans": sum(one.orphans for one in found),
    }


def _trail(trail: Trail) -> dict[str, Any]:
    """Without anything of the person's."""
    phase = Link.load(trail.state).phase
    return {
        "ticket": trail.ticket,
        "phase": phase.value,
        "held": trail.held,
        "start_may_be_out": phase in IN_FLIGHT,
        "events": trail.events,
        "entries": trail.entries,
        "dead_letters": trail.letters,
    }
