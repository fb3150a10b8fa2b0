"""What a person does about dead letters: look, preview, replay, discard. For the command line and the API.

Everything is safe to do twice: the second time finds that there is nothing to do, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge import letters, stored, unasked
from bridge.decisions import Decision
from bridge.domain import TicketRef
from bridge.errors import Changed, NotThere
from bridge.letters import NOTHING, Replay
from bridge.links import Link
from bridge.pages import MOST, Page, place, spelled
from bridge.requesters import SAME_PERSON
from bridge.timeline import entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from bridge.accounts import Bridge
    from bridge.letters import Letter
    from bridge.pages import Place
    from bridge.records import Records

LOOKED_AT_MOST = 5_000
"""So many letters are looked at for one page, so that a filter that matches nothing ends soon."""

STEP = 100

GIVEN_UP_ANEW = "{} was given up anew; look again"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters: all of what is given must match. ``ticket`` is an id or a whole name, ``reason`` a part of it."""

    account: str = ""
    ticket: str = ""
    reason: str = ""

    def matches(self, letter: Letter) -> bool:
        """Whether this one is wanted."""
        return (
            letter.ticket.startswith(f"{self.account}/" if self.account else "")
            and (not self.ticket or self.ticket in {letter.ticket, TicketRef.parse(letter.ticket).id})
            and self.reason.lower() in letter.reason.lower()
        )


@dataclass(frozen=True, slots=True)
class Done:
    """A letter, and what was done with it or would be."""

    letter: Letter
    told: Replay


def _read(state: bytes) -> Link | None:
    """The link, where this version can act upon it."""
    try:
        link = Link.load(state)
    except (ValueError, TypeError, KeyError):
        return None
    return link if stored.is_known(link.phase) else None


