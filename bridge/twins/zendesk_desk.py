"""A Zendesk in memory: its settings, its people, its tickets with their comments and audits."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from html import escape
from itertools import count
from typing import TYPE_CHECKING, Any

from bridge.twins.ledger import now_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]


def new_token() -> str:
    """Make an API token or a signing secret."""
    return secrets.token_urlsafe(30)


@dataclass(slots=True)
class ZendeskSettings:
    """One account with one webhook on native events. May be changed while the twin runs.

    ``subscriptions``: event types without their prefix (``ticket.created``), None for every one. ``time_scale``: how
    long the webhook's waiting times really take, 0.01 for a hundredth. ``updates_per_ticket``: so many by one user
    within ``update_window_s``, 0 for no limit; Zendesk's own is 30 in 600 s. ``export_after_s``: the incremental export
    refuses a start later than so long ago; ``export_lag_s``: and leaves out what is newer, 60 at Zendesk.
    ``comments_lag_s``: so long the list of comments does not show a new one. ``echo``: an
    automation copies what customers and the bridge write as public replies, without what is in brackets,
    ``echoes_most`` times a ticket.
    """

    email: str = "bridge@example.com"
    api_token: str = field(default_factory=new_token, repr=False)
    webhook_url: str = ""
    secret: str = field(default_factory=new_token, repr=False)
    account_id: int = 22129848
    webhook_id: str = "01JD4K9V2QZ8S3"
    subscriptions: frozenset[str] | None = None
    timeout_s: float = 10.0
    time_scale: float = 1.0
    updates_per_ticket: int = 0
    update_window_s: float = 600.0
    export_after_s: float = 60.0
    export_lag_s: float = 0.0
    comments_lag_s: float = 0.0
    echo: bool = False
    echoes_most: int = 20


def iso(at_ms: int) -> str:
    """Write a time as Zendesk does: ISO 8601, UTC, seconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class User:
    """A person: an agent or an end user."""

    id: int
    name: str
    email: str = ""
    phone: str | None = None
    external_id: str | None = None
    role: str = "end-user"
    created_ms: int = field(default_factory=now_ms)

    def told(self) -> Json:
        """Give the user as the REST API does."""
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email or None,
            "phone": self.phone,
            "shared_phone_number": None,
            "external_id": self.external_id,
            "role": self.role,
            "active": True,
            "verified": True,
            "locale": "es-419",
            "tags": [],
            "organization_id": None,
            "user_fields": {},
            "created_at": iso(self.created_ms),
            "updated_at": iso(self.created_ms),
        }


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file beside a comment, where it lies."""

    content_url: str
    file_name: str = "file"
    content_type: str = "application/octet-stream"
    size: int = 0


@dataclass(slots=True)
class Comment:
    """One comment; a private one is an internal note. ``html`` is empty where nothing was formatted."""

    id: int
    author_id: int
    body: str
    public: bool
    audit_id: int
    html: str = ""
    attachments: Sequence[Attachment] = ()
    created_ms: int = field(default_factory=now_ms)

    def told(self) -> Json:
        """Give the comment as the REST API does."""
        return {
            "id": self.id,
            "type": "Comment",
            "author_id": self.author_id,
            "body": self.body,
            "html_body": f'<div class="zd-comment" dir="auto">{self.html or escape(self.body)}</div>',
            "plain_body": self.body,
            "public": self.public,
            "attachments": [{"id": self.id + place, **asdict(one)} for place, one in enumerate(self.attachments, 1)],
            "audit_id": self.audit_id,
            "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
            "created_at": iso(self.created_ms),
            "metadata": {"system": {}, "custom": {}},
        }


@dataclass(slots=True)
class Audit:
    """One change of a ticket, in Zendesk's own words."""

    id: int
    ticket_id: int
    author_id: int
    events: list[Json]
    created_ms: int = field(default_factory=now_ms)

    def told(self) -> Json:
        """Give the audit as the REST API does."""
        return {
            "id": self.id,
            "ticket_id": self.ticket_id,
            "author_id": self.author_id,
            "created_at": iso(self.created_ms),
            "events": self.events,
        }


