"""Accounts and projects: what the YAML says of each, as frozen models.

They stand beside the dialects and not in ``config/`` because a dialect adds its own fields to ``Account`` (its
verification, its API access): a helpdesk stays one file. ``config/`` reads, checks and locates; it owns no field.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from bridge.policies import (
    Fuse,
    Labels,
    Language,
    Messages,
    Model,
    QuietHours,
    Reconcile,
    Reopen,
    Retention,
    Silence,
    Template,
    TicketPace,
    Unasked,
)
from bridge.signatures import TOLERANCE_MOST_S

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""A name that stands in a webhook's path."""

FieldPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")]
"""A dotted path into ``Ticket.fields``: ``priority``, ``requester.phone``, ``custom.plan``."""

Condition = dict[FieldPath, str | int | bool | list[str | int | bool]]
"""Field to wanted value or values; all fields must match, any of a list does. Empty matches everything."""


class BasicCredential(Model):
    """A user name and its password."""

    username: str = Field(description="The user name, Jelou's clientId.")
    password: SecretStr = Field(description="The password, Jelou's clientSecret.")


class NoAuth(Model):
    """Jelou presents no header; its signature is checked all the same."""

    type: Literal["no_auth"] = "no_auth"


class BearerAuth(Model):
    """Jelou presents ``Authorization: Bearer <token>``."""

    type: Literal["bearer"]
    token: SecretStr = Field(description="The token that Jelou presents.")


class ApiKeyAuth(Model):
    """Jelou presents ``X-API-Key: <key>``."""

    type: Literal["api_key"]
    key: SecretStr = Field(description="The key that Jelou presents.")


class BasicAuth(Model):
    """Jelou presents ``Authorization: Basic base64(username:password)``."""

    type: Literal["basic"]
    username: str = Field(description="The user name that Jelou presents.")
    password: SecretStr = Field(description="The password that Jelou presents.")


WebhookAuth = Annotated[NoAuth | BearerAuth | ApiKeyAuth | BasicAuth, Field(discriminator="type")]


class Project(Model):
    """A Jelou project: where its API is, how we are known there, how its events prove themselves."""

    project_id: str = Field(min_length=1, description="Jelou's id of the project, as in the path of its API.")
    bot_id: str = Field(min_length=1, description="The bot that manages the conversations.")
    base_url: HttpUrl = Field(
        default=HttpUrl("https://gateway.jelou.ai/platform/v1/external-support"),
        description="Up to, not including, the project id. Older projects use .../jelouapi/v1/external-support.",
    )
    send_url: HttpUrl = Field(
        default=HttpUrl("https://chatbot.jelou.ai/v1/external-support/webhook"),
        description="Where messages to the customer are posted; a host of its own.",
    )
    api_key: SecretStr = Field(description="Sent as x-api-key with every call.")
    basic: BasicCredential | None = Field(
        default=None, description="clientId and clientSecret, sent as Basic as well, where the project wants it."
    )
    signing_secrets: list[SecretStr] = Field(
        min_length=1, description="The signingSecret of the integration; the old one beside it during a rotation."
    )
    webhook_auth: WebhookAuth = Field(default=NoAuth(), description="The header Jelou presents besides its signature.")
    conversation_url: str = Field(
        default="", description="Link for agents; {conversation_id} and {room_id} are filled in."
    )
    calls_per_s: float = Field(
        default=5.0, gt=0, description="Pace of all calls to this project, over all workers. Jelou's own limit is 5."
    )
    start_timeout_s: float = Field(default=6.0, gt=0, le=60, description="How long a start call may take.")
    general_url: HttpUrl = Field(
        default=HttpUrl("https://api.jelou.ai"), description="Jelou's general API, for templates; it wants `basic`."
    )
    unasked: Unasked = Field(default=Unasked(), description="What to do with conversations that no ticket asked for.")
    look_every_s: float = Field(
        default=21_600.0,
        ge=60,
        description="An open conversation is asked for that often at least, sooner where it has just become quiet: "
        "a close may be told in vain.",
    )
    silence: Silence = Field(default=Silence(), description="When it is told that Jelou sends nothing.")


Form = Literal["phone", "text", "business_id"]
Region = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]


