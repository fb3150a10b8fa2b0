"""Jira Service Management: what is written there, how a status is reached, and what its answers and lists mean."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.domain import AddNote, AddReply, Call, Reply, SetStatus
from bridge.errors import Denied, Gone, Refused, Throttled
from bridge.helpdesks import jira_listing, jira_writing
from bridge.helpdesks.jira import Jira
from bridge.helpdesks.jira_account import site_of
from bridge.signatures import verify
from tests.helpdesk_recordings import ACCOUNT_NAME, FOLDER, recordings_of
from tests.jira_bodies import MARK, RECORDED, REF, account, item, only, status, updated
from tests.senders import NOW_MS, delivered

JIRA = Jira()


def answer(body: Any, code: int = 200, **headers: str) -> Reply:
    """An answer of Jira's."""
    return Reply(code, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode())


VECTORS = json.loads((FOLDER / "signatures" / "helpdesks.json").read_text(encoding="utf-8"))["vectors"]


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if one["name"].startswith("jira")], ids=lambda one: one["name"]
)
def test_jiras_own_signature_is_accepted(vector: dict[str, Any]) -> None:
    """Over the body as it was sent, under the secret of the webhook; the identifier stays the same over retries."""
    of = account(verification={"secrets": [vector["secret"]]})
    delivery = delivered(vector["request"]["body"].encode(), headers=vector["request"]["headers"])
    assert verify(delivery, JIRA.verification(of), NOW_MS).delivery is delivery
    told = vector["request"]["headers"].get("X-Atlassian-Webhook-Identifier", "")
    assert JIRA.delivery_id(delivery, recordings_of("jira").account) == told


# --- what is written -------------------------------------------------------------------------------------------------


def written(text: str) -> dict[str, Any]:
    """The body of a note with this text."""
    call = JIRA.call(account(), REF, AddNote(text, MARK), "1:note", now_ms=NOW_MS)
    assert call is not None
    body: dict[str, Any] = json.loads(call.body)
    return body


@pytest.mark.parametrize("text", ["*no* {code} [x|y] h1. -- !a! \\\\ ~b~ <b>", "a\n\n\nb", "- uno\n# dos", "ñ🎫"])
def test_a_text_arrives_as_it_is(text: str) -> None:
    """Nothing of a customer's words is markup, lines stay lines, and the look finds the mark."""
    body = written(f"{text}\n{MARK}")
    page = answer({"comments": [{"id": "1", "body": body["body"]}]})
    found = JIRA.found(account(), AddNote("", MARK), page)
    assert found.endswith(f"\n{MARK}")
    assert found.split() == f"{text}\n{MARK}".split()


def test_no_node_of_a_document_is_empty() -> None:
    """Jira refuses a text without letters."""
    [paragraph] = written(f"\n\na\n\n{MARK}\n")["body"]["content"]
    assert all(node["type"] == "hardBreak" or node["text"] for node in paragraph["content"])


@pytest.mark.parametrize("action", [AddNote("x", MARK), AddReply("x", MARK, "Ana"), AddReply("x", MARK, "Ana", "qm:1")])
def test_all_that_is_written_is_internal(action: AddNote | AddReply) -> None:
    """A public comment would be mailed to the customer, who wrote it."""
    call = JIRA.call(account(), REF, action, "1:x", now_ms=NOW_MS)
    assert call is not None
    assert json.loads(call.body)["properties"] == [{"key": "sd.public.comment", "value": {"internal": True}}]


