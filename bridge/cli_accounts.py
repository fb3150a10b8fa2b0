"""``bridge accounts``: what a person does about an account's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.destinations import named
from bridge.retrying import retried
from bridge.terminal import ConfigOption, run, screen, settings_and_bridge
from bridge.wiring import store_on

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.accounts import Bridge

accounts = typer.Typer(help="What a person does about an account's calls.")

WhichArgument = Annotated[str, typer.Argument(help="kind/account; or jelou, or jelou/project.")]


@accounts.callback()
def group() -> None:
    """Commands of accounts."""


@accounts.command("retry")
def retry(which: WhichArgument, config: ConfigOption = None) -> None:
    """Call a helpdesk or Jelou again at once, after a credential or an outage was repaired, by a harmless read.

    A worker asks within a second or two; calls go on when it is answered. A wait that it asked for is obeyed.
    """
    for line in _retried(which, config):
        screen.print(line, markup=False, highlight=False)


def _retried(which: str, config: Path | None) -> list[str]:
    settings, bridge = settings_and_bridge(config)
    found = named(bridge, which)
    if not found:
        known = [*(f"jelou/{name}" for name in bridge.jelou), *_accounts(bridge)]
        message = f"no account {which}; configured: {', '.join(known)}"
        raise typer.BadParameter(message)
    url, prefix = settings.redis_url.get_secret_value(), settings.redis_prefix

    async def step() -> list[str]:
        async with store_on(url, prefix, connections=2) as store:
            return await retried(store, found)

    return run(step())


def _accounts(bridge: Bridge) -> list[str]:
    return [f"{kind}/{name}" for kind, accounts in bridge.helpdesks.items() for name in accounts]
