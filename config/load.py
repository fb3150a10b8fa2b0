"""Reads ``bridge.yaml``: every mistake at once, each with its key, its line and its fix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bridge.errors import ConfigError, Mistake
from config.crosschecks import crosscheck
from config.explanations import explain
from config.file_model import bridge_of, file_model
from config.mappings import include
from config.references import References
from config.shape import Shape
from config.tree import Section, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.accounts import Account, Bridge
    from bridge.policies import Model
    from config.tree import Tree

FILE_BYTES_MOST = 524_288
LEASE_S = 8.0


def load(
    path: Path | str,
    kinds: Mapping[str, type[Account]],
    environ: Mapping[str, str],
    *,
    allow_literal_secrets: bool = False,
    lease_s: float = LEASE_S,
) -> Bridge:
    """The checked configuration in the file at ``path``.

    ``kinds`` maps each kind of helpdesk to the model of its accounts, ``environ`` is where ``${NAME}`` leads, secrets'
    files are looked for from the file's folder, ``lease_s`` is how long a claim holds a ticket. Raises ConfigError.
    """
    text, mistakes = read_text(Path(path))
    bridge: Bridge | None = None
    if not mistakes:
        references = References(environ, Path(path).parent, allow_literal_secrets)
        bridge, mistakes = check(text, kinds, references, lease_s)
    if bridge is None:
        raise ConfigError(mistakes=finished(mistakes, str(path)))
    return bridge


def check(
    text: str, kinds: Mapping[str, type[Account]], references: References, lease_s: float = LEASE_S
) -> tuple[Bridge | None, list[Mistake]]:
    """The configuration in a YAML text, or None and its mistakes (their ``path`` empty)."""
    tree, mistakes = parse(text)
    if not isinstance(tree, Section):
        return None, mistakes or [_no_section(tree)]
    model = file_model(kinds)
    included = include(tree, references.folder)
    shape = Shape(included.tree, model, references)
    shape.mistakes += [*mistakes, *included.mistakes]
    shape.settled |= included.settled
    file = validated(model, shape)
    crosscheck(shape, kinds, lease_s)
    return (bridge_of(file), []) if file and not shape.mistakes else (None, included.located(shape.mistakes))


def _no_section(tree: Tree | None) -> Mistake:
    problem = "is empty" if tree is None else "holds no keys"
    return Mistake("", 1, "", problem, "start with jelou: and helpdesks:")


def validated(model: type[Model], shape: Shape) -> Model | None:
    """The filled model, or None with the mistakes noted. No pydantic error escapes: it would hold the secrets."""
    try:
        return model.model_validate(shape.data)
    except ValidationError as error:
        explain(error.errors(include_url=False, include_input=False), shape)
        return None


def finished(mistakes: Iterable[Mistake], path: str) -> tuple[Mistake, ...]:
    """In the order of the file, those of other files behind."""
    ordered = sorted(mistakes, key=lambda one: (one.path, one.line, one.key))
    return tuple(replace(one, path=one.path or path) for one in ordered)


# --- the file --------------------------------------------------------------------------------------------------------


def read_text(path: Path) -> tuple[str, list[Mistake]]:
    """The text of the file, or the one mistake that keeps it from being read."""
    try:
        raw = _bytes(path)
        return raw.decode("utf-8-sig"), [] if len(raw) <= FILE_BYTES_MOST else [_too_large()]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return "", [Mistake("", line, "", "not UTF-8 text", "save the file as UTF-8")]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a regular file"
        fix = "name the file with --config or BRIDGE_CONFIG"
        return "", [Mistake("", 0, "", f"cannot be read ({why})", fix)]


def _bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        msg = "not a regular file"
        raise ValueError(msg)
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MOST + 1)


def _too_large() -> Mistake:
    return Mistake("", 0, "", f"larger than {FILE_BYTES_MOST} bytes", "use anchors for what repeats")
