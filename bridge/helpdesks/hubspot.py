"""HubSpot's tickets: its signature, its events (``hubspot_events``), what its API shows (``hubspot_listing``).

Bodies are made in ``hubspot_writing``. In HubSpot: make an app of your own (private, or a project with static
authentication) with the scopes ``tickets``, ``crm.objects.contacts.read`` and ``.write``, ``conversations.read``; its
access token and its client secret go into the account. Under Webhooks give the bridge's URL and subscribe to what
``hubspot_events`` names. Only what this app does is known to be the bridge's own, so nothing else may use its token.
To open tickets, give tickets a single-line text property that requires unique values, and name it ``mark_property``.

Traps. The signature is over the URL as it is written at HubSpot, which a proxy hides from us: it stands in the
account. One app sends the events of all portals it is installed in. Notes have no idempotency key: one of unknown fate
is looked for among the ticket's notes, in a search that may lag some moments behind. Agents' replies are those in the
ticket's conversations; notes stay in HubSpot.

Sources: "Validating requests", "Tickets", "Notes", "Search", "Conversations inbox & messages", "Usage guidelines" on
HubSpot's developer site.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from bridge.domain import WRITTEN, OpenTicket, Rate, SetStatus
from bridge.errors import Ambiguous
from bridge.helpdesks import hubspot_events, hubspot_listing, hubspot_writing, proof, reading, writing
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.hubspot_account import HubspotAccount, signed
from bridge.helpdesks.hubspot_listing import READ, Site
from bridge.helpdesks.hubspot_writing import MEANINGS, OPENING
from bridge.helpdesks.reading import Json, section, text
from bridge.replies import raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import (
        AgentReplied,
        Call,
        Changes,
        Delivery,
        Reply,
        Ticket,
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )
    from bridge.helpdesks.hubspot_account import HubspotAccess
    from bridge.signatures import HashSigned, HmacSigned

Action = TypeVar("Action", bound="WriteBack | OpenTicket")

_TICKET: Final = "/crm/v3/objects/tickets/{id}"
_THREADS: Final = "/conversations/v3/conversations/threads"
_CONTACT: Final = ("firstname", "lastname", "email")
_NOT_THERE: Final = 404
_TEN_SECONDLY: Final = 100


def _access(account: Account) -> HubspotAccess | None:
    return proof.own(account, HubspotAccount).access


def _site(account: Account) -> Site:
    access = _access(account)
    return Site(account, access.phone_properties, access.mark_property, access.app_id) if access else Site(account)


def _talks(reply: Reply, ref: TicketRef) -> tuple[list[str], dict[str, str]]:
    """The threads of a ticket that are read, and the contact of each of them."""
    page = _answer(reply)
    threads, contacts = hubspot_listing.threads(page, ref.id), hubspot_listing.contacts(page, ref.id)
    return threads, {one: contacts[one] for one in threads}


def _cut(threads: Sequence[str], replies: Sequence[Reply]) -> list[str]:
    """The paths of the texts that the messages of these threads tell in part."""
    pages = zip(threads, replies[1 : len(threads) + 1], strict=False)
    told = [(thread, _answer(reply)) for thread, reply in pages]
    return [f"{_THREADS}/{one}/original-content" for one in hubspot_listing.truncated(told)]


def _several(contacts: dict[str, str]) -> bool:
    return len(set(contacts.values())) > 1


def _properties(account: Account) -> str:
    access, wanted = _access(account), account.write_back
    more = (*access.properties, access.mark_property) if access else ()
    return ",".join(dict.fromkeys(one for one in (*READ, *more, wanted.field, wanted.status_field) if one))


def _credential(access: HubspotAccess) -> dict[str, str]:
    return {"authorization": f"Bearer {access.token.get_secret_value()}"}


def _read(account: Account, path: str, ref_id: str = "") -> Call | None:
    access = _access(account)
    if access is None:
        return None
    return writing.reading_call(writing.address(access.base_url, path, ref_id), _credential(access))


def _send(account: Account, method: str, path: str, body: Json, *, ref_id: str = "", once: bool = False) -> Call | None:
    access = _access(account)
    if access is None:
        return None
    url = writing.address(access.base_url, path, ref_id)
    return writing.writing_call(method, url, _credential(access), body, once=once)


def _answer(reply: Reply) -> Json:
    raise_for(reply, MEANINGS)
    return reply_object(reply)


class Hubspot(Dialect):
    """The dialect of HubSpot's tickets."""

    kind = hubspot_events.KIND
    settings: type[Account] = HubspotAccount
    calls_per_minute = 500
    """100 in 10 seconds for an app where the account pays least ("Usage guidelines")."""

    def account_rates(self, account: Account) -> tuple[Rate, ...]:
        """What HubSpot counts: ten seconds. 100 in them, or their part of the account's own ``calls_per_minute``."""
        return (Rate(max(_TEN_SECONDLY, account.calls_per_minute * 10 // 60), 10.0),)

    def verification(self, account: Account) -> HmacSigned | HashSigned:
        """The app's signature."""
        return signed(proof.own(account, HubspotAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - none is sent
        """Empty: HubSpot names events, and sends a list of them again as a whole."""
        return ""

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The events of a list. Raises Unreadable."""
        access, portal = _access(account), proof.own(account, HubspotAccount).portal_id
        around = hubspot_events.Told(
            account, account_name, portal, access.app_id if access else "", readable=access is not None
        )
        return hubspot_events.events(verified.delivery.body, around)

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket, with the ids of its contacts."""
        return _read(account, f"{_TICKET}?associations=contacts&properties={_properties(account)}", ref.id)

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - the ticket names it
        """Its first contact, for the phone number."""
        found = hubspot_listing.contact_of(_answer(replies[0])) if len(replies) == 1 else ""
        if not found:
            return None
        wanted = ",".join((*_CONTACT, *_site(account).phones))
        return _read(account, f"/crm/v3/objects/contacts/{{id}}?properties={wanted}", found)

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The ticket and its contact; one that is deleted meanwhile leaves the ticket without."""
        detail = _answer(reply)
        contacts = [_answer(one) for one in more[:1] if one.status != _NOT_THERE]
        return hubspot_listing.ticket(ref, detail, next(iter(contacts), {}), _site(account))

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """For a status the ticket's pipeline and its stages; for a ticket its contact, looked for and else made."""
        if isinstance(action, SetStatus) and ref is not None:
            return _stages_of(account, ref, replies)
        if isinstance(action, OpenTicket) and action.phone and _site(account).mark:
            return _contact_of(account, action, replies)
        return None

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """The status with its stage, the ticket with its contact. Raises CallError."""
        if not replies:
            return action
        last = _opening_answer(replies[-1])
        if isinstance(action, SetStatus):
            now = text(section(_answer(replies[0]), "properties"), "hs_pipeline_stage")
            stages = reading.records(last, "results")
            return replace(action, by=hubspot_writing.stage(account, action.status, now, stages))
        if isinstance(action, OpenTicket):
            found = hubspot_listing.contact_with(last, action.phone, _site(account).phones)
            return replace(action, contact=found or _made(last, replies[-1].status))
        return action

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,
    ) -> Call | None:
        """A note, or a property of the ticket; None for a tag and without access."""
        if isinstance(action, WRITTEN):
            body = hubspot_writing.note(ref.id, action, now_ms)
            return _send(account, "POST", "/crm/v3/objects/notes", body, once=True)
        change = hubspot_writing.change(action)
        return _send(account, "PATCH", _TICKET, change, ref_id=ref.id) if change else None

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The note's id; empty for the rest."""
        found = _answer(reply)
        return text(found, "id") if isinstance(action, WRITTEN) else ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket's newest hundred notes, for a note; the rest is harmless to write again."""
        if not isinstance(action, WRITTEN):
            return None
        return _send(account, "POST", "/crm/v3/objects/notes/search", hubspot_writing.notes_of(ref.id))

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The note that carries the action's mark."""
        notes = [section(one, "properties") for one in reading.records(_answer(reply), "results")]
        return writing.marked_text(action, notes, "hs_note_body")

    def field_path(self, field: str) -> str:
        """A property stands under its name."""
        return f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket's conversations."""
        return _read(account, f"{_THREADS}?associatedTicketId={{id}}&association=TICKET&limit=100", ref.id)

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The newest hundred messages of the next one; then the ticket's contact, where they are with several.

        Last what HubSpot has cut off in the list: whole texts, one by one.
        """
        threads, contacts = _talks(replies[0], ref)
        at = len(replies) - 1
        if at < len(threads):
            return _read(account, f"{_THREADS}/{{id}}/messages?sort=-createdAt&limit=100", threads[at])
        about = [_read(account, f"{_TICKET}?associations=contacts", ref.id)] if _several(contacts) else []
        more = [*about, *(_read(account, path) for path in _cut(threads, replies))]
        at -= len(threads)
        return more[at] if at < len(more) else None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> list[AgentReplied]:
        """What agents said in the ticket's conversations, oldest first."""
        raise_for(reply, MEANINGS)
        threads, contacts = _talks(reply, ref)
        pages, beside = more[: len(threads)], list(more[len(threads) :])
        about = beside.pop(0) if beside and _several(contacts) else None
        customer = hubspot_listing.contact_of(_answer(about)) if about else ""
        told, with_whom = [_answer(one) for one in pages], [contacts[one] for one in threads]
        whole = [_answer(one) if one.status != _NOT_THERE else {} for one in beside]
        told = hubspot_listing.completed(list(zip(threads, told, strict=False)), whole)
        return hubspot_listing.replies(ref, told, _site(account), with_whom, customer)

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - the mark is the key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket with our mark in the account's own property; None where it names none."""
        access = _access(account)
        if access is None or not access.mark_property:
            return None
        body = hubspot_writing.opening(action, access.opens_in, access.mark_property)
        return _send(account, "POST", "/crm/v3/objects/tickets", body, once=True)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        raise_for(reply, OPENING)
        return writing.opened_id(reply.status, reply_object(reply))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The ticket under the mark in that property."""
        mark = _site(account).mark
        path = f"{_TICKET}?idProperty={mark}&properties={mark}"
        return _read(account, path, writing.mark_id(action.marker)) if mark else None

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:
        """The id of the ticket; empty where none carries the mark."""
        if reply.status == _NOT_THERE:
            return ""
        found, mark = _opening_answer(reply), _site(account).mark
        same = text(section(found, "properties"), mark) == writing.mark_id(action.marker)
        return reading.usable_id(found, "id") if same else ""

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the search for changed tickets, in the order of their numbers."""
        body = hubspot_writing.changed_since(since_ms, after, _properties(account).split(","))
        return _send(account, "POST", "/crm/v3/objects/tickets/search", body)

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, in part; tickets done as solved."""
        return hubspot_listing.changes(account_name, _opening_answer(reply), _site(account))


def _opening_answer(reply: Reply) -> Json:
    raise_for(reply, OPENING)
    return reply_object(reply)


def _stages_of(account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
    if not replies:
        return _read(account, f"{_TICKET}?properties=hs_pipeline,hs_pipeline_stage", ref.id)
    if len(replies) > 1:
        return None
    pipeline = reading.usable_id(section(_answer(replies[0]), "properties"), "hs_pipeline")
    return _read(account, "/crm/v3/pipelines/tickets/{id}/stages", pipeline or "0")


def _contact_of(account: Account, action: OpenTicket, replies: Sequence[Reply]) -> Call | None:
    phones = _site(account).phones
    if not replies:
        body = hubspot_writing.contacts_with(action.phone, phones)
        return _send(account, "POST", "/crm/v3/objects/contacts/search", body)
    if len(replies) > 1 or hubspot_listing.contact_with(_opening_answer(replies[0]), action.phone, phones):
        return None
    return _send(account, "POST", "/crm/v3/objects/contacts", hubspot_writing.contact(action, phones[0]))


def _made(contact: Json, status: int) -> str:
    found = reading.usable_id(contact, "id")
    if not found:
        msg = f"answered {status} without the id of a contact"
        raise Ambiguous(msg, status=status)
    return found
