"""No script reads a whole collection that may grow without bound: Redis does nothing else meanwhile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "bridge" / "scripts"

WHOLE = re.compile(r"'(SMEMBERS|HGETALL|HKEYS|HVALS|SINTER|SUNION|SDIFF|SORT|KEYS)'|, 0, -1|\bunpack\(")
"""What reads all of something, or hands all of something on: Lua can hand on some 8,000 values."""

BY_SCORE = re.compile(r"'Z(REV)?RANGEBYSCORE'")
"""The same where no LIMIT stands behind."""

BOUNDED = {
    ("accept_conversation.lua", "P .. 'sharers:'"): "SHARERS_MOST in progress.lua",
    ("claim.lua", "at_key(ticket)"): "a ticket's destinations: a project, an account",
    ("finish.lua", "at_key(ticket)"): "the same",
    ("queue.lua", "at_key(ticket)"): "the same",
    ("overview.lua", "unpack(ids)"): "LETTERS_MOST",
    ("overview.lua", "unpack(keys)"): "AT_ONCE",
    ("overview.lua", "unpack(names)"): "AT_ONCE",
    ("overview.lua", "unpack(destinations, first"): "AT_ONCE",
    ("overview.lua", "P .. 'paused'"): "configured accounts",
    ("turns_of.lua", "at_key(ARGV[1])"): "the same",
    ("finish.lua", "unpack(item.look)"): "three values",
    ("progress.lua", "unpack(item.said)"): "what one claim worked: inbox_most and EVIDENCE_MOST events",
    ("prelude.lua", "unpack(entries)"): "the same",
    ("prelude.lua", "unpack(ids)"): "the letters of one start, or one letter",
    ("prelude.lua", "unpack(old)"): "1,000 at a time",
    ("prelude.lua", "local counts"): "HEARD_KEPT, looked at once in ten minutes",
    ("forget.lua", "P .. 'unread'"): "MOST in bridge/unread.py",
    ("forget.lua", "local all"): "MOST in bridge/refusals.py",
    ("keep_refused.lua", "local all"): "the same",
    ("gate.lua", "grants_key(destination), 0, -1"): "what the pace allows within lead_ms and GRANTED_MS",
    ("join.lua", "WORKERS, alive - SEEN_MS"): "the workers of a minute",
    ("join.lua", "LANES, 0, -1"): "configured accounts and projects",
    ("starts_waiting.lua", "START_WAITS"): "configured accounts and the causes of bridge/start_waits.py",
    ("tick.lua", "P .. 'paused'"): "the workers of a minute; configured accounts",
    ("retire.lua", "P .. 'orphans-dropped'"): "configured projects",
    ("retire.lua", "P .. 'forgotten', r.most"): "at most so many notes",
    ("orphans.lua", "orphan_key(project, id), 0, -1"): "ORPHAN_EVENTS and ORPHAN_BYTES",
    ("removal.lua", "unpack(hashed)"): "PART_MOST",
    ("removal.lua", "unpack(facts)"): "PART_MOST",
}
"""Where all is read, and what bounds it."""


def reads() -> list[tuple[str, str]]:
    """Each line that reads all of something, with its file."""
    lines = [(file.name, line) for file in sorted(SCRIPTS.glob("*.lua")) for line in file.read_text().splitlines()]
    return [
        (name, line)
        for name, line in lines
        if not line.lstrip().startswith("--")
        and (WHOLE.search(line) or (BY_SCORE.search(line) and "LIMIT" not in line))
    ]


def unexplained(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that no row tells of."""
    return [(name, line) for name, line in found if not any(name == of and what in line for of, what in BOUNDED)]


def test_each_read_of_a_whole_collection_is_bounded_by_something() -> None:
    """A new one needs a row with its bound, or goes in parts."""
    assert unexplained(reads()) == []


def test_each_row_tells_of_a_read_that_is_there() -> None:
    """A bound that nothing needs any more goes."""
    found = reads()
    assert [row for row in BOUNDED if not any(name == row[0] and row[1] in line for name, line in found)] == []


@pytest.mark.parametrize(
    "line",
    [
        "redis.call('SMEMBERS', key)",
        "redis.call('LRANGE', key, 0, -1)",
        "redis.call('ZRANGEBYSCORE', key, '-inf', NOW)",
        "redis.call('SADD', key, unpack(all))",
    ],
)
def test_a_new_read_would_be_seen(line: str) -> None:
    """Whichever command it is."""
    assert unexplained([("new.lua", line)]) != []
    assert WHOLE.search(line) or BY_SCORE.search(line)