async def _told(step: Awaitable[Replay]) -> Replay:
    try:
        return await step
    except Changed as error:
        return Replay(NOTHING, f"nothing done: {error}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Works on one store's records. ``wake`` sends a job for a lane, ``by`` is who sits there, for those who ask later.

    ``after`` is where an earlier page ended.
    """

    records: Records
    bridge: Bridge
    wake: Callable[[str], Awaitable[None]]
    now_ms: Callable[[], int]
    by: str = ""

    # -- looking ------------------------------------------------------------------------------------------------------

    async def dead_letters(self, wanted: Wanted = Wanted(), *, after: str = "", most: int = MOST) -> Page[Letter]:
        """The letters, newest first, that match. A page may hold fewer than ``most`` and not be the last."""
        found: list[Letter] = []
        last, looked = "", 0
        async for one, letter in self._letters(place(after)):
            if len(found) == most or looked == LOOKED_AT_MOST:
                return Page(found, last)
            last, looked = spelled(one), looked + 1
            found += [letter] if wanted.matches(letter) else []
        return Page(found)

    async def every(self, wanted: Wanted) -> list[Letter]:
        """All that match, page by page."""
        page = await self.dead_letters(wanted, most=LOOKED_AT_MOST)
        found = page.items
        while page.after:
            page = await self.dead_letters(wanted, after=page.after, most=LOOKED_AT_MOST)
            found += page.items
        return found

    async def _letters(self, after: Place | None) -> AsyncIterator[tuple[Place, Letter]]:
        while told := await self.records.letters(after, STEP):
            for one, text in told:
                yield one, letters.Letter.load(text)
            after = told[-1][0]

    async def letter(self, letter_id: str) -> Letter:
        """One letter. Raises NotThere, with what was decided about it."""
        text = await self.records.letter(letter_id)
        if text is None:
            why = await self.decided(letter_id)
            raise NotThere(f"there is no dead letter {letter_id}{f': {why}' if why else ''}")
        return letters.Letter.load(text)

    async def decided(self, thing_id: str) -> str:
        """What was decided about a letter or orphan, in words; empty where nothing was, or too long ago."""
        text = await self.records.decision(thing_id)
        return Decision.load(text).in_words() if text else ""

    async def decisions(self, *, thing: str = "", after: str = "", most: int = MOST) -> Page[Decision]:
        """What was decided, newest first: about dead letters, orphans, or both."""
        told = await self.records.decisions(place(after), most)
        found = [Decision.load(text) for _, text in told]
        more = spelled(told[-1][0]) if len(told) == most else ""
        return Page([one for one in found if thing in {"", one.thing}], more)

    # -- deciding -----------------------------------------------------------------------------------------------------

    async def preview(self, letter: Letter) -> Replay:
        """What a replay would do now."""
        return self._replay(letter, await self.records.link(letter.ticket))

    def _replay(self, letter: Letter, state: bytes) -> Replay:
        ref = TicketRef.parse(letter.ticket)
        found = unasked.account_of(ref, self.bridge)
        if found is None:
            return Replay(NOTHING, f"nothing to do: no account {ref.kind}/{ref.account} is configured any more")
        account = found[2]
        project = self.bridge.jelou[account.project]
        link = _read(state)
        if link is None:
            return Replay(NOTHING, "nothing to do: this version cannot read what is stored of the ticket")
        return letters.replay(letter, link, account, project, self.now_ms())

    async def replay(self, letter: Letter) -> Replay:
        """Do it, once: pressed twice, the second finds nothing to do and says so. Raises Changed."""
        state = await self.records.link(letter.ticket)
        doing = self._replay(letter, state)
        if doing.link is None:
            return await self._settle(letter, doing) if doing.settled else doing
        told = entry(self.now_ms(), "replayed", action=letter.action, letter=letter.id, by=self.by)
        decision = self._about(letter, "replayed", doing.says)
        verdict, wake = await self.records.amend(letter, state, doing.link.dump(), doing.events, told, decision)
        if verdict == "gone":
            return await self._nothing(letter.id)
        if verdict == "changed":
            raise Changed(f"{letter.ticket} has changed or is being worked just now; look again")
        if wake:
            await self.wake(wake)
        return Replay(doing.does, doing.says.replace("would", "will", 1), doing.link)

    async def _settle(self, letter: Letter, doing: Replay) -> Replay:
        """A letter that has had its day leaves the list, and that is said; one given up anew meanwhile stays."""
        told = entry(self.now_ms(), "settled", action=letter.action, letter=letter.id, reason=doing.says, by=self.by)
        await self.records.discard_letter(letter, told, self._about(letter, "settled", doing.says))
        return doing

    async def found(self, letter_id: str, at_ms: int = 0) -> Letter | str:
        """The letter, or what became of it, in words. Raises NotThere, and Changed for another than was seen."""
        text = await self.records.letter(letter_id)
        if text is None:
            return (await self._nothing(letter_id)).says
        letter = letters.Letter.load(text)
        if at_ms not in {0, letter.at_ms}:
            raise Changed(GIVEN_UP_ANEW.format(letter.ticket))
        return letter

    async def sorted_out(self, ids: Sequence[str]) -> tuple[list[Letter], dict[str, str]]:
        """The letters of these ids, and of those that are gone what became of them."""
        present: list[Letter] = []
        gone: dict[str, str] = {}
        for one in ids:
            try:
                found = await self.found(one)
            except NotThere as error:
                found = str(error)
            if isinstance(found, str):
                gone[one] = found
            else:
                present.append(found)
        return present, gone

    async def _nothing(self, thing_id: str) -> Replay:
        why = await self.decided(thing_id)
        if not why:
            raise NotThere(f"there is no dead letter {thing_id}: it was settled long ago, or never was")
        return Replay(NOTHING, f"nothing to do: {why}")

    async def each(self, chosen: Sequence[Letter], step: Callable[[Letter], Awaitable[Replay]]) -> list[Done]:
        """Do a step with each; one that has changed meanwhile does not hold back the others."""
        return [Done(letter, await _told(step(letter))) for letter in chosen]

    async def decide(self, ticket: str, what: str) -> Replay:
        """What becomes of the replies that wait since the ticket's requester was changed: same-person, or end.

        Raises NotThere, Changed.
        """
        held = [one for one in await self.every(Wanted(ticket=ticket)) if letters.is_held(one)]
        if len({one.ticket for one in held}) != 1:
            raise NotThere(f"no reply of {ticket} waits for a decision" if not held else f"several are named {ticket}")
        first, state = held[0], await self.records.link(held[0].ticket)
        link = _read(state)
        if link is None:
            raise NotThere(f"what is stored of {ticket} cannot be read by this version")
        goes_on = what == SAME_PERSON
        # The newest first: each is put before the others.
        events = tuple(one.event for one in held) if goes_on else ()
        after = letters.same(link) if goes_on else letters.ends(link)
        told = entry(self.now_ms(), "decided", action=letters.HELD, reason=what, by=self.by)
        decision = self._about(first, "replayed" if goes_on else "discarded", what)
        verdict, wake = await self.records.amend(first, state, after.dump(), events, told, decision)
        if verdict != "done":
            raise Changed(f"{first.ticket} has changed or is being worked just now; look again")
        for one in held[1:]:
            await self.records.discard_letter(one, told, self._about(one, decision.what, what))
        if wake:
            await self.wake(wake)
        says = f"{len(held)} replies go on to the customer" if goes_on else f"the conversation ends, {len(held)} unsent"
        return Replay("go on" if goes_on else "discard", says, after)

    async def discard(self, letter: Letter, reason: str) -> Replay:
        """Take it from the list; the reason stays on the ticket's timeline and among the decisions. Raises Changed."""
        told = entry(self.now_ms(), "discarded", action=letter.action, letter=letter.id, reason=reason, by=self.by)
        verdict = await self.records.discard_letter(letter, told, self._about(letter, "discarded", reason))
        if verdict == "gone":
            return await self._nothing(letter.id)
        if verdict == "changed":
            raise Changed(GIVEN_UP_ANEW.format(letter.ticket))
        return Replay("discard", "discarded")

    def _about(self, letter: Letter, what: str, reason: str) -> Decision:
        return Decision(
            id=letter.id,
            thing="dead-letter",
            what=what,
            at_ms=self.now_ms(),
            by=self.by,
            ticket=letter.ticket,
            about=letter.action,
            because=letter.reason,
            reason=reason,
        )
