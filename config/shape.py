"""Lays a tree over the model it is to fill: what stands where, with every reference resolved.

The model decides how a value is read: a text field gets the text as written (``bot_id: 0042`` keeps its zeros), a
secret must be a reference. Every place is remembered under the location that pydantic will name it by, so that a
failed validation finds its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from bridge.errors import Mistake
from config.file_model import HELPDESKS
from config.references import UnresolvedError
from config.tree import Items, Key, Leaf, Section, Tree, printable, spell
from config.wanted import Wanted, fields_by_key, wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

    from config.references import References


SENT_WITH_A_SECRET: Final = frozenset({"email", "username", "client_id"})
"""Keys of the half of a credential that is no secret. No header could hold a line break of theirs either."""


class Unresolved:
    """Stands for a value that could not be had; no field takes it, so nothing is built on it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the file: its key and line, what stands there, what is wanted there, and what that means."""

    key: Key
    line: int
    tree: Tree
    wanted: Wanted
    about: str = ""

    def inside(self, part: str | int, tree: Tree, inner: Wanted, about: str = "") -> Place:
        """The place of an entry or an item."""
        return Place((*self.key, part), tree.line, tree, inner, about)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The fix for a word that is not known: the closest that is, else all of them."""
    names = list(known)
    close = get_close_matches(given, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "remove it: nothing can stand here"


def _unknown(section: Key, name: str, known: Iterable[str]) -> tuple[str, str]:
    if section != (HELPDESKS,):
        return "unknown key", did_you_mean(name, known)
    kinds = f"known kinds: {', '.join(known)}"
    close = did_you_mean(name, known)
    return "unknown kind of helpdesk", f"{close} {kinds}" if close.endswith("?") else kinds


class Shape:
    """The walk's result: ``data`` for pydantic, ``places`` by pydantic's location, ``mistakes`` met on the way.

    ``settled`` are the keys whose mistake is told already; ``secrets`` the values that no text may hold.
    """

    def __init__(self, tree: Tree, model: type[BaseModel], references: References) -> None:
        self.places: dict[Key, Place] = {}
        self.mistakes: list[Mistake] = []
        self.settled: set[Key] = set()
        self.secrets: set[str] = set()
        self._references = references
        self.data = self._value((), Place((), 1, tree, Wanted(model)))

    def line(self, *keys: Key) -> int:
        """The line of the first of these keys that is in the file; 1 where none is."""
        by_key = {place.key: place.line for place in self.places.values()}
        return next((by_key[key] for key in keys if key in by_key), 1)

    def mistake(self, key: Key, line: int, problem: str, fix: str) -> None:
        """Note a mistake. Nothing more is said of this key."""
        self.settled.add(key)
        self.mistakes.append(Mistake("", line, spell(key), printable(problem), printable(fix)))

    def _value(self, loc: Key, place: Place) -> Any:
        self.places[loc] = place
        if isinstance(place.tree, Leaf):
            return self._leaf(place.tree, place)
        if isinstance(place.tree, Items) and place.wanted.listed:
            return self._in_short(place.tree, loc, place)
        if isinstance(place.tree, Items):
            inner = place.wanted.item
            return [self._value((*loc, n), place.inside(n, one, inner)) for n, one in enumerate(place.tree.items)]
        if place.wanted.discriminator:
            return self._tagged(place.tree, loc, place)
        if place.wanted.model:
            return self._section(place.tree, loc, place)
        inner = place.wanted.entry
        return {
            name: self._value((*loc, name), place.inside(name, one, inner)) for name, one in place.tree.entries.items()
        }

    def _in_short(self, items: Items, loc: Key, place: Place) -> Any:
        """A section that is written as a list alone: of the field that its model names for that."""
        info = fields_by_key(place.wanted.model)[place.wanted.listed]
        inner = wanted(info.annotation, info)
        told = Place(place.key, place.line, items, inner, place.about)
        return {place.wanted.listed: self._value((*loc, place.wanted.listed), told)}

    def _tagged(self, section: Section, loc: Key, place: Place) -> Any:
        """A section whose model is told by one of its keys; pydantic puts that tag into the location."""
        key, members = place.wanted.discriminator, place.wanted.members
        told = section.entries.get(key)
        tag = told.text if isinstance(told, Leaf) else ""
        if tag in members:
            return self._value((*loc, tag), Place(place.key, place.line, section, members[tag], place.about))
        if told:
            self.mistake((*place.key, key), told.line, "not an allowed value", did_you_mean(tag, members))
        else:
            self.mistake((*place.key, key), place.line, "missing", f"add {key}: {' or '.join(members)}")
        self.settled.add(place.key)
        return Unresolved()

    def _section(self, section: Section, loc: Key, place: Place) -> dict[str, Any]:
        fields = fields_by_key(place.wanted.model)
        data = {}
        for name, one in section.entries.items():
            if name in fields:
                info = fields[name]
                inner = wanted(info.annotation, info)
                data[name] = self._value((*loc, name), place.inside(name, one, inner, info.description or ""))
            else:
                problem, fix = _unknown(place.key, name, fields)
                self.mistake((*place.key, name), one.line, problem, fix)
        return data

    def _leaf(self, leaf: Leaf, place: Place) -> Any:
        if leaf.value is None or not place.wanted.is_single:
            return leaf.value
        try:
            if place.key[-1:] and place.key[-1] in SENT_WITH_A_SECRET and isinstance(leaf.value, str):
                return self._references.name(leaf.text)
            return self._secret(leaf) if place.wanted.type is SecretStr else self._plain(leaf, place.wanted)
        except UnresolvedError as error:
            self.mistake(place.key, place.line, error.problem, error.fix)
            return Unresolved()

    def _secret(self, leaf: Leaf) -> str:
        value = self._references.secret(leaf.text)
        self.secrets.add(value)
        return value

    def _plain(self, leaf: Leaf, kind: Wanted) -> Any:
        """The value, or the text where a value of another type would pass: ``true`` is no number and no name."""
        if kind.is_free and not isinstance(leaf.value, str):
            return leaf.value
        return self._references.plain(leaf.text)
