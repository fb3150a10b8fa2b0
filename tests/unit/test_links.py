"""The table of moves between a link's phases: every pair, and what holds for any row of signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import Assignment, Phase, StartConversation
from bridge.links import BACK, IN_FLIGHT, LIVE, MOVES, ORDER, Link, Signal
from bridge.owed import Ending, Hold, Past, Say, Todo

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = """
                   new       starting  unknown  started  open    closed  parked  failed  ignored
  marked           starting  .         .        .        .       .       .       .       .
  answered         started   started   started  .        .       .       started started started
  nothing happened .         new       new      .        .       .       new     .       .
  refused          .         failed    .        .        .       .       .       .       .
  unanswered       unknown   unknown   .        .        .       .       .       .       .
  start seen       open      open      open     open     .       .       open    open    open
  close seen       .         .         .        closed   closed  .       .       .       .
  try again        .         .         new      .        .       .       .       .       .
  park             .         .         parked   .        .       .       .       .       .
  unconfirmed      .         .         .        open     .       .       .       .       .
  ignore           ignored   .         .        .        .       .       .       .       .
  fail             failed    .         .        .        .       .       .       .       .
  replay           .         .         .        .        .       .       new     new     .
"""
"""Written by hand and not made from the code: a signal a line, a phase a column, a dot where nothing moves."""


EVIDENCE = frozenset({Signal.START_SEEN, Signal.CLOSE_SEEN, Signal.ANSWERED, Signal.NOTHING_HAPPENED})
"""What the other side is known to have done, however late."""


def cells() -> Iterator[tuple[Phase, Signal, Phase | None]]:
    """Every pair of the table, and where it leads."""
    header, *rows = TABLE.strip("\n").split("\n")
    phases = [Phase(name) for name in header.split()]
    for row in rows[:-1] if not rows[-1].strip() else rows:
        signal = Signal(row[:19].strip())
        for phase, cell in zip(phases, row[19:].split(), strict=True):
            yield phase, signal, None if cell == "." else Phase(cell)


def link(phase: Phase = Phase.NEW, conversation: str = "c1") -> Link:
    """A link in this phase."""
    return Link(phase=phase, conversation=conversation)


signals = st.lists(st.sampled_from(Signal), max_size=30)
phases = st.sampled_from(Phase)


def after(begun: Link, told: list[Signal]) -> list[Link]:
    """The link after each of the signals, the one it began with first."""
    row = [begun]
    for signal in told:
        row.append(row[-1].moved(signal))
    return row


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_of_the_tests_names_every_pair() -> None:
    """A phase or a signal that is added must be thought of here."""
    assert {(phase, signal) for phase, signal, _ in cells()} == {
        (phase, signal) for phase in Phase for signal in Signal
    }


@pytest.mark.parametrize(("phase", "signal", "to"), list(cells()))
def test_each_signal_moves_each_phase_as_the_table_says(phase: Phase, signal: Signal, to: Phase | None) -> None:
    """A move that the table does not name is not made: the same link comes back, changes and all left out."""
    before = link(phase)
    moved = before.moved(signal, reason="why")
    if to is None:
        assert moved is before
    else:
        assert (moved.phase, moved.reason, moved.conversation) == (to, "why", "c1")


def test_a_move_may_stay_in_its_phase_only_by_leaving_the_table() -> None:
    """Each move of the table leads somewhere else, so that a move is always news."""
    assert all(phase is not to for (phase, _), to in MOVES.items())


def test_every_move_goes_forward_but_those_that_say_so() -> None:
    """By the order of the phases; what goes back goes to the beginning, and never from a known conversation."""
    assert sorted(ORDER) == sorted(Phase)
    for (phase, signal), to in MOVES.items():
        if signal in BACK:
            assert to is Phase.NEW
            assert phase not in LIVE | {Phase.CLOSED}
        else:
            assert ORDER.index(to) > ORDER.index(phase), (phase, signal)


def test_in_flight_and_live_are_apart() -> None:
    """A ticket whose start may be under way has no conversation that is known, and the other way round."""
    assert not IN_FLIGHT & LIVE


# --- what always holds -----------------------------------------------------------------------------------------------


@given(signals)
def test_closed_stays_closed(told: list[Signal]) -> None:
    """A late event never moves a link backwards."""
    assert {one.phase for one in after(link(Phase.CLOSED), told)} == {Phase.CLOSED}


@given(signals)
def test_open_only_closes(told: list[Signal]) -> None:
    """Whatever comes, an open conversation is open until it is closed."""
    assert {one.phase for one in after(link(Phase.OPEN), told)} <= {Phase.OPEN, Phase.CLOSED}


@given(phases, signals)
def test_a_conversation_that_is_known_is_not_started_again(begun: Phase, told: list[Signal]) -> None:
    """From the first live phase on, no row of signals leads to another start."""
    row = [one.phase for one in after(link(begun), told)]
    known = next((n for n, phase in enumerate(row) if phase in LIVE | {Phase.CLOSED}), len(row))
    assert set(row[known:]) <= LIVE | {Phase.CLOSED}


@given(phases, signals)
def test_evidence_of_a_start_counts_in_every_phase(begun: Phase, told: list[Signal]) -> None:
    """Parked, failed and ignored included: after it the conversation is open, or was closed already."""
    last = after(link(begun), told)[-1].moved(Signal.START_SEEN)
    assert last.phase in {Phase.OPEN, Phase.CLOSED}


@given(phases, signals)
def test_only_a_mark_begins_a_start_and_only_its_fate_ends_it(begun: Phase, told: list[Signal]) -> None:
    """There is one way into STARTING, and UNKNOWN is left by evidence or by the policy alone."""
    row = after(link(begun), told)
    for before, signal, now in zip(row, told, row[1:], strict=False):
        if now.phase is Phase.STARTING and before.phase is not Phase.STARTING:
            assert (before.phase, signal) == (Phase.NEW, Signal.MARKED)
        if before.phase is Phase.UNKNOWN and now.phase is not Phase.UNKNOWN:
            assert signal in EVIDENCE | {Signal.TRY_AGAIN, Signal.PARK}


@given(phases, signals)
def test_the_phase_alone_moves(begun: Phase, told: list[Signal]) -> None:
    """A move changes what it is told to change and nothing else; the link it began with stays as it was."""
    before = link(begun)
    last = after(before, told)[-1]
    assert (last.conversation, last.attempt, last.receipts) == ("c1", 0, {})
    assert before == link(begun)


# --- stored and read back --------------------------------------------------------------------------------------------

words = st.text(max_size=20)
assignments = st.none() | st.builds(Assignment, words, words)
starts = st.builds(
    StartConversation, words, words, words, st.dictionaries(words, words, max_size=4), assignments, words
)
links = st.builds(
    Link,
    phase=phases,
    attempt=st.integers(0, 9),
    conversation=words,
    assignment=assignments,
    start=st.none() | starts,
    since_ms=st.integers(0, 2**53),
    confirmed=st.booleans(),
    extra=st.lists(words, max_size=3).map(tuple),
    receipts=st.dictionaries(words, words, max_size=3),
    todo=st.lists(st.builds(Todo, words, words, words, words, st.booleans()), max_size=3).map(tuple),
    says=st.lists(st.builds(Say, words, words, st.dictionaries(words, words, max_size=2)), max_size=3).map(tuple),
    ending=st.none() | st.builds(Ending, words, words),
    past=st.lists(st.builds(Past, st.integers(1, 9), words), max_size=2).map(tuple),
    holds=st.dictionaries(st.sampled_from(["jelou", "helpdesk"]), st.builds(Hold, st.integers(0, 2**53), words)),
    traffic=st.lists(st.tuples(st.integers(0, 2**53), st.just("to_ticket"), words), max_size=3).map(tuple),
)


@given(links)
def test_a_link_is_read_back_as_it_was_stored(one: Link) -> None:
    """Whatever it holds, frozen plan and write-backs included."""
    assert Link.load(one.dump()) == one
    assert Link.load(one.dump().encode()) == one


@pytest.mark.parametrize("nothing", ["", b""])
def test_a_ticket_that_was_never_stored_is_new(nothing: str | bytes) -> None:
    """There is no link before the first finish."""
    assert Link.load(nothing) == Link()


def test_a_field_of_a_newer_version_is_left_aside() -> None:
    """During a rolling update the older worker reads what the newer one wrote."""
    stored = orjson.loads(Link(phase=Phase.OPEN).dump()) | {"from_the_future": 1}
    assert Link.load(orjson.dumps(stored)) == Link(phase=Phase.OPEN)


def test_a_field_of_an_older_version_has_its_default() -> None:
    """What was stored before a field existed is read all the same."""
    stored = orjson.loads(Link(phase=Phase.OPEN).dump())
    del stored["confirmed"]
    assert Link.load(orjson.dumps(stored)) == Link(phase=Phase.OPEN)


# --- episodes --------------------------------------------------------------------------------------------------------


@given(links)
def test_only_a_closed_link_has_a_next_episode(one: Link) -> None:
    """What is open, unknown or waits for a person goes on as it is."""
    begun = one.next_episode()
    assert (begun is one) is (one.phase is not Phase.CLOSED)


def test_the_next_episode_knows_the_one_before_and_starts_afresh() -> None:
    """The person and what is owed to the ticket stay; conversation, tries and confirmation do not."""
    owed = (Todo("1:note:package", "add.note", "Text"),)
    before = Link(phase=Phase.CLOSED, conversation="c1", user="u", attempt=3, confirmed=True, todo=owed, reason="why")
    begun = before.next_episode()
    assert (begun.phase, begun.episode, begun.user, begun.todo) == (Phase.NEW, 2, "u", owed)
    assert (begun.conversation, begun.attempt, begun.confirmed) == ("", 0, False)
    assert begun.past == (Past(1, "c1", reason="why"),)
    assert begun.knew("c1")
    assert not begun.knew("c2")
