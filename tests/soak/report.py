"""The table that a soak leaves: what held, what was injected, and how to run the same again. Pure but for ``keep``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.soak.faulty import lengths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.soak.findings import Finding, Invariant
    from tests.soak.records import Records, Ticket
    from tests.soak.setup import Setup

EXAMPLES = 5
BEFORE = (
    "The rows on pace can say no: the bridge before it had a queue (`--code` with commit dae6c81, seed 77) used 29% of "
    "its pace in 212 s, let 2,523 pairs of starts go in the wrong order, gave starts too much in 220 of 242 windows, "
    "brought replies after up to 177 s, made 10 calls in a second at Zendesk, and 25 tickets had not settled in 150 s."
)
"""Measured once, so that a table in which everything holds can be believed."""

Judged = list[tuple["Invariant", "Finding"]]


def command(setup: Setup) -> str:
    """What repeats this run."""
    return f"make soak SEED={setup.seed} MINUTES={setup.faults_s / 60:g} TICKETS={setup.tickets}"


def held(judged: Judged) -> bool:
    """Whether every row is as it must be."""
    return all(finding.held for _, finding in judged)


def document(setup: Setup, records: Records, judged: Judged) -> str:
    """The whole report, as Markdown."""
    parts = [
        "# Soak\n\nWritten by `make soak`. What it runs and strikes stands in the modules beside this file.",
        f"Repeat it with `{command(setup)}`. {_verdict(judged)}",
        _table(("What", "Count"), _counts(setup, records)),
        _table(("Invariant", "Must be", "Was", "Verdict"), _rows(judged)),
        _table(("Fault injected", "Times"), [(kind, f"{count:,}") for kind, count in records.injected.items()]),
        *_examples(judged),
        BEFORE,
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(judged: Judged) -> str:
    broken = sum(not finding.held for _, finding in judged)
    return "Every invariant held." if not broken else f"**{broken} of {len(judged)} invariants did not hold.**"


def _counts(setup: Setup, records: Records) -> list[tuple[str, str]]:
    tickets = records.tickets.values()
    phases = {phase: sum(one.phase == phase for one in tickets) for phase in sorted({one.phase for one in tickets})}
    told = {
        "seed": str(setup.seed),
        "seconds of faults": f"{setup.faults_s:.0f}",
        "seconds until all had settled": f"{records.settled_s:.0f}",
        "accounts, on projects, with slots per worker": (
            f"{len(setup.accounts)}, {len(setup.projects)}, {setup.slots}"
        ),
        "of these at the default pace: accounts, tickets, calls to Jelou": _paced(setup, records),
        **{f"seconds left out of the pace's rows: {why}": f"{long:.0f}" for why, long in lengths(records).items()},
        "tickets acknowledged": f"{len(records.tickets):,}",
        "duplicate deliveries": f"{records.duplicates:,}",
        "deliveries taken, both sides": f"{records.events:,}",
        "conversations started": f"{sum(len(one.starts) for one in tickets):,}",
        "starts whose fate was open": f"{sum(len(one.doubts) for one in tickets):,}",
        "conversations beyond the first of an episode, policy retry": f"{sum(map(_beyond, tickets)):,}",
        "agents' replies, private notes": f"{_sum(tickets, 'replies'):,}, {_sum(tickets, 'privates'):,}",
        "messages with customers, sent again with the same id": f"{_sum(tickets, 'said'):,}, {records.resent:,}",
        "notes that a reply did not arrive": f"{sum(one.unsent for one in tickets):,}",
        "customers' messages taken, without a ticket": f"{_sum(tickets, 'wrote'):,}, {len(records.orphans):,}",
        "tickets solved, reopened": f"{_sum(tickets, 'solved'):,}, {_sum(tickets, 'reopened'):,}",
        "close packages": f"{sum(one.packages for one in tickets):,}",
        "notes": f"{sum(len(one.notes) for one in tickets):,}",
        **{f"tickets {phase} at the end": f"{count:,}" for phase, count in phases.items()},
    }
    return list(told.items())


def _paced(setup: Setup, records: Records) -> str:
    tickets = sum(one.project == setup.paced for one in records.tickets.values())
    return f"{len(records.desks)}, {tickets:,}, {len(records.paced.calls) if records.paced else 0:,}"


def _sum(tickets: Iterable[Ticket], name: str) -> int:
    return sum(len(getattr(one, name)) for one in tickets)


def _beyond(ticket: Ticket) -> int:
    return len(ticket.starts) - len({start.episode for start in ticket.starts})


def _rows(judged: Judged) -> list[tuple[str, str, str, str]]:
    return [
        (row.name, row.must_be, finding.figure, "held" if finding.held else "**violated**") for row, finding in judged
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _examples(judged: Judged) -> list[str]:
    return [
        f"{row.name}:\n\n" + "\n".join(f"- `{one.ticket}`: {one.why}" for one in finding.examples[:EXAMPLES])
        for row, finding in judged
        if finding.examples
    ]


def keep_timelines(folder: Path, records: Records, judged: Judged) -> None:
    """Write the timeline of every ticket that is an example, for who has to find out why."""
    named = {one.ticket for _, finding in judged if not finding.held for one in finding.examples}
    found = {name: records.tickets[name].timeline for name in sorted(named) if name in records.tickets}
    (folder / "timelines.json").write_text(json.dumps(found, indent=1))
    struck = [f"{one.from_ms} {one.to_ms} {one.kind}: {one.target}" for one in records.struck]
    (folder / "faults.txt").write_text("\n".join(sorted(struck)) + "\n")