class UserIdSource(Model):
    """One place where a customer's Jelou user id may stand."""

    field: FieldPath = Field(description="The ticket's field, for example custom.whatsapp_user_id.")
    format: Form = Field(
        default="phone",
        description="phone: made international, without +. text: taken as it is, an opaque id. "
        "business_id: WhatsApp's id of a customer without a number, EC.1A2b3C; anything else there is passed over.",
    )
    region: Region | None = Field(default=None, description="Of numbers without a country; else that of user_id.")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        return {"field": given} if isinstance(given, str) else given


class UserId(Model):
    """Where the customer's Jelou user id comes from: a section, one field, or a list of fields and sources."""

    LISTED_AS: ClassVar = "sources"

    fields: list[FieldPath] = Field(
        default=["requester.phone"], min_length=1, description="The first of these that holds a usable id is used."
    )
    format: Form = Field(
        default="phone",
        description="phone: made international, without +. text: taken as it is, an opaque id. "
        "business_id: WhatsApp's id of a customer without a number.",
    )
    region: Region | None = Field(default=None, description="Country of numbers written without one, for example EC.")
    sources: list[UserIdSource] = Field(
        default_factory=list,
        min_length=1,
        description="Before fields, or instead of them, where they differ in format: tried in order, for each ticket.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: object) -> object:
        if isinstance(given, str):
            return {"fields": [given]}
        return {"sources": given} if isinstance(given, list) else given

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """As a section, and in short as a field or as a list."""
        whole = handler(core)
        told = handler.resolve_ref_schema(whole)
        path, source = told["properties"]["fields"]["items"], told["properties"]["sources"]["items"]
        listed = {"type": "array", "minItems": 1, "items": {"anyOf": [path, source]}}
        told["properties"]["sources"]["items"] = listed["items"]
        return {"anyOf": [whole, path, listed], "description": cls.__doc__}

    def ordered(self) -> tuple[UserIdSource, ...]:
        """All places in the order in which they are tried, each with its region."""
        named = self.fields if "fields" in self.model_fields_set or not self.sources else ()
        return (
            *(one.model_copy(update={"region": one.region or self.region}) for one in self.sources),
            *(UserIdSource(field=one, format=self.format, region=self.region) for one in named),
        )

    def regions(self) -> tuple[str, ...]:
        """The countries of numbers that are written without one."""
        return tuple(dict.fromkeys(one.region for one in self.ordered() if one.format == "phone" and one.region))


class StartRule(Model):
    """Which new tickets start a conversation."""

    name: str = Field(default="", description="Shown on the timeline when the rule matches.")
    when: Condition = Field(default_factory=dict, description="Field to value; all must match. Empty: every ticket.")
    max_age_s: float = Field(
        default=900.0, gt=0, description="Older tickets start nothing: an import or a first day stays silent."
    )


class AssignTo(Model):
    """A queue, an operator or a team at Jelou."""

    type: Literal["queue", "operator", "team"] = Field(description="What target names.")
    target: str = Field(min_length=1, description="Name of the queue, or id of the operator or team.")


class AssignmentRule(Model):
    """Tickets that match go to this queue, operator or team. The first rule that matches decides."""

    name: str = Field(default="", description="Shown on the timeline when the rule matches.")
    when: Condition = Field(default_factory=dict, description="Field to value; all must match. Empty: every ticket.")
    to: AssignTo = Field(description="The queue, operator or team.")


class WriteBackTo(Model):
    """What the bridge writes on the ticket."""

    note: bool = Field(default=True, description="An internal note when the conversation has started, or could not.")
    model_config = ConfigDict(coerce_numbers_to_str=True)

    field: str = Field(default="", description="A field that gets the conversation's id.")
    status_field: str = Field(
        default="", description="A field that always says where the conversation stands, in a few words."
    )
    closed_status: Literal["solved", "pending", "open", ""] = Field(
        default="solved", description="The ticket's status when the conversation has ended at Jelou; empty: as it is."
    )
    package: bool = Field(
        default=True, description="A note at the end of a conversation: transcript, outcome, queue, durations."
    )
    tag: str = Field(default="", description="A tag added when the conversation has started.")


class UnknownStart(Model):
    """What to do with a start whose fate is not known: Jelou has no idempotency key."""

    wait_s: float = Field(
        default=20.0, gt=0, description="How long to wait for the conversation.start event that settles it."
    )
    then: Literal["retry", "park"] = Field(
        default="park", description="retry: never lost, may double. park: never double, a person decides."
    )


def https(url: HttpUrl) -> HttpUrl:
    """Raises ValueError for another scheme: Jelou fetches by https alone."""
    if url.scheme != "https":
        msg = "must begin with https://"
        raise ValueError(msg)
    return url


class Account(Model):
    """One account of a helpdesk. Each dialect adds its own fields (verification, access) in a subclass."""

    project: Name = Field(description="The Jelou project its tickets go to, a key of `jelou`.")
    user_id: UserId = Field(default=UserId(), description="Where the customer's Jelou user id comes from.")
    initial_message: str = Field(
        default="", description="Template of the first message; {{ ticket.subject }}, {{ requester.name }}, ..."
    )
    start_when: list[StartRule] = Field(
        default_factory=list, description="Opt-in: a ticket that no rule matches starts nothing."
    )
    starts_per_hour: int = Field(default=200, ge=1, description="At most so many starts in a clock hour; others wait.")
    assignment: list[AssignmentRule] = Field(default_factory=list, description="Ordered; the first match decides.")
    default_assignment: AssignTo | None = Field(default=None, description="Where no assignment rule matches.")
    write_back: WriteBackTo = Field(default=WriteBackTo(), description="What the bridge writes on the ticket.")
    language: Language = Field(default="en", description="Of what the bridge writes on tickets: en, es or pt.")
    messages: Messages = Field(default=Messages(), description="What passes between agent and customer.")
    addressees: Literal["strict", "off"] = Field(
        default="strict",
        description="strict: a mail that is addressed to somebody else than the requester is not sent to the customer. "
        "off: whatever the helpdesk calls public is.",
    )
    files: Literal["link", "relay"] = Field(
        default="link",
        description="link: Jelou fetches agents' files where the helpdesk keeps them; of one that needs a login only "
        "the name is sent. relay: the bridge serves those at the account's own host, as `files` of the file says.",
    )
    close_when_solved: bool = Field(default=True, description="A solved ticket ends its conversation at Jelou.")
    goodbye: str = Field(
        default="", description="Template of the last message when a solved ticket ends its conversation."
    )
    reopen: Reopen = Field(default=Reopen(), description="What happens to a ticket whose conversation has ended.")
    quiet_hours: QuietHours | None = Field(default=None, description="When no conversation is started.")
    template: Template | None = Field(
        default=None, description="A WhatsApp template that is sent first where the 24-hour window is closed."
    )
    fuse: Fuse = Field(default=Fuse(), description="When a ticket stops by itself because something loops.")
    reconcile: Reconcile = Field(default=Reconcile(), description="Looking for what no webhook brought.")
    silence: Silence = Field(default=Silence(), description="When it is told that the helpdesk sends nothing.")
    unknown_start: UnknownStart = Field(
        default=UnknownStart(), description="What to do with a start whose fate is not known."
    )
    labels: Labels = Field(default=Labels(), description="The account's own labels of statuses and priorities.")
    calls_per_minute: int = Field(
        default=0, ge=0, description="Pace of all calls to this helpdesk account, over all workers; 0: the vendor's."
    )
    ticket_pace: TicketPace | None = Field(default=None, description="Of the writes on one ticket; else the vendor's.")
    confirm_wait_s: float = Field(
        default=30.0,
        gt=0,
        description="How long a started conversation waits for its event before the note is written.",
    )
    horizon_s: float = Field(
        default=86_400.0, gt=0, description="What could not be done for so long is buried, with its reason."
    )


class Secrets(Model):
    """Several at once, so that a rotation drops nothing: the new one is added first, the old one removed later."""

    secrets: list[SecretStr] = Field(min_length=1, description="The new one and, during a rotation, the old one.")
    tolerance_s: float = Field(
        default=300.0,
        gt=0,
        le=TOLERANCE_MOST_S,
        description="How far a timestamp may be from our clock, a day at most.",
    )


class HeaderToken(Model):
    """A long random value in a header, for helpdesks that sign nothing."""

    type: Literal["header"]
    header: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9-]+$")] = Field(description="The header's name.")
    tokens: list[SecretStr] = Field(min_length=1, description="Any of them is taken.")


