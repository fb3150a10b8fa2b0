"""Afterwards: the twins' ledgers and the bridge's own records, read and put side by side."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson

from bridge.correlate import ATTEMPT, EPISODE, TICKET
from bridge.domain import AddNote, Phase, StartConversation, TicketRef
from bridge.letters import Letter
from bridge.links import Link
from bridge.notes import marker
from tests.soak.called import paced, paced_desks
from tests.soak.messages import ROLLBACK
from tests.soak.passed import agents_at_jelou, at_helpdesks, customers_at_jelou, orphans
from tests.soak.records import Records, Started, Suffered, Ticket
from tests.soak.talk import Told
from tests.soak.watch import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.soak.chaos import Chaos
    from tests.soak.load import Load
    from tests.soak.stranger import Stranger
    from tests.soak.watch import Watch
    from tests.soak.world import World

Json = dict[str, Any]
AT_ONCE = 500
TAKEN = 202
START = "conversation.start"


async def records(
    world: World, load: Load, chaos: Chaos, watch: Watch, stranger: Stranger, settled_s: float
) -> Records:
    """Everything of this run."""
    jelous = [await world.ask(name, "GET", "/twin/ledger") for name in world.setup.projects]
    desks = [await world.ask(name, "GET", "/twin/ledger") for name in world.setup.all_zendesks]
    happened = [one for name in world.twins for one in (await world.ask(name, "GET", "/twin/faults"))["happened"]]
    starts, desk_side = _starts(jelous), await at_helpdesks(world)
    said, wrote = agents_at_jelou(jelous), customers_at_jelou(jelous)
    losses = [one for one in chaos.struck if one.kind == ROLLBACK]
    letters, left = await _letters(world), set(await watch.left())
    told_of = _told_of(world.setup.all_zendesks, desks)
    tickets: dict[str, Ticket] = {}
    for name, link, timeline in await _kept(world, sorted(load.acknowledged)):
        account = world.setup.accounts[name.rpartition("/")[0]]
        tickets[name] = Ticket(
            name=name,
            policy=account.policy,
            project=account.project,
            phase=link.phase.value,
            reason=link.reason,
            starts=tuple(starts.get(name, ())),
            letters=letters.get(name, {}),
            notes=tuple(desk_side.notes.get(name, ())),
            planned=tuple(_planned(name, timeline)),
            doubts=tuple(_doubts(timeline)),
            conversations=frozenset({link.conversation, *(one.conversation for one in link.past)}),
            episode=link.episode,
            **_talked(load, name),
            said=tuple(said.get(name, ())),
            wrote=tuple(wrote.get(name, ())),
            **desk_side.told(name, losses),
            busy=name in left,
            opened=_opened(load.opened[name], told_of.get(name)),
            phone=load.phones[name],
            timeline=tuple(timeline),
        )
    return Records(
        tickets=tickets,
        struck=tuple(chaos.struck),
        suffered=tuple(_suffered(happened)),
        taken_over=tuple(watch.taken_over),
        injected=_injected(world, chaos, happened, stranger.answers),
        events=load.taken + _events_taken(jelous, desks),
        jobs=watch.jobs,
        answered=tuple(load.answered),
        stranger=stranger.answers,
        duplicates=load.duplicates,
        orphans=await orphans(world),
        resent=sum(count - 1 for told in jelous for count in told["sends"].values()),
        settled_s=settled_s,
        paced=await paced(world),
        desks=await paced_desks(world),
    )


def _told_of(zendesks: Sequence[str], desks: Sequence[Json]) -> dict[str, int]:
    """When each Zendesk ticket was first taken by Zendesk's own webhook."""
    found: dict[str, int] = {}
    for account, desk in zip(zendesks, desks, strict=True):
        for one in desk["deliveries"]:
            if one["state"] == "delivered":
                name, at_ms = f"zendesk/{account}/{one['ticket_id']}", one["attempts"][-1]["at_ms"]
                found[name] = min(at_ms, found.get(name, at_ms))
    return found


def _opened(opened: tuple[int, int], told_ms: int | None) -> tuple[int, int]:
    return (opened[0], min(opened[1], told_ms)) if told_ms else opened


def _talked(load: Load, name: str) -> Json:
    told = load.talks.get(name, Told())
    return {one.name: tuple(getattr(told, one.name)) for one in fields(told)}


# --- the bridge ------------------------------------------------------------------------------------------------------


