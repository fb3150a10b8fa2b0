"""``bridge dead-letters`` and ``bridge orphans``: what waits for a person, and what a person does about it."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bridge.desk import Desk, Wanted
from bridge.lost import LostAndFound
from bridge.terminal import ConfigOption, JsonOption, print_json, run, screen, settings_and_bridge
from bridge.wiring import queue_on, store_on, wall_clock_ms

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.desk import Done
    from bridge.letters import Letter, Replay
    from bridge.lost import Orphan
    from bridge.pages import Page

T = TypeVar("T")

dead_letters = typer.Typer(no_args_is_help=True, help="What was given up or parked, with its reason.")
orphans = typer.Typer(no_args_is_help=True, help="Events of Jelou's that belong to no ticket yet.")

AccountFilter = Annotated[str, typer.Option("--account", help="Only this account: kind/name.")]
TicketFilter = Annotated[str, typer.Option("--ticket", help="Only this ticket.")]
ReasonFilter = Annotated[str, typer.Option("--reason-has", help="Only those whose reason has this in it.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(help="Ids of letters; else all that match the filters.")]
MostOption = Annotated[int, typer.Option("--most", min=1, help="List at most so many.")]
AfterOption = Annotated[str, typer.Option("--after", help="Go on where an earlier list ended.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def at_desk(config: Path | None, step: Callable[[Desk], Awaitable[T]]) -> T:
    """Run a step with a desk on the configured Redis."""
    settings, bridge = settings_and_bridge(config)
    url, prefix = settings.redis_url.get_secret_value(), settings.redis_prefix

    async def opened() -> T:
        async with store_on(url, prefix, connections=2) as store, queue_on(url, prefix) as queue:
            return await step(Desk(store.records, bridge, queue.wake, wall_clock_ms, _person()))

    return run(opened())


def _person() -> str:
    """Who types this, for those who ask later; a container may know no such name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(line: str) -> None:
    screen.print(line, markup=False, highlight=False)


def _say(letter: Letter, more: str = "") -> None:
    _print(f"{letter.id}  {_when(letter.at_ms)}  {letter.ticket}  {letter.action}: {letter.reason}{more}")


def _shown(letter: Letter) -> dict[str, Any]:
    """Without the event: a customer's data stays where it is."""
    names = ("id", "ticket", "action", "reason", "at_ms")
    return {name: getattr(letter, name) for name in names}


def _count(page: Page[Any], what: str) -> None:
    more = f", and more: --after {page.after}" if page.after else ""
    _print(f"{len(page.items)} {what}{more}")


@dead_letters.command("list")
def list_letters(
    config: ConfigOption = None,
    account: AccountFilter = "",
    ticket: TicketFilter = "",
    reason_has: ReasonFilter = "",
    most: MostOption = 1_000,
    after: AfterOption = "",
    as_json: JsonOption = False,
) -> None:
    """List them, newest first."""
    wanted = Wanted(account, ticket, reason_has)
    page = at_desk(config, lambda desk: desk.dead_letters(wanted, after=after, most=most))
    if as_json:
        print_json([_shown(letter) for letter in page.items])
        return
    for letter in page.items:
        _say(letter)
    _count(page, "dead letters")


