"""``bridge accounts``, ``pause``, ``resume`` and ``start-limit``: starts, brake and calls of each account."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from bridge.account_states import OLD_WORKERS, PAUSED, account_states, age, of_all, waiting_now
from bridge.brake import Pause, StartLimit, moment, told
from bridge.cli_reconcile import seconds
from bridge.destinations import named
from bridge.retrying import retried
from bridge.start_waits import WORDS
from bridge.terminal import ConfigOption, JsonOption, print_json, run, screen, settings_and_bridge
from bridge.wiring import queue_on, store_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.account_states import AccountState
    from bridge.accounts import Bridge
    from bridge.store import Store

T = TypeVar("T")
Wake = Callable[[list[str]], Awaitable[None]]

accounts = typer.Typer(help="How the starts of each account do: running or paused, the hour's cap, what waits and why.")

AccountArgument = Annotated[str, typer.Argument(help="kind/account, for example zendesk/acme.")]
WhichArgument = Annotated[str, typer.Argument(help="kind/account; or jelou, or jelou/project.")]
SomeArgument = Annotated[str, typer.Argument(help="kind/account, for example zendesk/acme; or --all.")]
AllOption = Annotated[bool, typer.Option("--all", help="All accounts, those included that are configured later.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why; shown to whoever looks.")]
LimitArgument = Annotated[str, typer.Argument(help="So many starts a minute, all accounts together; or off.")]
ForOption = Annotated[str, typer.Option("--for", help="For how long: 90m, 24h, 7d.")]

PER_MINUTE_MOST = 60_000


@accounts.callback(invoke_without_command=True)
def list_accounts(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all accounts. What does not run, and what waits, comes with its reason."""
    if context.invoked_subcommand:
        return
    found = _with_store(config, lambda store, bridge, _: account_states(store, bridge))
    if as_json:
        print_json(asdict(found))
        return
    for line in of_all(found.brakes):
        _print(line)
    for one in found.accounts:
        for line in _lines(one):
            _print(line)


def _lines(one: AccountState) -> Iterator[str]:
    state = "paused" if one.pause else "running"
    waits = f"{one.count} waiting, the first for {age(one.oldest_ms)}" if one.count else "none waiting"
    yield f"{one.account}: {state}, {one.started} of {one.cap} starts in this hour, {waits}"
    if one.pause:
        yield f"  paused{told(one.pause)}"
    for waiting in one.waiting:
        late = f", {waiting.late} of them longer than 2 minutes" if waiting.late else ""
        yield f"  {waiting.count} waiting{late}: {WORDS[waiting.cause]}"
    for side, breaker in ((f"jelou/{one.project}", one.jelou), (one.account, one.helpdesk)):
        if breaker:
            yield f"  {side} is not called just now: {breaker.reason}"


# --- its calls -------------------------------------------------------------------------------------------------------


@accounts.command("retry")
def retry(which: WhichArgument, config: ConfigOption = None) -> None:
    """Call a helpdesk or Jelou again at once, after a credential or an outage was repaired, by a harmless read.

    A worker asks within a second or two; calls go on when it is answered. A wait that it asked for is obeyed.
    """

    async def step(store: Store, bridge: Bridge, _: Wake) -> list[str]:
        found = named(bridge, which)
        if not found:
            known = ", ".join((*(f"jelou/{name}" for name in bridge.jelou), *_names(bridge)))
            message = f"no account {which}; configured: {known}"
            raise typer.BadParameter(message)
        return await retried(store, found)

    for line in _with_store(config, step):
        _print(line)


# --- the brake -------------------------------------------------------------------------------------------------------


@accounts.command("pause")
def pause_account(account: AccountArgument, config: ConfigOption = None, why: WhyOption = "") -> None:
    """Start no more conversations for this account. The same as bridge pause."""
    pause(account, config=config, why=why)


@accounts.command("resume")
def resume_account(account: AccountArgument, config: ConfigOption = None) -> None:
    """Go on starting conversations for this account. The same as bridge resume."""
    resume(account, config=config)


def pause(
    account: SomeArgument = "", config: ConfigOption = None, every: AllOption = False, why: WhyOption = ""
) -> None:
    """Start no more conversations, for one account or all. Tickets are accepted and wait; nothing is lost.

    Conversations that have begun go on: messages, closes, notes. It holds for all workers from the next start on, and
    until it is resumed.
    """

    async def step(store: Store, bridge: Bridge, _: Wake) -> str:
        name, by = _which(bridge, account, every=every), Pause(await store.brake.now_ms(), _person(), why)
        await (store.brake.pause_all(_names(bridge), by) if every else store.brake.pause(name, by))
        return await _waits(store, name)

    waits = _with_store(config, step)
    _print("all accounts are paused: their tickets wait until `bridge resume --all`" if every else _paused(account))
    _print(PAUSED)
    _print(waits)


