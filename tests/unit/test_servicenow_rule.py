"""ServiceNow's business rule is run as it is shipped, against stand-ins of what ServiceNow gives it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bridge.signatures import verify
from tests.helpdesk_recordings import ACCOUNT_NAME, Recordings, secrets_of, told
from tests.senders import delivered

ROOT = Path(__file__).parents[2]
RULE = ROOT / "deploy" / "servicenow" / "bridge-business-rule.js"
INSTANCE = ROOT / "tests" / "servicenow_instance.js"
SERVICENOW = Recordings("generic", "servicenow")
ENTRY = {
    "sys_id": "a1",
    "element": "comments",
    "value": "Contraseña lista 🎫",
    "sys_created_by": "andrea.paz",
    "sys_created_on": "2026-11-20 14:20:05",
}
FIELDS = {
    "sys_id": "9d38",
    "number": "INC0010023",
    "sys_mod_count": "14",
    "sys_updated_by": "andrea.paz",
    "sys_created_on": "2026-11-20 14:02:11",
    "short_description": "No puedo entrar — ¿ayuda?",
    "state": "2",
    "priority": "2",
}

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node runs the rule, and is not installed here")


def posted(**changes: Any) -> list[dict[str, Any]]:
    """What the rule posts for this save of an incident."""
    record = {
        "secret": secrets_of(SERVICENOW)[0],
        "fields": FIELDS,
        "changes": [],
        "previous": "2",
        "operation": "update",
        "journal": [ENTRY],
        "entry": "Escrito a mano",
        "user": "andrea.paz",
        "caller": {"sys_id": "681c", "user_name": "mlopez", "name": "María López", "mobile_phone": "+593987654321"},
        **changes,
    }
    run = subprocess.run(  # noqa: S603 - the rule is the project's own
        ["node", str(INSTANCE), str(RULE), json.dumps(record)],  # noqa: S607 - whichever node there is
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


def read(sent: dict[str, Any]) -> list[dict[str, Any]]:
    """The events in what was posted, its signature checked at the time it was made."""
    delivery = delivered(sent["body"].encode(), headers=sent["headers"])
    now_ms = int(sent["headers"]["webhook-timestamp"]) * 1000
    checked = verify(delivery, SERVICENOW.dialect.verification(SERVICENOW.account), now_ms)
    return [told(one) for one in SERVICENOW.dialect.read(checked, SERVICENOW.account, ACCOUNT_NAME)]


def test_a_comment_and_the_state_after_it_come_together_and_in_order() -> None:
    """Signed over bytes that are the same in every character set; the words are what was written."""
    (sent,) = posted(changes=["comments", "state"], fields={**FIELDS, "state": "6"})
    assert sent["body"].isascii()
    assert (sent["url"], sent["method"]) == ("https://bridge.example/x", "post")
    replied, solved = read(sent)
    assert (replied["text"], replied["public"], replied["fact"]) == (ENTRY["value"], True, "comment:a1")
    assert (solved["type"], solved["fact"]) == ("ticket.solved", "status:solved:14")


def test_a_new_incident_is_told_with_its_caller() -> None:
    """By the number that reaches them."""
    (sent,) = posted(operation="insert", fields={**FIELDS, "state": "1"})
    (opened,) = read(sent)
    assert opened["ticket"]["fields"]["requester"] == {"id": "681c", "name": "María López", "phone": "+593987654321"}
    assert opened["ticket"]["fields"]["custom"] == {"number": "INC0010023"}
    (nameless,) = posted(operation="insert", caller=None)
    assert "requester" not in read(nameless)[0]["ticket"]["fields"]


def test_a_work_note_stays_private_and_one_without_its_record_is_the_newest() -> None:
    """The line above a journal's entry tells who wrote it, and is left out."""
    (sent,) = posted(changes=["work_notes"])
    (note,) = read(sent)
    assert (note["text"], note["public"], note["comment_id"]) == ("Escrito a mano", False, "")


def test_what_the_bridge_did_and_what_nobody_asked_for_is_not_told() -> None:
    """Neither its own work, nor a save that changed nothing of this."""
    assert posted(changes=["state"], user="jelou.bridge") == []
    assert posted(changes=["short_description"]) == []
