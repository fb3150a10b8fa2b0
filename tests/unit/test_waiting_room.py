"""Who waits for a signing secret, and who has to go where the room is full."""

from __future__ import annotations

from contextlib import ExitStack

from bridge.waiting_room import BYTES_LEAST, BYTES_MOST, Place, WaitingRoom

SMALL = b"{}"


def left(*places: Place) -> list[int]:
    """The numbers of those that had to go."""
    return [number for number, one in enumerate(places) if one.gone.done()]


async def test_the_largest_goes_first() -> None:
    """Strangers' large bodies make no room for themselves."""
    room = WaitingRoom(bytes_most=10 * BYTES_LEAST)
    with ExitStack() as stack:
        bodies = [SMALL, b"x" * 5 * BYTES_LEAST, SMALL, b"x" * 6 * BYTES_LEAST]
        places = [stack.enter_context(room.place(body)) for body in bodies]
        assert left(*places) == [3]
        places += [stack.enter_context(room.place(SMALL)) for _ in range(4)]
        assert left(*places) == [1, 3]


async def test_of_equals_the_one_that_waited_longest_goes() -> None:
    """Its secret is the likeliest never to come; whoever comes is let in."""
    room = WaitingRoom(bytes_most=3 * BYTES_LEAST)
    with ExitStack() as stack:
        places = [stack.enter_context(room.place(SMALL)) for _ in range(5)]
        assert left(*places) == [0, 1]


async def test_what_was_left_is_free_again() -> None:
    """By itself, by having to go, or by an error: nothing is counted twice."""
    room = WaitingRoom(bytes_most=2 * BYTES_LEAST)
    for _ in range(10):
        with room.place(SMALL) as one, room.place(SMALL) as two:
            assert left(one, two) == []


def test_small_ones_are_let_in_by_the_thousand() -> None:
    """More than one process can take in while a secret is made."""
    assert BYTES_MOST // BYTES_LEAST >= 2_000
