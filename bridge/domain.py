"""The words of the bridge as values: deliveries, tickets, events, actions, calls. No I/O, no clock.

Times are Unix milliseconds (``_ms``), durations seconds (``_s``). Ids are opaque strings: never required to be digits.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class TicketRef:
    """Names one ticket in the whole service: helpdesk kind, account name, the helpdesk's own ticket id."""

    kind: str
    account: str
    id: str

    def __str__(self) -> str:
        """``kind/account/id``; the id is percent-encoded, so that the text parses back whatever the id holds."""
        return f"{self.kind}/{self.account}/{quote(self.id, safe='-._~')}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read back what ``str`` wrote. Raises ValueError for anything that is not three parts.

        The ids ``.`` and ``..`` are none: in the path of a call they would name another place.
        """
        kind, account, ticket_id = text.split("/")
        known = unquote(ticket_id)
        if not (kind and account) or known in {"", ".", ".."}:
            msg = "a ticket is named kind/account/id"
            raise ValueError(msg)
        return cls(kind, account, known)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call as received: ``body`` is the raw bytes.

    ``headers`` and ``query`` have lower-case names, and none that came more than once.
    """

    sender: str
    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_ms: int


_CHECKED: Final = object()
"""Shown by ``bridge.signatures.verify`` alone, so that nothing else can make a ``Verified``."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A delivery whose signature or token was checked. Made by ``bridge.signatures.verify`` and nowhere else."""

    delivery: Delivery
    proof: InitVar[object]

    def __post_init__(self, proof: object) -> None:
        """Raises TypeError for anybody but ``verify``."""
        if proof is not _CHECKED:
            msg = "only bridge.signatures.verify makes a Verified"
            raise TypeError(msg)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is known of a ticket, in the bridge's own names.

    ``fields`` is what rules and templates see: ``id subject status priority type group brand channel tags
    created_at requester{id name email phone external_id} custom{...}``; a name a helpdesk does not tell is absent.
    ``status`` is one of new, open, pending, on-hold, solved, closed; ``priority`` one of low, normal, high, urgent.
    ``created_ms`` is 0 where it is not told. ``partial`` says that the helpdesk has more, to be had by a Fetch.
    """

    ref: TicketRef
    fields: Mapping[str, Any]
    created_ms: int = 0
    partial: bool = False
    by_bridge: bool = False
    """Whether the bridge opened it: its mark is on the ticket."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file beside a text, where it can be fetched. ``size`` in bytes, 0 where it is not told.

    ``id`` is the helpdesk's own, by which it is the same file at another address; empty where none is told.
    """

    url: str
    name: str = ""
    mime_type: str = ""
    size: int = 0
    id: str = field(default="", compare=False)


# --- events: what a helpdesk tells -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TicketOpened:
    """A ticket was created. ``fact`` is the key under which this is worked once, however often it is told."""

    type: ClassVar[str] = "ticket.opened"
    ref: TicketRef
    fact: str
    ticket: Ticket
    by_bridge: bool = False


@dataclass(frozen=True, slots=True)
class AgentReplied:
    """A comment was added. Private ones (``public`` false) never leave the helpdesk.

    ``markup`` says how ``text`` is written: text, html, markdown, adf or wiki. ``partial`` says that the helpdesk has
    more (the text, the attachments), to be had by a Fetch of the comment. ``at_ms`` is when it was written, 0 where
    that is not told. ``withheld`` says why words that the helpdesk calls public are none of the customer's, as one of
    ``bridge.addressees``. They are then private, or, where that is to be judged by what is read, partial. ``echo`` says
    what shows that the bridge wrote it, as one of ``bridge.marks``; that its user did is no proof.
    ``requester`` is who the ticket's requester was then, as ``bridge.requesters`` names them; empty where not told.
    """

    type: ClassVar[str] = "agent.replied"
    ref: TicketRef
    fact: str
    comment_id: str
    text: str
    public: bool
    by_bridge: bool = False
    markup: str = "text"
    attachments: tuple[Attachment, ...] = ()
    partial: bool = False
    at_ms: int = 0
    withheld: str = ""
    echo: str = ""
    requester: str = ""


@dataclass(frozen=True, slots=True)
class TicketSolved:
    """A ticket's status became solved or closed, as it was told: it is read again before anything is closed."""

    type: ClassVar[str] = "ticket.solved"
    ref: TicketRef
    fact: str
    status: str
    by_bridge: bool = False


