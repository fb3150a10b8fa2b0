"""django-helpdesk: its two unsigned webhooks in, private follow-ups and custom fields out.

A new ticket is told as ``{"ticket": T, "queue_slug": "..."}``, a follow-up with ``followup_id`` beside it; ``T`` holds
every follow-up of the ticket, the private ones too. A follow-up may comment and change the status at once: then two
events are told, the comment first. There is no other event: a status changed over the API or in bulk is not told.

A follow-up's ``user`` is a member of staff or nobody, so nobody stands for the customer. A ticket does not tell when
it was created: the date of its first follow-up, which is written with it, stands for that.

Traps. ``title`` in a new follow-up renames the ticket, so it is never sent. The comment is rendered as a Django
template: braces are parted by a zero-width space. A 500 may come after the follow-up was saved, because the webhooks
are called inside the request; so it is looked for by its mark.

Sources: django-helpdesk 2.6.1, ``helpdesk/webhooks.py``, ``serializers.py``, ``update_ticket.py``, ``models.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, Model, UnsignedVerification
from bridge.domain import (
    AddNote,
    AgentReplied,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import CallError, Gone, Refused
from bridge.helpdesks import proof, reading, writing
from bridge.helpdesks.reading import Json, section, text, told
from bridge.replies import Meanings, raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import Call, Delivery, Rate, Reply, TicketEvent, Verified, WriteBack
    from bridge.signatures import Verification

STATUSES: Final[Mapping[str, str]] = {"1": "open", "2": "open", "3": "solved", "4": "closed", "5": "closed"}
"""Open, reopened, resolved, closed, duplicate."""

PRIORITIES: Final[Mapping[str, str]] = {"1": "urgent", "2": "high", "3": "normal", "4": "low", "5": "low"}
"""Critical, high, normal, low, very low."""

CHANGES: Final[Mapping[str, type[TicketSolved | TicketReopened]]] = {
    "2": TicketReopened,
    "3": TicketSolved,
    "4": TicketSolved,
}
"""What a follow-up's ``new_status`` tells."""

CUSTOM: Final = "custom_"
_LIVE_TEXT: Final = re.compile(
    r"(?<=\{)(?=[{%#])|(?<=[}%#])(?=\})"  # Django's template tags, whole or half
    r"|(?<=#)(?=\d)"  # a reference that writes a follow-up on that other ticket
    r"|(?<=X-HELPDESK-)(?=COMMENT-)"  # django-helpdesk's own marks around a comment; they answer 500
)
_ZERO_WIDTH_SPACE: Final = "\u200b"


class DjangoHelpdeskAccess(Model):
    """How the bridge calls django-helpdesk's API."""

    base_url: HttpUrl = Field(description="Where django-helpdesk is mounted, up to, not including, /api/.")
    username: str = Field(min_length=1, description="A member of staff.")
    password: SecretStr
    bridge_user_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="That user's id: what it writes is known to be the bridge's own."
    )


class DjangoHelpdeskAccount(Account):
    """An account of django-helpdesk. ``write_back.field`` is a custom field's name; tags do not exist."""

    verification: UnsignedVerification
    access: DjangoHelpdeskAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: UnsignedVerification) -> UnsignedVerification:
        proof.unsigned(verification)
        return verification


def _ticket(ref: TicketRef, record: Json, queue_slug: str) -> Ticket:
    custom = {name.removeprefix(CUSTOM): value for name, value in record.items() if name.startswith(CUSTOM)}
    first = next(iter(reading.records(record, "followup_set")), {})
    status = STATUSES.get(text(record, "status"), text(record, "status"))
    fields = told(
        id=ref.id,
        subject=text(record, "title"),
        status="on-hold" if status == "open" and reading.flag(record, "on_hold") else status,
        priority=PRIORITIES.get(text(record, "priority"), text(record, "priority")),
        group=queue_slug,
        created_at=text(first, "date"),
        requester=told(email=text(record, "submitter_email"), phone=text(custom, "phone")),
        custom=told(**custom),
    )
    return Ticket(ref, fields, reading.moment_ms(first, "date"))


def _followed_up(ref: TicketRef, followup: Json, bridge_user: str) -> list[TicketEvent]:
    followup_id, comment = text(followup, "id"), text(followup, "comment")
    by_bridge = _by_bridge(followup, bridge_user)
    change = CHANGES.get(text(followup, "new_status"))
    events: list[TicketEvent] = []
    if comment or change is None:
        events.append(_commented(ref, followup, by_bridge=by_bridge))
    if change:
        status = STATUSES[text(followup, "new_status")]
        events.append(change(ref, f"status:{status}:{followup_id}", status, by_bridge))
    return events


