r"""Any helpdesk or script that can sign as Standard Webhooks 1.0.0 says, for what has no dialect of its own.

A body in (``data.ticket.id`` is required, all the rest may be missing)::

    {"type": "ticket.created", "timestamp": "2026-11-20T14:02:11Z",
     "data": {"ticket": {"id": "T-1001", "subject": "...", "status": "open", "priority": "high", "type": "incident",
                         "group": "support", "brand": "acme", "channel": "web", "tags": ["vip"],
                         "created_at": "2026-11-20T14:02:11Z", "updated_at": "...", "custom": {"plan": "gold"}},
              "requester": {"id": "c-77", "name": "...", "email": "ana@example.com", "phone": "+593987654321",
                            "external_id": "..."},
              "actor": {"id": "a-5", "type": "agent", "email": "agent@acme.example"},
              "comment": {"id": "c-1", "body": "...", "public": true, "markup": "html",
                          "to": ["ana@example.com"], "cc": [], "bcc": [], "channel": "email",
                          "attachments": [{"url": "https://...", "name": "a.pdf", "mime_type": "application/pdf",
                                           "size": 1234}]}}}

``type`` is ticket.created, comment.added, ticket.solved (or ticket.updated with status solved or closed) or
ticket.reopened; anything else is taken and not acted upon. ``actor.type`` is agent, requester or bridge.
``comment.markup`` says how its body is written: text (where it is not told), html, markdown, adf or wiki.

What the requester writes is not sent back to them, whatever ``actor.type`` says: they are known by ``email`` where both
tell one, else by ``id``, so agents and requesters whose ids may be the same tell their mails. A comment to none of the
requester's addresses (``email``, a list ``emails``, ``phone``, ``id``) stays inside, where ``comment.channel`` is email
or, where that is not told, where it goes to a mail address.

Signing in Python::

    key = base64.b64decode(secret.removeprefix("whsec_"))
    body = json.dumps(event).encode()
    message_id, now = f"msg_{uuid.uuid4()}", str(int(time.time()))
    digest = hmac.digest(key, f"{message_id}.{now}.".encode() + body, "sha256")
    signature = "v1," + base64.b64encode(digest).decode()
    headers = {"webhook-id": message_id, "webhook-timestamp": now, "webhook-signature": signature}

Signing in bash::

    key=$(printf %s "${secret#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    now=$(date +%s)
    digest=$(printf %s "$message_id.$now.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
    curl -H "webhook-id: $message_id" -H "webhook-timestamp: $now" -H "webhook-signature: v1,$digest" \
         -H "content-type: application/json" --data-binary "$body" "$url"

A body out, signed the same way with ``access.secret`` and posted to ``access.write_back_url``; ``webhook-id`` is the
same on every try, and any 2xx says that it is done::

    {"type": "note.add", "timestamp": "...",
     "data": {"ticket": {"id": "T-1001"}, "note": {"body": "...", "marker": "..."}}}
    {"type": "field.set", "timestamp": "...",
     "data": {"ticket": {"id": "T-1001"}, "field": {"name": "...", "value": "..."}}}
    {"type": "reply.add", "timestamp": "...",
     "data": {"ticket": {"id": "T-1001"}, "reply": {"body": "...", "marker": "...", "author": "...", "user_id": "..."}}}
    {"type": "status.set", "timestamp": "...", "data": {"ticket": {"id": "T-1001"}, "status": "solved"}}
    {"type": "ticket.open", "timestamp": "...",
     "data": {"ticket": {"subject": "...", "body": "...", "marker": "...", "group": "..."},
              "requester": {"id": "...", "name": "...", "phone": "+593987654321"}}}

``reply.add`` is what the customer wrote, ``status`` is open, pending or solved. ``ticket.open`` is to be answered with
``{"ticket": {"id": "T-1002"}}``, and a message whose ``webhook-id`` came before with the same id again; what is told of
such a ticket carries the marker in its ``description``. A 410 says that a ticket takes nothing any more.

Source: the Standard Webhooks specification 1.0.0.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge import signatures
from bridge.accounts import Account, Secrets
from bridge.domain import Call
from bridge.errors import Gone
from bridge.helpdesks import proof, writing
from bridge.helpdesks import standard_webhooks_events as events
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.reading import Json, section
from bridge.helpdesks.standard_webhooks_writing import asked, opening
from bridge.policies import Model
from bridge.replies import Because, Meanings, raise_for, reply_object

if TYPE_CHECKING:
    from bridge.domain import (
        Delivery,
        OpenTicket,
        Reply,
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )


class StandardWebhooksAccess(Model):
    """Where the bridge writes back, and with which secret it signs."""

    write_back_url: HttpUrl
    secret: SecretStr = Field(description="whsec_ and base64.")

    @field_validator("secret")
    @classmethod
    def _signs(cls, secret: SecretStr) -> SecretStr:
        signatures.standard_webhooks([secret.get_secret_value()])
        return secret


class StandardWebhooksAccount(Account):
    """An account of a sender that signs as Standard Webhooks says."""

    verification: Secrets = Field(description="Secrets of the form whsec_ and base64.")
    access: StandardWebhooksAccess | None = Field(default=None, description="Without it nothing is written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        _signed(verification)
        return verification


def _signed(verification: Secrets) -> signatures.HmacSigned:
    return signatures.standard_webhooks(proof.revealed(verification.secrets), verification.tolerance_s)


MEANINGS: Final[Meanings] = {410: Because(Gone, "the receiver takes nothing for this ticket any more")}


class StandardWebhooks(Dialect):
    """The dialect of scripted senders."""

    kind = events.KIND
    settings: type[Account] = StandardWebhooksAccount
    calls_per_minute = 6_000

    def verification(self, account: Account) -> signatures.HmacSigned:
        """The signature of Standard Webhooks."""
        return _signed(proof.own(account, StandardWebhooksAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """The message's id, the same on every try."""
        return delivery.headers.get("webhook-id", "")

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event. Raises Unreadable."""
        return [
            events.event(verified.delivery.body, account, account_name, self.delivery_id(verified.delivery, account))
        ]

    def requester(self, verified: Verified, account: Account) -> Json:  # noqa: ARG002 - all accounts alike
        """As the sender tells them."""
        return events.requester(verified.delivery.body)

    def call(self, account: Account, ref: TicketRef, action: WriteBack, key: str, *, now_ms: int) -> Call | None:
        """A signed message that asks the receiver to write; None where no ``write_back_url`` is set."""
        return _message(account, writing.once_key(str(ref), key), asked(ref, action), now_ms)

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """Empty: a 2xx is all that is asked for. Raises CallError."""
        raise_for(reply, MEANINGS)
        return ""

    def open_ticket(self, account: Account, action: OpenTicket, key: str, *, now_ms: int) -> Call | None:
        """A signed message that asks the receiver to open a ticket; None where no ``write_back_url`` is set."""
        return _message(account, writing.once_key(action.marker, key), opening(action), now_ms)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id that the receiver answers. Raises Ambiguous for a 2xx without one."""
        raise_for(reply)
        return writing.opened_id(reply.status, section(reply_object(reply), "ticket"))


def _message(account: Account, message_id: str, told: Json, now_ms: int) -> Call | None:
    access = proof.own(account, StandardWebhooksAccount).access
    if access is None:
        return None
    body = orjson.dumps({"timestamp": datetime.fromtimestamp(now_ms / 1000, UTC), **told})
    now_s, message_id = now_ms // 1000, f"msg_{message_id}"
    secret = signatures.whsec_key(access.secret.get_secret_value())
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": signatures.standard_webhooks_signature(secret, message_id, now_s, body),
    }
    return Call("POST", str(access.write_back_url), headers, body)
