"""The part of Zendesk's Ticketing API that a bridge needs, over HTTP."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

from bridge.twins import zendesk_lists
from bridge.twins.answers import Answer, RefusedError
from bridge.twins.faults import Cause
from bridge.twins.ledger import now_ms
from bridge.twins.zendesk_bodies import CREATE, UPDATE, attributes, invalid, not_found, parsed, refused
from bridge.twins.zendesk_desk import Ticket, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from aiohttp import web

    from bridge.twins.zendesk_account import ZendeskAccount

    Act = Callable[[web.Request, bytes], Answer]

Json = dict[str, Any]

API = "/api/v2"

SUFFIX = r"{suffix:(?:\.json)?}"
"""Every path works with and without it."""


class ZendeskRest:
    """The HTTP face of an account."""

    def __init__(self, account: ZendeskAccount) -> None:
        self._account = account
        self._created: dict[str, tuple[bytes, Answer]] = {}

    def routes(self) -> Iterator[tuple[str, str, str, Act]]:
        """Give every route: operation, method, path, what carries it out."""
        for operation, method, path, act in (
            ("create_ticket", "POST", "/tickets", self.create_ticket),
            ("get_ticket", "GET", r"/tickets/{ticket:\d+}", self.get_ticket),
            ("update_ticket", "PUT", r"/tickets/{ticket:\d+}", self.update_ticket),
            ("add_tags", "PUT", r"/tickets/{ticket:\d+}/tags", self.add_tags),
            ("list_tickets", "GET", "/tickets", self.list_tickets),
            ("export_tickets", "GET", "/incremental/tickets/cursor", self.export_tickets),
            ("list_comments", "GET", r"/tickets/{ticket:\d+}/comments", self.list_comments),
            ("get_user", "GET", r"/users/{user:me|\d+}", self.get_user),
        ):
            yield operation, method, API + path + SUFFIX, self._guarded(act)

    def _guarded(self, act: Act) -> Act:
        def guarded(request: web.Request, raw: bytes) -> Answer:
            settings = self._account.settings
            expected = base64.b64encode(f"{settings.email}/token:{settings.api_token}".encode())
            shown = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            if not hmac.compare_digest(shown, b"Basic " + expected):
                raise RefusedError(Answer(401, {"error": "Couldn't authenticate you"}))
            return act(request, raw)

        return guarded

    def get_ticket(self, request: web.Request, _raw: bytes) -> Answer:
        """Tell a ticket, with ``include=users`` its people as well."""
        ticket = self._ticket(request)
        people = self._people(request, (ticket.requester_id, ticket.submitter_id, ticket.assignee_id))
        return Answer(200, {"ticket": self._told(request, ticket), **people})

    def update_ticket(self, request: web.Request, raw: bytes) -> Answer:
        """Change a ticket; ``tags`` replaces. ``safe_update`` refuses what was made of an older state, with 409."""
        ticket = self._ticket(request)
        values = attributes(raw, request.content_type, UPDATE)
        _check_stamp(ticket, values.pop("safe_update", False), values.pop("updated_stamp", ""))
        audit = self._account.update(ticket, values, self._account.desk.bridge, Cause(request.path, raw))
        return Answer(200, {"ticket": self._told(request, ticket), "audit": audit.told()})

    def add_tags(self, request: web.Request, raw: bytes) -> Answer:
        """Add tags to those that are there."""
        ticket = self._ticket(request)
        tags = parsed(raw, request.content_type).get("tags")
        if not isinstance(tags, list) or not all(isinstance(tag, str) and tag and " " not in tag for tag in tags):
            raise invalid(tags="Tags: are invalid")
        self._account.update(ticket, {"tags": ticket.tags + tags}, self._account.desk.bridge, Cause(request.path, raw))
        return Answer(200, {"tags": ticket.tags})

    def list_comments(self, request: web.Request, _raw: bytes) -> Answer:
        """Tell a ticket's comments, oldest first or as asked, page by page in either of Zendesk's ways."""
        shown_ms = now_ms() - self._account.settings.comments_lag_s * 1000
        comments = [one for one in self._ticket(request).comments if one.created_ms <= shown_ms]
        pager = zendesk_lists.by_cursor if "page[size]" in request.query else zendesk_lists.by_offset
        shown, about = pager(comments, request.query, str(request.url.with_query(None)))
        told: Json = {"comments": [comment.told() for comment in shown], **about}
        return Answer(200, told | self._people(request, [comment.author_id for comment in shown]))

    def list_tickets(self, request: web.Request, _raw: bytes) -> Answer:
        """Tell the tickets of an ``external_id``, or all of them, by pages."""
        wanted = request.query.get("external_id")
        rows = [one for one in self._account.desk.tickets.values() if wanted is None or one.external_id == wanted]
        shown, about = zendesk_lists.by_offset(rows, request.query, str(request.url.with_query(None)))
        return Answer(200, {"tickets": [self._told(request, one) for one in shown], **about})

    def export_tickets(self, request: web.Request, _raw: bytes) -> Answer:
        """Tell what changed since ``start_time``, or behind a ``cursor``: oldest change first, deleted ones too."""
        desk, settings, now = self._account.desk, self._account.settings, now_ms()
        rows = [*desk.tickets.values(), *desk.deleted.values()]
        told = [one for one in rows if one.updated_ms <= now - settings.export_lag_s * 1000]
        shown, about = zendesk_lists.export(told, request.query, now - round(settings.export_after_s * 1000))
        page: Json = {"tickets": [self._exported(request, one) for one in shown], **about}
        return Answer(200, page | self._people(request, [one.requester_id for one in shown]))

    def create_ticket(self, request: web.Request, raw: bytes) -> Answer:
        """Make a ticket; once only for one ``Idempotency-Key``."""
        key = request.headers.get("Idempotency-Key", "")
        if key in self._created:
            return _repeated(*self._created[key], raw)
        values = attributes(raw, request.content_type, CREATE)
        ticket = self._account.create(values, self._account.desk.bridge, "api", Cause(request.path, raw))
        told = self._told(request, ticket)
        looked_up = {"x-idempotency-lookup": "miss"} if key else {}
        answer = Answer(201, {"ticket": told, "audit": ticket.audits[0].told()}, {"Location": told["url"], **looked_up})
        if key:
            self._created[key] = (raw, answer)
        return answer

    def get_user(self, request: web.Request, _raw: bytes) -> Answer:
        """Tell a person; ``me`` is whose token it is."""
        desk, asked = self._account.desk, request.match_info["user"]
        user = desk.bridge if asked == "me" else desk.users.get(int(asked))
        if user is None:
            raise not_found()
        return Answer(200, {"user": user.told()})

    def _people(self, request: web.Request, ids: Iterable[int | None]) -> Json:
        if "users" not in request.query.get("include", "").split(","):
            return {}
        users = self._account.desk.users
        return {"users": [users[one].told() for one in dict.fromkeys(ids) if one in users]}

    def _exported(self, request: web.Request, ticket: Ticket) -> Json:
        return {**self._told(request, ticket), "generated_timestamp": ticket.updated_ms // 1000}

    def _ticket(self, request: web.Request) -> Ticket:
        try:
            return self._account.desk.ticket(int(request.match_info["ticket"]))
        except LookupError:
            raise not_found() from None

    def _told(self, request: web.Request, ticket: Ticket) -> Json:
        return {"url": f"{request.url.origin()}{API}/tickets/{ticket.id}.json", **ticket.told()}


def _check_stamp(ticket: Ticket, safe: object, stamp: str) -> None:
    # Stamps have whole seconds, so two updates within one second pass as they do at Zendesk.
    if safe and stamp < iso(ticket.updated_ms):
        raise refused(409, "UpdateConflict", "The ticket was updated meanwhile")


def _repeated(first: bytes, answer: Answer, raw: bytes) -> Answer:
    if raw != first:
        raise refused(400, "IdempotencyKeyReused", "The same key came with other parameters")
    return Answer(answer.status, answer.body, {**answer.headers, "x-idempotency-lookup": "hit"})
