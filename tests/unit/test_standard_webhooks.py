"""Standard Webhooks: what the module tells senders to do works, and what it sends is signed."""

from __future__ import annotations

import base64
import hmac
import json
import re
import shutil
import subprocess
import time
import uuid
from datetime import UTC, datetime
from textwrap import dedent
from typing import Any

import orjson
import pytest
import standardwebhooks

from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    OpenTicket,
    SetField,
    SetStatus,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketSolved,
    WriteBack,
)
from bridge.helpdesks import standard_webhooks
from bridge.helpdesks.standard_webhooks import StandardWebhooks, StandardWebhooksAccount
from bridge.signatures import verify
from tests.senders import NOW_MS, delivered, verified

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
REF = TicketRef("standard-webhooks", "main", "T-1")
ACCOUNT = StandardWebhooksAccount.model_validate(
    {
        "project": "acme",
        "verification": {"secrets": [SECRET]},
        "access": {"write_back_url": "https://tickets.example/hook", "secret": SECRET},
    }
)
DIALECT = StandardWebhooks()


def read(body: dict[str, Any]) -> TicketEvent:
    """The event in a body."""
    return DIALECT.read(verified(orjson.dumps(body), DIALECT.verification(ACCOUNT)), ACCOUNT, "main")[0]


def message(kind: str, **data: Any) -> dict[str, Any]:
    """A body about ticket T-1."""
    return {"type": kind, "timestamp": "2026-11-20T14:20:05Z", "data": {"ticket": {"id": "T-1"}, **data}}


def example(title: str) -> str:
    """The code under this title of the module's docstring."""
    text = (standard_webhooks.__doc__ or "").split(f"{title}::\n\n")[1]
    return dedent(text.split("\n\n")[0])


def test_the_python_example_signs_what_is_accepted() -> None:
    """A sender that copies the example is accepted."""
    names: dict[str, Any] = {name.__name__: name for name in (base64, hmac, json, time, uuid)}
    names |= {"secret": SECRET, "event": message("ticket.created")}
    exec(example("Signing in Python"), names)  # noqa: S102 - our own documentation, run as its readers would
    verify(delivered(names["body"], headers=names["headers"]), DIALECT.verification(ACCOUNT), int(time.time() * 1000))


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "openssl", "base64", "od"))), reason="needs bash and openssl")
def test_the_bash_example_signs_what_is_accepted() -> None:
    """The same for a shell script, with a body beyond ASCII."""
    body = json.dumps(message("ticket.created", requester={"name": "José"}), ensure_ascii=False)
    script = example("Signing in bash").split("curl")[0] + '\nprintf \'%s %s\' "$now" "$digest"'
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "secret": SECRET, "message_id": "msg_9", "body": body}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)  # noqa: S603, S607 - our own documentation
    now, digest = done.stdout.split()
    headers = {"webhook-id": "msg_9", "webhook-timestamp": now, "webhook-signature": f"v1,{digest}"}
    verify(delivered(body.encode(), headers=headers), DIALECT.verification(ACCOUNT), int(time.time() * 1000))


def test_the_body_in_the_documentation_is_read_whole() -> None:
    """Every field the documentation shows arrives in the ticket."""
    text = (standard_webhooks.__doc__ or "").split("may be missing)::\n\n")[1].split("\n\n")[0]
    event = read(json.loads(text))
    assert isinstance(event, TicketOpened)
    assert set(event.ticket.fields) == {
        *("id", "subject", "status", "priority", "type", "group", "brand", "channel", "tags", "created_at"),
        *("requester", "custom"),
    }
    assert set(event.ticket.fields["requester"]) == {"id", "name", "email", "phone", "external_id"}


ACTIONS = (
    AddNote("text [m]", "[m]"),
    SetField("conversation", "c-1"),
    AddReply("text [m]", "[m]", "Ana", "c-77"),
    SetStatus("solved"),
)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.type)
def test_a_write_is_signed_for_any_receiver(action: WriteBack) -> None:
    """The published library accepts what is sent, at the time of the try."""
    now_ms = int(datetime.now(tz=UTC).timestamp() * 1000)
    call = DIALECT.call(ACCOUNT, REF, action, "1:note", now_ms=now_ms)
    assert call
    assert standardwebhooks.Webhook(SECRET).verify(call.body, dict(call.headers)) == json.loads(call.body)