def _commented(ref: TicketRef, followup: Json, *, by_bridge: bool) -> TicketEvent:
    followup_id, comment = text(followup, "id"), text(followup, "comment")
    fact = f"comment:{followup_id}"
    if not comment:
        return Unrecognised(ref, fact, "followup", by_bridge)
    if not text(followup, "user") and not by_bridge:
        return Unrecognised(ref, fact, "customer followup")
    return AgentReplied(ref, fact, followup_id, comment, reading.flag(followup, "public") is True, by_bridge)


def _by_bridge(followup: Json, bridge_user: str) -> bool:
    return (bridge_user != "" and text(followup, "user") == bridge_user) or reading.marked(text(followup, "comment"))


def _harmless(comment: str) -> str:
    """The comment with nothing in it that Django's template language would act upon."""
    return _LIVE_TEXT.sub(_ZERO_WIDTH_SPACE, comment)


def _refused(reply: Reply) -> type[CallError]:
    # The REST framework names the field it cannot accept: a ticket that is not there, or not ours to see.
    return Gone if reply.body.startswith(b'{"ticket":') else Refused


MEANINGS: Final[Meanings] = {400: _refused, 404: Gone}


class DjangoHelpdesk:
    """The dialect of django-helpdesk."""

    kind = "django-helpdesk"
    settings: type[Account] = DjangoHelpdeskAccount
    calls_per_minute = 6_000
    ticket_rate: Rate | None = None

    def verification(self, account: Account) -> Verification:
        """What stands in for the signature that django-helpdesk does not make."""
        return proof.unsigned(proof.own(account, DjangoHelpdeskAccount).verification)

    def delivery_id(self, delivery: Delivery) -> str:  # noqa: ARG002 - none is sent
        """Empty: there is none, and nothing is sent twice."""
        return ""

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The opened ticket, or the one or two events of a follow-up. Raises Unreadable."""
        access = proof.own(account, DjangoHelpdeskAccount).access
        bridge_user = access.bridge_user_id if access else ""
        body = reading.decoded(verified.delivery.body)
        record = section(body, "ticket")
        ref = TicketRef(self.kind, account_name, reading.ticket_id(record, "id", "ticket.id"))
        followups = reading.records(record, "followup_set")
        wanted = text(body, "followup_id")
        if wanted:
            followup = next((one for one in followups if text(one, "id") == wanted), {"id": wanted})
            return _followed_up(ref, followup, bridge_user)
        first = next(iter(followups), {})
        by_bridge = _by_bridge(first, bridge_user) or reading.marked(text(record, "description"))
        return [TicketOpened(ref, "opened", _ticket(ref, record, text(body, "queue_slug")), by_bridge)]

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket with its follow-ups."""
        access = proof.own(account, DjangoHelpdeskAccount).access
        return None if access is None else writing.reading_call(_ticket_url(access, ref), _credential(access))

    def fetched(self, account: Account, ref: TicketRef, reply: Reply) -> Ticket:  # noqa: ARG002 - all accounts alike
        """The ticket, without ``group``: the API tells the queue's number and not its slug."""
        raise_for(reply, MEANINGS)
        return _ticket(ref, reply_object(reply), "")

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A private follow-up or a custom field; None for a tag and without access."""
        access = proof.own(account, DjangoHelpdeskAccount).access
        if access is None:
            return None
        if isinstance(action, AddNote):
            ticket: Any = int(ref.id) if ref.id.isascii() and ref.id.isdigit() else ref.id
            followup = {"ticket": ticket, "comment": _harmless(action.text), "public": False}
            url = writing.address(access.base_url, "/api/followups/")
            return writing.writing_call("POST", url, _credential(access), followup, once=True)
        if action.field == "tag":
            return None
        change = {CUSTOM + action.field.removeprefix(CUSTOM): action.value}
        return writing.writing_call("PATCH", _ticket_url(access, ref), _credential(access), change)

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The follow-up's id for a note, which its echo carries too; empty for a field."""
        raise_for(reply, MEANINGS)
        return text(reply_object(reply), "id") if isinstance(action, AddNote) else ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket with its follow-ups, for a note; a field is harmless to write again."""
        return self.fetch(account, ref) if isinstance(action, AddNote) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The follow-up that carries the note's mark."""
        raise_for(reply, MEANINGS)
        return writing.marked_text(action, reading.records(reply_object(reply), "followup_set"), "comment")

    def field_path(self, field: str) -> str:
        """A custom field stands under its name, without django-helpdesk's own beginning of it."""
        return f"custom.{field.removeprefix(CUSTOM)}"


def _ticket_url(access: DjangoHelpdeskAccess, ref: TicketRef) -> str:
    return writing.address(access.base_url, "/api/tickets/{id}/", ref.id)


def _credential(access: DjangoHelpdeskAccess) -> dict[str, str]:
    return writing.basic(access.username, access.password.get_secret_value())
