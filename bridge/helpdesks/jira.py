"""Jira Service Management (Cloud): its signature, its webhooks (``jira_events``), its lists, what is written there.

In the console, as an administrator of Jira: System > WebHooks > Create a WebHook, with a secret, the JQL filter
``project = SD`` and these events: Issue created, updated, deleted; Comment created. "Exclude body" stays off. An
Automation rule cannot sign and is not read. The bridge has a user of its own, with an agent's licence in the project
and an API token (id.atlassian.com > Security > API tokens). A token with scopes works under
``https://api.atlassian.com/ex/jira/<cloud id>`` as the ``base_url``. What is solved in Jira mails the customer by the
project's own settings (Project settings > Customer notifications > Request resolved), which no call can switch off.

A ticket's id is the issue's number, not its key: a moved issue gets another key, and its conversation would be lost
with the old one. People say the key, so ``ticket.key`` is told to templates and rules; the id of a key is at
``/rest/api/3/issue/SD-142?fields=key``.

The account says in which custom field the phone number is (``phone_field``). Fields in ``write_back`` are custom fields
for text by their ids, or ``external_id``, which is a property of the issue and stands on no screen.

There is no idempotency key: a comment or a ticket of unknown fate is looked for by its mark.

Sources: "Webhooks", "Issues", "Issue comments", "Issue search", "Issue properties", "Rate limiting" for Jira Cloud;
"Customer request" for Jira Service Management Cloud, all on Atlassian's developer site.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.domain import WRITTEN, Rate, SetStatus
from bridge.errors import Ambiguous
from bridge.helpdesks import jira_events, jira_listing, jira_reading, jira_writing, proof, reading, writing
from bridge.helpdesks.dialect import Dialect
from bridge.helpdesks.jira_account import JiraAccess, JiraAccount, access_of, signed, site_of
from bridge.helpdesks.jira_reading import KIND, PROPERTY
from bridge.helpdesks.jira_writing import OPENING, judge
from bridge.helpdesks.reading import section, text, told
from bridge.replies import reply_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import (
        AgentReplied,
        Call,
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
    from bridge.helpdesks.dialect import Action
    from bridge.helpdesks.reading import Json
    from bridge.signatures import HmacSigned

ISSUE: Final = "/rest/api/3/issue/{id}"
TRANSITIONS: Final = f"{ISSUE}/transitions"


def _credential(access: JiraAccess) -> dict[str, str]:
    return writing.basic(access.email, access.api_token.get_secret_value())


def _read(account: Account, path: str, ref_id: str = "") -> Call | None:
    access = access_of(account)
    if access is None:
        return None
    return writing.reading_call(writing.address(access.base_url, path, ref_id), _credential(access))


def _issue(reply: Reply) -> Json:
    """The issue in an answer. Raises CallError."""
    judge(reply)
    found = reply_object(reply)
    if not section(found, "fields"):
        msg = "answered without an issue"
        raise Ambiguous(msg, status=reply.status)
    return found


class Jira(Dialect):
    """The dialect of Jira Service Management."""

    kind = KIND
    settings: type[Account] = JiraAccount
    calls_per_minute = 300
    ticket_rate: Rate | None = Rate(20, 6.0)
    """Jira takes 20 writes in 2 s and 100 in 30 s on one issue: this keeps both. Of an account it tells no number."""

    def verification(self, account: Account) -> HmacSigned:
        """The webhook's signature. It holds no time, so an old delivery is known by its facts alone."""
        return signed(proof.own(account, JiraAccount).verification)

    def delivery_id(self, delivery: Delivery, account: Account) -> str:  # noqa: ARG002 - all accounts alike
        """The webhook's identifier, which Jira keeps over its retries."""
        return delivery.headers.get("x-atlassian-webhook-identifier", "")

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The events of an issue or a comment. Raises Unreadable."""
        delivery = verified.delivery
        body = reading.decoded(delivery.body)
        return jira_events.events(body, self.delivery_id(delivery, account), site_of(account, account_name))

    def requester(self, verified: Verified, account: Account) -> Json:
        """The reporter."""
        return jira_reading.reporter(reading.decoded(verified.delivery.body), site_of(account))

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The issue with its custom fields and the bridge's property."""
        return _read(account, jira_listing.ISSUE, ref.id)

    def fetched(self, account: Account, ref: TicketRef, reply: Reply, *_more: Reply) -> Ticket:
        """The whole ticket; custom fields by their ids."""
        return jira_reading.ticket(ref, _issue(reply), site_of(account))

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """For a status: the issue's present one, then the transitions from there. Raises CallError."""
        if ref is None or not isinstance(action, SetStatus):
            return None
        if not replies:
            return _read(account, f"{ISSUE}?fields=status", ref.id)
        if len(replies) > 1 or self._is_there(account, action, replies[0]):
            return None
        return _read(account, f"{TRANSITIONS}?expand=transitions.fields", ref.id)

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """The status with the transition that leads there. Raises Refused where there is none, CallError."""
        if not isinstance(action, SetStatus) or not replies:
            return action
        if self._is_there(account, action, replies[0]):
            return replace(action, by=jira_writing.THERE)
        judge(replies[-1])
        transitions = reading.records(reply_object(replies[-1]), "transitions")
        return replace(action, by=jira_writing.way(account, action.status, transitions))

    def _is_there(self, account: Account, action: SetStatus, reply: Reply) -> bool:
        return jira_writing.is_there(account, action.status, section(section(_issue(reply), "fields"), "status"))

    def call(
        self,
        account: Account,
        ref: TicketRef,
        action: WriteBack,
        key: str,  # noqa: ARG002 - Jira has no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """An internal comment, a transition, a field, a property or a label; None without access.

        Where the ticket has its status already it is only read again.
        """
        if isinstance(action, SetStatus) and action.by == jira_writing.THERE:
            return _read(account, f"{ISSUE}?fields=status", ref.id)
        access, made = access_of(account), _written(action)
        if access is None or made is None:
            return None
        method, path, body = made
        url = writing.address(access.base_url, path, ref.id)
        return writing.writing_call(method, url, _credential(access), body, once=isinstance(action, WRITTEN))

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The comment's id for a note or a reply, which its echo carries too; empty for the rest."""
        judge(reply)
        # Jira answers all but a comment with an empty body.
        found = reply_object(reply) if reply.body or isinstance(action, WRITTEN) else {}
        return text(found, "id") if isinstance(action, WRITTEN) else ""

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The issue's newest hundred comments, for a comment; the rest is harmless to write again."""
        return _read(account, jira_listing.COMMENTS, ref.id) if isinstance(action, WRITTEN) else None

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The words of the comment that carries the action's mark."""
        judge(reply)
        return writing.marked_text(action, jira_listing.written(reply_object(reply)), "text")

    def field_path(self, field: str) -> str:
        """A custom field stands under its id."""
        return field if field == "external_id" else f"custom.{field}"

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The issue's newest hundred comments; its reporter follows."""
        return _read(account, jira_listing.COMMENTS, ref.id)

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """The issue's reporter, whose comments are no agent's. Raises CallError."""
        judge(replies[-1])
        return _read(account, jira_listing.REPORTER, ref.id) if len(replies) == 1 else None

    def fetched_comments(self, account: Account, ref: TicketRef, reply: Reply, *more: Reply) -> list[AgentReplied]:
        """The comments of agents, and the bridge's own, oldest first."""
        judge(reply)
        issue = _issue(more[0]) if more else {}
        return jira_listing.replies(ref, reply_object(reply), issue, site_of(account))

    def open_ticket(
        self,
        account: Account,
        action: OpenTicket,
        key: str,  # noqa: ARG002 - there is no idempotency key
        *,
        now_ms: int,  # noqa: ARG002 - nothing is signed
    ) -> Call | None:
        """A customer request, whose type is the action's group or the account's; None where one of both ids lacks."""
        access = access_of(account)
        request_type = action.group or (access.request_type_id if access else "")
        if access is None or not access.service_desk_id or not request_type:
            return None
        desk = {
            "serviceDeskId": access.service_desk_id,
            "requestTypeId": request_type,
            "raiseOnBehalfOf": access.raise_on_behalf_of,
        }
        body = jira_writing.opening(action, desk, site_of(account).phone_field)
        url = writing.address(access.base_url, "/rest/servicedeskapi/request")
        return writing.writing_call("POST", url, _credential(access), body, once=True)

    def opened(self, account: Account, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the issue. Raises Ambiguous for a 2xx without one."""
        judge(reply, OPENING)
        return writing.opened_id(reply.status, told(id=reply_object(reply).get("issueId")))

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The issues whose description carries the mark. The search may lag behind by seconds."""
        return _read(account, jira_listing.described(action.marker))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:  # noqa: ARG002 - all accounts alike
        """The id of the issue with the mark in its description."""
        judge(reply, OPENING)
        return jira_listing.found_in(reply_object(reply), action.marker)

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the search for what changed within the account's JQL."""
        access = access_of(account)
        return _read(account, jira_listing.changed(access.jql, since_ms, after)) if access else None

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Issues not done as opened, issues done as solved."""
        judge(reply, OPENING)
        return jira_listing.changes(reply_object(reply), site_of(account, account_name))


def _written(action: WriteBack) -> tuple[str, str, Json] | None:
    """Method, path and body of a write. Version 2 takes the same text for a field of one line and of several."""
    if isinstance(action, WRITTEN):
        return "POST", f"{ISSUE}/comment", jira_writing.comment(action.text)
    if isinstance(action, SetStatus):
        return "POST", TRANSITIONS, jira_writing.transition(action.by)
    if action.field == "external_id":
        return "PUT", f"{ISSUE}/properties/{PROPERTY}", {"conversation": action.value}
    body = jira_writing.field(action)
    return ("PUT", "/rest/api/2/issue/{id}", body) if body else None