@dataclass(frozen=True, slots=True)
class TicketReopened:
    """A solved ticket became open again.

    ``guessed``: the helpdesk tells that the ticket is open, and not what it was before. It counts only where the
    bridge knows that the ticket was solved.
    """

    type: ClassVar[str] = "ticket.reopened"
    ref: TicketRef
    fact: str
    status: str
    by_bridge: bool = False
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A genuine delivery about something the bridge does not act upon. ``told`` is the sender's own event name.

    ``status`` is what the ticket's status is called now, where that is in no table: it may have meant an end.
    """

    type: ClassVar[str] = "unrecognised"
    ref: TicketRef | None
    fact: str
    told: str
    by_bridge: bool = False
    status: str = ""


TicketEvent = TicketOpened | AgentReplied | TicketSolved | TicketReopened | Unrecognised


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of what a helpdesk's own list says has changed. ``after`` asks for the next page; empty at the last.

    ``events`` are told with the facts that the webhooks would tell, so that what came already is known as a repeat.
    The comments of ``tickets`` are not among them: they are read ticket by ticket. ``changed_ms`` is when each of them
    changed last, by the helpdesk's clock; a ticket of which that is not told is not in it.
    """

    events: tuple[TicketEvent, ...]
    tickets: tuple[TicketRef, ...]
    after: str = ""
    changed_ms: Mapping[TicketRef, int] = field(default_factory=dict)


# --- events: what Jelou tells ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who is to attend a conversation. Requests say queue, operator or team; events also say direct, or anything."""

    type: str
    target: str


@dataclass(frozen=True, slots=True)
class ConversationStarted:
    """Jelou says a conversation began. ``metadata`` is the echo of the start call's own, empty where there was none."""

    type: ClassVar[str] = "conversation.start"
    project: str
    fact: str
    conversation_id: str
    room_id: str
    bot_id: str
    user_id: str
    at_ms: int
    assignment: Assignment | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class CustomerWrote:
    """The customer wrote. ``content`` is Jelou's own object for ``message_type``, unread."""

    type: ClassVar[str] = "customer.wrote"
    project: str
    fact: str
    conversation_id: str
    room_id: str
    bot_id: str
    user_id: str
    at_ms: int
    message_id: str
    message_type: str
    content: Mapping[str, Any] = field(default_factory=dict)
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class ConversationClosed:
    """Jelou says a conversation ended. Any id but the project may be empty: the vendor's table could not be read."""

    type: ClassVar[str] = "conversation.close"
    project: str
    fact: str
    conversation_id: str
    room_id: str
    bot_id: str
    user_id: str
    at_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnrecognisedConversation:
    """A genuine event of Jelou's of a kind the bridge does not know."""

    type: ClassVar[str] = "conversation.unrecognised"
    project: str
    fact: str
    told: str


@dataclass(frozen=True, slots=True)
class StartAnswered:
    """What a worker knows of its start after it has lost the ticket, or Redis the data: as good as Jelou's own event.

    ``claim`` names the try: the token of the claim that marked it. An empty ``conversation_id`` says that this try
    certainly did nothing, and ``reason`` why.
    """

    type: ClassVar[str] = "start.answered"
    claim: str
    conversation_id: str
    reason: str = ""
    attempt: int = 0
    bot_id: str = ""
    user_id: str = ""
    episode: int = 1


@dataclass(frozen=True, slots=True)
class StartSent:
    """A worker sent a start and has no answer that tells what became of it. Told after Redis has lost data."""

    type: ClassVar[str] = "start.sent"
    claim: str
    attempt: int
    bot_id: str
    user_id: str
    episode: int = 1


@dataclass(frozen=True, slots=True)
class EndAsked:
    """The ticket was solved, and a worker set about ending its conversation. Told after Redis has lost data.

    So the conversation's end, whoever brought it about, asks for no status of the ticket's.
    """

    type: ClassVar[str] = "end.asked"
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Doubted:
    """A conversation is held to be open, and nobody has asked Jelou for long: its close may have been told in vain.

    Jelou may send an event only once. Whoever works this asks for the conversation.
    """

    type: ClassVar[str] = "conversation.doubted"
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """A conversation that no ticket asked for is to get one. The bridge tells it, once, of the first event without."""

    type: ClassVar[str] = "conversation.unasked"
    project: str
    conversation_id: str
    bot_id: str
    user_id: str
    user_name: str = ""


Testimony = StartAnswered | StartSent | EndAsked | Doubted

ConversationEvent = ConversationStarted | CustomerWrote | ConversationClosed | UnrecognisedConversation


MARK = "[jelou-bridge:"
"""Begins the mark in everything the bridge writes for people: a second look finds it, and an echo is known by it."""


