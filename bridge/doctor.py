"""What ``bridge doctor`` says of what was found: each check's findings, with fact and fix. Nothing is asked here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from bridge import fullness, heartbeats
from bridge.account_states import age
from bridge.account_states import warnings as starts_held
from bridge.brake import moment
from bridge.protocol import shown
from bridge.refusals import TRY_AGAIN, reason_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from bridge.brake import Brakes, WaitingStarts
    from bridge.generations import Loss
    from bridge.overview import Overview
    from bridge.protocol import Breaker
    from bridge.refusals import RefusedDelivery

Level = Literal["ok", "warning", "error"]
EXIT: Final[Mapping[Level, int]] = {"ok": 0, "warning": 1, "error": 2}

CLOCK_WARNING_MS: Final = 2_000
CLOCK_ERROR_MS: Final = 60_000
BACKLOG_MS: Final = 60_000
LOSS_MS: Final = 7 * 86_400_000
HOUR_MS: Final = 3_600_000
NAMED_MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; ``fix`` is empty where nothing is to be done."""

    level: Level
    name: str
    fact: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found. None: it could not be found out; ``failed`` says why, by the field's name."""

    advice: Sequence[str] | None = None
    configuration: str = ""
    """The hash of the configuration that was read here; see ``bridge.heartbeats``."""

    server: Mapping[str, Any] | None = None
    refusal: str | None = None
    """Why Redis takes no writes; empty where it does."""

    loss: Sequence[Loss] | None = None
    clock_ms: int | None = None
    """By how much Redis' clock is ahead of this machine's."""

    overview: Overview | None = None
    brakes: Brakes | None = None
    waiting: Sequence[WaitingStarts] | None = None
    breakers: Sequence[Breaker] | None = None
    silent: Mapping[str, Mapping[str, Any]] | None = None
    refused: Sequence[RefusedDelivery] | None = None
    now_ms: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)


def examined(facts: Facts) -> list[Finding]:
    """All findings, each check's at least once. What one check lacks hides no other."""
    return [finding for check in CHECKS for finding in _results(check, facts)]


def exit_code(findings: Sequence[Finding]) -> int:
    """That of the worst: 0 all ok, 1 warnings, 2 errors."""
    return max((EXIT[one.level] for one in findings), default=0)


@dataclass(frozen=True, slots=True)
class _Check:
    """``needs`` are fields of the facts; ``ok`` is the fact where ``wrong`` finds nothing."""

    name: str
    needs: tuple[str, ...]
    wrong: Callable[[Facts], Iterator[tuple[Level, str, str]]]
    ok: Callable[[Facts], str]


def _results(check: _Check, facts: Facts) -> Iterator[Finding]:
    lacks = [name for name in check.needs if getattr(facts, name) is None]
    if lacks:
        yield _not_examined(check, lacks[0], facts)
        return
    found = [Finding(level, check.name, fact, fix) for level, fact, fix in check.wrong(facts)]
    yield from found or [Finding("ok", check.name, check.ok(facts))]


def _not_examined(check: _Check, lacks: str, facts: Facts) -> Finding:
    """An error where it is the cause; a warning where it follows from another finding."""
    if check.name in CAUSES and lacks in facts.failed:
        return Finding("error", check.name, facts.failed[lacks], CAUSES[check.name])
    why = "Redis" if "server" in facts.failed else "the configuration" if "advice" in facts.failed else ""
    if why:
        return Finding("warning", check.name, f"not examined, because of what is wrong with {why}", f"repair {why}")
    said = facts.failed.get(lacks, "nothing was found out")
    return Finding("warning", check.name, f"not examined: {said}", "run bridge doctor again; else look into the log")


CAUSES: Final = {
    "configuration": "correct it; bridge check lists each mistake with its line",
    "redis": "start Redis, or correct REDIS_URL; then run bridge doctor again",
}


# --- Redis and the machine -------------------------------------------------------------------------------------------

_Wrong = tuple[Level, str, str]


def _advice(facts: Facts) -> Iterator[_Wrong]:
    for text in facts.advice or ():
        yield "warning", text, "see bridge check; change the configuration, or leave it where it is meant"


