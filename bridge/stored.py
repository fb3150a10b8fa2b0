"""What was stored, read back whichever version wrote it. Pure.

During an update old and new workers work on one Redis, and what was stored before stays for months. So a record is read
with what it has: a field that this version does not know is left out, one that is missing has its default, and where
there is none, the empty value of its type. A word that is none of an enumeration's is kept as it is, to be written back
as it was: whoever acts upon it has to ask whether it is known (``is_known``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

Reader = Callable[[Any], Any]

UNIONS: Final = (Union, UnionType)
TYPING_NAMES: Final = {"Mapping": Mapping}
"""What modules import for their annotations alone."""


def read(kind: type[T], told: object) -> T:
    """A frozen dataclass with all that it nests, out of the JSON object it was stored as. Raises TypeError for none."""
    if not isinstance(told, dict):
        msg = f"{kind.__name__} is stored as an object"
        raise TypeError(msg)
    shape = _shape(kind)  # type: ignore[arg-type] # to mypy a class cannot be hashed
    found = {name: reader(told[name]) if reader else told[name] for name, reader in shape.readers if name in told}
    missing = {name: empty() for name, empty in shape.needed if name not in told}
    return kind(**found, **missing)


def is_known(word: StrEnum) -> bool:
    """Whether this version has such a word in its enumeration."""
    return word in tuple(type(word))


@dataclass(frozen=True, slots=True)
class _Shape:
    """The fields of a class, each with how its JSON becomes its value; and what those without a default are else."""

    readers: tuple[tuple[str, Reader | None], ...]
    needed: tuple[tuple[str, Callable[[], Any]], ...]


@cache
def _shape(kind: type[Any]) -> _Shape:
    hints = get_type_hints(kind, localns=TYPING_NAMES)
    all_of = fields(kind)
    needed = [one.name for one in all_of if one.default is MISSING and one.default_factory is MISSING]
    return _Shape(
        tuple((one.name, _reader(hints[one.name])) for one in all_of),
        tuple((name, partial(_empty, hints[name])) for name in needed),
    )


def _reader(hint: Any) -> Reader | None:
    """How the JSON of this type becomes its value; None where it is that already."""
    origin, inner = get_origin(hint), get_args(hint)
    if _is_record(hint):
        return partial(read, hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return partial(_word, hint)
    if origin in UNIONS:
        return _optional([one for one in inner if one is not NoneType])
    if origin is tuple:
        return _tuple(inner)
    if origin in {dict, Mapping}:
        return _map(_reader(inner[1]))
    return None


def _is_record(hint: Any) -> bool:
    return is_dataclass(hint)


def _optional(inner: list[Any]) -> Reader | None:
    """Of several classes nothing tells which was stored."""
    of = _reader(inner[0]) if len(inner) == 1 else None
    return None if of is None else lambda told: None if told is None else of(told)


def _tuple(inner: tuple[Any, ...]) -> Reader:
    if inner[-1] is not Ellipsis:
        return lambda told: tuple(told[: len(inner)])
    of = _reader(inner[0])
    return tuple if of is None else lambda told: tuple(map(of, told))


def _map(of: Reader | None) -> Reader | None:
    return None if of is None else lambda told: {name: of(one) for name, one in dict(told).items()}


def _word(kind: type[StrEnum], told: str) -> StrEnum:
    try:
        return kind(told)
    except ValueError:
        unknown = str.__new__(kind, told)
        unknown._name_ = unknown._value_ = told
        return unknown


def _empty(hint: Any) -> Any:
    if _is_record(hint):
        return read(hint, {})
    origin = get_origin(hint) or hint
    return EMPTY[origin]() if origin in EMPTY else None


EMPTY: Final[Mapping[Any, Callable[[], Any]]] = {
    str: str,
    int: int,
    float: float,
    bool: bool,
    tuple: tuple,
    dict: dict,
    Mapping: dict,
    Literal: str,
}
"""What makes the empty value of a type; that of all others is None."""