def transition(name: str, to: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A transition of a workflow, its id the name of it."""
    return {"id": name, "name": name, "to": to, **values}


RESOLVED, CLOSED = status("Resolved", "done"), status("Closed", "done")
RESOLUTION = {"required": True, "hasDefaultValue": False, "allowedValues": [{"id": "2", "name": "Won't Do"}]}


@pytest.mark.parametrize(
    ("wanted", "transitions", "way"),
    [
        ("solved", [transition("1", CLOSED), transition("2", RESOLVED)], "2"),
        ("solved", [transition("1", CLOSED)], "1"),
        ("solved", [transition("1", status("Atendido", "done"))], "1"),
        ("solved", [transition("1", RESOLVED, isAvailable=False), transition("2", CLOSED)], "2"),
        ("solved", [transition("1", RESOLVED, fields={"resolution": RESOLUTION})], "1 2"),
        ("solved", [transition("1", RESOLVED, fields={"resolution": {**RESOLUTION, "hasDefaultValue": True}})], "1"),
        ("solved", [transition("1", RESOLVED, fields={"customfield_1": {"required": False}})], "1"),
        ("pending", [transition("1", status("Waiting for customer", "indeterminate"))], "1"),
        ("pending", [transition("1", status("On hold", "indeterminate"))], "1"),
        (
            "open",
            [transition("1", status("Backlog", "new")), transition("2", status("En curso", "indeterminate"))],
            "2",
        ),
    ],
)
def test_a_status_is_reached_by_the_best_transition(wanted: str, transitions: list[Any], way: str) -> None:
    """By the status it leads to, not by its name, which is the site's own."""
    assert jira_writing.way(account(), wanted, transitions) == way


@pytest.mark.parametrize(
    "transitions",
    [
        [],
        [transition("1", status("Canceled", "done")), transition("2", status("Rechazado", "done"))],
        [transition("1", status("In Progress", "indeterminate"))],
        [transition("1", RESOLVED, fields={"customfield_10070": {"required": True, "hasDefaultValue": False}})],
        [transition("", RESOLVED)],
        [{"id": "1"}],
    ],
)
def test_where_no_transition_leads_there_the_reason_is_told(transitions: list[Any]) -> None:
    """To cancel a request is not to solve it, and what a screen asks of a person is not made up."""
    with pytest.raises(Refused, match="no transition from here to a status that is solved"):
        jira_writing.way(account(), "solved", transitions)


@pytest.mark.parametrize(
    ("wanted", "name", "category"),
    [("solved", "Resolved", "done"), ("solved", "Closed", "done"), ("pending", "Pending", "indeterminate")],
)
def test_a_ticket_that_is_there_already_is_left_alone(wanted: str, name: str, category: str) -> None:
    """A second try after an unknown fate finds no transition any more, and needs none."""
    now = answer({"id": "10188", "fields": {"status": status(name, category)}})
    assert JIRA.prepare(account(), REF, SetStatus(wanted), [now]) is None
    ready = JIRA.prepared(account(), SetStatus(wanted), [now])
    call = JIRA.call(account(), REF, ready, "1:status", now_ms=NOW_MS)
    assert isinstance(call, Call)
    assert (call.method, call.url) == ("GET", "https://acme.atlassian.net/rest/api/3/issue/10188?fields=status")
    assert JIRA.receipt(account(), ready, now) == ""


# --- what is answered ------------------------------------------------------------------------------------------------


def test_a_revoked_token_is_no_missing_ticket() -> None:
    """Some sites answer a revoked token as they answer nobody: not found, or an empty list. Nothing may be given up."""
    for code in (200, 404):
        for look in (
            lambda reply: JIRA.fetched(account(), REF, reply),
            lambda reply: JIRA.changes(account(), "x", reply),
        ):
            with pytest.raises(Denied):
                look(answer({"issues": []}, code, x_seraph_loginreason="AUTHENTICATED_FAILED"))
    with pytest.raises(Gone):
        JIRA.fetched(account(), REF, answer({}, 404, x_seraph_loginreason="OK"))


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("2026-11-20T14:21Z", 55),
        ("2026-11-20T14:20:35Z", 30),
        ("2026-11-20T14:00Z", 0),
        ("soon", 0),
        ("0001-01-01T00:00+14:00", 0),
        ("9999-12-31T23:59-14:00", 86_400),
    ],
)
def test_a_time_to_wait_until_is_obeyed(reset: str, wait: int) -> None:
    """Jira may tell when the limit is lifted instead of how long that takes; a day is the longest."""
    with pytest.raises(Throttled) as caught:
        jira_writing.judge(answer({}, 429, x_ratelimit_reset=reset, date="Fri, 20 Nov 2026 14:20:05 GMT"))
    assert caught.value.retry_after_s == wait


# --- lists -----------------------------------------------------------------------------------------------------------


def test_the_list_tells_the_fact_of_the_webhook() -> None:
    """The newest change that led to the status of now, among those that led there before and elsewhere since."""
    moved = item("status", ("3", "x"), ("5", "Resolved"))
    told = only(updated(status("Resolved", "done", "5"), moved, changelog="20999"))
    histories = [
        {"id": "20998", "items": [item("status", ("5", "Resolved"), ("3", "x"))]},
        {"id": "9999", "items": [moved]},
        {"id": "20999", "items": [item("labels", ("", ""), ("", "a")), moved]},
        {"id": "21000", "items": [item("priority", ("1", "High"), ("5", "Low"))]},
    ]
    issue = {
        "id": "10188",
        "fields": {"status": status("Resolved", "done", "5")},
        "changelog": {"histories": histories},
    }
    [listed] = jira_listing.changes({"issues": [issue]}, site_of(account(), ACCOUNT_NAME)).events
    assert listed == told


@pytest.mark.parametrize(
    ("page", "after"),
    [
        ({"isLast": False, "nextPageToken": "x"}, "x"),
        ({"nextPageToken": "x"}, "x"),
        ({"isLast": True, "nextPageToken": "x"}, ""),
        ({"isLast": False}, ""),
        ({"nextPageToken": None}, ""),
    ],
)
def test_the_last_page_is_known(page: dict[str, Any], after: str) -> None:
    """It has no token, whether or not it says that it is the last."""
    assert jira_listing.changes(page, site_of(account())).after == after


def test_a_mark_cannot_break_out_of_its_search() -> None:
    """Neither quotes nor backslashes of anything reach Jira's query language."""
    path = jira_listing.described('[jelou-bridge:1" OR project = "HR\\]')
    assert path == jira_listing.described("[jelou-bridge:1 OR project HR ]")


# --- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "section",
    [
        {"write_back": {"field": "10061"}},
        {"write_back": {"field": "summary"}},
        {"write_back": {"field": "tag"}},
        {"write_back": {"status_field": "external_id"}},
        {"write_back": {"field": "customfield_10061\n"}},
        {"phone_field": "phone"},
        {"access": {**RECORDED.section["access"], "jql": "project = SD ORDER BY created"}},
    ],
)
def test_a_setting_that_cannot_work_is_named(section: dict[str, Any]) -> None:
    """Before anything is deployed."""
    with pytest.raises(ValidationError):
        account(**section)


def test_ids_of_the_service_desk_may_be_numbers() -> None:
    """As a person writes them."""
    access = copy.deepcopy(RECORDED.section["access"]) | {"service_desk_id": 3, "request_type_id": 31}
    found = account(access=access).access
    assert found is not None
    assert (found.service_desk_id, found.request_type_id) == ("3", "31")
