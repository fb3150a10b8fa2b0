"""``POST /api/forget``: the same as ``bridge forget``, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from bridge.api_shapes import PREVIEW, Line, Shape
from bridge.asking import Row
from bridge.errors import Unreadable
from bridge.forgetting import AmbiguousTicketError, Forgetting

if TYPE_CHECKING:
    from bridge.asking import Question


class ForgetAsked(Shape):
    """Whom to forget: a person or a ticket."""

    user: Line = Field(default="", description="A person: the phone number in any form, or the Jelou user id.")
    ticket: Line = Field(default="", description="A ticket: its id, account/id or kind/account/id.")
    preview: bool = PREVIEW

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.user.strip()) == bool(self.ticket.strip()):
            msg = "names either a user or a ticket"
            raise ValueError(msg)
        return self


class TrailTold(Shape):
    """What is kept of one ticket, without anything of the person's."""

    ticket: str
    phase: str
    held: bool = Field(description="A worker has it in its hands.")
    start_may_be_out: bool = Field(description="A conversation may still begin in Jelou.")
    events: int = Field(description="Events that wait.")
    entries: int = Field(description="Entries of the timeline.")
    dead_letters: int


class ForgetTold(Shape):
    """What went, or with ``preview`` would go. ``more`` tickets are not shown."""

    preview: bool
    tickets: list[TrailTold]
    more: int
    orphans: int


async def forget(question: Question) -> ForgetTold:
    """Remove what is kept of a person or a ticket, or show what that is."""
    forgetting, asked = Forgetting(question.app.store, question.app.bridge), question.asked
    try:
        whom = await forgetting.whom(user=asked.user, ticket=asked.ticket)
    except AmbiguousTicketError as error:
        raise Unreadable("ticket", str(error)) from None
    told = await (forgetting.preview(whom) if asked.preview else forgetting.forget(whom))
    return ForgetTold.model_validate({"preview": asked.preview, **told})


FORGET = Row("POST", "/api/forget", forget, ForgetTold, body=ForgetAsked)