def test_the_documentation_shows_what_is_sent() -> None:
    """Type and fields of every message out, in this order."""
    text = (standard_webhooks.__doc__ or "").split("says that it is done::\n\n")[1].split("\n\n")[0]
    shown = [json.loads(one) for one in re.split(r"\n(?=    \{\"type\")", text)]
    opening = OpenTicket("x", "x [m]", "[m]", "u", "Ana", "+593987654321", "support")
    calls = [DIALECT.call(ACCOUNT, REF, one, "key", now_ms=NOW_MS) for one in ACTIONS]
    calls.append(DIALECT.open_ticket(ACCOUNT, opening, "key", now_ms=NOW_MS))
    sent = [json.loads(call.body) for call in calls if call]
    assert [shape(one) for one in sent] == [shape(one) for one in shown]
    assert [one["type"] for one in sent] == [one["type"] for one in shown]


def shape(value: Any) -> Any:
    """The names in a message, without what stands under them."""
    return {name: shape(inner) for name, inner in value.items()} if isinstance(value, dict) else None


def test_a_file_in_the_documentation_is_read() -> None:
    """The documented body, told as a comment, tells its markup and its file."""
    text = (standard_webhooks.__doc__ or "").split("may be missing)::\n\n")[1].split("\n\n")[0]
    event = read({**json.loads(text), "type": "comment.added"})
    assert isinstance(event, AgentReplied)
    assert (event.markup, event.public) == ("html", True)
    assert [(one.name, one.mime_type, one.size) for one in event.attachments] == [("a.pdf", "application/pdf", 1234)]


def test_a_repeated_opening_has_the_same_id() -> None:
    """So that a receiver that has it answers with the same ticket; another conversation's has another."""

    def message_id(marker: str, now_ms: int = NOW_MS) -> str:
        call = DIALECT.open_ticket(ACCOUNT, OpenTicket("x", marker, marker, "u"), "open", now_ms=now_ms)
        assert call
        return call.headers["webhook-id"]

    assert message_id("[m]") == message_id("[m]", NOW_MS + 60_000) != message_id("[n]")


def test_a_repeated_write_has_the_same_id() -> None:
    """The receiver can tell a repeat by its id; another ticket or another action has another."""

    def message_id(ref: TicketRef, key: str, now_ms: int = NOW_MS) -> str:
        call = DIALECT.call(ACCOUNT, ref, SetField("f", "v"), key, now_ms=now_ms)
        assert call
        return call.headers["webhook-id"]

    other = TicketRef(REF.kind, REF.account, "T-2")
    assert message_id(REF, "1:field") == message_id(REF, "1:field", NOW_MS + 60_000)
    assert len({message_id(REF, "1:field"), message_id(REF, "2:field"), message_id(other, "1:field")}) == 3


@pytest.mark.parametrize(
    ("actor", "agents"),
    [
        ({"type": "agent"}, True),
        ({"type": "Requester"}, False),
        ({"type": "customer", "id": "5"}, False),
        ({"id": "c-9"}, False),
        ({"id": "a-1"}, True),
        ({}, True),
    ],
)
def test_a_customers_comment_is_no_agents_reply(actor: dict[str, Any], *, agents: bool) -> None:
    """The actor's type decides, or else whether the actor is the requester."""
    body = message("comment.added", actor=actor, requester={"id": "c-9"}, comment={"id": "1", "body": "Hola"})
    assert isinstance(read(body), AgentReplied) is agents


def test_an_integer_is_an_id_too() -> None:
    """Ids are texts to the bridge, however the sender writes them."""
    assert read({"type": "ticket.solved", "data": {"ticket": {"id": 7}}}).ref == TicketRef(
        "standard-webhooks", "main", "7"
    )


@pytest.mark.parametrize("status", ["solved", "Closed", "Resuelto", "FECHADO"])
def test_an_update_into_the_end_is_solved(status: str) -> None:
    """A sender with nothing but ticket.updated can close a conversation."""
    assert isinstance(read(message("ticket.updated", ticket={"id": "T-1", "status": status})), TicketSolved)
