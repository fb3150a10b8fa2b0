"""``bridge decide``: what becomes of replies that wait since their ticket's requester was changed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bridge.cli_desk import at_desk
from bridge.requesters import END, SAME_PERSON
from bridge.terminal import ConfigOption, JsonOption, print_json, screen

TicketArgument = Annotated[str, typer.Argument(help="The ticket's id, or its whole name: kind/account/id.")]


class What(StrEnum):
    """What can be decided."""

    SAME = SAME_PERSON
    ENDS = END


WhatArgument = Annotated[
    What, typer.Argument(help="same-person: the replies go on. end: the conversation ends, without them.")
]


def decide(
    ticket: TicketArgument, what: WhatArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Decide about replies that wait since the ticket's requester was changed."""
    done = at_desk(config, lambda desk: desk.decide(ticket, what.value))
    if as_json:
        print_json({"ticket": ticket, "does": done.does, "says": done.says})
    else:
        screen.print(f"{ticket}: {done.says}", markup=False, highlight=False)
