"""What a person does about orphans, events of Jelou's that found no ticket: list, claim, discard.

An orphan is named by a short id of its own: where its events tell no conversation, the store knows it by the person's
number, and that is for no list, path or log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from bridge.correlate import lane_name
from bridge.decisions import Decision
from bridge.domain import TicketRef
from bridge.errors import Changed, NotThere, Unreadable
from bridge.pages import MOST, Page, Place, place, spelled
from bridge.phones import spellings
from bridge.timeline import entry, masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.desk import Desk


LAST = "\U0010ffff"
"""Behind every name."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """The events that wait under one ``name`` in the store. ``conversation`` is empty where they tell none.

    ``people`` are whose they are, by their ids at Jelou.
    """

    id: str
    project: str
    name: str
    conversation: str
    since_ms: int
    events: tuple[str, ...]
    contact: str
    people: tuple[str, ...] = field(default=(), repr=False)


def orphan_id(project: str, name: str) -> str:
    """The id of an orphan."""
    return sha256(f"orphan|{project}|{name}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class LostAndFound:
    """The orphans, at somebody's desk."""

    desk: Desk

    async def orphans(self, project: str = "", *, after: str = "", most: int = MOST) -> Page[Orphan]:
        """The orphans of one project or all, newest first; those of one moment by their ids."""
        begin, found = place(after), list[Orphan]()
        for name in [project] if project else list(self.desk.bridge.jelou):
            found += await self._behind(name, begin, most)
        found.sort(key=_place, reverse=True)
        kept = found[:most]
        return Page(kept, spelled(_place(kept[-1])) if len(found) > most else "")

    async def _behind(self, project: str, begin: Place | None, most: int) -> list[Orphan]:
        """Over ``most`` of those behind ``begin``, or all.

        The store has those of one moment in the order of their names, which are for no address, so a moment is read
        whole.
        """
        found = list[Orphan]()
        at = Place(begin.at_ms, LAST) if begin else None
        while told := await self.desk.records.orphans(project, at, most + 1):
            at = told[-1][0]
            read = [_orphan(project, one, texts) for one, texts in told]
            found += [orphan for orphan in read if begin is None or _place(orphan) < begin]
            if len(found) > most and at.at_ms < found[most].since_ms:
                break
        return found

    async def orphan(self, wanted: str, project: str = "") -> Orphan:
        """The orphan of this id or conversation. Raises NotThere, with what was decided about it."""
        for one in [project] if project else self.desk.bridge.jelou:
            for name in await self.desk.records.orphan_names(one):
                if wanted in {name, orphan_id(one, name)}:
                    return await self._read(one, name)
        why = await self.desk.decided(wanted)
        raise NotThere(f"there is no orphan {wanted}{f': {why}' if why else ''}")

    async def _read(self, project: str, name: str) -> Orphan:
        texts = await self.desk.records.orphan(project, name)
        return _orphan(project, Place(0, name), texts)

    async def claim(self, orphan: Orphan, ticket: str) -> str:
        """Say whose it is: its events go to that ticket. Raises NotThere, Changed, and Unreadable for no ticket."""
        ref = self._ticket(orphan.project, ticket)
        told = entry(self.desk.now_ms(), "claimed", conversation=orphan.conversation, by=self.desk.by)
        verdict, detail = await self.desk.records.claim_orphan(
            orphan.project,
            orphan.name,
            str(ref),
            lane_name(ref, orphan.project),
            told,
            self._about(orphan, "claimed", ticket=str(ref)),
            orphan.people,
        )
        if verdict == "gone":
            await self._gone(orphan)
        if verdict == "removed":
            raise Changed(f"what was kept of {ref} has been removed")
        if verdict == "taken":
            raise Changed(f"{orphan.conversation or orphan.id} is the conversation of {detail}")
        if detail:
            await self.desk.wake(detail)
        return f"{orphan.conversation or orphan.id} belongs to {ref} now"

    def _ticket(self, project: str, ticket: str) -> TicketRef:
        try:
            ref = TicketRef.parse(ticket)
        except ValueError:
            raise Unreadable("ticket", "is not kind/account/id") from None
        account = self.desk.bridge.account(ref.kind, ref.account)
        if account is None or account.project != project:
            raise Unreadable("ticket", f"is of no account on the project {project}")
        return ref

    async def discard(self, orphan: Orphan, reason: str) -> None:
        """Forget its events; the reason stays among the decisions. Raises NotThere, Changed."""
        decision = self._about(orphan, "discarded", reason=reason)
        verdict = await self.desk.records.discard_orphan(
            orphan.project, orphan.name, len(orphan.events), decision, orphan.people
        )
        if verdict == "gone":
            await self._gone(orphan)
        if verdict == "changed":
            raise Changed(f"more has come for {orphan.conversation or orphan.id}; look again")

    async def _gone(self, orphan: Orphan) -> None:
        why = await self.desk.decided(orphan.id)
        raise NotThere(f"there is no orphan {orphan.id}{f': {why}' if why else ''}")

    def _about(self, orphan: Orphan, what: str, *, ticket: str = "", reason: str = "") -> Decision:
        return Decision(
            id=orphan.id,
            thing="orphan",
            what=what,
            at_ms=self.desk.now_ms(),
            by=self.desk.by,
            ticket=ticket,
            about=f"{orphan.project} {orphan.conversation or 'contact ' + orphan.contact}",
            because=", ".join(orphan.events),
            reason=reason,
        )


def _place(orphan: Orphan) -> Place:
    return Place(orphan.since_ms, orphan.id)


def _orphan(project: str, one: Place, texts: Sequence[bytes]) -> Orphan:
    events: list[dict[str, Any]] = [orjson.loads(orjson.loads(text)[2]) for text in texts]

    def first(field: str) -> str:
        return next((found for told in events if (found := told.get("event", {}).get(field, ""))), "")

    return Orphan(
        id=orphan_id(project, one.name),
        project=project,
        name=one.name,
        conversation=first("conversation_id"),
        since_ms=one.at_ms,
        events=tuple(told.get("type", "") for told in events),
        contact=masked(first("user_id")),
        people=tuple(sorted({one for told in events for one in spellings(told.get("event", {}).get("user_id", ""))})),
    )
