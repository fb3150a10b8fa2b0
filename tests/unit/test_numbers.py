"""Numbers out of what others send: one that nobody can mean is none, and nothing fails at it."""

from __future__ import annotations

import pytest

from bridge.domain import ConversationStarted
from bridge.helpdesks.generic_functions import Functions
from workers.evidence import episode_of

HUGE = "9" * 5_000
"""More digits than ``int`` takes."""


def started(episode: object) -> ConversationStarted:
    """A start whose metadata names this episode."""
    fact, where = "conversation.start:c", ("c", "r", "b", "u")
    return ConversationStarted("soporte", fact, *where, 5, metadata={"bridgeEpisode": episode})


@pytest.mark.parametrize(
    "told", [HUGE, "1" + "0" * 20, 1e300, "\u00b2", "\u0661", "-1", "1.5", "", None, True, [1], {"a": HUGE}]
)
def test_an_episode_that_is_no_number_of_ours_is_none(told: object) -> None:
    """It is metadata of whoever has the key of the API; the start then counts as not ours."""
    assert episode_of(started(told)) == 0


@pytest.mark.parametrize(("told", "known"), [("1", 1), ("12", 12), (3, 3), ("999999999", 999_999_999)])
def test_an_episode_of_ours_is_known(told: object, known: int) -> None:
    """As text, as we send it, or as the number that something between made of it."""
    assert episode_of(started(told)) == known


@pytest.mark.parametrize("most", [HUGE, "\u00b2", "\u0661", "-1", "a", ""])
def test_a_text_is_not_cut_at_what_is_no_number(most: str) -> None:
    """A mapping may take the length out of a delivery."""
    assert Functions().call_function("cut", ["words", most]) == "words"
