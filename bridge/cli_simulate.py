"""``bridge simulate``: what a delivery would become, with nothing sent; and what could not be read, to be tried."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bridge.domain import Delivery, Reply
from bridge.errors import ConfigError
from bridge.helpdesks import REGISTRY
from bridge.show_simulation import shown, told_as_json
from bridge.simulation import Desk, Simulation, simulate
from bridge.terminal import ConfigOption, JsonOption, kinds, print_json, run, screen
from bridge.wiring import store_on, wall_clock_ms
from config.load import load
from config.mappings import files_of
from config.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.accounts import Bridge
    from bridge.unread import Unread
    from config.settings import Settings

LOOK_S: Final = 0.3
"""Between two looks at the files that are watched."""

AccountOption = Annotated[str, typer.Option("--account", help="kind/account, for example zendesk/acme.")]
FileArgument = Annotated[Path | None, typer.Argument(help="The body of a delivery; - for standard input.")]
DeliveryOption = Annotated[
    str, typer.Option("--delivery", help="Instead of a file: the id of one that could not be read.")
]
HeaderOption = Annotated[
    list[str] | None, typer.Option("--header", help="'Name: value', as it was sent; with any the proof is checked.")
]
AnswerOption = Annotated[
    list[Path] | None, typer.Option("--answer", help="The JSON that the helpdesk answers a read, in their order.")
]
UrlOption = Annotated[str, typer.Option("--url", help="The address it was sent to, where a signature covers it.")]
ExpectOption = Annotated[
    list[str] | None, typer.Option("--expect", help="An event that must be told: ticket.opened, agent.replied, ...")
]
WatchOption = Annotated[bool, typer.Option("--watch", help="Again whenever the configuration or a file changes.")]


def simulate_delivery(  # noqa: PLR0913, PLR0917 - each is an option
    account: AccountOption,
    file: FileArgument = None,
    delivery: DeliveryOption = "",
    header: HeaderOption = None,
    answer: AnswerOption = None,
    url: UrlOption = "",
    expect: ExpectOption = None,
    config: ConfigOption = None,
    watch: WatchOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a delivery would become: its proof, its events, the rules that decide, and the calls. Sends nothing.

    Exit code 1 where it would be refused, where an event could not be worked, or where an expected one is not told.
    """
    settings, answers = read_settings(config=config), answer or []
    received = _received(settings, file, delivery, header or [], url)

    def turn() -> bool:
        bridge = load(settings.config, kinds(), os.environ)
        told = simulate(
            _desk(bridge, account), received(account), wall_clock_ms(), signed=bool(header), answers=_replies(answers)
        )
        missing = sorted(set(expect or ()) - {step.event.type for step in told.steps})
        _print(told, missing, bridge, as_json=as_json)
        return told.is_good and not missing

    if watch:
        _watch(turn, settings, [path for path in (file, *answers) if path])
    elif not turn():
        raise typer.Exit(1)


def _print(told: Simulation, missing: Sequence[str], bridge: Bridge, *, as_json: bool) -> None:
    if as_json:
        print_json(told_as_json(told, missing, bridge))
    else:
        for line in shown(told, missing, bridge):
            screen.print(line)


def _desk(bridge: Bridge, account: str) -> Desk:
    kind, _, name = account.partition("/")
    found = bridge.account(kind, name)
    if found is None:
        known = ", ".join(f"{kind}/{name}" for kind, named in bridge.helpdesks.items() for name in named)
        message = f"no account {account}; configured: {known}"
        raise typer.BadParameter(message, param_hint="--account")
    return Desk(REGISTRY[kind], found, name, bridge.jelou[found.project], files=bridge.files, keys=bridge.mark_keys)


# --- what is given ---------------------------------------------------------------------------------------------------


def _received(
    settings: Settings, file: Path | None, delivery_id: str, headers: Sequence[str], url: str
) -> Callable[[str], Delivery]:
    if (file is None) == (not delivery_id):
        message = "give either a file or --delivery"
        raise typer.BadParameter(message, param_hint="FILE")
    kept = _kept(settings, delivery_id) if delivery_id else None
    named = dict(map(_header, headers))

    def received(account: str) -> Delivery:
        if kept:
            return replace(kept.delivery, headers=kept.headers | named)
        address = url or f"https://bridge.example.com/webhooks/helpdesks/{account}"
        query = dict(pair.partition("=")[::2] for pair in address.partition("?")[2].split("&") if pair)
        return Delivery(account, "POST", address, named, query, _bytes(file), wall_clock_ms())

    return received


def _header(written: str) -> tuple[str, str]:
    name, found, value = written.partition(":")
    if not found:
        message = f"{written.split(maxsplit=1)[0] if written.split() else written!r} is no header: write 'Name: value'"
        raise typer.BadParameter(message, param_hint="--header")
    return name.strip().lower(), value.strip()


def _bytes(file: Path | None) -> bytes:
    try:
        return sys.stdin.buffer.read() if file is None or str(file) == "-" else file.read_bytes()
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror})"
        raise typer.BadParameter(message, param_hint="FILE") from None


def _replies(answers: Sequence[Path]) -> list[Reply]:
    return [Reply(200, {}, _bytes(path)) for path in answers]


def _kept(settings: Settings, delivery_id: str) -> Unread:
    async def look() -> Unread | None:
        async with store_on(settings.redis_url.get_secret_value(), settings.redis_prefix, connections=2) as store:
            return await store.unread.one(delivery_id)

    found = run(look())
    if found is None:
        message = f"no delivery {delivery_id} is kept: bridge deliveries lists them"
        raise typer.BadParameter(message, param_hint="--delivery")
    if found.sender.startswith("jelou/"):
        message = f"delivery {delivery_id} is an event of Jelou's: it is no helpdesk's, and becomes nothing here"
        raise typer.BadParameter(message, param_hint="--delivery")
    return found


# --- watching --------------------------------------------------------------------------------------------------------


def _watch(turn: Callable[[], bool], settings: Settings, given: Sequence[Path]) -> None:
    """Until somebody ends it. A mistake in the configuration is shown, and the next change is waited for."""
    seen: list[tuple[Path, int]] = []
    while True:
        now = _stamps(settings, given)
        if now != seen:
            seen = now
            screen.rule()
            try:
                turn()
            except ConfigError as error:
                screen.print(str(error), highlight=False, markup=False)
        time.sleep(LOOK_S)


def _stamps(settings: Settings, given: Sequence[Path]) -> list[tuple[Path, int]]:
    files = [settings.config, *files_of(settings.config), *given]
    return [(path, path.stat().st_mtime_ns if path.exists() else 0) for path in files]
