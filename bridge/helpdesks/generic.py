"""Any helpdesk by configuration: an account names a mapping, which says as data what a dialect says as code.

A mapping is YAML (``generic_mapping``): how a delivery proves its sender, what it tells, which calls fetch the ticket,
write on it, open one and list what has changed. Shipped ones are named (``mapping: request-tracker``); one's own is a
file beside the configuration (``mapping: file:our-desk.yaml``). Secrets and hosts stand with the account. What an
expression asks of something that is not there is missing, and never an error; names that cannot be there are told by
``bridge check``, with their line. ``bridge simulate`` shows what a mapping makes of a delivery.

Traps. A write without ``key_header`` and without ``probe`` may stand on the ticket twice after an answer that was lost:
give a note a probe. A webhook without ``version`` is known again by its content alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.domain import WRITTEN, Changes, Handshake, OpenTicket, SetField
from bridge.errors import Ambiguous, Refused, Unreadable
from bridge.helpdesks import generic_access, generic_proof, writing
from bridge.helpdesks import generic_calls as calls
from bridge.helpdesks import generic_reading as reader
from bridge.helpdesks.dialect import Action, Dialect, unaskable
from bridge.helpdesks.generic_account import GenericAccount, secrets_of, settings_of
from bridge.helpdesks.generic_account import own as own_account
from bridge.helpdesks.generic_asking import (
    KIND,
    asked_about,
    asked_of,
    delivered,
    listed,
    source_of,
    whole,
    write_of,
    writing_call,
)
from bridge.helpdesks.generic_expressions import built, found, holds, told
from bridge.helpdesks.generic_functions import text_of
from bridge.helpdesks.generic_reading import usable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.accounts import Account
    from bridge.domain import (
        AgentReplied,
        Call,
        Delivery,
        Grant,
        Reply,
        Ticket,
        TicketEvent,
        TicketRef,
        Verified,
        WriteBack,
    )
    from bridge.helpdesks.reading import Json
    from bridge.signatures import Verification


CONTENT_TYPES: Final = {"form": "application/x-www-form-urlencoded"}


QUESTION_MOST: Final = 16_384
"""Bytes of a question: whoever asks has proven nothing, so no more of it is read than a question is long."""


def _question(own: GenericAccount, delivery: Delivery) -> Any:
    """What the body of a question says; None where it is none: it is judged as a delivery then."""
    if not 0 < len(delivery.body) <= QUESTION_MOST:
        return None
    try:
        return generic_proof.content(own.mapping, delivery.body)
    except Unreadable:
        return None


class Generic(Dialect):
    """The dialect of helpdesks that a mapping describes."""

    kind = KIND
    settings: type[Account] = GenericAccount

    # -- deliveries

    def verification(self, account: Account) -> Verification:
        """As the mapping's ``proof`` says."""
        own = own_account(account)
        return generic_proof.verification(own.mapping.proof, secrets_of(own), own.verification.username)

    def handshake(self, account: Account, delivery: Delivery) -> Handshake | None:
        """The first of the mapping's handshakes whose condition holds."""
        own = own_account(account)
        if not own.mapping.handshake:
            return None
        asked = delivered(own, delivery, _question(own, delivery))
        shake = next((one for one in own.mapping.handshake if holds(one.when, asked)), None)
        answer = text_of(built(shake.answer, asked)) if shake else None
        return Handshake(answer.encode()) if answer is not None else None

    def handshake_in_body(self, account: Account) -> bool:
        """Where the mapping has handshakes: their conditions may ask for what the body says."""
        return bool(own_account(account).mapping.handshake)

    def accepted(self, account: Account) -> Handshake | None:
        """As the mapping's ``answer`` says; a text as it stands, anything else as JSON."""
        answer = own_account(account).mapping.answer
        if answer is None:
            return None
        plain = isinstance(answer.body, str)
        body = answer.body.encode() if plain else orjson.dumps(answer.body)
        return Handshake(body, answer.status, "text/plain" if plain else "application/json")

    def content_type(self, account: Account) -> str:
        """A form's where the mapping reads forms."""
        return CONTENT_TYPES.get(own_account(account).mapping.content, super().content_type(account))

    def delivery_id(self, delivery: Delivery, account: Account) -> str:
        """What the mapping's ``delivery_id`` finds; empty for a body that cannot be read."""
        own = own_account(account)
        try:
            body = generic_proof.content(own.mapping, delivery.body)
        except Unreadable:
            return ""
        return told(own.mapping.delivery_id, whole(delivered(own, delivery, body)))

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:
        """The events in a delivery, by the mapping's rules. Raises Unreadable."""
        own = own_account(account)
        delivery = verified.delivery
        asked = delivered(own, delivery, generic_proof.content(own.mapping, delivery.body))
        return reader.events(source_of(own, account_name), asked, told(own.mapping.delivery_id, whole(asked)))

    def requester(self, verified: Verified, account: Account) -> Json:
        """As the mapping reads a ticket, where a ticket can be read too: of a reply it may mean whoever wrote it."""
        own, delivery = own_account(account), verified.delivery
        if own.access is None or own.mapping.fetch is None or own.mapping.explode:
            return {}
        asked = whole(delivered(own, delivery, generic_proof.content(own.mapping, delivery.body)))
        return reader.requester(source_of(own, ""), own.mapping.ticket, asked)

    # -- reads

    def fetch(self, account: Account, ref: TicketRef) -> Call | None:
        """The first step of the mapping's ``fetch``."""
        return self.fetch_more(account, ref, ())

    def fetch_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """Its next step."""
        own = own_account(account)
        if own.access is None or own.mapping.fetch is None:
            return None
        return calls.walk(own.mapping.fetch.steps, own.mapping, own.access, asked_of(own, ref.id), replies).call

    def fetched(self, account: Account, ref: TicketRef, *replies: Reply) -> Ticket:
        """The ticket as ``fetch.ticket`` says. Raises Gone where the answers hold no ticket of that id."""
        own = own_account(account)
        if own.access is None or own.mapping.fetch is None:
            raise unaskable()
        walked = calls.walk(own.mapping.fetch.steps, own.mapping, own.access, asked_of(own, ref.id), replies)
        asked = asked_of(own, ref.id) | {"read": walked.read}
        if own.mapping.fetch.ticket.id and not told(own.mapping.fetch.ticket.id, asked):
            msg = "answered without the id of the ticket"
            raise Ambiguous(msg)
        return reader.ticket(source_of(own, ref.account), ref, own.mapping.fetch.ticket, asked)

    def fetch_comments(self, account: Account, ref: TicketRef) -> Call | None:
        """The first step of the mapping's ``comments``."""
        return self.comments_more(account, ref, ())

    def comments_more(self, account: Account, ref: TicketRef, replies: Sequence[Reply]) -> Call | None:
        """Its next step."""
        own = own_account(account)
        if own.access is None or own.mapping.comments is None:
            return None
        return calls.walk(own.mapping.comments.steps, own.mapping, own.access, asked_of(own, ref.id), replies).call

    def fetched_comments(self, account: Account, ref: TicketRef, *replies: Reply) -> list[AgentReplied]:
        """The comments of agents, oldest first."""
        own = own_account(account)
        recipe = own.mapping.comments
        if own.access is None or recipe is None:
            raise unaskable()
        walked = calls.walk(recipe.steps, own.mapping, own.access, asked_of(own, ref.id), replies)
        asked = asked_of(own, ref.id) | {"read": walked.read}
        items = found(recipe.each, asked)
        told_of = [asked | {"item": one} for one in (items if isinstance(items, list) else [])]
        read = [(one, reader.comment(own, ref, recipe.comment, one)) for one in told_of]
        kept = [reply for one, reply in read if reply.by_bridge or not holds(recipe.comment.by_customer_when, one)]
        return kept[::-1] if recipe.newest_first else kept

    # -- writes

    def prepare(
        self, account: Account, ref: TicketRef | None, action: WriteBack | OpenTicket, replies: Sequence[Reply]
    ) -> Call | None:
        """The next of the steps before the write."""
        own = own_account(account)
        asked = asked_about(own, ref.id if ref else "", action)
        write = write_of(own, action, asked)
        if own.access is None or write is None:
            return None
        return calls.walk(write.before, own.mapping, own.access, asked, replies).call

    def prepared(self, account: Account, action: Action, replies: Sequence[Reply]) -> Action:
        """A status with what brings the ticket there, a field with all that is written, a ticket with its contact."""
        own = own_account(account)
        # The id only has to be there: the calls are made already.
        asked = asked_about(own, "-", action)
        write = write_of(own, action, asked)
        if own.access is None or write is None or not write.by or isinstance(action, WRITTEN):
            return action
        walked = calls.walk(write.before, own.mapping, own.access, asked, replies)
        known = asked | {"read": walked.read}
        by = found(write.by, known) if isinstance(action, SetField) else told(write.by, known)
        if not by:
            msg = "what has to be known before the write was not found"
            raise Refused(msg)
        return replace(action, contact=by) if isinstance(action, OpenTicket) else replace(action, by=by)

    def call(self, account: Account, ref: TicketRef, action: WriteBack, key: str, *, now_ms: int) -> Call | None:  # noqa: ARG002 - nothing is signed
        """The first of the mapping's writes for this action whose condition holds."""
        own = own_account(account)
        return writing_call(own, ref.id, action, writing.once_key(str(ref), key))

    def receipt(self, account: Account, action: WriteBack, reply: Reply) -> str:
        """What the write's ``receipt`` finds. Raises CallError."""
        own = own_account(account)
        asked = asked_about(own, "", action)
        calls.judge(own.mapping, reply, asked)
        write = write_of(own, action, asked)
        if write is None:
            return ""
        calls.was_written(write, reply, asked)
        return told(write.receipt, calls.answered(reply, asked))

    def probe(self, account: Account, ref: TicketRef, action: WriteBack) -> Call | None:
        """The write's probe, for what must not stand there twice."""
        own = own_account(account)
        asked = asked_about(own, ref.id, action)
        write = write_of(own, action, asked) if isinstance(action, WRITTEN) else None
        if own.access is None or write is None or write.probe is None or write.key_header:
            return None
        return calls.made(write.probe, own.access, asked)

    def found(self, account: Account, action: WriteBack, reply: Reply) -> str:
        """The first text that carries the action's mark."""
        own = own_account(account)
        asked = asked_about(own, "", action)
        calls.judge(own.mapping, reply, asked)
        write = write_of(own, action, asked)
        if write is None or write.probe is None or not isinstance(action, WRITTEN):
            return ""
        calls.was_read(write.probe, reply, asked)
        texts = found(write.probe.texts, calls.answered(reply, asked))
        said = [text_of(one) or "" for one in (texts if isinstance(texts, list) else [texts])]
        return next((one for one in said if action.marker in one), "")

    # -- tickets of ours

    def open_ticket(self, account: Account, action: OpenTicket, key: str, *, now_ms: int) -> Call | None:  # noqa: ARG002 - nothing is signed
        """The mapping's ``opening``."""
        return writing_call(own_account(account), "", action, writing.once_key(action.marker, key))

    def opened(self, account: Account, reply: Reply) -> str:
        """The id of the ticket. Raises Ambiguous for a 2xx without one."""
        own = own_account(account)
        calls.judge(own.mapping, reply, {}, opening=True)
        opening = own.mapping.opening
        return writing.opened_id(reply.status, {"id": told(opening.id, calls.answered(reply, {})) if opening else ""})

    def find_opened(self, account: Account, action: OpenTicket) -> Call | None:
        """The ``find`` of ``opening``."""
        own = own_account(account)
        opening = own.mapping.opening
        if own.access is None or opening is None or opening.find is None or opening.key_header:
            return None
        return calls.made(opening.find, own.access, asked_about(own, "", action))

    def found_opened(self, account: Account, action: OpenTicket, reply: Reply) -> str:
        """The id of the ticket that carries the mark; empty where it is not there."""
        own = own_account(account)
        calls.judge(own.mapping, reply, {}, opening=True)
        opening = own.mapping.opening
        find = opening.find if opening else None
        if find is None:
            return ""
        asked = asked_about(own, "", action)
        calls.was_read(find, reply, asked)
        return usable(told(find.id, calls.answered(reply, asked)))

    # -- lists

    def changed(self, account: Account, since_ms: int, after: str) -> Call | None:
        """A page of the mapping's ``changes``."""
        own = own_account(account)
        if own.access is None or own.mapping.changes is None:
            return None
        asked = calls.since(since_ms, after) | {"settings": settings_of(own)}
        return calls.made(own.mapping.changes, own.access, asked)

    def changes(self, account: Account, account_name: str, reply: Reply) -> Changes:
        """Tickets not done as opened, tickets done as solved."""
        own = own_account(account)
        recipe = own.mapping.changes
        if recipe is None:
            raise unaskable()
        calls.judge(own.mapping, reply, {}, opening=True)
        calls.was_read(recipe, reply, {})
        asked = calls.answered(reply, {"settings": settings_of(own)})
        return listed(source_of(own, account_name), recipe, asked)

    # -- access

    def grant(self, account: Account) -> Call | None:
        """The call for an access token, where the credential is ``oauth2``."""
        access = own_account(account).access
        return access.grant() if access else None

    def granted(self, account: Account, reply: Reply) -> Grant:  # noqa: ARG002 - all accounts alike
        """The token in an answer of OAuth 2.0."""
        return generic_access.granted(reply)
