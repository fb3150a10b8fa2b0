r"""Any helpdesk or script that can sign as Standard Webhooks 1.0.0 says, for what has no dialect of its own.

A body in (``data.ticket.id`` is required, all the rest may be missing)::

    {"type": "ticket.created", "timestamp": "2026-11-20T14:02:11Z",
     "data": {"ticket": {"id": "T-1001", "subject": "...", "status": "open", "priority": "high", "type": "incident",
                         "group": "support", "brand": "acme", "channel": "web", "tags": ["vip"],
                         "created_at": "2026-11-20T14:02:11Z", "updated_at": "...", "custom": {"plan": "gold"}},
              "requester": {"id": "c-77", "name": "...", "email": "...", "phone": "+593987654321",
                            "external_id": "..."},
              "actor": {"id": "a-5", "type": "agent"},
              "comment": {"id": "c-1", "body": "...", "public": true}}}

``type`` is ticket.created, comment.added, ticket.solved (or ticket.updated with status solved or closed) or
ticket.reopened; anything else is taken and not acted upon. ``actor.type`` is agent, requester or bridge.

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

Source: the Standard Webhooks specification 1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge import signatures
from bridge.accounts import Account, Model, Secrets
from bridge.domain import (
    AddNote,
    AgentReplied,
    Call,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import Refused
from bridge.helpdesks import proof, reading
from bridge.helpdesks.labels import ENDED, PRIORITIES, STATUSES, label
from bridge.helpdesks.reading import Json, section, text, told
from bridge.replies import raise_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.domain import Delivery, Rate, Reply, TicketEvent, Verified, WriteBack

CUSTOMER: Final = frozenset({"requester", "customer", "contact", "end-user", "end_user", "enduser"})
"""What ``actor.type`` may call the person who asked."""


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


@dataclass(frozen=True, slots=True)
class _Message:
    """An event about one ticket. ``version`` tells two changes of it apart."""

    type: str
    ref: TicketRef
    data: Json
    at: str
    version: str

    @property
    def actor(self) -> Json:
        """Who did it."""
        return section(self.data, "actor")

    @property
    def status(self) -> str:
        """The ticket's status in the bridge's words; empty where it is not told."""
        return label(STATUSES, text(section(self.data, "ticket"), "status"))

    def by_bridge(self, written: str = "") -> bool:
        """Whether the bridge did it, by the actor's type or by the mark in what was written."""
        return text(self.actor, "type") == "bridge" or reading.marked(written)

    def by_customer(self) -> bool:
        """Whether the requester did it, by the actor's type or else by the id."""
        actor_type, actor_id = text(self.actor, "type").lower(), text(self.actor, "id")
        same = actor_id != "" and actor_id == text(section(self.data, "requester"), "id")
        return actor_type in CUSTOMER or (actor_type == "" and same)


def _opened(message: _Message) -> TicketEvent:
    about = section(message.data, "ticket")
    created_at = text(about, "created_at") or message.at
    fields = told(
        id=message.ref.id,
        subject=text(about, "subject"),
        status=message.status,
        priority=label(PRIORITIES, text(about, "priority")),
        type=text(about, "type").lower(),
        group=text(about, "group"),
        brand=text(about, "brand"),
        channel=text(about, "channel").lower(),
        tags=reading.words(about, "tags"),
        created_at=created_at,
        external_id=text(about, "external_id"),
        requester=reading.person(section(message.data, "requester")),
        custom=told(**section(about, "custom")),
    )
    ticket = Ticket(message.ref, fields, reading.moment_ms(fields, "created_at"))
    return TicketOpened(message.ref, "opened", ticket, message.by_bridge(text(about, "description")))


def _commented(message: _Message) -> TicketEvent:
    comment = section(message.data, "comment")
    body, comment_id = text(comment, "body"), text(comment, "id")
    fact = f"comment:{comment_id or message.version}"
    by_bridge = message.by_bridge(body)
    if message.by_customer() and not by_bridge:
        return Unrecognised(message.ref, fact, "customer comment")
    public = reading.flag(comment, "public") is True
    return AgentReplied(message.ref, fact, comment_id, body, public, by_bridge)