def _paused(account: str) -> str:
    return f"{account} is paused: its tickets wait until `bridge resume {account}`"


def resume(account: SomeArgument = "", config: ConfigOption = None, every: AllOption = False) -> None:
    """Go on starting conversations, for one account or all, beginning with the tickets that waited.

    With --all, an account that was paused by its name stays paused.
    """

    async def step(store: Store, bridge: Bridge, wake: Wake) -> tuple[str, list[str]]:
        name = _which(bridge, account, every=every)
        waits = await _waits(store, name)
        await wake(await (store.brake.resume_all() if every else store.brake.resume(name)))
        brakes = await store.brake.brakes()
        held = [one for one in _names(bridge) if brakes.of(one)] if every else [name] * bool(brakes.of(name))
        return waits, held

    waits, held = _with_store(config, step)
    _print(_all_on(held) if every else _one_on(account, held=bool(held)))
    _print(waits)


def _all_on(held: list[str]) -> str:
    return "all accounts go on" + (f", but for {', '.join(held)}: paused by name" if held else "")


def _one_on(account: str, *, held: bool) -> str:
    return f"{account} is still paused, as all accounts are: `bridge resume --all`" if held else f"{account} goes on"


def start_limit(
    limit: LimitArgument, config: ConfigOption = None, for_: ForOption = "24h", why: WhyOption = ""
) -> None:
    """Start at most so many conversations a minute, all accounts together: for a first day. off ends it.

    Tickets are accepted and start in the order in which they came to it; conversations that have begun are not slowed.
    """
    per_minute = _per_minute(limit)
    for_ms = seconds(for_, "--for") * 1_000

    async def step(store: Store, _: Bridge, wake: Wake) -> tuple[str, int]:
        now = await store.brake.now_ms()
        asked = StartLimit(per_minute, now + for_ms, now, _person(), why)
        await wake(await (store.brake.limit(asked) if per_minute else store.brake.no_limit()))
        return await _waits(store, ""), asked.until_ms

    waits, until_ms = _with_store(config, step)
    if per_minute:
        _print(f"at most {per_minute} starts a minute, all accounts together, until {moment(until_ms)}")
        _print(f"{OLD_WORKERS} `bridge start-limit off` ends it.")
    else:
        _print("starts are limited by the pace and each account's starts_per_hour alone")
    _print(waits)


def _per_minute(text: str) -> int:
    """So many, 0 for off. Raises BadParameter."""
    if text == "off":
        return 0
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= PER_MINUTE_MOST:
        message = f"{text} is no limit: write a whole number of starts a minute, 1 to {PER_MINUTE_MOST}, or off"
        raise typer.BadParameter(message)
    return int(text)


# --- which, who, where -----------------------------------------------------------------------------------------------


def _which(bridge: Bridge, account: str, *, every: bool) -> str:
    """The account that is meant, empty for all. Raises BadParameter."""
    if every and account:
        message = f"either {account} or --all"
        raise typer.BadParameter(message)
    if not every and account not in _names(bridge):
        message = f"no account {account}" if account else "which account? Name one, or --all"
        raise typer.BadParameter(f"{message}; configured: {', '.join(_names(bridge))}")
    return account


def _names(bridge: Bridge) -> list[str]:
    return [f"{kind}/{name}" for kind, named in bridge.helpdesks.items() for name in named]


async def _waits(store: Store, account: str) -> str:
    waiting, _ = await store.brake.waiting()
    return waiting_now([one for one in waiting if account in {"", one.account}])


def _person() -> str:
    """Who types this, for those who ask later; a container may know no such name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _print(line: str) -> None:
    screen.print(line, markup=False, highlight=False)


def _with_store(config: Path | None, step: Callable[[Store, Bridge, Wake], Awaitable[T]]) -> T:
    settings, bridge = settings_and_bridge(config)
    url, prefix = settings.redis_url.get_secret_value(), settings.redis_prefix

    async def opened() -> T:
        async with store_on(url, prefix, connections=2) as store, queue_on(url, prefix) as queue:

            async def wake(lanes: list[str]) -> None:
                for lane in lanes:
                    await queue.wake(lane)

            return await step(store, bridge, wake)

    return run(opened())
