"""References in the file: ``${NAME}`` to the environment, ``file:PATH`` to a file beside the configuration."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRET_BYTES_MOST = 65_536
NAME_PATTERN = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
FILE_PREFIX = "file:"

_WHOLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
_ANY = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_BROKEN = re.compile(r"(?<!\$)\$\{(?![{%#]|[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\})")
_INSTEAD = "write ${NAME} or file:PATH instead"


class UnresolvedError(Exception):
    """A reference that leads to nothing. ``problem`` and ``fix`` name the variable or the file, never a value."""

    def __init__(self, *, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class References:
    """Where references lead: the environment's variables, and the folder that file paths start from."""

    environ: Mapping[str, str]
    folder: Path
    allow_literal_secrets: bool = False

    def plain(self, text: str) -> str:
        """The text with every ``${NAME}`` and ``${NAME:-default}`` filled in, ``$${`` standing for ``${``.

        Raises UnresolvedError.
        """
        if _BROKEN.search(text):
            raise UnresolvedError(
                problem="holds a ${ that is no reference", fix="write ${NAME}, ${NAME:-default} or $${"
            )
        missing = [one[1] for one in _ANY.finditer(text) if self._is_unset(one)]
        if missing:
            raise _unset(*missing)
        return _ANY.sub(self._filled, text)

    def secret(self, text: str) -> str:
        """The secret that a ``${NAME}`` or ``file:PATH`` leads to, without a line break at its end.

        Raises UnresolvedError for anything else, unless literal secrets are allowed.
        """
        reference = _WHOLE.fullmatch(text)
        if reference and reference[2] is not None:
            raise UnresolvedError(problem="a secret has no default", fix=f"write ${{{reference[1]}}}")
        if reference:
            return self._from_environ(reference[1])
        if text.startswith(FILE_PREFIX):
            return self._from_file(text.removeprefix(FILE_PREFIX).strip())
        if self.allow_literal_secrets:
            _printable(text, "the secret")
            return _not_empty(text, "is an empty secret", _INSTEAD)
        raise UnresolvedError(problem="has a secret in clear text" if text else "is an empty secret", fix=_INSTEAD)

    def name(self, text: str) -> str:
        """The same as ``plain``, of a name that goes out with a secret. Raises UnresolvedError."""
        value = self.plain(text)
        _printable(value, "the value")
        return value

    def place(self, text: str) -> str | Path:
        """Where a secret's reference leads: the name of a variable, or the path of a file. Neither need be there yet.

        Raises UnresolvedError for what is no such reference.
        """
        reference = _WHOLE.fullmatch(text)
        if reference and reference[2] is None:
            return reference[1]
        if text.startswith(FILE_PREFIX) and text.removeprefix(FILE_PREFIX).strip():
            return self.folder / text.removeprefix(FILE_PREFIX).strip()
        raise UnresolvedError(problem="is no place for a secret", fix=_INSTEAD)

    def _is_unset(self, reference: re.Match[str]) -> bool:
        return bool(reference[1]) and reference[2] is None and reference[1] not in self.environ

    def _filled(self, reference: re.Match[str]) -> str:
        if not reference[1]:
            return "${"
        return self.environ.get(reference[1]) or reference[2] or ""

    def _from_environ(self, name: str) -> str:
        if name not in self.environ:
            raise _unset(name)
        value = _without_line_end(self.environ[name])
        _printable(value, f"the environment variable {name}")
        return _not_empty(value, f"the environment variable {name} is empty", f"set {name} to the secret")

    def _from_file(self, written: str) -> str:
        path = self.folder / written
        try:
            value = _without_line_end(_content(path))
        except UnicodeDecodeError:
            raise UnresolvedError(
                problem=f"the file {path} is not UTF-8 text", fix="write the secret as text"
            ) from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a small regular file"
            fix = "create it, readable for the bridge's user; the path starts from the configuration's folder"
            raise UnresolvedError(problem=f"the file {path} cannot be read ({why})", fix=fix) from None
        _printable(value, f"the file {path}")
        return _not_empty(value, f"the file {path} is empty", "write the secret into it")


def _unset(*names: str) -> UnresolvedError:
    some = ", ".join(dict.fromkeys(names))
    many = len(set(names)) > 1
    problem = f"the environment variable{'s' * many} {some} {'are' if many else 'is'} not set"
    return UnresolvedError(problem=problem, fix=f"set {some} for the bridge's process")


def _not_empty(value: str, problem: str, fix: str) -> str:
    if not value.strip():
        raise UnresolvedError(problem=problem, fix=fix)
    return value


def _printable(value: str, where: str) -> None:
    """Raises UnresolvedError for what no header can hold, or nobody sees: copied along, it makes every call fail.

    Letters beyond Latin-1 are let through: they may stand in a password or a key, which are bytes of UTF-8.
    """
    found = next((one for one in value if unicodedata.category(one) in _UNPRINTABLE), "")
    if not found:
        return
    what = "a line break" if found in "\r\n\u2028\u2029" else f"the invisible character U+{ord(found):04X}"
    at = value.index(found) + 1
    problem = f"{where} holds {what} (character {at})"
    raise UnresolvedError(problem=problem, fix="write the secret alone, on one line")


_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _without_line_end(text: str) -> str:
    """Files, and variables filled from files, nearly always end in a line break that belongs to no secret."""
    return text.removesuffix("\n").removesuffix("\r")


def _content(path: Path) -> str:
    """The text of a secret's file. A device or a pipe is not opened: it may never end."""
    if path.exists() and not path.is_file():
        msg = "not a regular file"
        raise ValueError(msg)
    with path.open("rb") as file:
        raw = file.read(SECRET_BYTES_MOST + 1)
    if len(raw) > SECRET_BYTES_MOST:
        msg = "too large"
        raise ValueError(msg)
    return raw.decode("utf-8-sig")
