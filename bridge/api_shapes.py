"""What ``/api/`` takes and answers, as models: they check the one, make the other, and are what OpenAPI is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bridge.pages import MOST

if TYPE_CHECKING:
    from bridge.decisions import Decision
    from bridge.desk import Done
    from bridge.letters import Letter, Replay
    from bridge.lost import Orphan

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""Without control characters: it is shown on terminals and in logs."""

Line = Annotated[str, StringConstraints(pattern=ONE_LINE, max_length=500)]
Reason = Annotated[str, StringConstraints(pattern=ONE_LINE, min_length=1, max_length=500, strip_whitespace=True)]
By = Annotated[str, StringConstraints(pattern=ONE_LINE, max_length=100)]
Ids = Annotated[list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]], Field(max_length=200)]

ACCOUNT = Field(default="", description="Only this account: kind/name.")
TICKET = Field(default="", description="Only this ticket: its id, or kind/account/id.")
REASON_HAS = Field(default="", description="Only those whose reason has this in it, in whatever case.")
LIMIT = Field(default=MOST, ge=1, le=200, description="At most so many.")
AFTER = Field(default="", description="`next` of the page before.")
WHO = Field(default="", description="Who decides, where a program asks for a person; kept with the token's number.")
WHY = Field(description="Why; it is kept.")
SEEN = Field(default=0, ge=0, description="`at_ms` of the letter as it was seen: if it was given up anew since, 409.")
PREVIEW = Field(default=False, description="Only say what it would do.")


class Shape(BaseModel):
    """Frozen; what is not known is a mistake of the sender's. Texts are texts, numbers numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# --- asked -----------------------------------------------------------------------------------------------------------


class LettersAsked(Shape):
    """Which dead letters to list."""

    account: Line = ACCOUNT
    ticket: Line = TICKET
    reason_has: Line = REASON_HAS
    limit: int = LIMIT
    after: Line = AFTER


class OrphansAsked(Shape):
    """Which orphans to list."""

    project: Line = Field(default="", description="Only this Jelou project, by its name in the configuration.")
    limit: int = LIMIT
    after: Line = AFTER


class DecisionsAsked(Shape):
    """Which decisions to list."""

    thing: Literal["", "dead-letter", "orphan"] = Field(default="", description="Only those about these.")
    limit: int = LIMIT
    after: Line = AFTER


class ReplayAsked(Shape):
    """How to replay one dead letter."""

    preview: bool = PREVIEW
    at_ms: int = SEEN
    by: By = WHO


class DecisionAsked(Shape):
    """What becomes of replies that wait since their ticket's requester was changed."""

    decision: Literal["same-person", "end"] = Field(
        description="same-person: they go on to the conversation's customer. end: the conversation ends without them."
    )
    by: By = WHO


class DiscardAsked(Shape):
    """Why an orphan is taken from the list."""

    reason: Reason = WHY
    by: By = WHO


class LetterDiscarded(DiscardAsked):
    """Why a dead letter is taken from the list."""

    at_ms: int = SEEN


class ClaimAsked(Shape):
    """Whose an orphan's conversation is."""

    ticket: Line = Field(min_length=1, description="kind/account/id, the id percent-encoded.")
    by: By = WHO


class ManyAsked(Shape):
    """Which dead letters to work, and how: by id, or all that match. With ``after``, the next ones."""

    ids: Ids = Field(default=[], description="These, whatever else is given.")
    account: Line = ACCOUNT
    ticket: Line = TICKET
    reason_has: Line = REASON_HAS
    limit: int = LIMIT
    after: Line = AFTER
    preview: bool = PREVIEW
    by: By = WHO

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not (self.ids or self.account or self.ticket or self.reason_has):
            msg = "name letters by ids, or give account, ticket or reason_has"
            raise ValueError(msg)
        return self


class ManyReplayed(ManyAsked):
    """Which dead letters to replay."""


class ManyDiscarded(ManyAsked):
    """Which dead letters to discard, and why."""

    reason: Reason = WHY


# --- answered --------------------------------------------------------------------------------------------------------


class Refusal(Shape):
    """Why something was not done. ``field`` names what is wrong in the request, where something in it is."""

    error: str
    field: str = ""


class LetterTold(Shape):
    """A dead letter, without the event: a customer's data stays where it is."""

    id: str
    ticket: str
    action: str
    reason: str
    at_ms: int

    @classmethod
    def of(cls, letter: Letter) -> Self:
        """This letter."""
        return cls(**{name: getattr(letter, name) for name in cls.model_fields})


class LettersTold(Shape):
    """A page of them, newest first. ``next`` is empty where it is the last; a page may be short and not the last."""

    dead_letters: list[LetterTold]
    next: str


class ReplayTold(Shape):
    """What is done, or would be: ``does`` for programs, ``says`` for people. ``done`` is false for a preview."""

    does: Literal["start", "write", "say", "work", "go on", "discard", "nothing"]
    says: str
    done: bool

    @classmethod
    def of(cls, told: Replay, *, done: bool) -> Self:
        """What this replay does. Where there is nothing to do, nothing is done."""
        return cls.model_validate({"does": told.does, "says": told.says, "done": done and told.does != "nothing"})


class LetterShown(LetterTold):
    """A dead letter, and what a replay of it would do now."""

    replay: ReplayTold


class OneTold(ReplayTold):
    """What is done with one of many."""

    id: str
    ticket: str

    @classmethod
    def about(cls, told: Done, *, done: bool) -> Self:
        """What was done with this one."""
        known = ReplayTold.of(told.told, done=done).model_dump()
        return cls(id=told.letter.id, ticket=told.letter.ticket, **known)


class ManyTold(Shape):
    """What is done with each, or would be. ``next`` is where to go on, empty where nothing more matches."""

    results: list[OneTold]
    gone: dict[str, str] = Field(description="Ids that are no dead letters any more, and what became of each.")
    next: str


class OrphanTold(Shape):
    """Events of Jelou's without a ticket. ``conversation`` is empty where they tell none."""

    id: str
    project: str
    conversation: str
    since_ms: int
    events: list[str]
    contact: str

    @classmethod
    def of(cls, orphan: Orphan) -> Self:
        """This orphan."""
        known: dict[str, Any] = {name: getattr(orphan, name) for name in cls.model_fields}
        return cls(**(known | {"events": list(orphan.events)}))


class OrphansTold(Shape):
    """A page of them, newest first."""

    orphans: list[OrphanTold]
    next: str


class Said(Shape):
    """What was done, in words."""

    says: str


class DecisionTold(Shape):
    """What was decided: ``because`` is why the thing was there, ``reason`` what the person said."""

    id: str
    thing: str
    what: str
    at_ms: int
    by: str
    ticket: str
    about: str
    because: str
    reason: str

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """This decision."""
        return cls(**{name: getattr(decision, name) for name in cls.model_fields})


class DecisionsTold(Shape):
    """A page of them, newest first; kept for ninety days."""

    decisions: list[DecisionTold]
    next: str


class PauseTold(Shape):
    """Whether the account's starts are held back now, and how many wait."""

    account: str
    paused: bool
    says: str
    waiting: int
