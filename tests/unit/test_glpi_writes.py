"""GLPI: what is written there, and how the bridge is let in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain import (
    AddNote,
    SetField,
)
from tests.glpi_helpdesk import (
    GLPI,
    MARK,
    NOTE,
    OPEN,
    REF,
    account,
    deaf,
    ok,
)
from tests.senders import NOW_MS


def test_a_text_is_shown_as_it_was_written() -> None:
    """Nothing in it is markup; its lines stay lines, and the mark stays whole."""
    note = AddNote(f"1 < 2 & <script>x</script>\nfin\n{MARK}", MARK)
    call = GLPI.call(account(), REF, note, "k", now_ms=NOW_MS)
    assert call is not None
    assert json.loads(call.body)["content"] == (
        f"<p>1 &lt; 2 &amp; &lt;script&gt;x&lt;/script&gt;<br>fin<br>{MARK}</p>"
    )


def test_without_a_request_source_none_is_written() -> None:
    """GLPI would take 0 for one."""
    call = GLPI.call(account(request_type_id=None), REF, NOTE, "k", now_ms=NOW_MS)
    assert call is not None
    assert json.loads(call.body).keys() == {"content", "is_private"}


def test_every_call_names_the_entity_and_waits_for_a_token() -> None:
    """Where one is configured, the root's 0 too; with all that is below it."""
    for entity, told in (("0", {"glpi-entity": "0", "glpi-entity-recursive": "true"}), (None, {})):
        to = account(entity=entity)
        calls = (GLPI.fetch(to, REF), GLPI.call(to, REF, NOTE, "k", now_ms=NOW_MS), GLPI.find_opened(to, OPEN))
        for call in filter(None, calls):
            assert {name: value for name, value in call.headers.items() if name.startswith("glpi-")} == told
            assert call.granted


def test_without_a_user_the_client_speaks_for_itself() -> None:
    """And the token's life is GLPI's own where it is not told."""
    call = GLPI.grant(account(username=None, password=None))
    assert call is not None
    assert call.body == b"grant_type=client_credentials&client_id=3f9c1d&client_secret=made-up-client-secret&scope=api"
    assert GLPI.granted(account(), ok({"access_token": "x"})).expires_in_s == 3600


def test_a_password_is_written_into_a_form() -> None:
    """Whatever characters it has."""
    call = GLPI.grant(account(password="a&b=c ñ"))
    assert call is not None
    assert call.body.endswith(b"&password=a%26b%3Dc+%C3%B1")


@pytest.mark.parametrize(
    "access",
    [{"password": None}, {"username": None}, {"password": ""}, {"timezone": "Mars/Base"}, {"entity": "root"}],
)
def test_a_mistake_in_the_access_is_told(access: dict[str, Any]) -> None:
    """Before anything is called."""
    with pytest.raises(ValidationError):
        account(**access)


@pytest.mark.parametrize("name", ["field", "status_field"])
def test_only_texts_of_a_ticket_can_be_written_to(name: str) -> None:
    """The rest of a ticket are numbers, and there are no custom fields."""
    with pytest.raises(ValidationError, match="external_id, name"):
        deaf(write_back={name: "jelou_conversation"})
    assert deaf(write_back={name: "external_id"})
    assert GLPI.call(account(), REF, SetField("urgency", "5"), "k", now_ms=NOW_MS) is None