@dataclass(slots=True)
class Ticket:
    """One ticket. The fields are named as the REST API names them; ``created_ms`` and ``updated_ms`` are times."""

    id: int
    subject: str
    description: str
    requester_id: int
    submitter_id: int
    assignee_id: int | None = None
    group_id: int | None = None
    organization_id: int | None = None
    brand_id: int = 360001112233
    ticket_form_id: int = 360000445566
    custom_status_id: int = 1500000000101
    status: str = "new"
    priority: str | None = None
    type: str | None = None
    external_id: str | None = None
    channel: str = "web"
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[int, Any] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    created_ms: int = field(default_factory=now_ms)
    updated_ms: int = field(default_factory=now_ms)

    def told(self) -> Json:
        """Give the ticket as the REST API does: numbers for ids, lower case for enumerations."""
        return {
            **{name: getattr(self, name) for name in TOLD},
            "raw_subject": self.subject,
            "is_public": self.is_public,
            "via": {"channel": self.channel, "source": {"from": {}, "to": {}, "rel": None}},
            "custom_fields": [{"id": key, "value": value} for key, value in self.custom_fields.items()],
            "created_at": iso(self.created_ms),
            "updated_at": iso(self.updated_ms),
        }

    @property
    def is_public(self) -> bool:
        """Whether there is anything on it that the requester sees."""
        return any(comment.public for comment in self.comments)


TOLD = (
    "id",
    "external_id",
    "type",
    "subject",
    "description",
    "priority",
    "status",
    "requester_id",
    "submitter_id",
    "assignee_id",
    "organization_id",
    "group_id",
    "tags",
    "custom_status_id",
    "ticket_form_id",
    "brand_id",
)


class Desk:
    """Tickets and people by id. ``bridge`` is the API token's user, ``agent`` a person, ``automation`` a program."""

    def __init__(self, settings: ZendeskSettings) -> None:
        # Ids that no other run gives out, of the length that Zendesk's have.
        self._ids = count(time.time_ns() // 100_000)
        # A bridge that kept its memory over a restart of the twin must not meet an old ticket's number.
        self._ticket_ids = count(int(time.time()) % 10_000_000)
        self.tickets: dict[int, Ticket] = {}
        self.deleted: dict[int, Ticket] = {}
        self.users: dict[int, User] = {}
        self._reached_at: dict[str, User] = {}
        self.bridge = self.add_user("Jelou Bridge", settings.email, role="agent")
        self.agent = self.add_user("Andrea Paz", "andrea.paz@example.com", role="agent")
        self.automation = self.add_user("Eco", "eco@example.com", role="agent")

    def new_id(self) -> int:
        """Give the next id of anything but a ticket."""
        return next(self._ids)

    def new_ticket_id(self) -> int:
        """Give the next number of a ticket."""
        return next(self._ticket_ids)

    def add_user(self, name: str, email: str = "", phone: str | None = None, role: str = "end-user") -> User:
        """Enter a person."""
        user = User(self.new_id(), name, email, phone, role=role)
        self.users[user.id] = user
        self._reached_at.update({address: user for address in (email, phone) if address})
        return user

    def requester(self, name: str, email: str, phone: str | None) -> User:
        """Find the person with this email or, where none is given, this phone; else enter an end user."""
        return self._reached_at.get(email or phone or "") or self.add_user(name, email, phone)

    def clear(self) -> None:
        """Forget tickets and end users."""
        self.tickets.clear()
        self.deleted.clear()
        staff = (self.bridge, self.agent, self.automation)
        self.users = {user.id: user for user in staff}
        self._reached_at = {user.email: user for user in staff}

    def ticket(self, ticket_id: int) -> Ticket:
        """Find a ticket. Raises LookupError."""
        if ticket_id not in self.tickets:
            msg = f"no ticket {ticket_id}"
            raise LookupError(msg)
        return self.tickets[ticket_id]
