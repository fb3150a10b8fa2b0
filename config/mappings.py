"""Mappings of generic helpdesks: the YAML that a name or ``file:PATH`` stands for, put in its place in the tree."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import Mistake
from config.references import FILE_PREFIX
from config.shape import did_you_mean
from config.tree import Items, Leaf, Section, parse, spell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.tree import Key, Tree

KIND: Final = "generic"
FIELD: Final = "mapping"
BYTES_MOST: Final = 262_144


def shipped() -> dict[str, Path]:
    """The mappings that come with the bridge, by name."""
    folder = Path(str(files("bridge.helpdesks"))) / "mappings"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


@dataclass
class Included:
    """The tree with every mapping in its place. ``places`` tells which file stands under which key."""

    tree: Section
    mistakes: list[Mistake] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    settled: set[Key] = field(default_factory=set)

    def miss(self, key: Key, line: int, problem: str, fix: str) -> None:
        """Note a mapping that cannot be had. Nothing more is said of its key."""
        self.settled.add(key)
        self.mistakes.append(Mistake("", line, spell(key), problem, fix))

    def located(self, mistakes: Iterable[Mistake]) -> list[Mistake]:
        """The mistakes, those inside a mapping with its file as their path."""
        return [replace(one, path=one.path or self._file(one.key)) for one in mistakes]

    def _file(self, key: str) -> str:
        found = (path for place, path in self.places.items() if key == place or key.startswith(f"{place}."))
        return next(found, "")


def include(tree: Section, folder: Path) -> Included:
    """Read the mappings that accounts name. Never raises: what cannot be read is a mistake."""
    included = Included(tree)
    helpdesks = tree.entries.get("helpdesks")
    accounts = helpdesks.entries.get(KIND) if isinstance(helpdesks, Section) else None
    if not isinstance(helpdesks, Section) or not isinstance(accounts, Section):
        return included
    filled = {
        name: _account(one, ("helpdesks", KIND, name), folder, included) for name, one in accounts.entries.items()
    }
    kinds = {**helpdesks.entries, KIND: replace(accounts, entries=filled)}
    included.tree = replace(tree, entries={**tree.entries, "helpdesks": replace(helpdesks, entries=kinds)})
    return included


def _account(account: Tree, key: Key, folder: Path, included: Included) -> Tree:
    told = account.entries.get(FIELD) if isinstance(account, Section) else None
    if not isinstance(account, Section) or not isinstance(told, Leaf) or not told.text:
        return account
    found = _mapping(told, (*key, FIELD), folder, included)
    rest = {name: one for name, one in account.entries.items() if name != FIELD}
    # Left out where it cannot be read: that is told already, and nothing is said of what should stand there.
    return replace(account, entries={**rest, FIELD: found or told})


def _mapping(told: Leaf, key: Key, folder: Path, included: Included) -> Section | None:
    known = shipped()
    path = folder / told.text.removeprefix(FILE_PREFIX).strip() if told.text.startswith(FILE_PREFIX) else None
    path = path or known.get(told.text)
    if path is None:
        fix = f"{did_you_mean(told.text, known)}; or write file:PATH"
        included.miss(key, told.line, "no mapping of that name is shipped", fix)
        return None
    text, problem = _text(path)
    if problem:
        included.miss(key, told.line, f"the file {path} {problem}", "correct the path")
        return None
    tree, mistakes = parse(text)
    included.places[spell(key)] = str(path)
    included.mistakes += [replace(one, path=str(path), key=f"{spell(key)}.{one.key}".rstrip(".")) for one in mistakes]
    return replace(tree, line=1) if isinstance(tree, Section) else None


def _text(path: Path) -> tuple[str, str]:
    try:
        if not path.is_file():
            return "", "is not there"
        raw = path.read_bytes()
        return (raw.decode("utf-8-sig"), "") if len(raw) <= BYTES_MOST else ("", f"is over {BYTES_MOST} bytes")
    except UnicodeDecodeError:
        return "", "is not UTF-8 text"
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"


def files_of(path: Path) -> list[Path]:
    """The mapping files that the configuration at ``path`` names, as far as it can be read."""
    text, problem = _text(path)
    tree = None if problem else parse(text)[0]
    return [Path(one) for one in include(tree, path.parent).places.values()] if isinstance(tree, Section) else []


def title_of(path: Path) -> str:
    """The helpdesk's name in a mapping file."""
    title = _entries(parse(_text(path)[0])[0]).get("title")
    return title.text if isinstance(title, Leaf) else ""


def settings_of(path: Path) -> dict[str, str]:
    """What the mapping asks each account for, without a default: name to what it is."""
    settings = _entries(_entries(parse(_text(path)[0])[0]).get("settings"))
    wanted = {name: _entries(one) for name, one in settings.items() if "default" not in _entries(one)}
    return {name: about.text for name, one in wanted.items() if isinstance(about := one.get("about"), Leaf)}


def _entries(tree: Tree | None) -> dict[str, Tree]:
    return tree.entries if isinstance(tree, Section) else {}


def data_of(path: Path) -> Any:
    """A mapping file as the configuration reads it, without its lines."""
    return _plain(parse(_text(path)[0])[0])


def _plain(tree: Tree | None) -> Any:
    if isinstance(tree, Section):
        return {name: _plain(one) for name, one in tree.entries.items()}
    if isinstance(tree, Items):
        return [_plain(one) for one in tree.items]
    return tree.value if tree else None
