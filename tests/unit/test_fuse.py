"""The fuse stops a ticket on which two machines answer each other, and none on which two people do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import MARK
from bridge.fuse import KEPT, Traffic, digest, normalised, noted, tripped
from bridge.links import Link
from bridge.policies import Fuse

AWAY = "I am out of the office until Monday."


def traffic(*told: tuple[float, Any, str], begun: Traffic = ()) -> Traffic:
    """Messages at these seconds."""
    for at_s, direction, text in told:
        begun = noted(begun, int(at_s * 1000), direction, text)
    return begun


def storm(messages: int, every_s: float = 1.0, text: str = AWAY) -> Traffic:
    """Two machines that send each other the same text."""
    return traffic(*((at * every_s, ("to_ticket", "to_customer")[at % 2], text) for at in range(messages)))


def test_an_echo_storm_trips_it() -> None:
    """At the third text that says what the other side has just said, not before."""
    assert tripped(storm(3), Fuse(), 3_000) == ""
    assert tripped(storm(4), Fuse(), 4_000) == "3 messages in 60 s said what the other side had just said"


def test_two_machines_that_never_repeat_themselves_trip_it() -> None:
    """By their number each way; one side alone may write as much as it likes."""
    chatty = traffic(*((at, ("to_ticket", "to_customer")[at % 2], f"automatic answer {at}") for at in range(26)))
    assert tripped(chatty, Fuse(), 26_000) == "13 messages each way in 60 s"
    assert tripped(chatty[:-1], Fuse(), 26_000) == ""
    assert tripped(traffic(*((at, "to_ticket", f"one more line {at}") for at in range(39))), Fuse(), 39_000) == ""


def test_a_talk_does_not_trip_it() -> None:
    """People agree, greet and thank each other in the same words."""
    words = [
        "Hola",
        "¡Hola!",
        "ok",
        "OK",
        "gracias",
        "Gracias.",
        "Bom dia",
        "bom dia",
        "👍👍👍👍👍👍👍👍👍👍👍👍",
        "sí",
        "Sí",
    ]
    talk = traffic(*((at, ("to_ticket", "to_customer")[at % 2], text) for at, text in enumerate(words * 2)))
    assert tripped(talk, Fuse(), 22_000) == ""


def test_who_repeats_only_himself_does_not_trip_it() -> None:
    """A customer who insists is no echo."""
    insisting = traffic(*((at, "to_ticket", "¿Hay alguien ahí? Contesten") for at in range(10)))
    assert tripped(insisting, Fuse(bounces=1), 10_000) == ""


def test_what_is_long_past_does_not_count() -> None:
    """Both texts lie within the time that is looked at; a message from the future, of a clock set back, does not."""
    assert tripped(storm(4), Fuse(), 60_000) != ""
    assert tripped(storm(4), Fuse(), 60_001) == ""
    assert tripped(storm(40, every_s=45), Fuse(), 39 * 45_000) == ""
    assert tripped(storm(4), Fuse(), -1) == ""


@pytest.mark.parametrize(
    "written",
    [
        AWAY.upper(),
        f"  {AWAY}\n\n",
        "> I am out of\n> the office until Monday",
        f"{AWAY}\n{MARK}0123456789abcdef]",
        "I am out\u200b of the office, until Monday!!",
        "\uff29 am out of the office until Monday",
    ],
)
def test_the_same_words_are_the_same(written: str) -> None:
    """However they are quoted, spaced, marked or written."""
    assert digest(written) == digest(AWAY) != ""


@pytest.mark.parametrize("written", ["", "ok", "obrigado", "> gracias!", f"sí {MARK}0123456789abcdef]", "12345678901"])
def test_a_short_text_says_too_little(written: str) -> None:
    """It never counts as an echo."""
    assert digest(written) == ""


@given(text=st.text(st.characters()))
def test_any_text_can_be_noted(text: str) -> None:
    """And no word of it is kept."""
    assert normalised(text) == normalised(f"> {text}".upper()) or not text.isascii()
    assert len(noted((), 1, "to_ticket", text)[0][2]) in {0, 8}


@given(told=st.lists(st.tuples(st.integers(), st.sampled_from(["to_ticket", "to_customer"]), st.text())))
def test_traffic_is_kept_as_json(told: list[tuple[int, Any, str]]) -> None:
    """The newest of it, and the same after a round trip with its link."""
    kept = traffic(*((at_ms / 1000 if abs(at_ms) < 10**9 else 0, way, text) for at_ms, way, text in told))
    assert len(kept) == min(len(told), KEPT)
    assert Link.load(Link(traffic=kept).dump()).traffic == kept


def test_its_limits_are_the_accounts() -> None:
    """Another time, another number."""
    assert tripped(storm(2), Fuse(bounces=1), 2_000) != ""
    assert tripped(storm(6), Fuse(bounces=30, each_way=2), 6_000) == "3 messages each way in 60 s"
    assert tripped(storm(4), Fuse(within_s=2), 4_000) == ""
