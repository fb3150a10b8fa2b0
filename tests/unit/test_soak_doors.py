"""The soak's rows on the web can say no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.doors import AFTER_MS, late_answers, refused, strangers_taken
from tests.soak.records import Answered, Records, Struck

QUICK = Records({}, answered=(Answered(1_000, 20, 202),) * 100)


def test_answers_at_once_hold() -> None:
    """Nobody waits, nobody is refused."""
    assert late_answers(QUICK).held
    assert refused(QUICK).held


@pytest.mark.parametrize("status", [0, 401, 503])
def test_a_refusal_without_a_fault_is_found(status: int) -> None:
    """No answer, or another than 202."""
    assert not refused(replace(QUICK, answered=(*QUICK.answered, Answered(2_000, 5, status)))).held


@pytest.mark.parametrize("target", ["web", "redis", "webhooks"])
def test_what_an_answer_needs_excuses_it_for_a_while(target: str) -> None:
    """From the fault's beginning until shortly after its end."""
    struck = (Struck("any", target, 1_900, 2_500),)
    late = Answered(2_500 + AFTER_MS - 100, 5_000, 503)
    assert refused(replace(QUICK, answered=(late,), struck=struck)).held
    after = replace(late, at_ms=2_500 + AFTER_MS + 1)
    assert not refused(replace(QUICK, answered=(after,), struck=struck)).held


def test_a_fault_elsewhere_excuses_nothing() -> None:
    """A worker's death is no reason for a late answer."""
    struck = (Struck("kill worker", "worker 1", 0, 9_000),)
    assert not refused(replace(QUICK, answered=(Answered(2_000, 5, 503),), struck=struck)).held


def test_slow_answers_are_found() -> None:
    """By the one in a hundred that waits longest but one."""
    slow = (Answered(1_000, 900, 202),) * 2
    assert not late_answers(replace(QUICK, answered=(*QUICK.answered[2:], *slow))).held


@pytest.mark.parametrize(("answers", "held"), [({0: 3, 401: 5, 413: 9}, True), ({401: 5, 202: 1}, False)])
def test_a_body_that_nobody_has_proven_is_not_taken(answers: dict[int, int], held: bool) -> None:
    """Refused, or the connection closed."""
    assert strangers_taken(replace(QUICK, stranger=answers)).held == held
