"""``GET /api/deliveries``: the deliveries that were refused within a day, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator

from bridge.api_shapes import AFTER, LIMIT, Line, Shape
from bridge.asking import Row
from bridge.pages import place
from bridge.refusals import Asked, Reason, reason_in_words

if TYPE_CHECKING:
    from bridge.asking import Question
    from bridge.refusals import RefusedDelivery


class DeliveriesAsked(Shape):
    """Which refused deliveries to list."""

    account: Line = Field(default="", description="Only this sender: kind/name, jelou/project, or unknown.")
    reason: Line = Field(
        default="", description="Only those refused for this reason.", json_schema_extra={"enum": ["", *Reason]}
    )
    limit: int = LIMIT
    after: Line = AFTER

    @field_validator("reason")
    @classmethod
    def _is_one(cls, reason: str) -> str:
        if reason and reason not in set(Reason):
            msg = f"is none of {', '.join(Reason)}"
            raise ValueError(msg)
        return reason


class RefusedTold(Shape):
    """Refused deliveries that are alike. What is empty is not known: of what proved no sender, little is kept."""

    sender: str = Field(description="kind/name, jelou/project; unknown where none is configured.")
    status: int
    reason: str = Field(description="A word for programs; later versions may have more of them.")
    reason_in_words: str
    says: str = Field(description="What was wrong with the last of them.")
    count: int
    first_ms: int
    last_ms: int
    ticket: str
    delivery: str = Field(description="The id of the last one, where it is kept for bridge simulate --delivery.")
    path: str = Field(description="Where it was sent, if to no sender of the configuration.")
    remote: str = Field(description="The address of the last one, by the header of a trusted proxy.")

    @classmethod
    def of(cls, one: RefusedDelivery) -> Self:
        """These."""
        known = {name: getattr(one, name) for name in cls.model_fields if name != "reason_in_words"}
        return cls(**known, reason_in_words=reason_in_words(one.reason))


class DeliveriesTold(Shape):
    """A page of them, newest first; kept for a day."""

    deliveries: list[RefusedTold]
    next: str


async def deliveries(question: Question) -> DeliveriesTold:
    """What was refused, and why."""
    of, app = question.asked, question.app
    asked = Asked(of.account, of.reason)
    page = await app.store.refused.page(asked, after=place(of.after), most=of.limit, now_ms=app.now_ms())
    return DeliveriesTold(deliveries=list(map(RefusedTold.of, page.items)), next=page.after)


DELIVERIES = Row("GET", "/api/deliveries", deliveries, DeliveriesTold, query=DeliveriesAsked)
