"""``bridge dead-letters`` and ``bridge orphans``: what waits for a person, and what a person does about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bridge.desk import Desk
from bridge.terminal import ConfigOption, JsonOption, print_json, run, screen, settings_and_bridge
from bridge.wiring import queue_on, store_on, wall_clock_ms

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.letters import Letter

T = TypeVar("T")

dead_letters = typer.Typer(no_args_is_help=True, help="What was given up or parked, with its reason.")
orphans = typer.Typer(no_args_is_help=True, help="Events of Jelou's that belong to no ticket yet.")

AccountFilter = Annotated[str, typer.Option("--account", help="Only this account: kind/name.")]
TicketFilter = Annotated[str, typer.Option("--ticket", help="Only this ticket.")]
ReasonFilter = Annotated[str, typer.Option("--reason-has", help="Only those whose reason has this in it.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(help="Ids of letters; else all that match the filters.")]


def at_desk(config: Path | None, step: Callable[[Desk], Awaitable[T]]) -> T:
    """Run a step with a desk on the configured Redis."""
    settings, bridge = settings_and_bridge(config)
    url, prefix = settings.redis_url.get_secret_value(), settings.redis_prefix

    async def opened() -> T:
        async with store_on(url, prefix, connections=2) as store, queue_on(url, prefix) as queue:
            return await step(Desk(store.records, bridge, queue.wake, wall_clock_ms))

    return run(opened())


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _say(letter: Letter, more: str = "") -> None:
    line = f"{letter.id}  {_when(letter.at_ms)}  {letter.ticket}  {letter.action}: {letter.reason}"
    screen.print(f"{line}{more}", markup=False, highlight=False)


def _shown(letter: Letter) -> dict[str, Any]:
    """Without the event: a customer's data stays where it is."""
    names = ("id", "ticket", "action", "reason", "at_ms")
    return {name: getattr(letter, name) for name in names}


@dead_letters.command("list")
def list_letters(
    config: ConfigOption = None,
    account: AccountFilter = "",
    ticket: TicketFilter = "",
    reason_has: ReasonFilter = "",
    as_json: JsonOption = False,
) -> None:
    """List them, newest first."""
    found = at_desk(config, lambda desk: desk.dead_letters(account=account, ticket=ticket, reason=reason_has))
    if as_json:
        print_json([_shown(letter) for letter in found])
        return
    for letter in found:
        _say(letter)
    screen.print(f"{len(found)} dead letters", highlight=False)


@dead_letters.command()
def show(letter_id: str, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One letter, and what a replay of it would do now."""

    async def look(desk: Desk) -> tuple[Letter, str]:
        letter = await desk.letter(letter_id)
        return letter, await desk.preview(letter)

    letter, says = at_desk(config, look)
    if as_json:
        print_json(_shown(letter) | {"replay": says})
    else:
        _say(letter, f"\n  replay: {says}")


@dead_letters.command()
def replay(
    ids: IdsArgument = None,
    config: ConfigOption = None,
    account: AccountFilter = "",
    ticket: TicketFilter = "",
    reason_has: ReasonFilter = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Say what it would do, ask, and do it. Pressed twice, the second says that there is nothing to do."""
    chosen = _chosen(config, ids, account, ticket, reason_has)
    for letter, says in at_desk(config, lambda desk: _previews(desk, chosen)):
        _say(letter, f"\n  {says}")
    if chosen and (yes or typer.confirm(f"replay {len(chosen)}?")):
        for letter, says in at_desk(config, lambda desk: _replays(desk, chosen)):
            screen.print(f"{letter.id}  {letter.ticket}: {says}", markup=False, highlight=False)


async def _previews(desk: Desk, chosen: list[Letter]) -> list[tuple[Letter, str]]:
    return [(letter, await desk.preview(letter)) for letter in chosen]


async def _replays(desk: Desk, chosen: list[Letter]) -> list[tuple[Letter, str]]:
    return [(letter, await desk.replay(letter)) for letter in chosen]


@dead_letters.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why; it stays on the ticket's timeline.")],
    ids: IdsArgument = None,
    config: ConfigOption = None,
    account: AccountFilter = "",
    ticket: TicketFilter = "",
    reason_has: ReasonFilter = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take letters from the list for good."""
    chosen = _chosen(config, ids, account, ticket, reason_has)
    for letter in chosen:
        _say(letter)

    async def discarded(desk: Desk) -> None:
        for letter in chosen:
            await desk.discard(letter, reason)

    if chosen and (yes or typer.confirm(f"discard {len(chosen)}?")):
        at_desk(config, discarded)


def _chosen(config: Path | None, ids: list[str] | None, account: str, ticket: str, reason_has: str) -> list[Letter]:
    if not (ids or account or ticket or reason_has):
        message = "name letters by id, or give a filter"
        raise typer.BadParameter(message)

    async def find(desk: Desk) -> list[Letter]:
        if ids:
            return [await desk.letter(letter_id) for letter_id in ids]
        return await desk.dead_letters(account=account, ticket=ticket, reason=reason_has)

    return at_desk(config, find)


ProjectFilter = Annotated[str, typer.Option("--project", help="Only this Jelou project.")]


@orphans.command("list")
def list_orphans(config: ConfigOption = None, project: ProjectFilter = "", as_json: JsonOption = False) -> None:
    """List them, oldest first."""
    found = at_desk(config, lambda desk: desk.orphans(project))
    if as_json:
        print_json(found)
        return
    for one in found:
        line = f"{one['project']}  {one['conversation']}  since {_when(one['since_ms'])}  {', '.join(one['events'])}"
        screen.print(f"{line}  contact {one['contact']}", markup=False, highlight=False)
    screen.print(f"{len(found)} orphans", highlight=False)


@orphans.command()
def claim(
    project: str,
    conversation: str,
    ticket: Annotated[str, typer.Argument(help="kind/account/id")],
    config: ConfigOption = None,
) -> None:
    """Say whose conversation it is; its events go to that ticket."""
    says = at_desk(config, lambda desk: desk.claim(project, conversation, ticket))
    screen.print(says, markup=False, highlight=False)


@orphans.command("discard")
def discard_orphan(project: str, conversation: str, config: ConfigOption = None) -> None:
    """Forget its events."""
    at_desk(config, lambda desk: desk.discard_orphan(project, conversation))
