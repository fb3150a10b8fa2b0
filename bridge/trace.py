"""Where is this ticket, and why: the store's facts as an answer for the API and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bridge import notes
from bridge.domain import Phase, TicketRef
from bridge.gates import in_words
from bridge.links import Link
from bridge.owed import Side, side_at
from bridge.protocol import shown
from bridge.refusals import UNKNOWN, concerning
from bridge.refusals import in_words as refused_in_words
from bridge.timeline import ATTEMPT
from bridge.unasked import KIND, account_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bridge.accounts import Account, Bridge
    from bridge.owed import Past
    from bridge.protocol import Trace, Turn
    from bridge.store import Store

PHASE_WORDS = {
    Phase.NEW: "no conversation yet",
    Phase.STARTING: "a start call is on its way",
    Phase.UNKNOWN: "a start call was made and nobody knows yet whether it worked",
    Phase.STARTED: "started; waiting for Jelou's start event",
    Phase.OPEN: "a conversation is open",
    Phase.CLOSED: "the conversation is closed",
    Phase.PARKED: "waiting for a person to decide",
    Phase.FAILED: "no conversation could be started",
    Phase.IGNORED: "nothing is to be started for this ticket",
}

STOPS: dict[str, Callable[[Link], object]] = {
    "the fuse has tripped: nothing is carried until its time is over": lambda link: link.fuse,
    "WhatsApp's 24-hour window is closed: messages wait until the customer writes": lambda link: link.window,
    "the ticket takes no more writes": lambda link: link.gone,
}
"""What stands in the way, beside the phase."""


PERSON = "a person's decision"
PAUSED = "the account is paused"
NEVER_GIVEN_UP = "the credential is refused"
ALL_PAUSED = "all accounts are paused"
UNKNOWABLE = (PERSON, PAUSED, ALL_PAUSED, "another start for the same person")
"""Waits that somebody else ends: their due time is only when the ticket looks again."""


async def trace_of(store: Store, bridge: Bridge, account: str, ticket_id: str) -> dict[str, Any]:
    """Everything that happened to this ticket, in order, and what it waits for now. Raises StoreUnavailable.

    ``{known, ticket, phase, says, conversation, room, assignment, rule, waits_for, turns, due_at, timeline: [...]}``;
    ``episode`` with ``opened_at`` and ``closed_at``, the ``past`` ones; what stands in the way: ``window``, ``fuse``,
    ``gone``; ``refused``: the deliveries that were refused and may have been its. Times in Unix ms, None where they are
    not known.
    """
    kind, name = account.split("/")
    ref = TicketRef(kind, name, ticket_id)
    found = await store.trace(str(ref), account)
    link = Link.load(found.state)
    waits = _waits_for(found, link)
    timeline = sorted(map(orjson.loads, found.entries), key=lambda told: told.get("at", 0))
    if found.known:
        refused = await _refused(store, bridge, ref, found.now_ms, _since(link, waits, timeline))
    else:
        refused = await refused_of(store, [account], ticket_id, found.now_ms)
    return {
        "known": found.known,
        "ticket": str(ref),
        "phase": link.phase.value,
        "says": _says(link) if found.known else _unknown(refused),
        "reason": link.reason,
        "episode": link.episode,
        "conversation": link.conversation,
        "opened_at": link.opened_ms or None,
        "closed_at": link.closed_ms or None,
        "past": [_past(one) for one in link.past],
        "room": bool(link.room),
        "assignment": f"{link.assignment.type}:{link.assignment.target}" if link.assignment else "",
        "rule": link.rule,
        "extra_conversations": list(link.extra),
        "shared_with": found.shared_with,
        "to_write": [todo.key for todo in link.todo],
        "to_say": len(link.says),
        "ending": link.ending.reason if link.ending else "",
        "window": link.window,
        "fuse": link.fuse,
        "gone": link.gone,
        # While no worker is alive, that first: nothing else goes on without one.
        "waits_for": f"{found.no_worker}; then {waits}" if waits and found.no_worker else waits,
        "refused": refused,
        "turns": [_turn(one) for one in found.turns],
        "due_at": _due_at(found, waits),
        "given_up_at": _given_up_at(link, account_of(ref, bridge), waits),
        "due_in_s": None if found.due_in_ms is None else round(found.due_in_ms / 1000, 1),
        "account_configured": account_of(ref, bridge) is not None,
        "timeline": timeline,
    }


async def refused_of(store: Store, accounts: Sequence[str], ticket_id: str, now_ms: int) -> list[str]:
    """The refused deliveries of accounts that may have told of a ticket that is not known, in words."""
    parts = [account.split("/") for account in accounts]
    tickets = {str(TicketRef(kind, name, ticket_id)) for kind, name in parts}
    senders = [f"jelou/{name}" if kind == KIND else f"{kind}/{name}" for kind, name in parts]
    some = await store.refused.of([*senders, UNKNOWN], now_ms)
    found = concerning(some, tickets, {kind for kind, _ in parts})
    return [refused_in_words(one, now_ms) for one in found]


async def _refused(store: Store, bridge: Bridge, ref: TicketRef, now_ms: int, since_ms: int | None) -> list[str]:
    """The same for a known ticket: those since then that name none, of its account and its project; always its own."""
    account = account_of(ref, bridge)
    if account is None:
        return []
    kind, name, configured = account
    some = await store.refused.of([f"{kind}/{name}", f"jelou/{configured.project}"], now_ms)
    wanted = [one for one in some if one.ticket or (since_ms is not None and one.last_ms >= since_ms)]
    return [refused_in_words(one, now_ms) for one in concerning(wanted, {str(ref)}, ())]


def _since(link: Link, waits_for: str, timeline: Sequence[Mapping[str, Any]]) -> int | None:
    """Since when a refused delivery may be why a ticket waits; None where it waits for nothing."""
    waits = waits_for or link.phase in {Phase.STARTED, Phase.UNKNOWN}
    return next((told.get("at", 0) for told in timeline), 0) if waits else None


def _unknown(refused: Sequence[str]) -> str:
    return "; ".join(["no such ticket", *refused]) if refused else "the bridge has never heard of this ticket"


def _says(link: Link) -> str:
    stops = [words for words, holds in STOPS.items() if holds(link)]
    return "; ".join([PHASE_WORDS.get(link.phase, "this version does not know its phase"), *stops])


def _past(one: Past) -> dict[str, Any]:
    return {
        "episode": one.episode,
        "conversation": one.conversation,
        "opened": one.opened_ms or None,
        "closed": one.closed_ms or None,
        "reason": one.reason,
    }


def _waits_for(found: Trace, link: Link) -> str:
    if found.held:
        return "a worker has it in its hands"
    if found.due_in_ms is None:
        return PERSON if link.phase is Phase.PARKED else ""
    if found.due_in_ms <= 0:
        return "a worker to take it"
    if found.paused and link.phase is Phase.NEW:
        return found.paused
    if found.turns:
        return "; ".join(_its_turn(turn, link) for turn in found.turns)
    return _of_link(link) or _last_wait(found) or "its due time"


def _due_at(found: Trace, waits_for: str) -> int | None:
    """When it goes on, Unix ms; None where nobody knows: a person, a queue, another ticket decide that."""
    if found.held or found.due_in_ms is None or found.due_in_ms <= 0 or waits_for.startswith(UNKNOWABLE):
        return None
    if found.turns:
        asked = [turn.expected_ms for turn in found.turns if turn.reason]
        return found.now_ms + min(asked) if asked else None
    return found.now_ms + found.due_in_ms


def _of_link(link: Link) -> str:
    """The waits that are nobody's failure, and are no line of the timeline."""
    if link.fuse:
        return "the loop guard"
    if link.fault:
        return PERSON
    first, hold = next(iter(notes.first_of_each(link.todo)), None), link.holds.get(Side.HELPDESK)
    if first is None:
        return ""
    merging_ms = 0 if first.sent or first.tries else first.due_ms
    limited_ms = link.rate_limited.get(notes.limit_of(first), 0)
    if not merging_ms and not limited_ms:
        return ""
    # The helpdesk's pace or its Retry-After may hold it longer than that.
    if hold and hold.until_ms > max(merging_ms, limited_ms):
        return hold.reason
    return notes.OWN_RATE if limited_ms > merging_ms else "what the customer writes next"


