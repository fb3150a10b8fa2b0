"""How a Jelou twin behaves, and the integration it posts its events to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from bridge.twins.ledger import now_ms

Json = dict[str, Any]


def new_secret() -> str:
    """Make a signing secret: hex, as Jelou's samples label it."""
    return secrets.token_hex(32)


@dataclass(slots=True)
class JelouSettings:
    """One project of one Jelou. May be changed while the twin runs.

    ``users``: who exists, None for anybody. ``names``: their names by user id. ``basic``: ``clientId:clientSecret``
    that an ``Authorization`` header must hold, and must be there where ``demand_basic``; with none set every such
    header is wrong.

    What the documentation leaves open: ``when_active`` (a start while the user has an active conversation: a new one,
    the same one again, or 422), ``close_inactive_status`` (a close with nothing to close), ``bad_signature_status`` and
    ``bad_message_status`` (the send endpoint), ``repeat_ids`` (a message whose id came before: dropped, or delivered to
    the customer once more), ``integration_answers`` (the page's version or the playground's).
    ``windows_closed``: users who last wrote more than 24 hours ago; what they write opens their window.
    """

    project_id: str = "project-1"
    bot_id: str = "bot-1"
    bot_name: str = "Support Bot"
    api_key: str = field(default_factory=new_secret, repr=False)
    basic: str = field(default="", repr=False)
    demand_basic: bool = False
    users: frozenset[str] | None = None
    names: dict[str, str] = field(default_factory=dict)
    when_active: Literal["new", "same", "error"] = "new"
    close_inactive_status: Literal[200, 404] = 404
    repeat_ids: Literal["dropped", "delivered"] = "dropped"
    integration_answers: Literal["enveloped", "flat"] = "enveloped"
    bad_signature_status: int = 500
    bad_message_status: int = 422
    event_timeout_s: float = 20.0
    windows_closed: set[str] = field(default_factory=set)

    def name_of(self, user_id: str) -> str:
        """Name the contact; one without a name gets one from its id, because events always carry one."""
        return self.names.get(user_id) or f"Customer {user_id[-4:]}"


def iso(at_ms: int) -> str:
    """Write a time as the REST answers do: ISO 8601, UTC, milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Integration:
    """Where events go and how they prove themselves. ``authorization`` is what Jelou presents to the webhook."""

    webhook_url: str
    auth_type: str = "no_auth"
    authorization: str = field(default="", repr=False)
    secret: str = field(default_factory=new_secret, repr=False)
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created_ms: int = field(default_factory=now_ms)
    updated_ms: int = field(default_factory=now_ms)

    def update(self, body: Json) -> None:
        """Change what was sent, and nothing else."""
        self.webhook_url = body.get("webhookUrl", self.webhook_url)
        self.auth_type = body.get("authType", self.auth_type)
        self.authorization = body.get("authorization", self.authorization)
        self.updated_ms = now_ms()

    def regenerate(self) -> None:
        """Replace the secret; the old one is dead at once."""
        self.secret = new_secret()
        self.updated_ms = now_ms()

    def told(self, project_id: str, *names: str) -> Json:
        """Give these of the fields that answers name."""
        every = {
            "id": self.id,
            "brainId": project_id,
            "webhookUrl": self.webhook_url,
            "authType": self.auth_type,
            "signingSecret": self.secret,
            "createdAt": iso(self.created_ms),
            "updatedAt": iso(self.updated_ms),
            "regeneratedAt": iso(self.updated_ms),
        }
        return {name: every[name] for name in names}
