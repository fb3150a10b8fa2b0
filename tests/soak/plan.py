"""The seeded plan: which fault strikes what, when, for how long; and which tickets come when. Pure.

The same seed gives the same plan. What the machine makes of it (who runs first) is not in anybody's hands.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# --- faults ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: what it strikes, and how long it lasts, in seconds. No two strike one thing at once."""

    strikes: str
    shortest_s: float
    longest_s: float
    often: int = 1


KINDS: Mapping[str, Kind] = {
    "kill worker": Kind("worker", 9.0, 10.0, often=5),
    "stop worker": Kind("worker", 9.0, 11.0, often=3),
    "kill web": Kind("web", 2.5, 3.5, often=2),
    "restart redis": Kind("redis", 2.0, 3.0, often=2),
    "rollback redis": Kind("redis", 3.0, 4.0, often=2),
    "fail over redis": Kind("redis", 1.0, 3.0),
    "fill redis": Kind("redis", 1.0, 2.5),
    "reset redis connections": Kind("redis", 0.2, 0.5, often=2),
    "stall redis connections": Kind("redis", 1.0, 3.0),
    "slow redis connections": Kind("redis", 2.0, 4.0),
    "reset jelou connections": Kind("jelou", 0.2, 0.5, often=2),
    "stall jelou connections": Kind("jelou", 1.0, 6.0, often=2),
    "refuse jelou connections": Kind("jelou", 1.0, 3.0),
    "slow jelou connections": Kind("jelou", 1.0, 4.0),
    "reset helpdesk connections": Kind("helpdesk", 0.2, 0.5, often=2),
    "stall helpdesk connections": Kind("helpdesk", 1.0, 6.0),
    "refuse helpdesk connections": Kind("helpdesk", 1.0, 3.0),
    "reset webhook connections": Kind("webhooks", 0.2, 0.5, often=2),
    "stall webhook connections": Kind("webhooks", 1.0, 3.0),
}
"""A killed process comes back after a second; a worker's kill lasts as long as its leases, so that one worker works.
A stopped worker sleeps longer than its lease."""

SPARED = {"rollback redis": ("web",)}
PUT_BACK_S = 5.0
"""What Redis loses, the web that had accepted it keeps in its memory and puts back. Killed before that, it is lost: the
bridge promises nothing where both are lost at once, and the plan leaves the web alone for so long."""

HANG = "hang jelou"
"""Not drawn: one Jelou hangs for the first part of every run."""

AWAY, GATEWAY = "jelou away for long", "gateway's 503 before jelou"
AWAY_AT, TOGETHER_AT, GATEWAY_AT = 0.15, 0.55, 0.65
"""Not drawn: when in every run the paced Jelou goes away, many agents answer together, and a gateway answers for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault: ``kind`` strikes ``target`` at ``at_s`` after the beginning, for ``for_s``."""

    at_s: float
    kind: str
    target: str
    for_s: float


def faults(seed: int, duration_s: float, targets: Mapping[str, Sequence[str]], *, pause_s: float) -> list[Step]:
    """The faults of a run; ``targets`` names what can be struck, ``pause_s`` is the mean time between two faults.

    Kinds are dealt like cards, so that a long run has all of them.
    """
    dice = Random(f"faults {seed}")  # noqa: S311 - repeatable, not secret
    struck_until = {target: 0.0 for named in targets.values() for target in named}
    deck = _deck(dice)
    steps, at_s = [], pause_s
    while at_s < duration_s:
        kind = next(deck)
        step = _step(dice, at_s, kind, targets[KINDS[kind].strikes], struck_until)
        if step:
            steps.append(step)
        at_s += dice.uniform(0.5, 1.5) * pause_s if step else pause_s / 10
    return steps


def outages(duration_s: float, target: str, away_s: float, gateway_s: float) -> tuple[Step, Step]:
    """While starts wait there: refused connections, and a gateway that has lost its site."""
    return (
        Step(AWAY_AT * duration_s, AWAY, target, away_s),
        Step(GATEWAY_AT * duration_s, GATEWAY, target, gateway_s),
    )


def _deck(dice: Random) -> Iterator[str]:
    cards = [name for name, kind in KINDS.items() for _ in range(kind.often)]
    while True:
        dice.shuffle(cards)
        yield from cards


