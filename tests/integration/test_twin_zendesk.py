"""The Zendesk twin keeps tickets as the Ticketing API does, and refuses what that would."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientConnectionError

from bridge.twins.faults import Fault
from tests.twin_callers import Caller, zendesk, zendesk_caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.zendesk import ZendeskTwin

PHONE = "+593987654321"


@pytest.fixture
async def twin() -> AsyncIterator[ZendeskTwin]:
    """Play a Zendesk without a webhook."""
    async with zendesk() as running:
        yield running


@pytest.fixture
def call(twin: ZendeskTwin) -> Caller:
    """Call with the API token."""
    return zendesk_caller(twin)


def opened(twin: ZendeskTwin, **fields: Any) -> str:
    """Open a ticket and give its path."""
    return f"/tickets/{twin.open_ticket('No puedo entrar', PHONE, **fields).id}"


def note(body: str = "Jelou: conversación iniciada", **more: Any) -> dict[str, Any]:
    """Compose an update that adds an internal note."""
    return {"ticket": {"comment": {"body": body, "public": False}, **more}}


@pytest.mark.parametrize("suffix", ["", ".json"])
async def test_a_ticket_is_told_with_its_people(twin: ZendeskTwin, call: Caller, suffix: str) -> None:
    """Ids are numbers, enumerations lower case, and the requester's phone stands among the users."""
    path = opened(twin, priority="high", tags=["portal"], group_id=7, custom_fields={360001: "gold"})
    told = (await call("GET", f"{path}{suffix}?include=users")).json
    ticket = told["ticket"]
    (requester,) = [user for user in told["users"] if user["id"] == ticket["requester_id"]]
    assert requester["phone"] == PHONE
    assert (ticket["priority"], ticket["status"], ticket["tags"], ticket["group_id"]) == ("high", "new", ["portal"], 7)
    assert ticket["custom_fields"] == [{"id": 360001, "value": "gold"}]
    assert ticket["url"] == f"{twin.url}/api/v2{path}.json"


async def test_people_are_told_only_when_asked_for(twin: ZendeskTwin, call: Caller) -> None:
    """Without the side-load there are no users in the answer."""
    assert (await call("GET", opened(twin))).json.keys() == {"ticket"}


async def test_the_same_customer_is_one_user(twin: ZendeskTwin) -> None:
    """Two tickets from one phone have one requester, another phone another."""
    requesters = [twin.open_ticket("x", phone).requester_id for phone in (PHONE, PHONE, "+593911111111")]
    assert requesters[0] == requesters[1] != requesters[2]


async def test_a_note_is_added_by_the_bridges_user(twin: ZendeskTwin, call: Caller) -> None:
    """The answer holds ticket and audit, the note is private and the API user's."""
    path = opened(twin)
    me = (await call("GET", "/users/me.json")).json["user"]["id"]
    answer = await call("PUT", path, note())
    added = (await call("GET", f"{path}/comments.json")).json["comments"][-1]
    assert answer.status == 200
    assert answer.json["audit"]["events"][0]["id"] == added["id"]
    assert (added["body"], added["public"], added["author_id"]) == ("Jelou: conversación iniciada", False, me)
    assert twin.notes(int(path.rpartition("/")[2])) == ["Jelou: conversación iniciada"]


async def test_a_comment_may_have_another_author(twin: ZendeskTwin, call: Caller) -> None:
    """With the requester as author a comment is the end user's message; a stranger cannot be one."""
    path = opened(twin)
    requester = (await call("GET", path)).json["ticket"]["requester_id"]
    taken = await call("PUT", path, {"ticket": {"comment": {"body": "Hola", "author_id": requester}}})
    refused = await call("PUT", path, {"ticket": {"comment": {"body": "Hola", "author_id": 1}}})
    assert taken.json["audit"]["author_id"] != requester
    assert (await call("GET", f"{path}/comments")).json["comments"][-1]["author_id"] == requester
    assert refused.status == 422


async def test_fields_are_set_and_tags_replaced(twin: ZendeskTwin, call: Caller) -> None:
    """An update sets what it names; tags in it replace those that are there."""
    path = opened(twin, tags=["portal"], custom_fields={1: "a", 2: "b"})
    values = {
        "status": "pending",
        "external_id": "conv-1",
        "tags": ["jelou"],
        "custom_fields": [{"id": 2, "value": "c"}],
    }
    ticket = (await call("PUT", path, {"ticket": values})).json["ticket"]
    assert (ticket["status"], ticket["external_id"], ticket["tags"]) == ("pending", "conv-1", ["jelou"])
    assert ticket["custom_fields"] == [{"id": 1, "value": "a"}, {"id": 2, "value": "c"}]


