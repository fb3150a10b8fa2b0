"""``bridge deliveries``: what was refused and why, and what proved its sender and could not be read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.pages import place
from bridge.refusals import Asked, Reason, reason_in_words
from bridge.refusing import reason_of_problem
from bridge.terminal import ConfigOption, JsonOption, print_json, run, screen
from bridge.wiring import store_on, wall_clock_ms
from config.settings import read_settings

if TYPE_CHECKING:
    from bridge.pages import Page
    from bridge.refusals import RefusedDelivery
    from bridge.unread import Unread

AccountFilter = Annotated[
    str, typer.Option("--account", help="Only this sender: kind/name, jelou/project, or unknown for all others.")
]
ReasonFilter = Annotated[Reason | None, typer.Option("--reason", help="Only those refused for this reason.")]
MostOption = Annotated[int, typer.Option("--most", min=1, help="List at most so many.")]
AfterOption = Annotated[str, typer.Option("--after", help="Go on where an earlier list ended.")]


def deliveries(
    config: ConfigOption = None,
    account: AccountFilter = "",
    reason: ReasonFilter = None,
    most: MostOption = 200,
    after: AfterOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the deliveries that were refused within a day, newest first, and those kept because they cannot be read.

    bridge simulate --delivery tries a kept one.
    """
    settings, behind = read_settings(config=config), place(after)
    asked = Asked(account, reason.value if reason else "")

    async def look() -> tuple[Page[RefusedDelivery], list[Unread]]:
        async with store_on(settings.redis_url.get_secret_value(), settings.redis_prefix, connections=2) as store:
            refused = await store.refused.page(asked, after=behind, most=most, now_ms=wall_clock_ms())
            # Whoever goes on has seen them.
            return refused, [] if behind else await store.unread.all()

    refused, kept = run(look())
    kept = [one for one in kept if _is_asked(one, asked)]
    if as_json:
        print_json({"refused": list(map(asdict, refused.items)), "kept": list(map(_kept, kept)), "next": refused.after})
        return
    _print_refused(refused)
    _print_kept(kept)


def _is_asked(one: Unread, asked: Asked) -> bool:
    return asked.sender in {"", one.sender} and asked.reason in {"", reason_of_problem(one.problem).value}


def _kept(one: Unread) -> dict[str, Any]:
    """Without the body: a customer's words stay where they are."""
    return {name: value for name, value in asdict(one).items() if name != "body"}


def _print_refused(page: Page[RefusedDelivery]) -> None:
    for one in page.items:
        screen.print(_line(one))
    more = f", and more: --after {page.after}" if page.after else ""
    screen.print(f"{len(page.items)} kinds of refused deliveries{more}" if page.items else NONE_REFUSED)


NONE_REFUSED = "no such delivery was refused within a day"


def _line(one: RefusedDelivery) -> str:
    """When, how often, who, what, why, and what is known of it."""
    times = "once" if one.count == 1 else f"{one.count} times since {_when(one.first_ms)}"
    why = reason_in_words(one.reason)
    says = f" ({one.says})" if one.says not in {"", why} else ""
    facts = {"ticket": one.ticket, "delivery": one.delivery, "path": one.path, "from": one.remote}
    known = "".join(f"  {name} {value}" for name, value in facts.items() if value)
    return f"{_when(one.last_ms)}  {times}  {one.sender}  {one.status} {one.reason}: {why}{says}{known}"


def _print_kept(kept: list[Unread]) -> None:
    if not kept:
        return
    screen.print("kept, because they could not be read:")
    for one in kept:
        screen.print(f"{one.id}  {_when(one.at_ms)}  {one.sender}  {one.problem}")


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