# --- actions: what is to be done -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartConversation:
    """Start a conversation at Jelou. Not idempotent: Jelou knows no idempotency key."""

    type: ClassVar[str] = "start.conversation"
    bot_id: str
    user_id: str
    initial_message: str
    metadata: Mapping[str, str]
    assignment: Assignment | None
    rule: str


@dataclass(frozen=True, slots=True)
class SayToCustomer:
    """One message to the customer. ``id`` is ours and the same on every try: Jelou may know a repeat by it.

    ``content`` is Jelou's own object for ``message_type``.
    """

    type: ClassVar[str] = "say.to.customer"
    id: str
    room_id: str
    bot_id: str
    user_id: str
    message_type: str
    content: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CloseConversation:
    """End the conversation of this bot and user: Jelou takes no conversation id. ``goodbye`` may be empty."""

    type: ClassVar[str] = "close.conversation"
    bot_id: str
    user_id: str
    goodbye: str = ""


@dataclass(frozen=True, slots=True)
class AddNote:
    """Add an internal note to the ticket. ``marker`` stands in the text, so that a second look recognises it."""

    type: ClassVar[str] = "add.note"
    text: str
    marker: str


@dataclass(frozen=True, slots=True)
class AddReply:
    """Add what the customer wrote, in the customer's name where the helpdesk can, else so that it says whose it is.

    ``author`` is the customer's name as Jelou tells it; ``user_id`` their id in the helpdesk, where it is known.
    """

    type: ClassVar[str] = "add.reply"
    text: str
    marker: str
    author: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Set the ticket's status, in the bridge's word for it: open, pending or solved. Idempotent."""

    type: ClassVar[str] = "set.status"
    status: str
    by: str = ""
    """What brings the ticket there, where a helpdesk sets no status directly: told by ``prepared``."""


@dataclass(frozen=True, slots=True)
class OpenTicket:
    """Open a ticket for a conversation that has none. ``marker`` stands in its description from the first request.

    ``phone`` is the customer's number with ``+`` where the id at Jelou is one, else empty. ``group`` is the helpdesk's
    own id or name of a group, empty for the helpdesk's default. ``contact`` is the helpdesk's id of the customer, told
    by ``prepared`` where a helpdesk opens no ticket without one.
    """

    type: ClassVar[str] = "open.ticket"
    subject: str
    text: str
    marker: str
    user_id: str
    name: str = ""
    phone: str = ""
    group: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class SetField:
    """Set a field of the ticket. Idempotent. The field named ``tag`` adds ``value`` to the ticket's tags.

    ``by`` is what is written where a helpdesk takes all fields, or all tags, or none: told by ``prepared``.
    """

    type: ClassVar[str] = "set.field"
    field: str
    value: str
    beside: tuple[str, ...] = ()
    """The tags that are there, where a helpdesk replaces all of them: told by ``prepared``."""
    by: object = ""
    """What is written where a mapped helpdesk takes all fields, or all tags, or none: told by ``prepared``."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read the ticket from the helpdesk's API, because the webhook told too little."""

    type: ClassVar[str] = "fetch"


@dataclass(frozen=True, slots=True)
class Probe:
    """Look whether a write of unknown fate arrived, by its marker."""

    type: ClassVar[str] = "probe"
    marker: str


WriteBack = AddNote | AddReply | SetField | SetStatus

WRITTEN = (AddNote, AddReply)
"""What is not idempotent: it carries a mark, and is looked for before it is written again."""


# --- calls: HTTP as values -------------------------------------------------------------------------------------------


CALL_S = 6.0
"""How long a call may take where its maker says nothing else. Less than a worker's lease, which begins anew right
before the call: nobody looks after a write, or writes again, while its first call may still be at work.
"""


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request to make. ``once`` asks for a fresh connection and no repeat: the other side is not idempotent.

    ``granted`` calls carry the account's access token as a bearer, which is put on right before they go out.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_s: float = CALL_S
    once: bool = False
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer got. ``headers`` has lower-case names."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token, and for how long it is good."""

    token: str = field(repr=False)
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a sender wants to hear, before it sends or where its delivery was taken: answered as it stands."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` in ``per_s`` seconds."""

    calls: int
    per_s: float


class Phase(StrEnum):
    """Where a link is. The moves between phases are the table in ``bridge.links``."""

    NEW = "new"
    STARTING = "starting"
    UNKNOWN = "unknown"
    STARTED = "started"
    OPEN = "open"
    CLOSED = "closed"
    PARKED = "parked"
    FAILED = "failed"
    IGNORED = "ignored"
