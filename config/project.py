"""One Jelou project of the file alone, whose signing secrets need not be there yet.

``bridge integration create`` is the first thing somebody does: it makes the signing secret that every other command
wants to be there, before any helpdesk is set up. So only the project's own section is read, and of its
``signing_secrets`` only where they are to be.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr

from bridge.accounts import Name, Project
from bridge.errors import ConfigError, Mistake
from bridge.policies import Model
from config.load import finished, read_text, validated
from config.references import References, UnresolvedError
from config.shape import Shape, did_you_mean
from config.tree import Items, Leaf, Section, parse, spell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.tree import Key, Tree

SIGNING_SECRETS = "signing_secrets"


class ProjectToBe(Project):
    """A project that may have no signing secret yet."""

    signing_secrets: list[SecretStr] = Field(default_factory=list)


class _File(Model):
    jelou: dict[Name, ProjectToBe]


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where an entry of ``signing_secrets`` leads: a variable or a file. ``value`` is empty until it is there."""

    key: str
    where: str | Path
    value: SecretStr

    def __str__(self) -> str:
        """``the environment variable JELOU_SIGNING_SECRET``."""
        return f"the file {self.where}" if isinstance(self.where, Path) else f"the environment variable {self.where}"


@dataclass(frozen=True, slots=True)
class ProjectAlone:
    """A project under its name. The first of its ``places`` is for the newest secret, a second for the one before."""

    name: str
    project: Project
    places: tuple[SecretPlace, ...]


def load_project(path: Path, name: str, environ: Mapping[str, str]) -> ProjectAlone:
    """The project of that name in the file; the only one, where none is named. Raises ConfigError."""
    try:
        name, section = _chosen(_projects(_tree(path)), name)
        return _read(name, section, References(environ, path.parent))
    except ConfigError as error:
        raise ConfigError(mistakes=finished(error.mistakes, str(path))) from None


def _tree(path: Path) -> Tree | None:
    """The file as it stands. A mistake in another section is not this command's business."""
    text, mistakes = read_text(path)
    tree, found = (None, mistakes) if mistakes else parse(text)
    if tree is None and found:
        raise ConfigError(mistakes=tuple(found))
    return tree


def _mistake(line: int, key: Key, problem: str, fix: str) -> ConfigError:
    return ConfigError(mistakes=(Mistake("", line, spell(key), problem, fix),))


def _projects(tree: Tree | None) -> Section:
    found = tree.entries.get("jelou") if isinstance(tree, Section) else None
    if not isinstance(found, Section) or not found.entries:
        raise _mistake(1, ("jelou",), "missing", "add jelou: and under it the project")
    return found


def _chosen(projects: Section, name: str) -> tuple[str, Section]:
    if not name and len(projects.entries) > 1:
        raise _mistake(
            projects.line, ("jelou",), "has several projects", f"add --project: {', '.join(projects.entries)}"
        )
    name = name or next(iter(projects.entries))
    section = projects.entries.get(name)
    if section is None:
        raise _mistake(projects.line, ("jelou", name), "no such project", did_you_mean(name, projects.entries))
    if not isinstance(section, Section):
        raise _mistake(section.line, ("jelou", name), "is no section", "add its keys, indented under it")
    return name, section


def _read(name: str, section: Section, references: References) -> ProjectAlone:
    places = _places(name, section, references)
    others = {key: tree for key, tree in section.entries.items() if key != SIGNING_SECRETS}
    tree = Section({"jelou": Section({name: Section(others, section.line)}, section.line)}, 1)
    shape = Shape(tree, _File, references)
    file = validated(_File, shape)
    if not isinstance(file, _File) or shape.mistakes:
        raise ConfigError(mistakes=tuple(shape.mistakes))
    known = [place.value for place in places if place.value.get_secret_value()]
    return ProjectAlone(name, file.jelou[name].model_copy(update={SIGNING_SECRETS: known}), places)


def _places(name: str, section: Section, references: References) -> tuple[SecretPlace, ...]:
    written = section.entries.get(SIGNING_SECRETS)
    key: Key = ("jelou", name, SIGNING_SECRETS)
    if not isinstance(written, Items) or not written.items:
        raise _mistake(
            written.line if written else section.line, key, "names no place for the secret", 'add ["${NAME}"]'
        )
    return tuple(_place((*key, number), one, references) for number, one in enumerate(written.items))


def _place(key: Key, written: Tree, references: References) -> SecretPlace:
    text = written.text if isinstance(written, Leaf) else ""
    try:
        where = references.place(text)
    except UnresolvedError as error:
        raise _mistake(written.line, key, error.problem, error.fix) from None
    value = ""
    with suppress(UnresolvedError):
        value = references.secret(text)
    return SecretPlace(spell(key), where, SecretStr(value))


# --- writing ---------------------------------------------------------------------------------------------------------


def why_not_written(path: Path) -> str:
    """What keeps a secret from being written there; empty where nothing does. Makes the folder it stands in."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            return "not a regular file"
        with tempfile.NamedTemporaryFile(dir=path.resolve().parent):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


def write_secret(path: Path, secret: str) -> None:
    """Put a secret into a file, whole or not at all, for its owner alone. Raises OSError.

    A link stays one. The owner stays who it was, where that can be: a root shell must not take it from the bridge.
    """
    there = path.resolve()
    handle, made = tempfile.mkstemp(dir=there.parent, prefix=f".{there.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):
            before = there.stat()
            os.chown(made, before.st_uid, before.st_gid)
        Path(made).replace(there)
    except OSError:
        Path(made).unlink(missing_ok=True)
        raise
