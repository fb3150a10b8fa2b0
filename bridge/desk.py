"""What a person does about dead letters and orphans: look, preview, replay, claim, discard. For the CLI and the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bridge import letters
from bridge.correlate import lane_name
from bridge.domain import TicketRef
from bridge.errors import BridgeError
from bridge.links import Link
from bridge.timeline import entry, masked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.accounts import Bridge
    from bridge.letters import Letter
    from bridge.records import Records


class NoSuchLetterError(BridgeError):
    """There is no dead letter, or no orphan, of that id."""


class ChangedError(BridgeError):
    """The ticket is not any more as it was shown, or a worker has it just now: look again."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Works on one store's records. ``wake`` sends a job for a lane."""

    records: Records
    bridge: Bridge
    wake: Callable[[str], Awaitable[None]]
    now_ms: Callable[[], int]

    async def dead_letters(self, *, account: str = "", ticket: str = "", reason: str = "") -> list[Letter]:
        """The letters, newest first, that match all of what is given (``reason``: a part of it)."""
        found = [letters.Letter.load(text) for text in await self.records.letters()]
        return [
            one
            for one in sorted(found, key=lambda letter: -letter.at_ms)
            if one.ticket.startswith(f"{account}/" if account else "")
            and (not ticket or ticket in {one.ticket, TicketRef.parse(one.ticket).id})
            and reason.lower() in one.reason.lower()
        ]

    async def letter(self, letter_id: str) -> Letter:
        """One letter. Raises NoSuchLetterError."""
        text = await self.records.letter(letter_id)
        if text is None:
            msg = f"there is no dead letter {letter_id}"
            raise NoSuchLetterError(msg)
        return letters.Letter.load(text)

    async def preview(self, letter: Letter) -> str:
        """What a replay would do now."""
        return letters.replay(letter, Link.load(await self.records.link(letter.ticket))).says

    async def replay(self, letter: Letter) -> str:
        """Do it, once: pressed twice, the second finds nothing to do and says so. Raises ChangedError."""
        state = await self.records.link(letter.ticket)
        doing = letters.replay(letter, Link.load(state))
        if doing.link is None:
            await self.records.discard_letter(letter.id, doing.says)
            return doing.says
        told = entry(self.now_ms(), "replayed", action=letter.action, letter=letter.id)
        wake = await self.records.amend(letter, state, doing.link.dump(), doing.events, told)
        if wake is None:
            msg = f"{letter.ticket} has changed or is being worked just now; look again"
            raise ChangedError(msg)
        if wake:
            await self.wake(wake)
        return doing.says.replace("would", "will", 1)

    async def discard(self, letter: Letter, reason: str) -> None:
        """Take it from the list; the reason stays on the ticket's timeline."""
        told = entry(self.now_ms(), "discarded", action=letter.action, letter=letter.id, reason=reason)
        await self.records.discard_letter(letter.id, reason, letter.ticket, told)

    async def orphans(self, project: str = "") -> list[dict[str, Any]]:
        """Events without a ticket, oldest first: ``{project, conversation, since_ms, events, contact}``."""
        found = []
        for name in [project] if project else list(self.bridge.jelou):
            for conversation, since_ms, texts in await self.records.orphans(name):
                found.append(_orphan(name, conversation, since_ms, texts))
        return found

    async def claim(self, project: str, conversation: str, ticket: str) -> str:
        """Say whose conversation it is: its events go to that ticket. Raises NoSuchLetterError, ChangedError."""
        ref = TicketRef.parse(ticket)
        told = entry(self.now_ms(), "claimed", conversation=conversation)
        verdict, detail = await self.records.claim_orphan(
            project, conversation, str(ref), lane_name(ref, project), told
        )
        if verdict == "gone":
            msg = f"there is no orphan {conversation} in {project}"
            raise NoSuchLetterError(msg)
        if verdict == "removed":
            msg = f"what was kept of {ref} has been removed"
            raise ChangedError(msg)
        if verdict == "taken":
            msg = f"{conversation} is the conversation of {detail}"
            raise ChangedError(msg)
        if detail:
            await self.wake(detail)
        return f"{conversation} belongs to {ref} now"

    async def discard_orphan(self, project: str, conversation: str) -> None:
        """Forget its events. Raises NoSuchLetterError."""
        if not await self.records.discard_orphan(project, conversation):
            msg = f"there is no orphan {conversation} in {project}"
            raise NoSuchLetterError(msg)


def _orphan(project: str, conversation: str, since_ms: int, texts: Sequence[bytes]) -> dict[str, Any]:
    events = [orjson.loads(orjson.loads(text)[2]) for text in texts]
    user = next((one["event"].get("user_id", "") for one in events), "")
    return {
        "project": project,
        "conversation": conversation,
        "since_ms": since_ms,
        "events": [one["type"] for one in events],
        "contact": masked(user),
    }
