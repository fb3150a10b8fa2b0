"""What the other sides leave out or say in another place is read as a person would, and told in an agent's words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from bridge import jelou, wording
from bridge.accounts import Account, Project
from bridge.admission import admitted, reconciled
from bridge.domain import AgentReplied, ConversationClosed, Reply, TicketEvent, TicketRef, Unrecognised
from bridge.errors import (
    AlreadyClosed,
    BotNotFound,
    BridgeError,
    Denied,
    Refused,
    Unidentified,
    Unreachable,
    UserNotFound,
    WindowClosed,
)
from bridge.helpdesks import zendesk_events, zendesk_listing
from bridge.helpdesks.zendesk import ZendeskAccount
from bridge.jelou_answers import AlreadyActive, not_found
from bridge.links import Link
from bridge.notes import reason, status_text
from bridge.signatures import jelou_signature, jelou_signed, verify
from tests.senders import NOW_MS, delivered

REF = TicketRef("zendesk", "main", "7")
ZENDESK = ZendeskAccount.model_validate({"project": "acme", "verification": {"secrets": ["made-up"]}})

# --- Jelou -----------------------------------------------------------------------------------------------------------


def closed(at_ms: int, why: str = "", **where: str) -> ConversationClosed:
    """A close event that names no conversation."""
    told = {
        "object": "conversation_event",
        "event_type": "close",
        "timestamp": at_ms,
        "bot": {"id": "bot-1"},
        "room_id": "r-1",
        "value": {"reason": why},
        **where,
    }
    body = orjson.dumps(told)
    delivery = delivered(body, headers={"X-Jelou-Signature": jelou_signature("secret", body)})
    event = jelou.read(verify(delivery, jelou_signed(["secret"]), NOW_MS), "soporte")
    assert isinstance(event, ConversationClosed)
    return event


def test_two_closes_that_name_no_conversation_are_two_facts() -> None:
    """The second episode ends as well; the same event told again is a repeat."""
    first, second, again = (closed(at_ms).fact for at_ms in (1_776_135_070_422, 1_776_135_090_000, 1_776_135_070_422))
    assert (first == again, first == second) == (True, False)


def test_a_close_reason_is_eighty_letters() -> None:
    """It stands on the ticket and in the link."""
    assert [closed(1, "x" * many).reason for many in (80, 81)] == ["x" * 80] * 2


@pytest.mark.parametrize(
    ("key", "message", "meant"),
    [
        ("CONVERSATION_NOT_FOUND", "", Refused),
        ("", "Conversation not found", Refused),
        ("BOT_NOT_FOUND", "", BotNotFound),
        ("", "", UserNotFound),
    ],
)
def test_what_is_missing_is_named_by_the_key_or_the_words(key: str, message: str, meant: type[Exception]) -> None:
    """Else an agent would be told to have the person write first."""
    assert not_found(Reply(404, {}, orjson.dumps({"error": {"key": key}, "message": message}))) is meant


# --- Zendesk ---------------------------------------------------------------------------------------------------------


def commented(**detail: Any) -> TicketEvent:
    """The event of a public comment whose author nobody tells."""
    comment = {"id": "31", "body": "Hola", "is_public": True}
    told = {"id": "7", "requester_id": "9", "status": "OPEN", "updated_at": "2026-11-20T14:20:00Z", **detail}
    body = {"type": "zen:event-type:ticket.comment_added", "id": "e", "detail": told, "event": {"comment": comment}}
    return zendesk_events.event(zendesk_events.Told(orjson.dumps(body), ZENDESK, "main", "i", "42"))


def test_a_comment_of_nobody_is_an_agents() -> None:
    """A trigger without current_user: the reply must reach the customer."""
    event = commented()
    assert isinstance(event, AgentReplied)
    assert (event.public, event.by_bridge) == (True, False)


def test_a_comment_of_the_requester_is_not() -> None:
    """Who acted is told by the ticket where the comment tells none."""
    assert isinstance(commented(actor_id="9"), Unrecognised)


def test_a_list_without_an_end_is_not_read_on() -> None:
    """Should Zendesk leave the flag out, the same page would be read for ever."""
    pages = [{"tickets": [], "after_cursor": "more", **flag} for flag in ({}, {"end_of_stream": False})]
    assert [zendesk_listing.changes(ZENDESK, "main", one, "").after for one in pages] == ["", "more"]


@pytest.mark.parametrize(("bridge_user", "author", "ours"), [("", None, False), ("42", None, False), ("42", 42, True)])
def test_a_comment_of_a_deleted_author_is_not_ours(bridge_user: str, author: int | None, ours: bool) -> None:
    """Also where nobody has told which user the bridge is."""
    comment = {"id": 1, "author_id": author, "body": "Hola", "public": True}
    [reply] = zendesk_listing.replies(REF, {"comments": [comment], "next_page": "more"}, bridge_user)
    assert reply.by_bridge is ours


def test_a_repeat_that_the_reconciler_finds_adds_no_line() -> None:
    """Each of its rounds would push older lines out; that of a webhook says that it was one."""
    event = AgentReplied(REF, "comment:1", "1", "Hola", public=True)
    assert reconciled(event, "d", ZENDESK, 2, 1).repeated == ""
    assert admitted(event, "d", 1, ZENDESK).repeated != ""


# --- in an agent's words ---------------------------------------------------------------------------------------------

PROJECT = Project.model_validate({"project_id": "p", "bot_id": "b", "api_key": "k", "signing_secrets": ["s"]})
ACCOUNT = Account.model_validate({"project": "soporte"})


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (Link(), ""),
        (Link(since_ms=1), "Queued"),
        (Link(attempt=1), "Queued"),
    ],
)
def test_a_start_that_was_tried_shows_in_the_field(link: Link, text: str) -> None:
    """Also one of which no try counts any more; a ticket that nothing has begun for shows nothing."""
    assert status_text(link, ACCOUNT, PROJECT, "") == text


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (UserNotFound("x"), "user_not_found"),
        (BotNotFound("x"), "bot_not_found"),
        (AlreadyActive("x"), "already_active"),
        (AlreadyClosed("x"), "closed_meanwhile"),
        (WindowClosed("x"), "window_closed"),
        (Denied("x"), "denied"),
        (Unidentified("user id", "requester.id"), "no_id"),
        (Unreachable("usable phone number", "requester.phone"), "no_phone"),
        (Refused("x"), "refused"),
    ],
)
def test_each_reason_has_words_of_its_own(error: BridgeError, key: str) -> None:
    """A conversation that was closed meanwhile was not refused, though the call was."""
    words = wording.say("en", f"reason.{key}", detail=error, fields=getattr(error, "fields", ""))
    assert reason("en", error) == words != str(error)
