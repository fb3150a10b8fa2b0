"""What an account or a project wants done in either direction: messages, endings, nights, what nobody asked for.

Sections of ``bridge.accounts``, as frozen models.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Language = Literal["en", "es", "pt"]


class Model(BaseModel):
    """A section of the configuration: frozen, unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class Messages(Model):
    """What passes between agent and customer while a conversation is open."""

    to_customer: bool = Field(default=True, description="Public replies of agents go to the customer. Notes never do.")
    to_ticket: Literal["reply", "note", "nothing"] = Field(
        default="reply",
        description="What customers write: in their name where the helpdesk can, as an internal note, or not at all.",
    )
    merge_s: float = Field(
        default=3.0, ge=0, le=600, description="What a customer writes within this time is one update of the ticket."
    )
    tries: int = Field(
        default=3, ge=1, le=20, description="How often a message of unknown fate is sent, with the same id each time."
    )


class Reopen(Model):
    """What happens to a ticket whose conversation has ended."""

    ticket: Literal["start", "ignore"] = Field(
        default="start", description="When the ticket is reopened: start the next conversation, or nothing."
    )
    initial_message: str = Field(default="", description="Template of its first message; empty: it starts silently.")
    message_h: float = Field(
        default=24.0,
        ge=0,
        le=8_760,
        description="A customer who comes back within so many hours is taken to the same ticket, later to a new one.",
    )


class QuietHours(Model):
    """When customers are not to be woken: a start waits for the end of it."""

    from_: time = Field(alias="from", description='From this time of day on, for example "21:00".')
    to: time = Field(description='Until this time of day, for example "07:30"; it may be the next morning.')
    timezone: str = Field(description="For example America/Guayaquil.")

    @field_validator("from_", "to", mode="before")
    @classmethod
    def _time_of_day(cls, given: object) -> object:
        # A number would be read as seconds since midnight.
        if isinstance(given, str):
            return given
        msg = 'is a time of day in quotes, for example "21:00"'
        raise ValueError(msg)

    @field_validator("from_", "to")
    @classmethod
    def _of_the_zone(cls, given: time) -> time:
        if given.tzinfo is None:
            return given
        msg = "is a time of day without a zone: timezone says it"
        raise ValueError(msg)

    @field_validator("timezone")
    @classmethod
    def _exists(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            msg = "is no time zone that is known; write it as America/Guayaquil"
            raise ValueError(msg) from None
        return given

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.from_ == self.to:
            msg = "from and to are the same"
            raise ValueError(msg)
        return self


class Template(Model):
    """An approved WhatsApp template (HSM) that is sent first where the 24-hour window is closed."""

    name: str = Field(min_length=1, description="The template's elementName at Jelou.")
    language: str = Field(default="es", min_length=2, description="The language it was approved in.")
    parameters: list[str] = Field(
        default_factory=list, description="Its parameters, as templates that see ticket, requester and custom."
    )


class Fuse(Model):
    """When a ticket stops by itself because something loops."""

    within_s: float = Field(default=60.0, gt=0, le=3_600, description="The time that is looked at.")
    each_way: int = Field(
        default=19, ge=2, le=19, description="More messages than this in each direction within that time trip it."
    )
    bounces: int = Field(
        default=3,
        ge=1,
        le=30,
        description="So many messages that say what the other side has just said trip it, all of the same text.",
    )
    hold_s: float = Field(
        default=300.0,
        gt=0,
        le=3_600,
        description="How long it holds; twice as long each time it trips again, up to an hour.",
    )


class Reconcile(Model):
    """What no webhook brought is looked for in the helpdesk's own list of changed tickets."""

    enabled: bool = Field(default=True, description="Look by itself, where the helpdesk has such a list.")
    every_s: float = Field(
        default=300.0,
        ge=60,
        le=86_400,
        description="How often. Less than the start rules' max_age_s, or what is found is too old for them.",
    )
    look_back_s: float = Field(
        default=7_200.0, gt=0, le=86_400, description="How far the first look reaches; the next begin at the last one."
    )


class Silence(Model):
    """When it is told that a sender is silent: it sends nothing, and at this time it normally does."""

    enabled: bool = Field(default=True, description="Tell it at all.")
    silent_s: float = Field(default=1_200.0, ge=600, le=604_800, description="No sooner than after so long.")
    least: int = Field(
        default=10, ge=1, description="No sooner than when so many deliveries are missed, as the days before were."
    )


class Unasked(Model):
    """A conversation at Jelou that no ticket asked for: a bot handed over, or a customer wrote."""

    then: Literal["park", "open_ticket"] = Field(
        default="park", description="park: it is listed (bridge orphans list). open_ticket: it gets a ticket, once."
    )
    account: Annotated[str, StringConstraints(pattern="^([a-z0-9-]+/[a-z0-9-]+)?$")] = Field(
        default="", description="Where the ticket is opened, for example zendesk/acme."
    )
    subject: str = Field(
        default="Conversation with {{ name }}", description="Template of its subject; sees name, queue and message."
    )
    groups: dict[str, str] = Field(
        default_factory=dict, description="Queue at Jelou to group in the helpdesk; another queue goes to its default."
    )
    wait_s: float = Field(
        default=5.0, ge=0, le=600, description="How long it is waited whether a ticket of ours claims the conversation."
    )

    @model_validator(mode="after")
    def _knows_where(self) -> Self:
        if self.then == "open_ticket" and not self.account:
            msg = "open_ticket needs account, for example zendesk/acme"
            raise ValueError(msg)
        return self


Days = Annotated[float, Field(gt=0, le=36_500)]


class Retention(Model):
    """How long what has come to its end is kept, in days. What is open, unknown, parked or not yet done stays."""

    closed_days: Days = Field(default=90.0, description="A ticket whose conversation is closed, with its timeline.")
    failed_days: Days = Field(
        default=90.0, description="A ticket whose conversation could not be started; never before its dead letters."
    )
    ignored_days: Days = Field(default=30.0, description="A ticket for which nothing was to be started.")
    dead_letters_days: Days = Field(default=90.0, description="What was given up and nobody replayed or discarded.")
    orphans_days: Days = Field(default=30.0, description="Events of Jelou's without a ticket, which nobody claimed.")
    unread_hours: float = Field(
        default=24.0, ge=0, le=720, description="Deliveries that could not be read, for bridge simulate; 0 keeps none."
    )
    tombstones_days: Days = Field(
        default=150.0, ge=7, description="How long a removed ticket is known, as a hash: told again, it starts nothing."
    )


class Labels(Model):
    """What an account calls its statuses and priorities, where its labels are not the product's own."""

    status: dict[str, Literal["new", "open", "pending", "on-hold", "solved", "closed"]] = Field(
        default_factory=dict, description="Label to the bridge's word: Esperando al cliente: pending."
    )
    priority: dict[str, Literal["low", "normal", "high", "urgent"]] = Field(
        default_factory=dict, description="Label to the bridge's word: Muy alta: urgent."
    )


class TicketPace(Model):
    """At most so many writes on one ticket in so many seconds."""

    calls: int = Field(ge=1, description="So many writes.")
    per_s: float = Field(gt=0, description="In so many seconds.")
