"""What the benchmark of the pace counts, in ledgers made by hand."""

from __future__ import annotations

import math

import orjson
import pytest

from tests.bench import measures, pace, peers
from tests.bench.figures import Row, Seen, at_most, windows
from tests.bench.measures import Limit
from tests.bench.talk import Come

FIVE = Limit(5, 1.0)


def steady(count: int, every_s: float, begin: float = 0.0) -> list[float]:
    """Calls at even intervals."""
    return [begin + number * every_s for number in range(count)]


@pytest.mark.parametrize(("of", "is_"), [(50, 50), (95, 95), (99, 99), (100, 100), (0.1, 1)])
def test_a_percentile_is_one_of_the_values(of: float, is_: float) -> None:
    """The nearest rank: of a hundred the p99 is the second largest, and the order they come in is nothing."""
    assert measures.percentile([*range(100, 0, -1)], of) == is_


def test_a_percentile_of_nothing_is_no_number() -> None:
    """A figure that nothing was measured of is not held."""
    assert math.isnan(measures.percentile([], 99))
    assert not at_most(2, "nothing came", math.nan, 1.0).held


def test_a_rate_counts_to_where_it_was_waited() -> None:
    """Eleven calls in two seconds are five a second; where more should have come for two more seconds, half of it."""
    assert measures.rate(steady(11, 0.2)) == pytest.approx(5.0)
    assert measures.rate(steady(11, 0.2), until=4.0) == pytest.approx(2.5)
    assert measures.rate([1.0]) == 0.0


def test_the_fullest_window_begins_anywhere() -> None:
    """Not at whole seconds; its end belongs to the next."""
    assert measures.fullest([0.0, 0.9, 1.0, 1.5, 1.8, 3.0], 1.0) == 4
    assert measures.fullest([0.0, 1.0, 2.0], 1.0) == 1
    assert measures.fullest([], 1.0) == 0


def test_a_window_may_hold_the_rate_and_the_burst() -> None:
    """Of five a second six in a second and 51 in ten; of a hundred a minute five more in any time."""
    assert [FIVE.most(window) for window in measures.WINDOWS_S] == [6, 51, 301]
    assert [math.floor(Limit(100, 60.0).most(window)) for window in measures.WINDOWS_S] == [6, 21, 105]
    four = Limit(4, 1.0)
    assert measures.over(steady(100, 0.25), four, 1.0) == -1
    assert measures.over([*steady(100, 0.25), 0.3, 0.4], four, 1.0) == 1


def test_the_worst_window_of_all_worlds_is_shown() -> None:
    """A destination of the same name in several worlds has its limit in each of them."""
    seen = [
        Seen("jelou 5/s", FIVE, (0.0, 0.1)),
        Seen("jelou 5/s", FIVE, tuple(steady(8, 0.1))),
        Seen("z", FIVE, (0.0,)),
    ]
    jelou, other = windows(seen)
    assert (jelou.must_be, jelou.was, jelou.held) == ("<= 6 / 51 / 301", "8 / 8 / 8", False)
    assert other.held


def test_pairs_in_the_wrong_order_are_counted() -> None:
    """Each pair by itself: the last that comes first makes as many as there are others."""
    assert measures.inverted([1.0, 2.0, 3.0, 4.0]) == (0, 6)
    assert measures.inverted([2.0, 3.0, 4.0, 1.0]) == (3, 6)
    assert measures.inverted([4.0, 3.0, 2.0, 1.0]) == (6, 6)


def test_starts_are_counted_in_windows_in_which_a_reply_waited_all_the_time() -> None:
    """Spans that touch are one; a wait that is shorter than the window has none."""
    starts = [0.5, 2.0, 2.2, 2.4, 4.1, 9.0, 9.1]
    assert measures.merged([(2.0, 3.0), (0.0, 1.0), (2.5, 4.2), (4.2, 5.0)]) == [(0.0, 1.0), (2.0, 5.0)]
    assert measures.most_while(starts, [(0.0, 1.5), (1.5, 4.0)], 2.0) == 4
    assert measures.most_while(starts, [(2.1, 4.2)], 2.0) == 3
    assert measures.most_while(starts, [(8.0, 9.9)], 2.0) == 0
    assert measures.most_while([2.5, 3.9], [(0.0, 4.0)], 2.0) == 2


