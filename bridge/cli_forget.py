"""``bridge forget``: remove what is kept of a person or a ticket, after showing what that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.forgetting import Forgetting
from bridge.terminal import ConfigOption, JsonOption, print_json, run, screen, settings_and_bridge
from bridge.wiring import store_on

if TYPE_CHECKING:
    from bridge.protocol import Whom

UserOption = Annotated[str, typer.Option("--user", help="A phone number in any form, or Jelou's own id of the user.")]
TicketOption = Annotated[
    str, typer.Option("--ticket", help="A ticket's id; account/id or kind/account/id where several have it.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

FLAGS = {
    "held": "a worker has it in its hands and loses it",
    "start_may_be_out": "a start may be out: if it worked, Jelou has a conversation that the bridge does not know",
}


def forget(
    config: ConfigOption = None,
    user: UserOption = "",
    ticket: TicketOption = "",
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Forget a person, or one ticket: show what the bridge keeps, ask, and remove it.

    Jelou, the helpdesk and the logs keep what is theirs. Told again, a forgotten ticket starts nothing.
    With --json nothing is asked, and without --yes nothing is removed.
    """
    if bool(user.strip()) == bool(ticket.strip()):
        message = "name either --user or --ticket"
        raise typer.BadParameter(message)
    told = _step(config, user, ticket, forgets=yes and as_json)
    if as_json:
        print_json({"preview": not yes, **told})
        return
    _show(told)
    if (told["tickets"] or told["orphans"]) and (yes or typer.confirm("forget all of it?")):
        gone = _step(config, user, ticket, forgets=True)
        screen.print(f"forgotten: {len(gone['tickets'])} tickets, {gone['orphans']} orphans", highlight=False)


def _step(config: Path | None, user: str, ticket: str, *, forgets: bool) -> dict[str, Any]:
    settings, bridge = settings_and_bridge(config)

    async def opened() -> dict[str, Any]:
        url, prefix = settings.redis_url.get_secret_value(), settings.redis_prefix
        async with store_on(url, prefix, connections=2) as store:
            forgetting = Forgetting(store, bridge)
            whom: Whom = await forgetting.whom(user=user, ticket=ticket)
            return await (forgetting.forget(whom) if forgets else forgetting.preview(whom))

    return run(opened())


def _show(told: dict[str, Any]) -> None:
    for one in told["tickets"]:
        kept = f"{one['events']} events, {one['entries']} lines of timeline, {one['dead_letters']} dead letters"
        flags = "".join(f"\n  {words}" for name, words in FLAGS.items() if one[name])
        screen.print(f"{one['ticket']}  {one['phase']}  {kept}{flags}", markup=False, highlight=False)
    more = f" and {told['more']} more" if told["more"] else ""
    screen.print(f"{len(told['tickets'])} tickets{more}, {told['orphans']} orphans", highlight=False)
