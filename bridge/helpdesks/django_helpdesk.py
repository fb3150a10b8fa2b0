"""django-helpdesk: its two unsigned webhooks in; private follow-ups, statuses, custom fields and tickets out.

In its settings: HELPDESK_NEW_TICKET_WEBHOOK_URLS and HELPDESK_FOLLOWUP_WEBHOOK_URLS are the URL of the account with
the token behind it (``?token=...``; two URLs are parted by `` , `` with blanks), HELPDESK_API_ENABLED is on, and a
member of staff of the bridge's own has the password. There are no events to tick. It posts inside the agent's own
request: a bridge that is away is an error page for the agent, though the follow-up is saved.

A new ticket is told as ``{"ticket": T, "queue_slug": "..."}``, a follow-up with ``followup_id`` beside it; ``T`` holds
every follow-up of the ticket, the private ones too. They are read in ``django_helpdesk_reading``. There is no other
event: a status changed over the API or in bulk is not told.

What the customer wrote is a private follow-up: a public one would be mailed to the customer. A status is written
silently, without a follow-up. ``pending`` is an open ticket on hold.

Traps. ``title`` in a new follow-up renames the ticket, so it is never sent. The comment is rendered as a Django
template: braces are parted by a zero-width space. A 500 may come after the follow-up was saved, because the webhooks
are called inside the request; so it is looked for by its mark. A new ticket may have no mail address, and mails nobody
then; its description becomes its first follow-up, where it is looked for.

Sources: django-helpdesk 2.6.1, ``helpdesk/webhooks.py``, ``serializers.py``, ``update_ticket.py``, ``forms.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, UnsignedVerification
from bridge.domain import WRITTEN, SetField, SetStatus, TicketRef
from bridge.errors import CallError, Gone, Refused
from bridge.helpdesks import django_helpdesk_reading as reader
from bridge.helpdesks import proof, reading, writing
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.django_helpdesk_reading import CUSTOM, KIND, Site
from bridge.helpdesks.reading import Json, section, text, told
from bridge.policies import Model
from bridge.replies import Because, Meanings, raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import (
        AddNote,
        AddReply,
        AgentReplied,
        Call,
        Changes,
        Delivery,
        OpenTicket,
        Reply,
        Ticket,
        TicketEvent,
        Verified,
        WriteBack,
    )
    from bridge.signatures import Verification

STATUSES: Final[Mapping[str, Json]] = {
    "open": {"status": 1, "on_hold": False},
    "pending": {"status": 1, "on_hold": True},
    "solved": {"status": 3, "on_hold": False},
}
"""The bridge's word to what is written."""

LONGEST_TITLE: Final = 200

PAGE: Final = 100

LOOKED_AT: Final = 300
"""So many follow-ups are looked at, newest first, for the description of a ticket of unknown fate."""

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
    queue: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="Number of the queue in which tickets are opened for conversations that have none."
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


def _harmless(comment: str) -> str:
    """The comment with nothing in it that Django's template language would act upon."""
    return _LIVE_TEXT.sub(_ZERO_WIDTH_SPACE, comment)


_DELETED: Final = Because(Gone, "the ticket is deleted, or in a queue that the bridge may not see")


def _refused(reply: Reply) -> type[CallError] | Because:
    # The REST framework names the field it cannot accept: a ticket that is not there, or not ours to see.
    return _DELETED if reply.body.startswith(b'{"ticket":') else Refused


MEANINGS: Final[Meanings] = {400: _refused, 404: _DELETED}

OPENING: Final[Meanings] = {404: Refused}
"""Where there is no ticket yet that could be gone."""