def test_the_unevenness_of_accounts_is_most_against_least() -> None:
    """An account that got nothing is infinitely behind."""
    assert measures.evenness([10, 12, 11]) == pytest.approx(1.2)
    assert measures.evenness([0, 5]) == math.inf


def test_a_word_that_never_came_counts_as_long_as_it_was_waited_for() -> None:
    """Else the worst replies would make the figure better. One called before its 202 was read took no time."""
    come = Come({"a": 10.0, "b": 10.0, "c": 20.0}, {"a": 10.5, "c": 19.9}, end=40.0)
    assert come.spans == [(10.0, 10.5), (10.0, 40.0), (20.0, 20.0)]
    row = come.row(2, "reply", 99, 1.0)
    assert (row.value, row.held) == (30.0, False)
    assert "1 never came" in row.was


def test_words_are_found_in_any_body() -> None:
    """The first call that carries one counts; two words may be merged into one body."""
    first, second = peers.token(7), peers.token(8)
    bodies = [f"<p>{first}</p>", f"{first}\\n{second}"]
    calls = [peers.Call(float(at), "POST", "/x", body.encode()) for at, body in enumerate(bodies)]
    assert peers.first_with_tokens(calls) == {first: 0.0, second: 1.0}


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/platform/v1/external-support/p/conversations/start", peers.START),
        ("/platform/v1/external-support/p/conversations/close", peers.CLOSE),
        ("/platform/v1/external-support/p/conversations/65f0", peers.ASK),
        ("/v1/external-support/webhook", peers.SEND),
        ("/platform/v1/external-support/p", ""),
    ],
)
def test_an_operation_is_known_by_its_path(path: str, operation: str) -> None:
    """As the twin's routes have it."""
    assert peers.Call(0.0, "POST", path, b"").operation == operation


def test_a_start_that_was_refused_is_no_start() -> None:
    """A ticket counts as started with the first of its calls that was not refused."""
    peer = peers.Peer("jelou", FIVE, peers.dice(1))
    body = orjson.dumps({"metadata": {"bridgeTicket": "k/a/1"}})
    path = "/platform/v1/external-support/p/conversations/start"
    peer.calls += [peers.Call(float(at), "POST", path, body, status=status) for at, status in ((1, 503), (2, 200))]
    assert peer.started() == {"k/a/1": 2.0}


def test_peers_answer_as_late_as_real_ones() -> None:
    """Between 80 and 400 ms but for one in fifty, never over 2 s; the same seed answers alike."""
    thrown = peers.dice(3)
    times = [peers.answer_s(thrown) for _ in range(5_000)]
    slow = sum(at > peers.MOST_S for at in times)
    assert (min(times), max(times) <= peers.TAIL_S) == (peers.LEAST_S, True)
    assert 60 < slow < 140
    assert measures.percentile(times, 50) == pytest.approx(peers.USUAL_S, rel=0.1)
    again = peers.dice(3)
    assert [peers.answer_s(again) for _ in range(9)] == times[:9]


def test_the_table_shows_what_must_be_beside_what_was() -> None:
    """In the order of the figures; the other code's figures stand beside them."""
    rows = [Row(8, "even", "<= 1.3", "1.1", 1.1, held=True), at_most(2, "reply", 24.6, 1.0)]
    against = [Row(8, "even", "<= 1.3", "12", 12, held=False)]
    assert pace.table(rows, against).splitlines()[2:] == [
        "| 2 | reply | < 1 s | 24.60 s |  | **missed** |",
        "| 8 | even | <= 1.3 | 1.1 | 12 | held |",
    ]


def test_the_report_tells_what_makes_it_again_and_names_no_folder() -> None:
    """Files of the machine are nobody else's."""
    options = pace.options_of(["--quick", "--workers=2", "--only=even", "--against=/home/me/old", "--json=/home/me/x"])
    text = pace.document("| table |", options)
    assert 'make bench ARGS="pace --quick --only=even --workers=2 --seed=1"' in text
    assert "/home" not in text
