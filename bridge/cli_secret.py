"""A new signing secret, kept where the configuration reads it: in its file, or shown once to be put there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.terminal import screen
from config.project import why_not_written, write_secret

if TYPE_CHECKING:
    from config.project import SecretPlace


def say(line: str) -> None:
    """Print a line as it is."""
    screen.print(line, markup=False, highlight=False)


@dataclass
class Kept:
    """Keeps a new secret where the first place leads, and the one before it where a second leads.

    Raises BridgeError when it is made, where the file cannot be written: before there is a secret to lose. One that
    cannot be written all the same is shown.
    """

    places: tuple[SecretPlace, ...]
    to_print: bool
    quiet: bool
    shown: str = ""

    def __post_init__(self) -> None:
        for path in self._files():
            why = why_not_written(path)
            if why:
                message = f"the file {path} cannot be written ({why}); with --print the secret is shown instead"
                raise BridgeError(message)

    def __call__(self, secret: str) -> None:
        """Keep it, now."""
        first, *others = self.places
        if not self._written(first, secret):
            self.shown = secret
            self._say(f"the signing secret, shown only now; put it into {first}:\n\n  {secret}\n")
        before = first.value.get_secret_value()
        if before and before != secret and others and not self._written(others[0], before):
            self._say(f"what was there goes into {others[0]}")

    def _files(self) -> list[Path]:
        return [] if self.to_print else [one.where for one in self.places[:2] if isinstance(one.where, Path)]

    def _written(self, place: SecretPlace, secret: str) -> bool:
        if place.where not in self._files() or not isinstance(place.where, Path):
            return False
        try:
            write_secret(place.where, secret)
        except OSError as error:
            self._say(f"{place} could not be written ({error.strerror})")
            return False
        self._say(f"{place.key}: written to {place.where}")
        return True

    def _say(self, text: str) -> None:
        if not self.quiet:
            say(text)
