"""The fuse stops a ticket on which two machines answer each other, and none on which two people do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import MARK
from bridge.fuse import KEPT, Traffic, digest, goes_on, hold_s, normalised, noted, tripped
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


def why(told: Traffic, policy: Fuse | None = None, now_ms: int = -1) -> str:
    """The key of the reason for which it stops; empty where it does not."""
    loop = tripped(told, policy or Fuse(), told[-1][0] if now_ms < 0 and told else now_ms)
    return loop[0] if loop else ""


def test_an_echo_storm_trips_it() -> None:
    """At the third text that says what the other side has just said, not before."""
    assert why(storm(3)) == ""
    assert why(storm(4)) == "loop.bounced"


def test_a_long_text_trips_it_one_message_earlier() -> None:
    """And within ten times the time: mail robots take minutes."""
    text = "This mailbox is not read by anybody. Please write to support@example.com instead."
    assert [why(storm(sent, 120.0, text)) for sent in (2, 3)] == ["", "loop.bounced"]
    assert why(storm(5, 119.0, AWAY)) == ""


def alternating(customer: str, agent: str, rounds: int, every_s: float) -> Traffic:
    """Both sides in turn; a number stands for ``{}``."""
    rows = [
        (n, side, (customer, agent)[n % 2].format(n)) for n, side in enumerate(("to_ticket", "to_customer") * rounds)
    ]
    return traffic(*((n * every_s, side, text) for n, side, text in rows))


@pytest.mark.parametrize(("every_s", "reason"), [(1.0, "loop.fast"), (60.0, "loop.repeated")])
def test_two_automatic_replies_trip_it_within_ten_messages(every_s: float, reason: str) -> None:
    """Each has its own text, and nothing is sent back; quickly or slowly."""
    kept = alternating("Estoy fuera de la oficina.", "Hemos recibido su mensaje, gracias.", 5, every_s)
    stops = [n for n in range(1, len(kept) + 1) if why(kept[:n])]
    assert stops[0] <= 8
    assert why(kept) in {reason, "loop.repeated"}


def test_two_machines_that_never_repeat_themselves_trip_it_within_ten_messages() -> None:
    """They answer at once what nobody types so fast; one side alone may write as much as it likes."""
    chatty = alternating("automatic answer {}", "automatic answer {}", 5, 1.0)
    assert min(n for n in range(1, 11) if why(chatty[:n])) == 7
    assert why(traffic(*((at, "to_ticket", f"one more line {at}") for at in range(39)))) == ""


def test_an_agent_with_macros_trips_nothing() -> None:
    """One side may answer at once, as long as the other one is a person."""
    macro = "Gracias por escribirnos. Para ayudarle necesitamos el número de su pedido y su documento, por favor. {}"
    talk = [
        (n * 20.0 + side, ("to_ticket", "to_customer")[side], (f"pregunta {n}", macro.format(n))[side])
        for n in range(10)
        for side in (0, 1)
    ]
    assert why(traffic(*talk)) == ""


def test_people_who_write_much_trip_nothing() -> None:
    """Thirteen short lines each way in a minute."""
    assert why(alternating("línea corta {}", "respuesta {}", 13, 60 / 26)) == ""


def test_polite_people_trip_nothing() -> None:
    """Each greeting is answered in kind: three texts, each of which counts for itself."""
    words = ["Buenas tardes", "Muchas gracias", "Que tenga buen día"]
    talk = [(n * 7.0, ("to_ticket", "to_customer")[n % 2], words[n // 2 % 3]) for n in range(7)]
    assert why(traffic(*talk)) == ""


def test_what_no_person_could_write_trips_it() -> None:
    """However it is said: more than nineteen messages each way in a minute."""
    assert why(alternating("a{}", "b{}", 20, 1.45)) == "loop.many"
    assert why(alternating("a{}", "b{}", 19, 1.45)) == ""


def test_a_burst_after_an_outage_is_no_loop() -> None:
    """What senders try again comes at once, one side after the other."""
    rows = [
        (0.001 * n, ("to_ticket", "to_customer")[n // 5], f"what was written meanwhile, number {n}") for n in range(10)
    ]
    assert why(traffic(*rows)) == ""


def test_what_an_older_version_noted_counts_as_well() -> None:
    """Without the number of characters: the same text is the same text."""
    old: Any = [one[:3] for one in storm(4)]
    assert why(old) == "loop.bounced"
    without_length: Any = [one[:3] for one in alternating("automatic answer {}", "automatic answer {}", 5, 1.0)]
    assert why(without_length) == ""


@pytest.mark.parametrize("note", ["jelou: continue", "Jelou: continuar", " JELOU:CONTINUAR. "])
def test_an_agents_note_lets_it_go_on(note: str) -> None:
    """In any of the three languages; a sentence about it does not."""
    assert goes_on(note)
    assert not goes_on(f"I wrote {note} an hour ago")


def test_it_holds_longer_each_time() -> None:
    """Twice as long, and never more than an hour unless the account says so."""
    assert [hold_s(Fuse(), times) for times in (1, 2, 3, 4, 5, 50)] == [300, 600, 1200, 2400, 3600, 3600]
    assert hold_s(Fuse(hold_s=10), 1) == 10


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
    assert why(talk) == ""


def test_who_repeats_only_himself_does_not_trip_it() -> None:
    """A customer who insists is no echo."""
    insisting = traffic(*((at, "to_ticket", "¿Hay alguien ahí? Contesten") for at in range(10)))
    assert why(insisting, Fuse(bounces=1)) == ""


def test_what_is_long_past_does_not_count() -> None:
    """Both texts lie within the time that is looked at; a message from the future, of a clock set back, does not."""
    assert why(storm(4), now_ms=60_000) != ""
    assert why(storm(4), now_ms=60_001) == ""
    assert why(storm(40, every_s=130)) == ""
    assert tripped(storm(4), Fuse(), -1) is None


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
    assert why(storm(3), Fuse(bounces=2)) != ""
    assert why(alternating("a{}", "b{}", 3, 2.0), Fuse(bounces=30, each_way=2)) == "loop.many"
    assert why(storm(4), Fuse(within_s=2)) == ""
