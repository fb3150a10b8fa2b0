"""The calls of a mapping: reads of several steps, writes, probes, lists, as data. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from bridge.helpdesks.generic_expressions import (
    AnswerExpression,
    ListExpression,
    Path,
    ReadExpression,
    Structure,
    expressions,
    names,
    places,
)
from bridge.policies import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""The name of a step or a setting, as expressions write it."""

Outcome = Literal["refused", "gone", "conflict", "throttled", "denied", "ambiguous"]


class Requester(Model):
    """Who the customer is. ``phone`` is a list of candidates, of which the first usable number is taken."""

    id: ReadExpression = ""
    name: ReadExpression = ""
    email: ReadExpression = ""
    external_id: ReadExpression = ""
    phone: list[ReadExpression] = Field(default_factory=list)


class TicketFields(Model):
    """Where the ticket's fields stand."""

    id: ReadExpression = Field(default="", description="The ticket's id, as calls name it.")
    subject: ReadExpression = ""
    description: ReadExpression = Field(default="", description="Looked at for the bridge's mark alone.")
    status: ReadExpression = ""
    priority: ReadExpression = ""
    type: ReadExpression = ""
    group: ReadExpression = ""
    channel: ReadExpression = ""
    tags: ReadExpression = ""
    created_at: ReadExpression = ""
    external_id: ReadExpression = ""
    requester: Requester = Requester()
    custom: dict[str, ReadExpression] = Field(default_factory=dict, description="Own name to where it stands.")
    all_custom: ReadExpression = Field(default="", description="An object of all custom fields.")


class File(Model):
    """A file beside a comment; ``each`` finds the list of them."""

    each: ReadExpression
    url: str = "url"
    name: str = "name"
    mime_type: str = "mime_type"
    size: str = "size"
    id: str = Field(default="id", description="The helpdesk's own; by it a file is found again at a new address.")


class Addressees(Model):
    """To whom a comment was sent: a mail to nobody but others stays in the helpdesk."""

    to: ReadExpression = Field(description="All addressees, copies included: a text, or a list of some.")
    customer: ReadExpression = Field(description="All addresses of the requester: a text, or a list of some.")
    mail_when: ReadExpression = Field(
        default="", description="It is a mail. Without this word it is one where it went to a mail address."
    )


class CommentFields(Model):
    """Where a comment's fields stand."""

    id: ReadExpression
    text: ReadExpression
    public: ReadExpression = Field(description="Whether the customer may see it; what is not told is private.")
    by_customer_when: ReadExpression = Field(default="", description="The customer wrote it: nothing for Jelou.")
    by_bridge_when: ReadExpression = ""
    addressees: Addressees | None = Field(default=None, description="To whom it was sent; none: to the requester.")
    call_when: ReadExpression = Field(default="", description="It is the record of a phone call.")
    at: ReadExpression = ""
    markup: Literal["text", "html", "markdown", "adf", "wiki"] = "text"
    files: File | None = None
    whole: bool = Field(default=False, description="A delivery tells all of it: it is not read again.")


class Request(Model):
    """A call. ``body`` is built: a text that begins with = is an expression."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Path
    query: dict[str, Structure] = Field(default_factory=dict)
    headers: dict[str, Structure] = Field(default_factory=dict)
    body: Structure = None
    content: Literal["json", "form"] = "json"
    expect: AnswerExpression = Field(
        default="", description="What a 2xx of this call always has, an empty list too; without it, it is no answer."
    )

    def expressions(self) -> Iterator[str]:
        """All expressions of the call."""
        yield from places(self.path)
        for structure in (self.query, self.headers, self.body):
            yield from expressions(structure)


class Step(Request):
    """A call whose answer is ``read.<name>`` for what follows it."""

    name: Label
    when: AnswerExpression = Field(default="", description="Else the step is left out.")
    optional: bool = Field(default=False, description="A 404 is an answer: it is missing.")


class Reading(Model):
    """A read of several calls."""

    steps: list[Step] = Field(min_length=1, max_length=6)

    @model_validator(mode="after")
    def _known(self) -> Self:
        _earlier(self.steps)
        return self


class Fetch(Reading):
    """The whole ticket."""

    ticket: TicketFields


class Comments(Reading):
    """The ticket's comments; ``each`` finds them, oldest first unless ``newest_first``."""

    each: AnswerExpression
    comment: CommentFields
    newest_first: bool = False


class Failed(Model):
    """An answer that means something else than its code says."""

    when: AnswerExpression
    means: Outcome
    because: str = ""


class Probe(Request):
    """The call that tells whether a write of unknown fate arrived: ``texts`` finds what is written there."""

    texts: AnswerExpression


class Write(Request):
    """A write-back. Of several for one action the first whose ``when`` holds is taken."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    when: AnswerExpression = ""
    before: list[Step] = Field(default_factory=list, max_length=6)
    by: AnswerExpression = Field(
        default="", description="Of what `before` read: action.by in this call. Nothing is written where it is missing."
    )
    receipt: AnswerExpression = ""
    probe: Probe | None = None
    key_header: str = Field(default="", description="The header of an idempotency key; then nothing is probed.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        _earlier(self.before)
        return self


class Find(Request):
    """The call that finds a ticket that may have been opened."""

    id: AnswerExpression


class Opening(Write):
    """The call that opens a ticket; the mark stands in action.text and action.marker."""

    id: AnswerExpression
    find: Find | None = None


class Writes(Model):
    """What is written, action by action; an action without a call is one this helpdesk takes not."""

    note: list[Write] = Field(default_factory=list)
    reply: list[Write] = Field(default_factory=list)
    field: list[Write] = Field(default_factory=list)
    tag: list[Write] = Field(default_factory=list)
    status: list[Write] = Field(default_factory=list)


class Changes(Request):
    """The list of tickets changed since then, a page at a time."""

    each: ListExpression
    ticket: TicketFields
    version: ReadExpression = ""
    changed_at: ReadExpression = Field(
        default="",
        description="When the ticket changed last, with its zone. Where it is not told, every look reads its comments.",
    )
    next: ListExpression = Field(default="", description="What asks for the next page, as `after`.")


class RetryAfter(Model):
    """A header that tells when to try again, where it is not Retry-After."""

    header: str
    unit: Literal["s", "ms", "unix_s", "unix_ms", "iso8601"] = "s"


def _earlier(steps: list[Step]) -> None:
    """A step asks for what an earlier one read. Raises ValueError."""
    known: set[str] = set()
    for step in steps:
        asked = {second for one in (*step.expressions(), step.when) for first, second in names(one) if first == "read"}
        unknown = sorted(asked - known - {""})
        if unknown:
            msg = f"the step {step.name} asks for read.{unknown[0]}, which no earlier step reads"
            raise ValueError(msg)
        known.add(step.name)
