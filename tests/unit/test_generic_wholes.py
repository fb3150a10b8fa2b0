"""The generic dialect: what is written as a whole is read first, and senders hear what they want to hear."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain import Handshake, SetField
from bridge.errors import Refused
from bridge.helpdesks.generic_account import GenericAccount
from tests.senders import NOW_MS
from tests.unit.test_generic import ACCESS, DESK, REF, account, answer, mapping


def test_a_list_that_is_written_as_a_whole_is_read_first() -> None:
    """What stands there stays there; where it cannot be known nothing is written."""
    write = {
        "path": "/api/tickets/{id}/tags",
        "before": [{"name": "known", "path": "/api/tickets/{id}/tags"}],
        "by": "read.known.tags && [drop(read.known.tags, 'name', action.value), [{name: action.value}]][]",
        "body": {"tags": "=action.by"},
    }
    own, tag = account(writes={"tag": [write]}), SetField("tag", "jelou")
    assert DESK.prepare(own, REF, tag, ()) is not None
    ready = DESK.prepared(own, tag, [answer({"tags": [{"name": "vip"}, {"name": "jelou"}]})])
    call = DESK.call(own, REF, ready, "k", now_ms=NOW_MS)
    assert call is not None
    assert json.loads(call.body) == {"tags": [{"name": "vip"}, {"name": "jelou"}]}
    with pytest.raises(Refused):
        DESK.prepared(own, tag, [answer({})])


def test_a_field_is_written_under_a_name_that_is_told() -> None:
    """As the account names it."""
    write = {"method": "PATCH", "path": "/api/tickets/{id}", "body": "=put(`{}`, action.field, action.value)"}
    call = DESK.call(account(writes={"field": [write]}), REF, SetField("u_jelou", "x"), "k", now_ms=NOW_MS)
    assert call is not None
    assert json.loads(call.body) == {"u_jelou": "x"}


def test_a_token_may_stand_in_a_header_with_an_underscore() -> None:
    """As some helpdesks name theirs."""
    access = {**ACCESS, "credential": {"type": "header", "header": "api_access_token", "token": "tk"}}
    section = {"project": "p", "mapping": mapping(), "verification": {"secrets": ["s"]}, "access": access}
    call = DESK.fetch(GenericAccount.model_validate(section), REF)
    assert call is not None
    assert call.headers["api_access_token"] == "tk"


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, Handshake(b"", 200, "text/plain")),
        ({"status": 204}, Handshake(b"", 204, "text/plain")),
        ({"body": "ok"}, Handshake(b"ok", 200, "text/plain")),
        ({"body": {"ok": True}}, Handshake(b'{"ok":true}', 200, "application/json")),
    ],
)
def test_a_sender_hears_what_it_wants_to_hear(told: dict[str, Any], wanted: Handshake) -> None:
    """A text as it stands, anything else as JSON; without a word of the mapping's the bridge's own 202."""
    assert DESK.accepted(account(answer=told)) == wanted
    assert DESK.accepted(account()) is None


@pytest.mark.parametrize("status", [199, 301, 410, 500])
def test_what_was_taken_is_never_answered_as_a_failure(status: int) -> None:
    """A sender would send it again, or never again."""
    with pytest.raises(ValidationError):
        account(answer={"status": status})