def _solved(message: _Message) -> TicketEvent:
    status = message.status if message.status in ENDED else "solved"
    return TicketSolved(message.ref, f"status:{status}:{message.version}", status, message.by_bridge())


def _reopened(message: _Message) -> TicketEvent:
    status = message.status if message.status and message.status not in ENDED else "open"
    return TicketReopened(message.ref, f"status:{status}:{message.version}", status, message.by_bridge())


def _updated(message: _Message) -> TicketEvent:
    if message.status in ENDED:
        return _solved(message)
    return Unrecognised(message.ref, f"told:{message.type}:{message.version}", message.type, message.by_bridge())


_READERS: Final[Mapping[str, Callable[[_Message], TicketEvent]]] = {
    "ticket.created": _opened,
    "ticket.updated": _updated,
    "ticket.solved": _solved,
    "ticket.reopened": _reopened,
    "comment.added": _commented,
}


class StandardWebhooks:
    """The dialect of scripted senders."""

    kind = "standard-webhooks"
    settings: type[Account] = StandardWebhooksAccount
    calls_per_minute = 6_000
    ticket_rate: Rate | None = None

    def verification(self, account: Account) -> signatures.HmacSigned:
        """The signature of Standard Webhooks."""
        return _signed(proof.own(account, StandardWebhooksAccount).verification)

    def delivery_id(self, delivery: Delivery) -> str:
        """The message's id, the same on every try."""
        return delivery.headers.get("webhook-id", "")

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:  # noqa: ARG002 - all accounts alike
        """One event. Raises Unreadable."""
        body = reading.decoded(verified.delivery.body)
        name = reading.event_name(body, "type")
        data = section(body, "data")
        about = section(data, "ticket")
        reader = _READERS.get(name)
        if reader is None:
            found = reading.usable_id(about, "id")
            ref = TicketRef(self.kind, account_name, found) if found else None
            return [Unrecognised(ref, f"told:{self.delivery_id(verified.delivery)}", name)]
        ref = TicketRef(self.kind, account_name, reading.ticket_id(about, "id", "data.ticket.id"))
        version = reading.moment_ms(about, "updated_at") or reading.moment_ms(body, "timestamp")
        at = text(body, "timestamp")
        return [reader(_Message(name, ref, data, at, str(version or self.delivery_id(verified.delivery))))]

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:  # noqa: ARG002 - there is nothing to ask
        """None: a sender tells all it has."""
        return None

    def fetched(self, account: Account, ref: TicketRef, reply: Reply) -> Ticket:  # noqa: ARG002 - there is nothing to ask
        """Raises Refused: there is no such call."""
        msg = "this helpdesk has no call that reads a ticket"
        raise Refused(msg)

    def call(self, account: Account, ref: TicketRef, action: WriteBack, key: str, *, now_ms: int) -> Call | None:
        """A signed message that asks the receiver to write; None where no ``write_back_url`` is set."""
        access = proof.own(account, StandardWebhooksAccount).access
        if access is None:
            return None
        body = orjson.dumps(_asked(ref, action, now_ms))
        message_id = "msg_" + sha256(f"{ref}|{key}".encode()).hexdigest()[:32]
        now_s = now_ms // 1000
        secret = signatures.whsec_key(access.secret.get_secret_value())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signatures.standard_webhooks_signature(secret, message_id, now_s, body),
        }
        return Call("POST", str(access.write_back_url), headers, body)

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """Empty: a 2xx is all that is asked for. Raises CallError."""
        raise_for(reply)
        return ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:  # noqa: ARG002 - see below
        """None: the message's id makes sending it again harmless."""
        return None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - there is no probe
        """Empty: there is no probe."""
        return ""

    def field_path(self, field: str) -> str:
        """A sender that tells of its fields tells them as custom ones."""
        return f"custom.{field}"


def _asked(ref: TicketRef, action: WriteBack, now_ms: int) -> Json:
    ticket = {"id": ref.id}
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if isinstance(action, AddNote):
        note = {"body": action.text, "marker": action.marker}
        return {"type": "note.add", "timestamp": now, "data": {"ticket": ticket, "note": note}}
    field = {"name": action.field, "value": action.value}
    return {"type": "field.set", "timestamp": now, "data": {"ticket": ticket, "field": field}}