@dead_letters.command()
def show(letter_id: str, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """One letter, and what a replay of it would do now."""

    async def look(desk: Desk) -> tuple[Letter, Replay]:
        letter = await desk.letter(letter_id)
        return letter, await desk.preview(letter)

    letter, replay = at_desk(config, look)
    if as_json:
        print_json(_shown(letter) | {"replay": replay.says, "does": replay.does})
    else:
        _say(letter, f"\n  replay: {replay.says}")


@dead_letters.command()
def replay(
    ids: IdsArgument = None,
    config: ConfigOption = None,
    account: AccountFilter = "",
    ticket: TicketFilter = "",
    reason_has: ReasonFilter = "",
    yes: YesOption = False,
) -> None:
    """Say what it would do, ask, and do it. Pressed twice, the second says that there is nothing to do."""
    chosen, gone = _chosen(config, ids, account, ticket, reason_has)
    for told in at_desk(config, lambda desk: desk.each(chosen, desk.preview)):
        _say(told.letter, f"\n  {told.told.says}")
    if chosen and (yes or typer.confirm(f"replay {len(chosen)}?")):
        _done(at_desk(config, lambda desk: desk.each(chosen, desk.replay)))
    _say_gone(gone, len(chosen))


def _done(all_told: list[Done]) -> None:
    for told in all_told:
        _print(f"{told.letter.id}  {told.letter.ticket}: {told.told.says}")


def _say_gone(gone: dict[str, str], chosen: int) -> None:
    for letter_id, says in gone.items():
        _print(f"{letter_id}: {says}")
    if not (gone or chosen):
        _print("nothing to do: no dead letter matches")


@dead_letters.command()
def discard(
    reason: Annotated[str, typer.Option(help="Why; it stays on the ticket's timeline.")],
    ids: IdsArgument = None,
    config: ConfigOption = None,
    account: AccountFilter = "",
    ticket: TicketFilter = "",
    reason_has: ReasonFilter = "",
    yes: YesOption = False,
) -> None:
    """Take letters from the list for good. `bridge dead-letters history` tells of them later."""
    why = _reason(reason)
    chosen, gone = _chosen(config, ids, account, ticket, reason_has)
    for letter in chosen:
        _say(letter)
    if chosen and (yes or typer.confirm(f"discard {len(chosen)}?")):
        _done(at_desk(config, lambda desk: desk.each(chosen, lambda letter: desk.discard(letter, why))))
    _say_gone(gone, len(chosen))


def _reason(given: str) -> str:
    if not given.strip():
        message = "say why: others will ask"
        raise typer.BadParameter(message, param_hint="--reason")
    return given.strip()


def _chosen(
    config: Path | None, ids: list[str] | None, account: str, ticket: str, reason_has: str
) -> tuple[list[Letter], dict[str, str]]:
    """The letters named or matched, and of those that are gone what became of them."""
    if not (ids or account or ticket or reason_has):
        message = "name letters by id, or give a filter"
        raise typer.BadParameter(message)

    async def find(desk: Desk) -> tuple[list[Letter], dict[str, str]]:
        if ids:
            return await desk.sorted_out(ids)
        return await desk.every(Wanted(account, ticket, reason_has)), {}

    return at_desk(config, find)


@dead_letters.command()
def history(
    config: ConfigOption = None, most: MostOption = 1_000, after: AfterOption = "", as_json: JsonOption = False
) -> None:
    """What was replayed and discarded in the last ninety days, by whom, and why."""
    _history(config, "dead-letter", most, after, as_json=as_json)


def _history(config: Path | None, thing: str, most: int, after: str, *, as_json: bool) -> None:
    page = at_desk(config, lambda desk: desk.decisions(thing=thing, after=after, most=most))
    if as_json:
        print_json([asdict(one) for one in page.items])
        return
    for one in page.items:
        _print(f"{one.id}  {one.ticket}  {one.about}: {one.because}\n  {one.in_words()}")
    _count(page, "decisions")


ProjectFilter = Annotated[str, typer.Option("--project", help="Only this Jelou project.")]
OrphanArgument = Annotated[str, typer.Argument(help="The orphan's id, or its conversation.")]


@orphans.command("list")
def list_orphans(
    config: ConfigOption = None,
    project: ProjectFilter = "",
    most: MostOption = 1_000,
    after: AfterOption = "",
    as_json: JsonOption = False,
) -> None:
    """List them, newest first."""
    page = at_desk(config, lambda desk: LostAndFound(desk).orphans(project, after=after, most=most))
    if as_json:
        print_json([orphan_shown(one) for one in page.items])
        return
    for one in page.items:
        line = f"{one.id}  {one.project}  {one.conversation}  since {_when(one.since_ms)}  {', '.join(one.events)}"
        _print(f"{line}  contact {one.contact}")
    _count(page, "orphans")


def orphan_shown(one: Orphan) -> dict[str, Any]:
    """Without its name in the store, which may hold a person's number."""
    return {name: value for name, value in asdict(one).items() if name not in {"name", "people"}}


@orphans.command()
def claim(
    project: str,
    orphan: OrphanArgument,
    ticket: Annotated[str, typer.Argument(help="kind/account/id")],
    config: ConfigOption = None,
) -> None:
    """Say whose conversation it is; its events go to that ticket."""

    async def claimed(desk: Desk) -> str:
        lost = LostAndFound(desk)
        return await lost.claim(await lost.orphan(orphan, project), ticket)

    _print(at_desk(config, claimed))


@orphans.command("discard")
def discard_orphan(
    project: str,
    orphan: OrphanArgument,
    reason: Annotated[str, typer.Option(help="Why; `bridge orphans history` tells it later.")],
    config: ConfigOption = None,
) -> None:
    """Forget its events."""
    why = _reason(reason)

    async def discarded(desk: Desk) -> None:
        lost = LostAndFound(desk)
        await lost.discard(await lost.orphan(orphan, project), why)

    at_desk(config, discarded)
    _print("discarded")


@orphans.command("history")
def orphan_history(
    config: ConfigOption = None, most: MostOption = 1_000, after: AfterOption = "", as_json: JsonOption = False
) -> None:
    """What was claimed and discarded in the last ninety days, by whom, and why."""
    _history(config, "orphan", most, after, as_json=as_json)