class BasicToken(Model):
    """Basic credentials, written into the webhook's URL or its settings."""

    type: Literal["basic"]
    username: str = Field(description="The user name that the helpdesk presents.")
    passwords: list[SecretStr] = Field(min_length=1, description="Any of them is taken.")


class UrlToken(Model):
    """A long random value in the webhook's query string."""

    type: Literal["url_token"]
    parameter: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]+$")] = Field(
        default="token", description="The name of the query parameter."
    )
    tokens: list[SecretStr] = Field(min_length=1, description="Any of them is taken.")


UnsignedVerification = Annotated[HeaderToken | BasicToken | UrlToken, Field(discriminator="type")]
"""For a helpdesk that signs nothing: one of these is needed. There is no "none"."""


class Api(Model):
    """Our own HTTP API."""

    tokens: list[SecretStr] = Field(default_factory=list, description="Bearer tokens for /api/. None: it answers 401.")


class Files(Model):
    """Addresses of the bridge's own for files that a helpdesk shows to nobody without a login."""

    public_url: Annotated[HttpUrl, AfterValidator(https)] = Field(
        description="Where Jelou reaches the bridge, for example https://bridge.example.com."
    )
    keys: list[Annotated[SecretStr, Field(min_length=16)]] = Field(
        min_length=1,
        description="Sign the addresses; long random texts. The first signs, any is taken: put a new one first, and "
        "remove the old one after `valid_h`.",
    )
    valid_h: float = Field(
        default=72.0, ge=1, le=720, description="Hours for which an address is good, repeats included."
    )
    max_bytes: int = Field(
        default=100_000_000, ge=1_024, description="Larger files are not served; the customer gets their name."
    )