async def test_tags_are_added_by_their_own_call(twin: ZendeskTwin, call: Caller) -> None:
    """The tags call adds and keeps; the same tag twice is one."""
    path = opened(twin, tags=["portal"])
    answer = await call("PUT", f"{path}/tags.json", {"tags": ["jelou", "portal"]})
    assert (answer.status, answer.json) == (200, {"tags": ["jelou", "portal"]})


@pytest.mark.parametrize("tags", [None, "jelou", [""], ["two words"], [1]])
async def test_what_is_no_list_of_tags_is_refused(twin: ZendeskTwin, call: Caller, tags: Any) -> None:
    """Tags are words in a list."""
    assert (await call("PUT", f"{opened(twin)}/tags", {"tags": tags})).status == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        ([], 422),
        ({}, 400),
        ({"ticket": []}, 400),
        ({"ticket": {"comment": "Hola"}}, 422),
        ({"ticket": {"comment": {"public": False}}}, 422),
        ({"ticket": {"comment": {"body": " "}}}, 422),
        ({"ticket": {"comment": {"body": "x", "private": True}}}, 422),
        ({"ticket": {"comment": {"body": "x", "public": "false"}}}, 422),
        ({"ticket": {"status": "SOLVED"}}, 422),
        ({"ticket": {"status": "on-hold"}}, 422),
        ({"ticket": {"priority": "HIGH"}}, 422),
        ({"ticket": {"external_id": 7}}, 422),
        ({"ticket": {"custom_fields": {"1": "a"}}}, 422),
        ({"ticket": {"custom_fields": [{"id": "1", "value": "a"}]}}, 422),
        ({"ticket": {"additional_tags": ["jelou"]}}, 422),
    ],
)
async def test_an_update_that_zendesk_does_not_know_is_refused(
    twin: ZendeskTwin, call: Caller, body: Any, status: int
) -> None:
    """A wrong or unknown attribute is refused as a whole: the ticket stays as it was."""
    path = opened(twin)
    before = (await call("GET", path)).json["ticket"]
    assert (await call("PUT", path, body)).status == status
    assert (await call("GET", path)).json["ticket"] == before


async def test_a_closed_ticket_takes_no_update(twin: ZendeskTwin, call: Caller) -> None:
    """Comment, field and tag are refused alike, in Zendesk's own words."""
    path = opened(twin)
    await call("PUT", path, {"ticket": {"status": "closed"}})
    answers = [
        await call("PUT", path, note()),
        await call("PUT", path, {"ticket": {"external_id": "x"}}),
        await call("PUT", f"{path}/tags", {"tags": ["x"]}),
    ]
    assert [answer.status for answer in answers] == [422, 422, 422]
    assert answers[0].json == {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {"status": [{"description": "Status closed prevents ticket update"}]},
    }


async def test_a_safe_update_of_an_older_state_is_409(twin: ZendeskTwin, call: Caller) -> None:
    """With the stamp of what was read an update passes only while that is still so."""
    path = opened(twin)
    stamp = (await call("GET", path)).json["ticket"]["updated_at"]
    fresh = await call("PUT", path, note(safe_update=True, updated_stamp=stamp))
    stale = await call("PUT", path, note(safe_update=True, updated_stamp="2020-01-01T00:00:00Z"))
    assert (fresh.status, stale.status) == (200, 409)


@pytest.mark.parametrize("path", ["/tickets/1", "/tickets/1/comments", "/users/1", "/tickets/1.json?include=users"])
async def test_what_does_not_exist_is_404(call: Caller, path: str) -> None:
    """An unknown record is said to be unknown."""
    answer = await call("GET", path)
    assert (answer.status, answer.json) == (404, {"error": "RecordNotFound", "description": "Not found"})


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer x",
        "Basic " + base64.b64encode(b"bridge@example.com:right").decode(),
        "Basic " + base64.b64encode(b"bridge@example.com/token:wrong").decode(),
    ],
)
async def test_a_wrong_credential_is_401(twin: ZendeskTwin, call: Caller, header: str | None) -> None:
    """Only the e-mail with /token and the API token opens the API."""
    twin.settings.api_token = "right"
    answer = await call("GET", opened(twin), headers={"Authorization": header})
    assert (answer.status, answer.json) == (401, {"error": "Couldn't authenticate you"})


