"""GLPI 11: its signature, its challenge, its webhooks (``glpi_events``), its lists (``glpi_listing``), what is written.

At GLPI, by an administrator:

- Setup > Dropdowns > Request sources: "Jelou bridge", for tickets and follow-ups. Its id is ``request_type_id``.
- Administration > Users: a user of the bridge's own, without a mail address, with a technician's profile: tickets and
  follow-ups read, added and updated, private ones seen, users read. Its id is ``bridge_user_id``.
- Setup > OAuth clients: one with the grant Password and the scope api. Without a user name the grant is client
  credentials, with which GLPI knows no user: what it shows then is for the administrator to see.
- Setup > Webhooks, one of each: Ticket new, Ticket update, Ticket delete, Followup new, Solution new. Method POST, the
  default payload, the same secret in all of them, the URL of the account. They leave with the automatic action
  ``queuedwebhook``: let it run every minute.

Traps. Signature and time stamp are those of the queueing and are sent again as they are, so that a stamp may be hours
old: a day is taken, and a replay is known by its signature, which stands for the delivery. GLPI sends no content type.
What is told as "update" says not what changed. A ticket that the bridge opened has the bridge's user as its requester,
and GLPI reopens a solved or pending ticket when its requester adds a follow-up: let a business rule for tickets assign
the bridge's user too where the external id begins with ``jelou-bridge:``. Content that plugins demand before a ticket
may be solved is not written.

Sources: GLPI 11, ``src/Webhook.php``, ``src/QueuedWebhook.php``, ``src/CommonITILObject.php``, the controllers of
``src/Glpi/Api/HL``, read and not tried: there was no GLPI to run against.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from bridge.domain import WRITTEN, Call, Grant, Handshake
from bridge.errors import Ambiguous
from bridge.helpdesks import glpi_events, glpi_listing, glpi_writing, proof, reading, writing
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.glpi_account import (
    GlpiAccount,
    access_of,
    challenge_answer,
    credentials,
    entity_of,
    signed,
    site_of,
    source_of,
)
from bridge.helpdesks.glpi_events import KIND
from bridge.helpdesks.glpi_writing import GRANTING, MEANINGS, OPENING
from bridge.helpdesks.reading import Json, text
from bridge.replies import raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import (
        AgentReplied,
        Changes,
        Delivery,
        OpenTicket,
        Reply,
        Ticket,
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )
    from bridge.replies import Meanings
    from bridge.signatures import HmacSigned

API: Final = "/api.php/v2"
TICKETS: Final = f"{API}/Assistance/Ticket"

TOKEN_S: Final = 3600
"""GLPI's own life of a token, where the answer does not say."""

GONE: Final = 404