class Bridge(Model):
    """The whole configuration, checked."""

    jelou: dict[Name, Project] = Field(description="The Jelou projects, each under a name of your choice.")
    helpdesks: dict[str, dict[Name, Account]] = Field(description="The accounts of each kind of helpdesk, by name.")
    api: Api = Field(default=Api(), description="The bridge's own HTTP API.")
    files: Files | None = Field(default=None, description="Serves files that need a login; for `files: relay`.")
    mark_keys: list[Annotated[SecretStr, Field(min_length=16)]] = Field(
        default_factory=list,
        description="They sign the marks under what is written on tickets. The first signs, all verify.",
    )
    retention: Retention = Field(default=Retention(), description="How long what has come to its end is kept.")
    max_body_bytes: int = Field(default=1_048_576, ge=1_024, description="Larger deliveries are answered 413.")
    max_connections: int = Field(
        default=1_000,
        ge=16,
        description="Of one web process. At the limit an idle connection goes on which nothing was proven.",
    )

    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Networks (CIDR) of the proxies before the bridge: their X-Forwarded-For tells who was refused.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, told: tuple[str, ...]) -> tuple[str, ...]:
        for one in told:
            try:
                ip_network(one)
            except ValueError:
                msg = f"{one!r} is no network: write it as 10.0.0.0/8, an address alone as 10.1.2.3"
                raise ValueError(msg) from None
        return told

    @model_validator(mode="after")
    def _files_are_served(self) -> Bridge:
        for kind, accounts in self.helpdesks.items():
            for name, account in accounts.items():
                if account.files == "relay" and self.files is None:
                    msg = f"helpdesks.{kind}.{name}.files is relay, which needs files with public_url and keys"
                    raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _projects_exist(self) -> Bridge:
        for kind, accounts in self.helpdesks.items():
            for name, account in accounts.items():
                if account.project not in self.jelou:
                    known = ", ".join(self.jelou) or "none"
                    msg = f"helpdesks.{kind}.{name}.project names no project under jelou (known: {known})"
                    raise ValueError(msg)
        return self

    def account(self, kind: str, name: str) -> Account | None:
        """The account of this kind and name, or None."""
        return self.helpdesks.get(kind, {}).get(name)