async def test_a_ticket_is_created_once_per_idempotency_key(twin: ZendeskTwin, call: Caller) -> None:
    """The same key gives the same ticket, with another body it is refused, without a key each call creates."""
    body = {"ticket": {"subject": "Hola", "comment": {"body": "Hola"}, "requester": {"name": "Ana", "phone": PHONE}}}
    key = {"Idempotency-Key": "key-1"}
    first, again = [await call("POST", "/tickets.json", body, key) for _ in range(2)]
    other = await call("POST", "/tickets.json", {"ticket": {"comment": {"body": "x"}}}, key)
    await call("POST", "/tickets.json", body)
    assert (first.status, again.status, other.status) == (201, 201, 400)
    assert (first.headers["x-idempotency-lookup"], again.headers["x-idempotency-lookup"]) == ("miss", "hit")
    assert first.json == again.json
    assert first.headers["location"] == first.json["ticket"]["url"]
    assert len(twin.desk.tickets) == 2


@pytest.mark.parametrize(
    "ticket",
    [
        {"subject": "x"},
        {"comment": {"body": "x"}, "requester_id": 1},
        {"comment": {"body": "x"}, "requester": {"phone": PHONE}},
        {"comment": {"body": "x"}, "safe_update": True},
    ],
)
async def test_a_ticket_that_zendesk_would_not_make_is_refused(
    twin: ZendeskTwin, call: Caller, ticket: dict[str, Any]
) -> None:
    """A ticket needs a comment and a requester that exists or has a name."""
    assert (await call("POST", "/tickets", {"ticket": ticket})).status == 422
    assert not twin.desk.tickets


async def test_comments_come_in_pages_of_either_kind(twin: ZendeskTwin, call: Caller) -> None:
    """Offset and cursor paging both reach every comment, in either order."""
    path = opened(twin)
    for number in range(4):
        await call("PUT", path, note(f"note {number}"))
    offset = (await call("GET", f"{path}/comments?per_page=2&page=2")).json
    newest = (await call("GET", f"{path}/comments?per_page=1&sort_order=desc")).json
    cursor = (await call("GET", f"{path}/comments?page[size]=2&sort=-created_at")).json
    after = (await call("GET", f"{path}/comments?page[size]=9&page[after]={cursor['meta']['after_cursor']}")).json
    assert [comment["body"] for comment in offset["comments"]] == ["note 1", "note 2"]
    assert (offset["count"], newest["comments"][0]["body"]) == (5, "note 3")
    assert [comment["body"] for comment in cursor["comments"]] == ["note 3", "note 2"]
    assert (cursor["meta"]["has_more"], after["meta"]["has_more"], len(after["comments"])) == (True, False, 3)


async def test_updates_of_one_ticket_may_be_limited(twin: ZendeskTwin, call: Caller) -> None:
    """Past the limit a ticket says 429 and when to come back; another ticket and another user do not mind."""
    twin.settings.updates_per_ticket = 2
    path, other = opened(twin), opened(twin)
    statuses = [(await call("PUT", path, note())).status for _ in range(3)]
    refused = await call("PUT", path, note())
    twin.agent_writes(int(path.rpartition("/")[2]), "Hola")
    assert statuses == [200, 200, 429]
    assert 500 < int(refused.headers["retry-after"]) <= 600
    assert (await call("PUT", other, note())).status == 200
    twin.settings.update_window_s = 0.0
    assert (await call("PUT", path, note())).status == 200


@pytest.mark.parametrize("name", ["hang_after_accepting", "reset_after_accepting", "error_after_accepting"])
async def test_a_note_whose_answer_went_wrong_is_there(twin: ZendeskTwin, call: Caller, name: str) -> None:
    """After a hang, a reset or a 500 that came too late the note is on the ticket."""
    path = opened(twin)
    twin.faults.next("update_ticket", Fault.named(name))
    call.timeout_s = 0.1
    try:
        assert (await call("PUT", path, note())).status == 500
    except (TimeoutError, ClientConnectionError):
        assert name != "error_after_accepting"
    assert len(twin.notes(int(path.rpartition("/")[2]))) == 1


@pytest.mark.parametrize("name", ["status", "throttled", "unavailable", "reset_before_accepting"])
async def test_a_note_that_was_refused_is_not_there(twin: ZendeskTwin, call: Caller, name: str) -> None:
    """A fault before accepting leaves the ticket alone; 429 and 503 say when to come back."""
    path = opened(twin)
    twin.faults.next("update_ticket", Fault.named(name))
    if name == "reset_before_accepting":
        with pytest.raises(ClientConnectionError):
            await call("PUT", path, note())
    else:
        answer = await call("PUT", path, note())
        assert ("retry-after" in answer.headers) == (answer.status in {429, 503})
    assert not twin.notes(int(path.rpartition("/")[2]))
