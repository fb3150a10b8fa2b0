"""A YAML text as a tree that knows its lines. Pure.

Read more narrowly than YAML 1.1 allows: only ``true``, ``false``, ``null`` and plain whole numbers are anything but
text. So ``region: NO`` is Norway, ``007`` keeps its zeros, ``+593`` its plus and ``12:30`` is no number. Anchors and
merge keys (``<<``) work; a key given twice, a tag, and a file that unfolds without bound are mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from bridge.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIASES_MOST = 200
DEPTH_MOST = 32
NODES_MOST = 50_000
"""Of the tree with every alias unfolded; far above any real configuration."""

_SHOWN_MOST = 80
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_TAG = "tag:yaml.org,2002:"
_TAGS = frozenset(_TAG + name for name in ("str", "int", "bool", "null", "map", "seq", "merge"))

Key = tuple[str | int, ...]
"""Where something stands: ``("helpdesks", "zendesk", "acme", "start_when", 0)``."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value; ``text`` is as written, without quotes."""

    value: str | int | bool | None
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """Keys and values, in the order of the file."""

    entries: dict[str, Tree]
    line: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Tree, ...]
    line: int


Tree = Leaf | Section | Items
"""``line`` counts from 1 and is that of the key, or of the item in a list."""


def spell(key: Key) -> str:
    """A key for people: ``start_when[0].max_age_s``. On one line and of bounded length, whatever the key holds."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in key)
    return text.removeprefix(".")


def printable(text: str) -> str:
    """The text on one line, what cannot be printed as its escape."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _shown(text: str) -> str:
    return printable(text if len(text) <= _SHOWN_MOST else text[:_SHOWN_MOST] + "…")


def parse(text: str) -> tuple[Tree | None, list[Mistake]]:
    """The tree of a YAML text and the mistakes in it (``path`` empty). No tree where it is not YAML or is empty."""
    try:
        node = _compose(text)
        builder = _Builder()
        tree = builder.tree(node, (), 1, 0) if node else None
    except _NotYamlError as error:
        return None, [Mistake("", error.line, "", error.problem, error.fix)]
    return tree, builder.mistakes


class _NotYamlError(Exception):
    def __init__(self, line: int, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.fix = fix


# --- text to nodes ---------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.aliases = 0
        self.depth = 0

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: bool | tuple[bool, bool]) -> str:
        """The tag of a value without one: plain scalars are told apart in ``_plain``, so here all are text or not."""
        if kind is not yaml.ScalarNode:
            return _TAG + ("map" if kind is yaml.MappingNode else "seq")
        is_plain = isinstance(implicit, tuple) and implicit[0]
        return _TAG + ("str" if not is_plain or isinstance(_plain(value or ""), str) else "int")

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As PyYAML does, within bounds."""
        self.aliases += self.check_event(yaml.AliasEvent)
        self.depth += 1
        if self.aliases > ALIASES_MOST or self.depth > DEPTH_MOST:
            raise _too_much(self.line + 1)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _too_much(line: int) -> _NotYamlError:
    return _NotYamlError(line, "nested or repeated too much", f"use fewer aliases and less than {DEPTH_MOST} levels")


def _plain(text: str) -> str | int | bool | None:
    if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
        return _WORDS[text.lower()]
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _compose(text: str) -> yaml.Node | None:
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        return loader.get_single_node()
    except yaml.reader.ReaderError as error:
        raise _unprintable(text, error.position) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise _NotYamlError(loader.line + 1 if loader else 1, "not YAML", _FIX) from None


def _unprintable(text: str, position: int) -> _NotYamlError:
    line = text.count("\n", 0, position) + 1
    return _NotYamlError(line, "holds a character that YAML does not allow", "remove the control character")


_FIX = "check the indentation, the colons and the quotes on this line and the one above"
_FLOW_FIX = 'within [ ] and { } write "${NAME}" in quotes'
_FIXES = (
    ("'\\t'", "indent with spaces, not with tabs"),
    ("cannot start any token", "put the text in quotes"),
    ("mapping values are not allowed", "put a text that holds ': ' in quotes, or correct the indentation"),
    ("alias", "put a text that begins with * or & in quotes"),
    ("anchor", "put a text that begins with * or & in quotes"),
    ("another document", "keep one document: remove the --- line"),
)
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_HARMLESS = re.compile(r"""..?.?.?|.<[a-z ]+>.""")
"""Within quotes: one character, or the name of a token."""


def _syntax(error: yaml.MarkedYAMLError, text: str) -> _NotYamlError:
    """PyYAML's problem without the text it quotes: ``*hunter2`` is a password to us and an alias to YAML."""
    problem = error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.split("\n")
    is_flow_reference = "expected ',' or" in problem and "${" in "".join(lines[number : number + 1])
    fix = next((fix for sign, fix in _FIXES if sign in problem), _FIX)
    shown = _QUOTED.sub(lambda one: one[0] if _HARMLESS.fullmatch(one[0]) else "…", problem)
    return _NotYamlError(number + 1, f"not YAML: {shown}", _FLOW_FIX if is_flow_reference else fix)


