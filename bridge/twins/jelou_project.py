"""A Jelou project at work: conversations begin, messages pass, conversations end, and each tells its event."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from bridge.twins.courier import Courier
from bridge.twins.faults import Cause, Faults
from bridge.twins.jelou_answers import ACTIVE, BOT, BOT_OR_USER, USER, Failure, refusal
from bridge.twins.jelou_events import (
    EVENTS,
    close_event,
    message_event,
    post,
    signed_headers,
    start_event,
    without_metadata,
)
from bridge.twins.ledger import Conversation, EventDelivery, Ledger, Message, Start, now_ms

if TYPE_CHECKING:
    from asyncio import Task

    from bridge.twins.faults import EventFault
    from bridge.twins.jelou_settings import Integration, JelouSettings

Json = dict[str, Any]

OPERATIONS = ("create", "read", "update", "delete", "regenerate", "start", "close", "get", "send", "template")
"""The operations of the API, by the names that faults know them."""

CLOSED_BY_OPERATOR = "closed_by_operator"
"""The only ``endedReason`` that is listed."""


class Project:
    """The state of one project and what can happen in it. Knows nothing of HTTP but for the events it posts."""

    def __init__(self, settings: JelouSettings) -> None:
        self.settings = settings
        self.integration: Integration | None = None
        self.ledger = Ledger()
        self.faults = Faults(OPERATIONS, EVENTS)
        self.courier = Courier()
        # Ids are 24 hex digits that go up and that no other run gives out.
        self._next_id = (int(time.time()) << 64) | secrets.randbits(40) << 24

    def start(self, body: Json, cause: Cause) -> tuple[Start, Task[None] | None]:
        """Start a conversation as this valid body asks; with the event to be waited for, if one is to be early.

        Raises the refusal for an unknown bot or user, or where one is active and the settings say error.
        """
        bot_id, user_id = body["botId"], body["userId"]
        self.check_known(bot_id, user_id)
        active = self.ledger.active(bot_id, user_id)
        if active is not None and self.settings.when_active != "new":
            return self._start_again(active, body), None
        conversation = Conversation(
            self._new_id(), bot_id, user_id, body.get("initialMessage"), body.get("metadata"), body.get("assignment")
        )
        return self._record(conversation, new=True), self._open(conversation, cause)

    def close(self, body: Json, cause: Cause) -> tuple[Conversation | None, Task[None] | None]:
        """Close the newest active conversation of bot and user, as this valid body asks; None where there is none."""
        bot_id, user_id = body["botId"], body["userId"]
        self.check_known(bot_id, user_id, refuse_as=BOT_OR_USER)
        conversation = self.ledger.active(bot_id, user_id)
        if conversation is None:
            return None, None
        redirect = body.get("redirectPayload")
        if redirect and redirect.get("text"):
            conversation.messages.append(Message(self._new_id(), "bridge", "text", {"body": redirect["text"]}))
        return conversation, self._end(conversation, redirect, "", cause, by="bridge")

    def check_known(self, bot_id: str, user_id: str, refuse_as: Failure | None = None) -> None:
        """Raise the refusal for a bot or user that does not exist; no user id begins with a plus sign."""
        if bot_id != self.settings.bot_id:
            raise refusal(refuse_as or BOT)
        users = self.settings.users
        if user_id.startswith("+") or (users is not None and user_id not in users):
            raise refusal(refuse_as or USER)

    def customer_writes(self, user_id: str, value_type: str, content: Json) -> Message:
        """Let the end user write in the active conversation. Raises LookupError where there is none."""
        conversation = self._active(user_id)
        self.settings.windows_closed.discard(user_id)
        message = Message(self._new_id(), "customer", value_type, content)
        conversation.messages.append(message)
        event = message_event(self.settings, conversation, message)
        self._emit("message", conversation, event, Cause(body=user_id.encode()))
        return message

    def hand_over(self, user_id: str, text: str = "", queue: str = "") -> Conversation:
        """Let the bot hand a customer over, to a queue perhaps: a conversation that no start call asked for.

        Which event this emits is undocumented; here it is the minimal start event.
        """
        to = {"type": "queue", "target": queue} if queue else None
        conversation = Conversation(self._new_id(), self.settings.bot_id, user_id, assignment=to)
        self._open(conversation, Cause(body=user_id.encode()))
        if text:
            self.customer_writes(user_id, "text", {"body": text})
        return conversation

    def end(self, user_id: str, reason: str) -> Conversation:
        """Let somebody inside Jelou end the active conversation. Raises LookupError where there is none."""
        conversation = self._active(user_id)
        self._end(conversation, None, reason, Cause(body=user_id.encode()), by="operator")
        return conversation

    def _active(self, user_id: str) -> Conversation:
        conversation = self.ledger.active(self.settings.bot_id, user_id)
        if conversation is None:
            msg = f"user {user_id} has no active conversation"
            raise LookupError(msg)
        return conversation

    def _start_again(self, active: Conversation, body: Json) -> Start:
        if self.settings.when_active == "error":
            raise refusal(ACTIVE)
        start = Start(active.id, active.user_id, body.get("metadata") or {}, new=False)
        self.ledger.record(start)
        return start

    def _record(self, conversation: Conversation, *, new: bool) -> Start:
        start = Start(conversation.id, conversation.user_id, conversation.metadata or {}, new=new)
        self.ledger.record(start)
        return start

    def _open(self, conversation: Conversation, cause: Cause) -> Task[None] | None:
        self.ledger.open(conversation)
        return self._emit("start", conversation, start_event(self.settings, conversation), cause)

    def _end(
        self, conversation: Conversation, redirect: Json | None, reason: str, cause: Cause, *, by: str
    ) -> Task[None] | None:
        self.ledger.end(conversation, reason or CLOSED_BY_OPERATOR, by)
        event = close_event(self.settings, conversation, redirect, reason)
        return self._emit("close", conversation, event, cause)

    def _emit(self, name: str, conversation: Conversation, event: Json, cause: Cause) -> Task[None] | None:
        integration = self.integration
        if integration is None:
            return None
        fault = self.faults.of_event(name, cause)
        return self.courier.dispatch(conversation.id, partial(self._deliver, event, integration), fault)

    async def _deliver(self, event: Json, integration: Integration, fault: EventFault) -> None:
        body = orjson.dumps(event if fault.metadata else without_metadata(event))
        headers = signed_headers(integration, body, rightly=fault.signed)
        began_ms = now_ms()
        status, problem = await post(
            self.courier.session, integration.webhook_url, body, headers, self.settings.event_timeout_s
        )
        name = event.get("event", "message")
        told = EventDelivery(name, event["conversation"]["id"], status, problem, now_ms() - began_ms)
        delivery = replace(told, message_id=event["value"].get("id", ""))
        self.ledger.deliveries.append(delivery)

    def _new_id(self) -> str:
        self._next_id += 1
        return f"{self._next_id:024x}"
