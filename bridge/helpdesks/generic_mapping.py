"""A mapping: what is known of one kind of helpdesk, as data. Its models, checked when the configuration is read. Pure.

A mapping is YAML beside the configuration, or one of those that are shipped. It holds no secret and no host: those are
the account's. What its expressions may ask for stands in ``generic_expressions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bridge.helpdesks.generic_expressions import ItemExpression, RuleExpression, Structure, names
from bridge.helpdesks.generic_recipes import (
    Changes,
    CommentFields,
    Comments,
    Failed,
    Fetch,
    Label,
    Opening,
    Outcome,
    Request,
    RetryAfter,
    TicketFields,
    Writes,
)
from bridge.policies import Model, TicketPace
from bridge.signatures import TOLERANCE_MOST_S, Algorithm, Encoding
from bridge.timestamps import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

StatusWord = Literal["new", "open", "pending", "on-hold", "solved", "closed"]
PriorityWord = Literal["low", "normal", "high", "urgent"]
EventType = Literal["ticket.opened", "agent.replied", "ticket.solved", "ticket.reopened"]


class Stamp(Model):
    """The header that tells when a delivery was signed."""

    header: str = Field(min_length=1, description="The header's name.")
    unit: Unit = Field(default="s", description="s, ms, iso8601 or auto.")
    tolerance_s: float | None = Field(
        default=300.0,
        gt=0,
        le=TOLERANCE_MOST_S,
        description="How far it may be from our clock, a day at most; null for a sender that never renews it.",
    )


class Signed(Model):
    """A digest in a header over parts of the request."""

    type: Literal["hmac", "hash"]
    header: str = Field(min_length=1, description="Where the digest stands.")
    signed: str = Field(default="{body}", description="Of {body} {timestamp} {id} {method} {url}, for a hash {secret}.")
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = Field(default="", description="Stands before the digest: sha256=.")
    separator: str = Field(default="", description="Between several digests in one header.")
    timestamp: Stamp | None = None
    id_header: str = Field(default="", description="The header that {id} stands for.")
    secret_encoding: Literal["utf8", "base64", "hex"] = Field(default="utf8", description="How secrets are written.")
    secret_prefix: str = Field(default="", description="Cut off a secret before that: whsec_.")


class StandardWebhooksSigned(Model):
    """Standard Webhooks 1.0.0."""

    type: Literal["standard-webhooks"]


class HeaderProof(Model):
    """A secret value in a header, behind a scheme such as Bearer where there is one."""

    type: Literal["header"]
    header: str = Field(default="authorization", min_length=1)
    scheme: str = ""


class BasicProof(Model):
    """HTTP Basic; the user name is the account's ``verification.username``."""

    type: Literal["basic"]


class UrlProof(Model):
    """A secret value in the query string."""

    type: Literal["url"]
    parameter: str = Field(default="token", min_length=1)


Proof = Annotated[Signed | StandardWebhooksSigned | HeaderProof | BasicProof | UrlProof, Field(discriminator="type")]


class Shake(Model):
    """A question that the sender asks before it sends, and its answer."""

    when: ItemExpression = Field(description="Over method, header, query and body.")
    answer: Structure = Field(description="A text, or = and an expression.")


class Taken(Model):
    """What the sender hears where a delivery was taken, a duplicate included, where 202 is not enough for it."""

    status: int = Field(default=200, ge=200, le=299, description="A 2xx: what was not taken is never one.")
    body: Any = Field(default="", description="A text as it stands, anything else as JSON.")


class EventRule(Model):
    """What a delivery tells when the condition holds; the first rule that holds decides."""

    when: RuleExpression
    tells: list[EventType] = Field(description="Nothing, where the list is empty.")


class Setting(Model):
    """A value that each account gives, for expressions: settings.<name>."""

    about: str
    default: str | None = Field(default=None, description="Without one the account must give it.")


class HelpdeskMapping(Model):
    """One kind of helpdesk as data."""

    title: str = Field(min_length=1, description="The helpdesk's name, for people.")
    settings: dict[Label, Setting] = Field(default_factory=dict)
    # -- deliveries
    proof: Proof
    content: Literal["json", "json-list", "form"] = Field(
        default="json", description="How deliveries are written: a JSON object, a list of them, or a form."
    )
    content_field: str = Field(default="", description="The field of a form that holds the JSON.")
    handshake: list[Shake] = Field(default_factory=list)
    answer: Taken | None = Field(default=None, description="Else 202 and the delivery's id.")
    delivery_id: ItemExpression = Field(default="", description="The same on each try of the sender.")
    explode: ItemExpression = Field(default="", description="A list: each of its items is told by itself.")
    name: ItemExpression = Field(default="", description="The sender's name of its event, for the log.")
    version: ItemExpression = Field(default="", description="Tells two changes of a ticket apart.")
    ignore_when: ItemExpression = ""
    by_bridge_when: ItemExpression = Field(default="", description="The bridge did it.")
    previous_status: ItemExpression = Field(default="", description="The status before, for rules.")
    events: list[EventRule] = Field(min_length=1)
    ticket: TicketFields
    comment: CommentFields | None = None
    # -- values
    status: dict[str, StatusWord] = Field(default_factory=dict)
    priority: dict[str, PriorityWord] = Field(default_factory=dict)
    status_labels: dict[Literal["open", "pending", "solved"], str | int] = Field(
        default_factory=dict, description="The bridge's word to what is written as action.label."
    )
    # -- calls
    fetch: Fetch | None = None
    comments: Comments | None = None
    writes: Writes = Writes()
    opening: Opening | None = None
    changes: Changes | None = None
    failed: list[Failed] = Field(default_factory=list)
    errors: dict[int, Outcome] = Field(default_factory=dict)
    retry_after: list[RetryAfter] = Field(default_factory=list)
    calls_per_minute: int = Field(default=60, ge=1)
    ticket_pace: TicketPace | None = None


def all_expressions(value: Any) -> Iterator[str]:
    """Every expression in a mapping, for what is asked of settings."""
    if isinstance(value, Request):
        yield from value.expressions()
    if isinstance(value, Model):
        for name in type(value).model_fields:
            yield from all_expressions(getattr(value, name))
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from all_expressions(one)
    elif isinstance(value, str):
        yield value


def settings_asked(mapping: HelpdeskMapping) -> frozenset[str]:
    """The names of settings that the mapping's expressions ask for."""
    asked = {name for one in all_expressions(mapping) if "settings" in one for name in names(one)}
    return frozenset(second for first, second in asked if first == "settings" and second)
