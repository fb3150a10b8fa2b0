"""Jelou's integration of a project: operations 1 to 5 as calls, and what their answers say. Pure.

Source: Jelou's "external support panel" pages on create, read, update, delete and regenerate. Page text and playground
contradict each other: one wraps what is answered in an envelope, without ``authType``; the other shows it flat. Both
are read. The code for an integration that exists already is not documented.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from bridge.accounts import ApiKeyAuth, BasicAuth, BearerAuth
from bridge.domain import Call
from bridge.errors import Ambiguous, CallError, Denied, NotSent, Refused, Throttled
from bridge.jelou import api_url
from bridge.jelou import headers as headers_of
from bridge.jelou_answers import MEANINGS, body_of, data_of, status_words, words
from bridge.replies import raise_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Project, WebhookAuth
    from bridge.domain import Reply
    from bridge.replies import Meanings

Operation = Literal["create", "show", "update", "delete", "rotate"]

CALL_S = 15.0
"""A person waits, and a secret whose answer was not waited for is lost."""


@dataclass(frozen=True, slots=True)
class Integration:
    """What Jelou tells of an integration; empty where it does not. Its secret is told only when it is made."""

    webhook_url: str = ""
    auth_type: str = ""
    created_at: str = ""
    updated_at: str = ""
    secret: str = field(default="", repr=False)


class NoIntegration(Refused):
    """Jelou knows no integration at that address."""


class NoProject(Refused):
    """Jelou knows no project at that address."""


class IntegrationExists(Refused):
    """The project has its integration already: there is one at most."""


# --- calls -----------------------------------------------------------------------------------------------------------


def create_call(project: Project, webhook_url: str) -> Call:
    """POST /{projectId}. Jelou presents what ``webhook_auth`` of the project says."""
    return _call("POST", project, {"webhookUrl": webhook_url, **_auth(project.webhook_auth)})


def show_call(project: Project) -> Call:
    """GET /{projectId}."""
    return _call("GET", project)


def update_call(project: Project, webhook_url: str = "", *, auth: bool = False) -> Call:
    """PATCH /{projectId}: only what is sent changes, the URL where one is given, and what Jelou presents to us."""
    body = {"webhookUrl": webhook_url} if webhook_url else {}
    return _call("PATCH", project, body | (_auth(project.webhook_auth) if auth else {}))


def delete_call(project: Project) -> Call:
    """DELETE /{projectId}. Cannot be undone; events stop."""
    return _call("DELETE", project)


def rotate_call(project: Project) -> Call:
    """POST /{projectId}/secret/regenerate, without a body. The old secret is dead at once."""
    return _call("POST", project, path="/secret/regenerate")


def _call(method: str, project: Project, body: Mapping[str, Any] | None = None, path: str = "") -> Call:
    headers = headers_of(project) | ({"content-type": "application/json"} if body else {})
    raw = orjson.dumps(body) if body else b""
    return Call(method, api_url(project) + path, headers=headers, body=raw, timeout_s=CALL_S, once=True)


def _auth(auth: WebhookAuth) -> dict[str, str]:
    credential = _credential(auth)
    return {"authType": auth.type} | ({"authorization": credential} if credential else {})


def _credential(auth: WebhookAuth) -> str:
    """How a pair is given is not documented here; Jelou's custom channel takes it plain and encodes it itself."""
    if isinstance(auth, BearerAuth):
        return auth.token.get_secret_value()
    if isinstance(auth, ApiKeyAuth):
        return auth.key.get_secret_value()
    return f"{auth.username}:{auth.password.get_secret_value()}" if isinstance(auth, BasicAuth) else ""


# --- answers ---------------------------------------------------------------------------------------------------------


def answered(operation: Operation, reply: Reply) -> Integration:
    """The integration in an answer. Raises CallError, in words for whoever typed the command.

    A success without the secret that was to come is Ambiguous: there is one, and nobody knows it.
    """
    try:
        raise_for(reply, _MEANINGS[operation])
    except CallError as error:
        text = f"{_words(operation, error)} ({status_words(reply)})"
        raise type(error)(text, status=error.status, retry_after_s=error.retry_after_s) from None
    told = {name: value for name, value in data_of(reply).items() if isinstance(value, str)}
    names = ("webhookUrl", "authType", "createdAt", "updatedAt", "signingSecret")
    found = Integration(*(told.get(name, "") for name in names))
    lacks = "signingSecret" if operation in SECRET_TOLD and not found.secret.strip() else ""
    if lacks or not (body_of(reply) or operation == "delete"):
        text = f"{UNKNOWN[operation]} (HTTP {reply.status} without a {lacks or 'JSON object'})"
        raise Ambiguous(text, status=reply.status)
    return found


def unanswered(operation: Operation, error: CallError) -> CallError:
    """The error of a call that got no answer, in words for whoever typed the command."""
    return type(error)(f"{_words(operation, error)} ({error.reason})")


def _words(operation: Operation, error: CallError) -> str:
    return UNKNOWN[operation] if isinstance(error, Ambiguous) else EXPLAINED.get(type(error), "Jelou did not do it")


def _refused_create(reply: Reply) -> type[CallError]:
    told = body_of(reply)
    error = told.get("error")
    key = str(error.get("key", "")) if isinstance(error, dict) else ""
    return IntegrationExists if "exist" in f"{key} {words(told)}".lower() else Refused


SECRET_TOLD = frozenset({"create", "rotate"})

_OTHERS: Meanings = {503: MEANINGS[503], 404: NoIntegration}
_CREATE: Meanings = {503: MEANINGS[503], 404: NoProject, 409: IntegrationExists, 422: _refused_create}
_MEANINGS: Mapping[Operation, Meanings] = {
    "create": _CREATE,
    "show": _OTHERS,
    "update": _OTHERS,
    "delete": _OTHERS,
    "rotate": _OTHERS,
}

EXPLAINED: Mapping[type[CallError], str] = {
    NoIntegration: "Jelou knows no integration there: bridge integration create makes one; if there is one, project_id "
    "or base_url is wrong",
    NoProject: "Jelou knows no such project there: project_id or base_url is wrong",
    IntegrationExists: "the project has an integration already: bridge integration show tells it, update changes it, "
    "rotate-secret makes its secret anew",
    Denied: "Jelou refuses the credential: api_key or basic of the project",
    Throttled: "Jelou asks to wait; nothing was done",
    NotSent: "Jelou is not reached at base_url; nothing was done",
    Refused: "Jelou refuses a value; nothing was done",
}

UNKNOWN: Mapping[Operation, str] = {
    "create": "Jelou's answer is lost: if bridge integration show finds an integration now, its secret is lost too; "
    "rotate-secret makes another",
    "show": "Jelou's answer is lost; ask again",
    "update": "Jelou's answer is lost: bridge integration show tells whether it was done; to do it again does no harm",
    "delete": "Jelou's answer is lost: bridge integration show tells whether it was done",
    "rotate": "Jelou's answer is lost: the old secret may be dead already, and nobody knows the new one; make another "
    "now with bridge integration rotate-secret",
}
