"""Zendesk: its signature, its events (see ``zendesk_events``), and notes, fields and tags written back.

A note is a private comment. Updates have no idempotency key, so a note of unknown fate is looked for by its mark. Tags
are added by a call of their own: ``tags`` in the body of a ticket would replace all of them. A closed ticket takes no
update at all.

Sources: "Verifying webhook requests", "Tickets", "Ticket comments", "Tags", "Rate limits" on Zendesk's developer site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, Model, Secrets, WriteBackTo
from bridge.domain import AddNote, Rate, SetField
from bridge.errors import Ambiguous, CallError, Conflict, Gone, Refused
from bridge.helpdesks import proof, reading, writing, zendesk_events
from bridge.helpdesks.reading import Json, section, text
from bridge.replies import Meanings, raise_for, reply_object
from bridge.signatures import HmacSigned, Timestamp

if TYPE_CHECKING:
    from bridge.domain import Call, Delivery, Reply, Ticket, TicketEvent, TicketRef, Verified, WriteBack


class ZendeskAccess(Model):
    """How the bridge calls Zendesk's API."""

    base_url: HttpUrl = Field(description="https://acme.zendesk.com")
    email: str = Field(min_length=1, description="The agent whose API token it is.")
    api_token: SecretStr
    bridge_user_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="Zendesk's id of that agent: what it does is known to be the bridge's own."
    )


class ZendeskAccount(Account):
    """An account of Zendesk. ``write_back.field`` is the number of a custom field, or external_id."""

    verification: Secrets = Field(description="The webhook's signing secret.")
    access: ZendeskAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        signed(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        if write_back.field and _change(SetField(write_back.field, "")) is None:
            msg = "field is the number of a custom field of Zendesk, or external_id"
            raise ValueError(msg)
        return write_back


def signed(verification: Secrets) -> HmacSigned:
    """Zendesk's signature: base64 of HMAC-SHA256 over timestamp and body. Raises ValueError for an empty secret."""
    return HmacSigned(
        header="x-zendesk-webhook-signature",
        secrets=proof.text_keys(verification.secrets),
        signed="{timestamp}{body}",
        encoding="base64",
        timestamp=Timestamp(
            header="x-zendesk-webhook-signature-timestamp", unit="iso8601", tolerance_s=verification.tolerance_s
        ),
    )


def _refused(reply: Reply) -> type[CallError]:
    # It stands in details.status[].description, or in details.base[] where the field itself was not sent.
    return Gone if b"closed prevents ticket update" in reply.body else Refused


MEANINGS: Final[Meanings] = {404: Gone, 409: Conflict, 422: _refused}
"""A 409 is another update at the same moment: nothing was written, and the next try will be."""


def _change(action: WriteBack) -> Json | None:
    match action:
        case AddNote():
            return {"ticket": {"comment": {"body": action.text, "public": False}}}
        case SetField(field="tag"):
            return {"tags": [action.value]}
        case SetField(field="external_id"):
            return {"ticket": {"external_id": action.value}}
        case SetField() if action.field.isascii() and action.field.isdigit():
            return {"ticket": {"custom_fields": [{"id": int(action.field), "value": action.value}]}}
    return None


def _credential(access: ZendeskAccess) -> dict[str, str]:
    return writing.basic(f"{access.email}/token", access.api_token.get_secret_value())


def _read(access: ZendeskAccess, path: str, ref: TicketRef) -> Call:
    return writing.reading_call(writing.address(access.base_url, path, ref.id), _credential(access))


class Zendesk:
    """The dialect of Zendesk Support."""

    kind = "zendesk"
    settings: type[Account] = ZendeskAccount
    calls_per_minute = 100
    ticket_rate: Rate | None = Rate(30, 600.0)
    """Update Ticket, per account (developer site, "Rate limits"), and 30 updates in 10 minutes on one ticket."""

    def verification(self, account: Account) -> HmacSigned:
        """The webhook's signature."""
        return signed(proof.own(account, ZendeskAccount).verification)

    def delivery_id(self, delivery: Delivery) -> str:
        """The invocation id, which Zendesk keeps over its retries."""
        return delivery.headers.get("x-zendesk-webhook-invocation-id", "")

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event, from either form of body. Raises Unreadable."""
        access = proof.own(account, ZendeskAccount).access
        delivery = verified.delivery
        bridge_user = access.bridge_user_id if access else ""
        told = zendesk_events.Told(delivery.body, account_name, self.delivery_id(delivery), bridge_user)
        return [zendesk_events.event(told)]

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket with its people, for the phone number."""
        access = proof.own(account, ZendeskAccount).access
        return None if access is None else _read(access, "/api/v2/tickets/{id}.json?include=users", ref)

    def fetched(self, account: Account, ref: TicketRef, reply: Reply) -> Ticket:  # noqa: ARG002 - all accounts alike
        """The whole ticket: phone and external id of its requester, custom fields by their number."""
        raise_for(reply, MEANINGS)
        found = reply_object(reply)
        detail = section(found, "ticket")
        if not detail:
            msg = "answered without a ticket"
            raise Ambiguous(msg, status=reply.status)
        requester_id = text(detail, "requester_id")
        people = (one for one in reading.records(found, "users") if text(one, "id") == requester_id)
        custom = {text(one, "id"): one.get("value") for one in reading.records(detail, "custom_fields")}
        return zendesk_events.ticket(ref, detail, next(people, {"id": requester_id}), custom, partial=False)

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - Zendesk's updates take no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A private comment, a field, or a tag added; None without access."""
        access = proof.own(account, ZendeskAccount).access
        if access is None:
            return None
        change = _change(action)
        if change is None:
            return None
        path = "/api/v2/tickets/{id}/tags.json" if "tags" in change else "/api/v2/tickets/{id}.json"
        url = writing.address(access.base_url, path, ref.id)
        return writing.writing_call("PUT", url, _credential(access), change, once=isinstance(action, AddNote))

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The comment's id for a note, which its echo carries too; empty for the rest."""
        raise_for(reply, MEANINGS)
        if not isinstance(action, AddNote):
            return ""
        audit = reading.records(section(reply_object(reply), "audit"), "events")
        return next((text(one, "id") for one in audit if text(one, "type") == "Comment"), "")

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket's newest hundred comments, for a note; fields and tags are harmless to write again."""
        access = proof.own(account, ZendeskAccount).access
        if access is None or not isinstance(action, AddNote):
            return None
        return _read(access, "/api/v2/tickets/{id}/comments.json?sort_order=desc", ref)

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The comment that carries the note's mark."""
        raise_for(reply, MEANINGS)
        return writing.marked_text(action, reading.records(reply_object(reply), "comments"), "body")

    def field_path(self, field: str) -> str:
        """A custom field stands under its number."""
        return field if field == "external_id" else f"custom.{field}"
