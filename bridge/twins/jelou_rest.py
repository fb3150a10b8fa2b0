"""Jelou's operations over HTTP: 1 to 8 under both base paths, and the send endpoint, which is signed instead."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

from bridge.twins import jelou_answers as wrong
from bridge.twins import jelou_bodies as bodies
from bridge.twins.answers import TAKEN, Answer
from bridge.twins.faults import Cause
from bridge.twins.jelou_answers import refusal, success
from bridge.twins.jelou_events import signature
from bridge.twins.jelou_settings import Integration, iso
from bridge.twins.ledger import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiohttp import web

    from bridge.twins.jelou_project import Project
    from bridge.twins.ledger import Conversation

    Act = Callable[[web.Request, bytes], Answer]

Json = dict[str, Any]

BASES = ("/jelouapi/v1/external-support", "/platform/v1/external-support")
"""The older and the newer base path, both documented."""

SEND_PATH = "/v1/external-support/webhook"
TEMPLATE_PATH = "/v2/whatsapp/{bot}/hsm"
"""Of the general API, which wants Basic."""

RESULTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("create", "enveloped"): ("brainId", "webhookUrl", "signingSecret", "createdAt"),
    ("create", "flat"): ("id", "brainId", "webhookUrl", "authType", "signingSecret", "createdAt"),
    ("read", "enveloped"): ("brainId", "webhookUrl", "createdAt", "updatedAt"),
    ("read", "flat"): ("id", "brainId", "webhookUrl", "authType", "createdAt", "updatedAt"),
    ("update", "enveloped"): ("brainId", "webhookUrl", "createdAt", "updatedAt"),
    ("update", "flat"): ("id", "brainId", "webhookUrl", "authType", "createdAt", "updatedAt"),
    ("regenerate", "enveloped"): ("brainId", "signingSecret"),
    ("regenerate", "flat"): ("signingSecret", "regeneratedAt"),
}
"""What the integration operations answer, in the page's version and in the playground's."""

MESSAGES = {
    "create": "Integration created successfully",
    "read": "Integration retrieved successfully",
    "update": "Integration updated successfully",
    "regenerate": "Signing secret regenerated successfully",
}


class JelouRest:
    """The HTTP face of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def routes(self) -> Iterator[tuple[str, str, str, Act]]:
        """Give every route: operation, method, path, what carries it out."""
        yield "send", "POST", SEND_PATH, self.send
        yield "template", "POST", TEMPLATE_PATH, self.template
        for base in BASES:
            for operation, method, path, act in self._operations():
                yield operation, method, f"{base}/{{project}}{path}", self._guarded(act)

    def _operations(self) -> tuple[tuple[str, str, str, Act], ...]:
        return (
            ("create", "POST", "", self.create),
            ("read", "GET", "", self.read),
            ("update", "PATCH", "", self.update),
            ("delete", "DELETE", "", self.delete),
            ("regenerate", "POST", "/secret/regenerate", self.regenerate),
            ("start", "POST", "/conversations/start", self.start),
            ("close", "POST", "/conversations/close", self.close),
            ("get", "GET", "/conversations/{conversation}", self.get),
        )

    def _guarded(self, act: Act) -> Act:
        def guarded(request: web.Request, raw: bytes) -> Answer:
            if not self._allowed(request):
                raise refusal(wrong.CREDENTIALS)
            return act(request, raw)

        return guarded

    def _allowed(self, request: web.Request) -> bool:
        settings = self._project.settings
        key = request.headers.get("x-api-key", "")
        return (
            same(key, settings.api_key)
            # The key is the project's own: for any other project it is a wrong one.
            and request.match_info["project"] == settings.project_id
            and self._basic_allowed(request.headers.get("Authorization"))
        )

    def _basic_allowed(self, header: str | None) -> bool:
        settings = self._project.settings
        if header is None:
            return not settings.demand_basic
        expected = "Basic " + base64.b64encode(settings.basic.encode()).decode()
        return bool(settings.basic) and same(header, expected)

    def create(self, request: web.Request, raw: bytes) -> Answer:
        """Make the integration; a second one is refused, with a code that is not documented."""
        body = bodies.parsed(raw, request.content_type, bodies.INTEGRATION)
        auth_type, authorization = body.get("authType", "no_auth"), body.get("authorization", "")
        if auth_type != "no_auth" and not authorization:
            raise refusal(wrong.VALUES, bodies.problems({}, bodies.AUTHORIZATION))
        if self._project.integration is not None:
            raise refusal(wrong.INTEGRATION_EXISTS)
        self._project.integration = Integration(body["webhookUrl"], auth_type, authorization)
        return self._integration("create")

    def read(self, _request: web.Request, _raw: bytes) -> Answer:
        """Tell the integration, without its secret."""
        return self._integration("read")

    def update(self, request: web.Request, raw: bytes) -> Answer:
        """Change what is sent of the integration; bad values are 400 here."""
        integration = self._existing()
        integration.update(bodies.parsed(raw, request.content_type, bodies.INTEGRATION_UPDATE, wrong.UPDATE))
        return self._integration("update")

    def delete(self, _request: web.Request, _raw: bytes) -> Answer:
        """Remove the integration: events stop."""
        self._existing()
        self._project.integration = None
        return Answer(200, success("Integration deleted successfully"))

    def regenerate(self, _request: web.Request, _raw: bytes) -> Answer:
        """Replace the signing secret."""
        self._existing().regenerate()
        return self._integration("regenerate")

    def start(self, request: web.Request, raw: bytes) -> Answer:
        """Start a conversation."""
        body = bodies.parsed(raw, request.content_type, bodies.START)
        start, event = self._project.start(body, Cause(request.path, raw))
        data = {
            "conversationId": start.conversation_id,
            "botId": body["botId"],
            "userId": body["userId"],
            "status": "active",
        }
        answer = Answer(200, success("Conversation started successfully", data), first=event)

        def told(heard: str) -> None:
            start.told = heard

        answer.told = told
        return answer

    def close(self, request: web.Request, raw: bytes) -> Answer:
        """Close the newest active conversation of a bot and user."""
        body = bodies.parsed(raw, request.content_type, bodies.CLOSE)
        conversation, event = self._project.close(body, Cause(request.path, raw))
        if conversation is None and self._project.settings.close_inactive_status not in TAKEN:
            raise refusal(wrong.BOT_OR_USER)
        data = {
            "conversationId": conversation.id if conversation else None,
            "botId": body["botId"],
            "userId": body["userId"],
            "status": "closed",
        }
        return Answer(200, success("Conversation closed successfully", data), first=event)

    def get(self, request: web.Request, _raw: bytes) -> Answer:
        """Tell a conversation; its life state is called ``state`` here."""
        conversation = self._project.ledger.conversations.get(request.match_info["conversation"])
        if conversation is None:
            raise refusal(wrong.CONVERSATION)
        return Answer(200, success("Conversation retrieved successfully", self._told(conversation)))

    def send(self, request: web.Request, raw: bytes) -> Answer:
        """Take a message for the end user of an active conversation. No key: the body is signed."""
        settings, integration = self._project.settings, self._project.integration
        shown = request.headers.get("X-Jelou-Signature", "")
        if integration is None or not same(shown, signature(raw, integration.secret)):
            raise refusal(wrong.SIGNATURE, status=settings.bad_signature_status)
        body = bodies.parsed(raw, request.content_type, bodies.MESSAGE, status=settings.bad_message_status)
        conversation = self._room(body)
        if body["user_id"] in settings.windows_closed:
            raise refusal(wrong.WINDOW)
        value = body["value"]
        again = self._project.ledger.sent_again(value["id"])
        if not again or settings.repeat_ids == "delivered":
            conversation.messages.append(Message(value["id"], "bridge", value["type"], value["content"]))
        return Answer(200, success("Message received"))

    def template(self, request: web.Request, raw: bytes) -> Answer:
        """Send an approved template to the people named: outside the 24-hour window nothing else may be sent."""
        if "Authorization" not in request.headers or not self._basic_allowed(request.headers["Authorization"]):
            raise refusal(wrong.CREDENTIALS)
        body = bodies.parsed(raw, request.content_type, bodies.TEMPLATE)
        for user_id in body["destinations"]:
            conversation = self._project.ledger.active(request.match_info["bot"], user_id)
            if conversation is not None:
                content = {"body": body["elementName"], "parameters": body.get("parameters", [])}
                conversation.messages.append(Message(f"hsm-{user_id}", "bridge", "template", content))
        return Answer(200, [{"id": f"hsm-{one}", "destination": one} for one in body["destinations"]])

    def _room(self, body: Json) -> Conversation:
        conversation = self._project.ledger.active(body["bot_id"], body["user_id"])
        here = body["project_id"] == self._project.settings.project_id
        if conversation is None or conversation.room_id != body["room_id"] or not here:
            raise refusal(wrong.CONVERSATION, status=self._project.settings.bad_message_status)
        return conversation

    def _existing(self) -> Integration:
        if self._project.integration is None:
            raise refusal(wrong.INTEGRATION)
        return self._project.integration

    def _integration(self, operation: str) -> Answer:
        settings = self._project.settings
        names = RESULTS[operation, settings.integration_answers]
        data = self._existing().told(settings.project_id, *names)
        flat = settings.integration_answers == "flat"
        return Answer(200, data if flat else success(MESSAGES[operation], data))

    def _told(self, conversation: Conversation) -> Json:
        settings = self._project.settings
        ended: Json = {}
        if conversation.ended_ms:
            ended = {"endAt": iso(conversation.ended_ms), "endedReason": conversation.ended_reason}
        user_id = conversation.user_id
        return {
            "_id": conversation.id,
            "roomId": conversation.room_id,
            "state": conversation.state,
            "startAt": iso(conversation.started_ms),
            **ended,
            "User": {"id": user_id, "names": settings.name_of(user_id), "referenceId": user_id},
            "Bot": {"id": conversation.bot_id, "name": settings.bot_name},
        }


def same(shown: str, expected: str) -> bool:
    """Compare a credential in constant time; never fails, whatever is shown. An empty one is never right."""
    return bool(expected) and hmac.compare_digest(shown.encode(errors="surrogateescape"), expected.encode())