class DjangoHelpdesk(Dialect):
    """The dialect of django-helpdesk."""

    kind = KIND
    settings: type[Account] = DjangoHelpdeskAccount
    calls_per_minute = 6_000

    def verification(self, account: Account) -> Verification:
        """What stands in for the signature that django-helpdesk does not make."""
        return proof.unsigned(proof.own(account, DjangoHelpdeskAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - none is sent
        """Empty: there is none, and nothing is sent twice."""
        return ""

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The opened ticket, or the one or two events of a follow-up. Raises Unreadable."""
        body = reading.decoded(verified.delivery.body)
        ref = TicketRef(self.kind, account_name, reading.ticket_id(section(body, "ticket"), "id", "ticket.id"))
        return reader.events(ref, body, _site(account))

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket with its follow-ups."""
        return _read(account, "/api/tickets/{id}/", ref.id)

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> Ticket:
        """The ticket, without ``group``: the API tells the queue's number and not its slug."""
        raise_for(reply, MEANINGS)
        return reader.ticket(ref, reply_object(reply), "", _site(account))

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A private follow-up, a status or a custom field; None for a tag and without access."""
        access = _access(account)
        if access is None:
            return None
        if isinstance(action, WRITTEN):
            url = writing.address(access.base_url, "/api/followups/")
            return writing.writing_call("POST", url, _credential(access), _followup(ref, action), once=True)
        change = _change(action)
        url = writing.address(access.base_url, "/api/tickets/{id}/", ref.id)
        return writing.writing_call("PATCH", url, _credential(access), change) if change else None

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The follow-up's id, which its echo carries too; empty for a status or a field."""
        raise_for(reply, MEANINGS)
        found = reply_object(reply)
        return text(found, "id") if isinstance(action, WRITTEN) else ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket with its follow-ups, for a follow-up; the rest is harmless to write again."""
        return self.fetch(account, ref) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The follow-up that carries the action's mark."""
        raise_for(reply, MEANINGS)
        return writing.marked_text(action, reading.records(reply_object(reply), "followup_set"), "comment")

    def field_path(self, field: str) -> str:
        """A custom field stands under its name, without django-helpdesk's own beginning of it."""
        return f"custom.{field.removeprefix(CUSTOM)}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket, which has all its follow-ups."""
        return self.fetch(account, ref)

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> list[AgentReplied]:
        """The comments of agents, and the bridge's own, oldest first."""
        raise_for(reply, MEANINGS)
        return reader.replies(ref, reply_object(reply), _site(account))

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket in the action's group or else the account's queue; None where there is neither."""
        access = _access(account)
        queue = action.group or (access.queue if access else "")
        if access is None or not queue:
            return None
        url = writing.address(access.base_url, "/api/tickets/")
        return writing.writing_call("POST", url, _credential(access), _opening(action, queue), once=True)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        raise_for(reply, OPENING)
        return writing.opened_id(reply.status, reply_object(reply))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:  # noqa: ARG002 - the list is the same
        """The newest follow-ups of all tickets: the description of the ticket is among them."""
        return _read(account, f"/api/followups/?page=last&page_size={LOOKED_AT}")

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket whose description carries the mark. Raises Ambiguous where the list is cut there."""
        raise_for(reply, OPENING)
        return reader.opened_with(action.marker, reply_object(reply))

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """The newest page of all follow-ups, or an earlier one; the time is read again from the link it answers."""
        return _read(account, f"/api/followups/?page_size={PAGE}&since_ms={since_ms}&page={{id}}", after or "last")

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Statuses by follow-up; each ticket that somebody wrote on publicly as opened, in part."""
        raise_for(reply, OPENING)
        return reader.changes(account_name, reply_object(reply), _site(account))


def _access(account: Account) -> DjangoHelpdeskAccess | None:
    return proof.own(account, DjangoHelpdeskAccount).access


def _site(account: Account) -> Site:
    access = _access(account)
    if access is None:
        return Site(account)
    url = access.base_url
    return Site(account, str(url).removesuffix(url.path or ""), access.bridge_user_id)


def _read(account: Account, path: str, ref_id: str = "") -> Call | None:
    access = _access(account)
    if access is None:
        return None
    return writing.reading_call(writing.address(access.base_url, path, ref_id), _credential(access))


def _credential(access: DjangoHelpdeskAccess) -> dict[str, str]:
    return writing.basic(access.username, access.password.get_secret_value())


def _followup(ref: TicketRef, action: AddNote | AddReply) -> Json:
    return {"ticket": writing.number(ref.id), "comment": _harmless(action.text), "public": False}


def _change(action: SetField | SetStatus) -> Json | None:
    if isinstance(action, SetStatus):
        return STATUSES.get(action.status)
    return None if action.field == "tag" else {CUSTOM + action.field.removeprefix(CUSTOM): action.value}


def _opening(action: OpenTicket, queue: str) -> Json:
    return {
        "queue": writing.number(queue),
        "title": action.subject[:LONGEST_TITLE],
        "description": action.text,
        "priority": 3,
        **told(custom_phone=action.phone),
    }
