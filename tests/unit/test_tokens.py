"""Whose token it is, and how little a guesser can do: not look at many, not fill the memory, not lock out others."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bridge.errors import SignatureRejected, TooManyFailures
from bridge.tokens import ADDRESSES_MOST, FAILURES_MOST, WINDOW_S, Tokens

OLD, NEW = "old-token", "new-token"


@dataclass
class Door:
    """The tokens, and a clock that moves when told."""

    now: float = 1000.0
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        """Two tokens, as during a rotation."""
        self.tokens = Tokens([OLD.encode(), NEW.encode()], lambda: self.now)

    def knock(self, token: str, address: str = "10.0.0.1") -> str:
        """Who it is, or how it was refused."""
        try:
            return self.tokens.owner(f"Bearer {token}", address)
        except TooManyFailures as error:
            return f"wait {error.retry_after_s}"
        except SignatureRejected:
            return "no"

    def guess(self, times: int, address: str = "10.0.0.1") -> list[str]:
        """Wrong tokens, one after the other."""
        return [self.knock(f"guess-{number}", address) for number in range(times)]


@pytest.fixture
def door() -> Door:
    """A door nobody knocked at."""
    return Door()


def test_each_token_has_its_number(door: Door) -> None:
    """So that a decision tells which credential made it, and not the credential."""
    assert [door.knock(OLD), door.knock(NEW), door.knock("other")] == ["API token 1", "API token 2", "no"]


def test_guessing_is_ended(door: Door) -> None:
    """After so many wrong ones nothing is looked at, not even the right one, until the window ends."""
    assert door.guess(FAILURES_MOST) == ["no"] * FAILURES_MOST
    assert (door.knock("one more"), door.knock(OLD)) == ("wait 60", "wait 60")
    door.now += WINDOW_S - 0.5
    assert door.knock(OLD) == "wait 1"
    door.now += 0.5
    assert door.knock(OLD) == "API token 1"


def test_a_few_mistakes_lock_nobody_out(door: Door) -> None:
    """Nor do many over a long time."""
    for _ in range(5):
        assert door.guess(FAILURES_MOST - 1) == ["no"] * (FAILURES_MOST - 1)
        assert door.knock(OLD) == "API token 1"
        door.now += WINDOW_S


def test_a_guesser_locks_out_its_own_address_alone(door: Door) -> None:
    """The right token from elsewhere is taken."""
    door.guess(FAILURES_MOST + 5)
    assert (door.knock(OLD), door.knock(OLD, "10.0.0.2")) == ("wait 60", "API token 1")


def test_one_customers_addresses_are_one(door: Door) -> None:
    """A /64 of IPv6 is what one gets; its addresses are not 2^64 budgets."""
    for number in range(FAILURES_MOST):
        door.knock("guess", f"2001:db8:0:1::{number}")
    assert door.knock(OLD, "2001:db8:0:1:ffff::1") == "wait 60"
    assert door.knock(OLD, "2001:db8:0:2::1") == "API token 1"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic b2xk", "old-token"])
def test_who_presents_no_token_is_not_counted(door: Door, authorization: str) -> None:
    """A probe or a browser guesses nothing."""
    for _ in range(FAILURES_MOST + 1):
        with pytest.raises(SignatureRejected):
            door.tokens.owner(authorization, "10.0.0.1")
    assert door.knock(OLD) == "API token 1"


def test_the_memory_of_guessers_is_bounded(door: Door) -> None:
    """Who comes when it is full shares one budget: neither memory nor guesses grow with the number of addresses."""
    for number in range(ADDRESSES_MOST + FAILURES_MOST):
        assert door.knock("guess", f"10.1.{number // 256}.{number % 256}") == "no"
    assert door.tokens.remembered == ADDRESSES_MOST + 1
    assert door.knock("guess", "10.9.9.9") == "wait 60"
    assert door.knock(OLD, "10.1.0.0") == "API token 1"
    door.now += WINDOW_S
    assert (door.knock("guess", "10.9.9.9"), door.tokens.remembered) == ("no", 1)


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "::ffff:10.0.0.1"])
def test_any_address_is_one(door: Door, address: str) -> None:
    """Whatever the transport says of its other end."""
    assert door.guess(FAILURES_MOST + 1, address)[-1] == "wait 60"


def test_bytes_that_are_no_text_are_only_wrong(door: Door) -> None:
    """Lone surrogates stand for them."""
    assert door.knock("\udcff\udcfe") == "no"