def _redis(facts: Facts) -> Iterator[_Wrong]:
    server = facts.server or {}
    if server["role"] != "master":
        yield "error", f"its role is {server['role']}: it takes no writes", "let REDIS_URL name the master"
    elif facts.refusal:
        yield "error", facts.refusal, "let Redis take writes again: room on its disk, memory, rights"
    if not server["append_only_file"]:
        yield "warning", "the append-only file is off: a restart of Redis loses tickets", "set appendonly yes"
    if server["eviction"] != "noeviction":
        policy = f"maxmemory-policy is {server['eviction']}: Redis may drop tickets"
        yield "warning", policy, "set maxmemory-policy noeviction"


def _redis_ok(facts: Facts) -> str:
    server = facts.server or {}
    return f"reachable, version {server['version']}, master, append-only file, noeviction, takes writes"


def _memory(facts: Facts) -> Iterator[_Wrong]:
    share = (facts.server or {})["memory"]
    if share >= fullness.STARTS_AT:
        level: Level = "error" if share >= fullness.DELIVERIES_AT else "warning"
        yield level, fullness.in_words(share), "give Redis more memory (maxmemory)"


def _memory_ok(facts: Facts) -> str:
    server = facts.server or {}
    used = f"{server['memory_bytes'] / 2**20:.1f} MiB used"
    most = server["max_memory_bytes"]
    return f"{used} of {most / 2**20:.1f} MiB" if most else f"{used}, no maxmemory"


def _loss(facts: Facts) -> Iterator[_Wrong]:
    for loss in facts.loss or ():
        if facts.now_ms - loss.at_ms <= LOSS_MS:
            between = f"between {moment(loss.since_ms)} and {moment(loss.at_ms)}"
            back = f"{loss.put_back} deliveries were put back, {loss.testified} starts and ends told again"
            awaited = f"; {loss.awaited} workers have not told theirs" if loss.awaited else ""
            fix = "look at tickets of that time (bridge reconcile), and at why Redis lost data (disk, failover, flush)"
            yield "warning", f"Redis lost data ({loss.kind}) {between}: {back}{awaited}", fix


def _clock(facts: Facts) -> Iterator[_Wrong]:
    off = facts.clock_ms or 0
    if abs(off) >= CLOCK_WARNING_MS:
        level: Level = "error" if abs(off) >= CLOCK_ERROR_MS else "warning"
        side = "behind" if off > 0 else "ahead of"
        fix = "synchronise the clocks of this machine and of Redis' (NTP): signatures and waits hang on them"
        yield level, f"this machine's clock is {abs(off) / 1000:.0f} s {side} Redis'", fix


# --- processes and work ----------------------------------------------------------------------------------------------


def _workers(facts: Facts) -> Iterator[_Wrong]:
    overview = facts.overview
    if overview is None:
        return
    if not overview.workers_alive:
        yield "error", next(iter(overview.warnings())), "start one: bridge worker; bridge up runs one with all else"
    for text in heartbeats.differing(overview.alive):
        yield "warning", text, "roll all processes out with one version and one configuration"
    others = {one.configuration for one in overview.alive} - {facts.configuration}
    if len(others) == 1 and len({one.configuration for one in overview.alive}) == 1:
        fact = f"the processes run with another configuration ({others.pop()}) than this one ({facts.configuration})"
        yield "warning", fact, "restart them after a change; else name their file with --config"


def _workers_ok(facts: Facts) -> str:
    overview = facts.overview
    alive = overview.workers_alive if overview else 0
    versions = ", ".join(sorted({one.version for one in overview.alive})) if overview else ""
    return f"{_many(alive, 'worker')} alive" + (f", version {versions}, one configuration" if versions else "")


def _backlog(facts: Facts) -> Iterator[_Wrong]:
    backlogs = facts.overview.backlogs if facts.overview else {}
    late = sorted(((one.oldest_ms, name, one.due) for name, one in backlogs.items()), reverse=True)
    for oldest, name, due in late[:NAMED_MOST]:
        if oldest >= BACKLOG_MS:
            fix = "see that workers live; start more of them where all are busy"
            yield "warning", f"{_many(due, 'ticket')} of {name} could be worked, the oldest for {age(oldest)}", fix