class Glpi(Dialect):
    """The dialect of GLPI."""

    kind = KIND
    settings: type[Account] = GlpiAccount
    calls_per_minute = 600

    def verification(self, account: Account) -> HmacSigned:
        """The webhooks' signature."""
        return signed(proof.own(account, GlpiAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """The signature, which GLPI keeps over its retries."""
        return delivery.headers.get("x-glpi-signature", "")

    def handshake(self, account: Account, delivery: Delivery) -> Handshake | None:
        """The answer to GLPI's challenge; None for a token that was made with none of the secrets."""
        if delivery.method not in {"GET", "HEAD"}:
            return None
        answer = challenge_answer(self.verification(account).secrets, delivery.query.get("crc_token", ""))
        return Handshake(answer) if answer else None

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """One event, and two of a solution. Raises Unreadable."""
        readable = access_of(account) is not None
        told = glpi_events.Told(verified.delivery.body, account_name, site_of(account), readable=readable)
        return glpi_events.events(told)

    def requester(self, verified: Verified, account: Account) -> Json:  # noqa: ARG002 - all accounts alike
        """The first requester in the ticket's team."""
        return glpi_events.requester(verified.delivery.body)

    def grant(self, account: Account) -> Call | None:
        """The call for an access token, by the user's password, else by the client's own credentials."""
        access = access_of(account)
        if access is None:
            return None
        url = writing.address(access.base_url, "/api.php/token")
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        return Call("POST", url, headers, credentials(access))

    def granted(self, account: Account, reply: Reply) -> Grant:  # noqa: ARG002 - all accounts alike
        """The token. Raises Ambiguous for a 2xx without one."""
        raise_for(reply, GRANTING)
        found = reply_object(reply)
        token = text(found, "access_token")
        if not token:
            msg = f"answered {reply.status} without an access token"
            raise Ambiguous(msg, status=reply.status)
        return Grant(token, reading.count(found, "expires_in") or TOKEN_S)

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket; its requester's phone number is asked for after it."""
        return _read(account, f"{TICKETS}/{{id}}", ref.id)

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:  # noqa: ARG002 - the ticket names the user
        """The user who is the requester, where there is one."""
        user_id = text(glpi_events.requester_of(_object(replies[0])), "id")
        return _read(account, f"{API}/Administration/User/{{id}}", user_id) if user_id and len(replies) == 1 else None

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> Ticket:
        """The whole ticket. A requester who is no user any more has no phone number."""
        record = _object(reply)
        user: Json = _object(more[0]) if more and more[0].status != GONE else {}
        return glpi_events.ticket(ref, record, site_of(account), glpi_listing.requester(record, user))

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A private follow-up, a status or a field; None for a tag and without access."""
        if isinstance(action, WRITTEN):
            body: Json | None = glpi_writing.followup(action, source_of(account), account.language)
            return _write(account, "POST", f"{TICKETS}/{{id}}/Timeline/Followup", body, ref.id, once=True)
        return _write(account, "PATCH", f"{TICKETS}/{{id}}", glpi_writing.change(action), ref.id)

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The follow-up's id, which its echo carries too; empty for the rest."""
        found = _object(reply)
        return text(found, "id") if isinstance(action, WRITTEN) else ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The ticket's follow-ups, for a follow-up; the rest is harmless to write again."""
        return _read(account, f"{TICKETS}/{{id}}/Timeline/Followup", ref.id) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The follow-up that carries the action's mark."""
        if not isinstance(action, WRITTEN):
            return ""
        return writing.marked_text(action, [item for _, item in glpi_writing.timeline(reply)], "content")

    def field_path(self, field: str) -> str:
        """A ticket's name is its subject."""
        return {"name": "subject"}.get(field, field)

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The ticket's timeline; where it tells authors, the ticket is asked for after it."""
        return _read(account, f"{TICKETS}/{{id}}/Timeline", ref.id)

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The ticket, which knows who is the requester."""
        told_authors = len(replies) == 1 and glpi_listing.authors_told(replies[0])
        return _read(account, f"{TICKETS}/{{id}}", ref.id) if told_authors else None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> list[AgentReplied]:
        """The follow-ups and solutions of agents, and the bridge's own, oldest first."""
        record: Json = _object(more[0]) if more else {}
        return glpi_listing.replies(ref, reply, record, site_of(account))

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A ticket in the account's entity, or the user's own. Its group is for GLPI's rules to assign."""
        return _write(account, "POST", TICKETS, glpi_writing.opening(action, source_of(account)), once=True)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        return writing.opened_id(reply.status, _object(reply, OPENING))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The tickets with the external id that stands for the action's mark."""
        return _list(account, f'external_id=="{writing.mark_id(action.marker)}"')

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the ticket with that external id. Raises Ambiguous where the list is cut."""
        return glpi_writing.with_external_id(reply, writing.mark_id(action.marker))

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the tickets changed since then, by their id."""
        access = access_of(account)
        zone = access.timezone if access else ""
        behind = f";id=gt={after}" if after else ""
        return _list(account, f"date_mod=ge={glpi_listing.since(since_ms, zone)}{behind}")

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, and perhaps reopened; tickets done, or in the bin, as solved."""
        return glpi_listing.changes(account_name, reply, site_of(account))


def _object(reply: Reply, meanings: Meanings = MEANINGS) -> Json:
    raise_for(reply, meanings)
    return reply_object(reply)


def _read(account: Account, path: str, ref_id: str = "") -> Call | None:
    access = access_of(account)
    if access is None:
        return None
    call = writing.reading_call(writing.address(access.base_url, path, ref_id), entity_of(access))
    return replace(call, granted=True)


def _list(account: Account, wanted: str) -> Call | None:
    query = f"?sort=id%3Aasc&limit={glpi_listing.PAGE}&filter={quote(wanted, safe='')}"
    return _read(account, f"{TICKETS}{query}")


def _write(
    account: Account, method: str, path: str, body: Json | None, ref_id: str = "", *, once: bool = False
) -> Call | None:
    access = access_of(account)
    if access is None or body is None:
        return None
    url = writing.address(access.base_url, path, ref_id)
    return replace(writing.writing_call(method, url, entity_of(access), body, once=once), granted=True)