def _given_up_at(link: Link, found: tuple[str, str, Account] | None, waits_for: str) -> int | None:
    """When what is tried again and again is given up; None where it never is, as for a refused credential."""
    side = next(
        (side for side, hold in link.holds.items() if ATTEMPT in hold.reason and hold.reason in waits_for), None
    )
    if side is None or found is None or NEVER_GIVEN_UP in waits_for:
        return None
    first_ms = next(filter(None, _first_tries(link, side)), 0)
    return first_ms + round(found[2].horizon_s * 1000) if first_ms else None


def _first_tries(link: Link, side: str) -> Iterator[int]:
    """When what is next at this side was first tried: 0 where it was not."""
    if side == Side.HELPDESK:
        yield from (link.read_first_ms, *(one.first_ms for one in link.todo[:1]))
    else:
        starting = link.first_try_ms if link.phase is Phase.NEW else 0
        yield from (starting, *(one.first_ms for one in link.says[:1]), link.ending.first_ms if link.ending else 0)


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "destination": shown(turn.destination),
        "class": turn.call_class,
        "before": dict(turn.before),
        "expected_s": round(turn.expected_ms / 1000, 1),
        "reason": turn.reason,
    }


def _its_turn(turn: Turn, link: Link) -> str:
    destination = shown(turn.destination)
    if turn.reason:
        return f"{destination} is not called just now: {_with_attempt(turn, link)}"
    before = in_words(turn.before)
    return f"its turn at {destination}" + (f", behind {before}" if before else "")


def _with_attempt(turn: Turn, link: Link) -> str:
    """Why, and where this ticket has tried it itself, how often."""
    hold = link.holds.get(side_at(turn.destination))
    tried = hold is not None and turn.reason in hold.reason and ATTEMPT in hold.reason
    return hold.reason if hold and tried else turn.reason


def _last_wait(found: Trace) -> str:
    waits = (told for text in reversed(found.entries) if (told := orjson.loads(text)).get("what") == "waiting")
    last: dict[str, Any] | None = next(waits, None)
    return str(last.get("reason", "")) if last else ""
