"""Afterwards: which messages stand where, at Jelou and in the helpdesks, by ticket."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bridge.correlate import TICKET
from bridge.domain import MARK
from bridge.wording import say
from tests.soak.records import Stood, Wrote
from tests.soak.talk import WRITTEN
from tests.soak.watch import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.soak.records import Struck
    from tests.soak.world import World

Json = dict[str, Any]
TAKEN = 202
OF = re.compile(r"\w+ \d+ de ([^\s-]+)-(\S+)")
LINE = re.compile(rf"{WRITTEN} \d+ de \S+")
PACKAGE = say("en", "package")
UNSENT = tuple(say("en", key, reason="|", tries="|").partition("|")[0] for key in ("unsent", "unsure"))


# --- Jelou -----------------------------------------------------------------------------------------------------------


def agents_at_jelou(jelous: Iterable[Json]) -> Mapping[str, list[Stood]]:
    """What agents wrote, by the ticket that the text names, in the order in which it came."""
    found: defaultdict[str, list[Stood]] = defaultdict(list)
    conversations = (one for told in jelous for one in told["conversations"])
    sent = (message for one in conversations for message in one["messages"] if message["by"] == "bridge")
    for message in sorted(sent, key=lambda one: one["at_ms"]):
        text = message["content"].get("body", "")
        if named := OF.fullmatch(text):
            found[_ticket(*named.groups())].append(Stood(text, message["at_ms"]))
    return found


def _ticket(account: str, ticket_id: str) -> str:
    kind = "standard-webhooks" if ticket_id.startswith(account) else "zendesk"
    return f"{kind}/{account}/{ticket_id}"


def customers_at_jelou(jelous: Iterable[Json]) -> Mapping[str, list[Wrote]]:
    """What customers wrote and the bridge took, by the ticket whose conversation it was."""
    found: defaultdict[str, list[Wrote]] = defaultdict(list)
    for told in jelous:
        taken = _taken(told["deliveries"])
        for one in told["conversations"]:
            texts = {message["id"]: message["content"]["body"] for message in one["messages"] if message["id"] in taken}
            found[one["metadata"][TICKET]] += [Wrote(text, *taken[key]) for key, text in texts.items()]
    return found


def _taken(deliveries: Iterable[Json]) -> dict[str, tuple[int, int]]:
    """When each message was first taken: from the beginning of the call to its answer."""
    found: dict[str, tuple[int, int]] = {}
    for one in deliveries:
        if one["message_id"] and one["status"] == TAKEN:
            found.setdefault(one["message_id"], (one["at_ms"] - one["took_ms"], one["at_ms"]))
    return found


async def orphans(world: World) -> frozenset[str]:
    """The texts of events that belong to no ticket."""
    found: set[str] = set()
    for project in world.setup.projects:
        # redis-py types one method for its clients of both kinds.
        names: Any = world.redis.zrange(f"{PREFIX}:orphans:{project}", 0, -1)
        for name in await names:
            events: Any = world.redis.lrange(f"{PREFIX}:orphan:{project}:{name.decode()}", 0, -1)
            found.update(text for event in await events for text in orphaned(event))
    return frozenset(found)


def orphaned(kept: bytes) -> list[str]:
    """What was written in an event as it is kept: whether it is evidence, its fact, its JSON text, the timeline's."""
    _, _, event, _ = orjson.loads(kept)
    return LINE.findall(event.replace('"', " "))


# --- helpdesks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AtHelpdesks:
    """By ticket, in the order in which they stand there: the marks of the bridge's notes, and all texts."""

    notes: Mapping[str, Sequence[str]]
    bodies: Mapping[str, Sequence[Stood]]

    def told(self, ticket: str, losses: Sequence[Struck]) -> Json:
        """What the ticket says of its talk, and of which notes Redis may have lost that they were written."""
        bodies = [one.text for one in self.bodies.get(ticket, ())]
        spoken = [one for one in self.bodies.get(ticket, ()) if not one.text.startswith(PACKAGE)]
        lost = [one.text for one in self.bodies.get(ticket, ()) if any(map(one.within, losses))]
        return {
            "unsure_notes": frozenset(text[text.index(MARK) :] for text in lost if MARK in text),
            "written": tuple(Stood(line, one.at_ms) for one in spoken for line in LINE.findall(one.text)),
            "unsent": sum(body.startswith(UNSENT) for body in bodies),
            "packages": sum(body.startswith(PACKAGE) for body in bodies),
        }


async def at_helpdesks(world: World) -> AtHelpdesks:
    """Ask them all."""
    notes: dict[str, Sequence[str]] = dict(world.receiver.notes)
    bodies: dict[str, Sequence[Stood]] = dict(world.receiver.bodies)
    for name in world.setup.all_zendesks:
        for ticket in await world.ask(name, "GET", "/twin/tickets"):
            private = [comment["body"] for comment in ticket["comments"] if not comment["public"]]
            key = f"zendesk/{name}/{ticket['id']}"
            notes[key] = [body[body.index(MARK) :] for body in private if MARK in body]
            bodies[key] = [Stood(comment["body"], comment["created_ms"]) for comment in ticket["comments"]]
    return AtHelpdesks(notes, bodies)