async def _kept(world: World, names: Sequence[str]) -> list[tuple[str, Link, list[Json]]]:
    """The link and the timeline of each ticket."""
    found: list[tuple[str, Link, list[Json]]] = []
    for begin in range(0, len(names), AT_ONCE):
        some = names[begin : begin + AT_ONCE]
        async with world.redis.pipeline(transaction=False) as pipe:
            for name in some:
                pipe.hget(f"{PREFIX}:link:{name}", "state")
                pipe.lrange(f"{PREFIX}:timeline:{name}", 0, -1)
            answers = await pipe.execute()
        rows = zip(some, answers[::2], answers[1::2], strict=True)
        found += [(name, Link.load(state or b""), list(map(orjson.loads, told))) for name, state, told in rows]
    return found


async def _letters(world: World) -> dict[str, dict[str, str]]:
    """The reasons of all dead letters, by ticket and action."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    # redis-py types one method for its clients of both kinds.
    texts: Any = world.redis.hvals(f"{PREFIX}:dead-letters")
    for letter in map(Letter.load, await texts):
        found[letter.ticket][letter.action] = letter.reason
    return found


def _planned(name: str, timeline: Iterable[Json]) -> list[str]:
    """The marks of the ticket's notes, in the order in which they went out first."""
    ref = TicketRef.parse(name)
    sent = (told for told in timeline if told["what"] == "sending" and told["action"] == AddNote.type)
    return list(dict.fromkeys(marker(ref, told["key"]) for told in sent))


def _doubts(timeline: Sequence[Json]) -> Iterator[tuple[int, int]]:
    """From sending a start to knowing that its fate is open, each time; also where Redis had lost what came of it."""
    about_start = [told for told in timeline if told.get("action") == StartConversation.type]
    for sending, after in pairwise(about_start):
        if sending["what"] == "sending" and after["what"] == "unanswered":
            yield sending["at"], after["at"]
    for told in timeline:
        if told["what"] == "moved" and told["phase"] == Phase.UNKNOWN and "Redis has lost" in told["reason"]:
            yield timeline[0]["at"], told["at"]


# --- Jelou -----------------------------------------------------------------------------------------------------------


def _starts(jelous: Iterable[Json]) -> dict[str, list[Started]]:
    """Every start that was accepted, by ticket, in the order they happened."""
    found: defaultdict[str, list[Started]] = defaultdict(list)
    for told in jelous:
        delivered = _delivered(told["deliveries"])
        conversations = {one["id"]: one for one in told["conversations"]}
        for start in told["starts"]:
            conversation, metadata = start["conversation_id"], start["metadata"]
            started = Started(
                conversation=conversation,
                attempt=int(metadata[ATTEMPT]),
                at_ms=start["at_ms"],
                told=start["told"],
                delivered_ms=delivered.get(conversation, 0),
                episode=int(metadata[EPISODE]),
                ended_ms=conversations[conversation]["ended_ms"],
                ended_by=conversations[conversation]["ended_by"],
            )
            found[metadata[TICKET]].append(started)
    return found


def _delivered(deliveries: Iterable[Json]) -> dict[str, int]:
    """When the bridge first took the start event of each conversation."""
    found: dict[str, int] = {}
    for one in deliveries:
        if one["event"] == START and one["status"] == TAKEN:
            found.setdefault(one["conversation_id"], one["at_ms"])
    return found


def _suffered(happened: Iterable[Json]) -> Iterator[Suffered]:
    """Faults that struck the start of a ticket of ours."""
    for one in happened:
        metadata = orjson.loads(one["body"]).get("metadata") if one["to"] == "start" else None
        if metadata:
            yield Suffered(one["name"], metadata[TICKET])


def _events_taken(jelous: Iterable[Json], desks: Iterable[Json]) -> int:
    jelou: int = sum(one["status"] == TAKEN for told in jelous for one in told["deliveries"])
    helpdesk: int = sum(one["state"] == "delivered" for told in desks for one in told["deliveries"])
    return jelou + helpdesk


# --- faults ----------------------------------------------------------------------------------------------------------


def _injected(world: World, chaos: Chaos, happened: Iterable[Json], sent: Mapping[int, int]) -> dict[str, int]:
    """How many faults of each kind there were, the plan's and the twins'."""
    twins = Counter(f"{one['to']}: {one['name'].replace('_', ' ')}" for one in happened)
    plan = Counter(one.kind for one in chaos.struck)
    receiver = {f"note: {name}": count for name, count in world.receiver.injected.items() if count}
    bombs = {f"a stranger's packed body, answered {status or 'by closing'}": count for status, count in sent.items()}
    return {**dict(sorted(plan.items())), **dict(sorted(bombs.items())), **dict(sorted(twins.items())), **receiver}