def _backlog_ok(facts: Facts) -> str:
    backlogs = facts.overview.backlogs.values() if facts.overview else ()
    oldest = max((one.oldest_ms for one in backlogs), default=-1)
    due = sum(one.due for one in backlogs)
    return f"{_many(due, 'ticket')} to be worked, the oldest for {age(oldest)}" if due else "nothing waits for a worker"


def _starts(facts: Facts) -> Iterator[_Wrong]:
    if facts.brakes:
        for text in starts_held(facts.brakes, facts.waiting or ()):
            yield "warning", text, "bridge accounts shows each account's starts, and why they wait"


def _breakers(facts: Facts) -> Iterator[_Wrong]:
    for one in facts.breakers or ():
        name = shown(one.destination)
        fix = f"repair it there, or its credential; bridge accounts retry {name} tries it at once"
        yield "error", f"{name} is not called just now: {one.reason}", fix


def _silent(facts: Facts) -> Iterator[_Wrong]:
    for name, one in sorted((facts.silent or {}).items()):
        fact = f"{name} has sent nothing for {age(facts.now_ms - one['since_ms'])}; usual would be {one['missed']}"
        yield "warning", fact, "see whether its webhook is still there and on, and what its own log of it says"


# --- what a person decides -------------------------------------------------------------------------------------------


def _letters(facts: Facts) -> Iterator[_Wrong]:
    if facts.overview and facts.overview.letters:
        causes = _listed(facts.overview.letters)
        yield (
            "warning",
            f"dead letters by what was given up: {causes}",
            "bridge dead-letters list, then replay or discard",
        )


def _orphans(facts: Facts) -> Iterator[_Wrong]:
    found = {name: count for name, count in (facts.overview.orphans if facts.overview else {}).items() if count}
    if found:
        fact = f"conversations that found no ticket, by project: {_listed(found)}"
        yield "warning", fact, "bridge orphans list, then claim or discard"


def _refused(facts: Facts) -> Iterator[_Wrong]:
    counts = Counter[tuple[str, str]]()
    for one in facts.refused or ():
        if facts.now_ms - one.last_ms <= HOUR_MS and one.reason not in TRY_AGAIN:
            counts[one.sender, one.reason] += one.count
    for (sender, reason), count in counts.most_common(NAMED_MOST):
        what = "a delivery was" if count == 1 else f"{count} deliveries were"
        fact = f"{what} refused, the last within the hour, from {sender}: {reason} ({reason_in_words(reason)})"
        yield "warning", fact, "bridge deliveries lists them with what is known of each"
    if len(counts) > NAMED_MOST:
        yield "warning", f"{len(counts) - NAMED_MOST} more kinds were refused", "bridge deliveries lists them all"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name or 'unknown'} {count}" for name, count in sorted(counts.items()))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _says(text: str) -> Callable[[Facts], str]:
    return lambda _: text


CHECKS: Final = (
    _Check("configuration", ("advice",), _advice, _says("it can be used, and nothing in it needs a second look")),
    _Check("redis", ("server", "refusal"), _redis, _redis_ok),
    _Check("memory", ("server",), _memory, _memory_ok),
    _Check("data", ("loss",), _loss, _says("Redis lost nothing within 7 days")),
    _Check("clock", ("clock_ms",), _clock, _says("this machine's clock agrees with Redis'")),
    _Check("workers", ("overview",), _workers, _workers_ok),
    _Check("backlog", ("overview",), _backlog, _backlog_ok),
    _Check("starts", ("brakes", "waiting"), _starts, _says("no pause, no limit; no start waits longer than 2 minutes")),
    _Check("calls", ("breakers",), _breakers, _says("Jelou and all helpdesks are called")),
    _Check("senders", ("silent",), _silent, _says("no sender has fallen silent")),
    _Check("refused", ("refused",), _refused, _says("no delivery was refused within the hour")),
    _Check("dead letters", ("overview",), _letters, _says("none")),
    _Check("orphans", ("overview",), _orphans, _says("none")),
)
"""In the order in which a person looks: what lies below first."""
