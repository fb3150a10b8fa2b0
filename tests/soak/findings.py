"""What a row of the soak's table is made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.soak.records import Records


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket to go on with (``bridge trace``), and what is wrong with it."""

    ticket: str
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a row found: the figure to show, whether it is as it must be, and tickets that show it."""

    figure: str
    held: bool
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Invariant:
    """One row of the table."""

    name: str
    must_be: str
    measure: Callable[[Records], Finding]


def none_of(examples: Iterable[Example]) -> Finding:
    """There must be none."""
    found = tuple(examples)
    return Finding(str(len(found)), not found, found)
