"""What the commands share: options, the screen, the configuration read and one loop run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console

from bridge.helpdesks import REGISTRY
from config.load import load
from config.settings import Settings, read_settings

if TYPE_CHECKING:
    from bridge.accounts import Account, Bridge

T = TypeVar("T")

screen = Console(soft_wrap=True)

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
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