# --- nodes to tree ---------------------------------------------------------------------------------------------------


class _Builder:
    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.count = 0

    def tree(self, node: yaml.Node, key: Key, line: int, depth: int) -> Tree:
        self.count += 1
        if depth > DEPTH_MOST or self.count > NODES_MOST:
            raise _too_much(line)
        if node.tag not in _TAGS:
            self.mistake(line, key, "has a tag that is not known", "remove the word that begins with !")
        if isinstance(node, yaml.MappingNode):
            return Section(self.entries(node, key, depth), line)
        if isinstance(node, yaml.SequenceNode):
            return Items(self.items(node, key, depth), line)
        return self.leaf(node, key, line)

    def leaf(self, node: yaml.Node, key: Key, line: int) -> Leaf:
        text = str(node.value)
        if not _encodable(text):
            self.mistake(line, key, "holds half a character", r"write it itself instead of its \u escape")
            text = ""
        return Leaf(text if node.tag == _TAG + "str" else _plain(text), text, line)

    def items(self, node: yaml.SequenceNode, key: Key, depth: int) -> tuple[Tree, ...]:
        return tuple(
            self.tree(item, (*key, number), item.start_mark.line + 1, depth + 1)
            for number, item in enumerate(node.value)
        )

    def entries(self, node: yaml.MappingNode, key: Key, depth: int) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        for name, value, line in self.named(node, key):
            if name in found:
                problem = f"given twice, first on line {found[name].line}"
                self.mistake(line, (*key, name), problem, "remove one of the two")
            else:
                found[name] = self.tree(value, (*key, name), line, depth + 1)
        for name, tree in self.merged(node, key, depth):
            found.setdefault(name, tree)
        return found

    def named(self, node: yaml.MappingNode, key: Key) -> Iterator[tuple[str, yaml.Node, int]]:
        for name, value in node.value:
            line = name.start_mark.line + 1
            if not isinstance(name, yaml.ScalarNode) or not _encodable(name.value):
                fix = "put a text that begins with { or [ in quotes"
                self.mistake(line, key, "holds a key that is not text", fix)
            elif not _is_merge(name):
                yield name.value, value, line

    def merged(self, node: yaml.MappingNode, key: Key, depth: int) -> Iterator[tuple[str, Tree]]:
        for name, value in node.value:
            if not _is_merge(name):
                continue
            line = name.start_mark.line + 1
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                tree = self.tree(source, key, line, depth + 1)
                if isinstance(tree, Section):
                    yield from tree.entries.items()
                else:
                    self.mistake(line, (*key, "<<"), "merges something without keys", "name an anchor of a section")

    def mistake(self, line: int, key: Key, problem: str, fix: str) -> None:
        self.mistakes.append(Mistake("", line, spell(key), problem, fix))


def _is_merge(name: yaml.Node) -> bool:
    return isinstance(name, yaml.ScalarNode) and name.value == "<<" and name.style is None


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