def _step(dice: Random, at_s: float, name: str, targets: Sequence[str], struck_until: dict[str, float]) -> Step | None:
    """The fault, or None where its target is still struck; one worker is always left alone."""
    kind = KINDS[name]
    target = dice.choice(list(targets))
    spared = SPARED.get(name, ())
    sharing = targets if kind.strikes == "worker" else [target, *spared]
    if any(struck_until[one] > at_s for one in sharing):
        return None
    for_s = dice.uniform(kind.shortest_s, kind.longest_s)
    struck_until[target] = at_s + for_s
    struck_until.update(dict.fromkeys(spared, at_s + for_s + PUT_BACK_S))
    return Step(round(at_s, 2), name, target, round(for_s, 2))


# --- tickets ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """One ticket: when it is opened, of which account, whose phone, and how it is told again.

    ``again``: ``same`` (the delivery once more), ``other`` (the same fact by another delivery), both or none.
    ``then``: the name of the talk, in ``TALKS``, that follows once there is a conversation; empty for none.
    """

    at_s: float
    account: str
    number: int
    phone: str
    again: tuple[str, ...]
    then: str


SHARED_PHONES = 12
SHARES = 0.03
"""So many of the tickets are of one of the few people who open many."""

TRICKLE = 0.1
AT_ONCE = 0.1
"""How much of a wave's time its tickets take to come."""

AGAIN = {"same": 0.15, "other": 0.1}
TALKS: Mapping[str, tuple[str, ...]] = {
    "": (),
    "writes": ("writes",),
    "closes": ("closes",),
    "replies": ("reply", "reply again", "reply"),
    "talks": ("reply", "private", "writes", "reply again", "writes"),
    "bursts": ("burst", "reply", "burst"),
    "solved": ("reply", "writes", "reply", "solve"),
    "reopened": ("reply", "solve", "reopen", "reply", "writes"),
    "solved and closed": ("reply", "closes", "private", "reply", "solve again"),
}
"""What agent and customer do in a conversation, in this order. ``again``: the same delivery twice."""

THEN = {
    "": 79,
    "writes": 2,
    "closes": 3,
    "replies": 3,
    "talks": 3,
    "bursts": 3,
    "solved": 3,
    "reopened": 3,
    "solved and closed": 1,
}
"""How often each talk is held."""


def tickets(seed: int, count: int, duration_s: float, accounts: Sequence[str], *, wave_s: float) -> list[Planned]:
    """The tickets of a run, as helpdesks send them: in waves, each of two accounts, a trickle of others between."""
    dice = Random(f"tickets {seed}")  # noqa: S311 - repeatable, not secret
    waves = max(1, int(duration_s / wave_s))
    floods = [dice.sample(list(accounts), 2) for _ in range(waves)]
    planned = []
    for number in range(count):
        trickles, wave = dice.random() < TRICKLE, number % waves
        late = dice.random() if trickles else dice.random() * AT_ONCE
        account = dice.choice(list(accounts if trickles else floods[wave]))
        planned.append(_ticket(dice, (wave + late) * wave_s, account, number, count))
    return sorted(planned, key=lambda one: one.at_s)


def steady(seed: int, count: int, duration_s: float, weights: Mapping[str, int], *, after: int) -> list[Planned]:
    """The tickets of a paced project, one soon after the other, so that some always wait. ``weights`` by account.

    ``after`` so many others, whose numbers they do not have.
    """
    dice = Random(f"steady {seed}")  # noqa: S311 - repeatable, not secret
    accounts = dice.choices(list(weights), list(weights.values()), k=count)
    times = sorted(dice.uniform(0.0, duration_s) for _ in range(count))
    people = after + count
    return [
        _ticket(dice, at_s, account, after + number, people)
        for number, (at_s, account) in enumerate(zip(times, accounts, strict=True))
    ]


def _ticket(dice: Random, at_s: float, account: str, number: int, count: int) -> Planned:
    return Planned(
        at_s=round(at_s, 3),
        account=account,
        number=number,
        phone=_phone(dice, count),
        again=tuple(way for way, chance in AGAIN.items() if dice.random() < chance),
        then=dice.choices(list(THEN), list(THEN.values()))[0],
    )


def _phone(dice: Random, count: int) -> str:
    """Most people open one or two tickets, a few open many."""
    person = dice.randrange(SHARED_PHONES) if dice.random() < SHARES else SHARED_PHONES + dice.randrange(count)
    return f"+5939{person + 10_000_000:08d}"
