"""The close package tells how a conversation went: who, how long, what was said, and how much of it is left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import Assignment
from bridge.package import Entry, close_package, duration, first_answer_ms
from bridge.wording import LANGUAGES

BEGAN_MS = 1_776_133_797_000
"""2026-04-14 02:29:57 UTC."""


def entry(at_s: int, who: Any, text: str) -> Entry:
    """A message so many seconds after the start."""
    return Entry(BEGAN_MS + at_s * 1000, who, text)


CASE = [
    entry(3, "customer", "Hola"),
    entry(5, "customer", "No puedo entrar"),
    entry(68, "agent", "Vamos a ver\nun momento"),
]


def test_a_conversation_is_told_on_one_page() -> None:
    """Outcome, who attended, times, counts, and the words with their times."""
    told = close_package(
        CASE,
        "en",
        outcome="closed_by_operator",
        assignment=Assignment("queue", "VIP"),
        started_ms=BEGAN_MS,
        ended_ms=BEGAN_MS + 1_273_000,
    )
    assert told == (
        "Conversation ended in Jelou.\n"
        "Outcome: closed by the agent\n"
        "Attended by: queue VIP\n"
        "Started: 2026-04-14 02:29 UTC\n"
        "Ended: 2026-04-14 02:51 UTC\n"
        "Duration: 21 min 13 s\n"
        "First answer after: 1 min 5 s\n"
        "Messages: 2 of the customer, 1 of agents\n"
        "\n"
        "Transcript (UTC):\n"
        "[2026-04-14 02:30] Customer: Hola\n"
        "[2026-04-14 02:30] Customer: No puedo entrar\n"
        "[2026-04-14 02:31] Agent: Vamos a ver\n  un momento"
    )


def test_what_is_not_known_is_not_said() -> None:
    """No times, no transcript; an outcome in Jelou's own word is said as it is."""
    assert close_package([], "es", outcome="timeout") == (
        "Conversación terminada en Jelou.\n"
        "Resultado: timeout\n"
        "Atendida por: nadie en particular\n"
        "Mensajes: 0 del cliente, 0 de agentes"
    )
    assert "Resultado: não informado" in close_package([], "pt")


def test_a_long_transcript_loses_its_middle() -> None:
    """Its beginning and its end stay, and it is said how much is missing."""
    told = close_package([entry(one, "agent", f"m{one} {'x' * 50}") for one in range(100)], "en", most=1_000)
    lines = told.split("\n")
    cut = next(at for at, line in enumerate(lines) if "left out" in line)
    shown = [line.split(": m")[1].split(" ")[0] for line in lines if ": m" in line]
    assert len(told) <= 1_000
    assert (shown[0], shown[-1]) == ("0", "99")
    assert lines[cut] == f"[... {100 - len(shown)} messages left out ...]"
    assert shown == [str(one) for one in (*range(cut - 6), *range(100 - len(shown) + cut - 6, 100))]


def test_one_long_message_leaves_room_for_the_others() -> None:
    """It is shortened, and the sign for it shows."""
    told = close_package([entry(1, "customer", "x" * 5_000), entry(2, "agent", "Listo")], "en", most=1_000)
    assert "x\u2026\n" in told
    assert told.count("Listo") == 1
    assert told.endswith("Agent: Listo")


MESSAGES = st.lists(st.builds(Entry, st.integers(0, 10**16), st.sampled_from(["agent", "customer"]), st.text()))


@given(entries=MESSAGES, language=st.sampled_from(LANGUAGES), most=st.integers(0, 2_000), times=st.integers(0, 10**16))
def test_it_is_never_longer_than_it_may_be(entries: list[Entry], language: Any, most: int, times: int) -> None:
    """Whatever was written, at whatever time."""
    told = close_package(entries, language, started_ms=times, ended_ms=BEGAN_MS, most=most)
    assert len(told) <= most


@given(entries=MESSAGES)
def test_a_short_transcript_is_whole(entries: list[Entry]) -> None:
    """Every word of every message."""
    told = close_package(entries, "en", most=10**9)
    assert "left out" not in told
    assert "".join(told.split()).count("]Customer:") + "".join(told.split()).count("]Agent:") >= len(entries)


@pytest.mark.parametrize(
    ("ms", "told"),
    [
        (-5, "0 s"),
        (999, "0 s"),
        (12_000, "12 s"),
        (60_000, "1 min"),
        (65_000, "1 min 5 s"),
        (3_600_000, "1 h"),
        (3_900_000, "1 h 5 min"),
        (3_605_000, "1 h"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_its_largest_units(ms: int, told: str) -> None:
    """Two at most."""
    assert duration(ms) == told


def test_the_first_answer_is_to_the_customers_first_message() -> None:
    """What agents said before is no answer; who was not answered has none."""
    assert first_answer_ms([entry(0, "agent", "x"), *CASE]) == 65_000
    assert first_answer_ms(CASE[:2]) is None
    assert first_answer_ms([entry(9, "customer", "x"), entry(1, "agent", "y")]) == 0
