"""What the commands share: options, the screen, the configuration read and one loop run."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console, ConsoleOptions, RenderableType
from typer.core import TyperGroup

from bridge.helpdesks import REGISTRY
from bridge.visible import visible, visible_json
from config.load import load
from config.settings import Settings, read_settings

if TYPE_CHECKING:
    from types import TracebackType

    from rich.segment import Segment

    from bridge.accounts import Account, Bridge

T = TypeVar("T")


class Screen(Console):
    """A terminal for text of strangers: no markup is read in it, and nothing in it steers the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """As rich's: here the text stands apart from the styles that are ours."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


USAGE: Any = typer.BadParameter.__base__
"""What all mistakes on the command line are. Typer has no public name for it, and brings a click of its own."""


class Commands(TyperGroup):
    """Commands of which a mistake is told without what would steer the terminal: an argument may be a stranger's."""

    def make_context(self, *args: Any, **settings: Any) -> Any:
        """As Typer's, for what stands before the command."""
        with _mistakes_visible():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: Any) -> Any:
        """As Typer's, for the command."""
        with _mistakes_visible():
            return super().invoke(ctx)


@contextmanager
def _mistakes_visible() -> Iterator[None]:
    try:
        yield
    except USAGE as error:
        error.message = visible(error.message)
        raise


screen = Screen(soft_wrap=True, markup=False, emoji=False)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The configuration file; else BRIDGE_CONFIG.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def kinds() -> dict[str, type[Account]]:
    """Each kind of helpdesk and the model of its accounts."""
    return {kind: dialect.settings for kind, dialect in REGISTRY.items()}


def bridge_of(settings: Settings) -> Bridge:
    """The checked configuration. Raises ConfigError."""
    return load(settings.config, kinds(), os.environ)


def settings_and_bridge(config: Path | None) -> tuple[Settings, Bridge]:
    """How this process runs, and what it connects. Raises ConfigError."""
    settings = read_settings(config=config)
    return settings, bridge_of(settings)


def run(step: Coroutine[Any, Any, T]) -> T:
    """Run one step to its end. It tells what goes wrong; asyncio's own words of a task left behind hold its error."""

    async def quietly() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        return await step

    return asyncio.run(quietly())


def print_json(value: object) -> None:
    """JSON for programs, indented for people."""
    sys.stdout.write(visible_json(orjson.dumps(value, option=orjson.OPT_INDENT_2)).decode() + "\n")


def tell_error(text: str) -> None:
    """What went wrong, in words."""
    sys.stderr.write(visible(text) + "\n")


def show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """For ``sys.excepthook``: an error of Python's may hold what came from outside."""
    tell_error("".join(traceback.format_exception(kind, error, trace)).rstrip())
