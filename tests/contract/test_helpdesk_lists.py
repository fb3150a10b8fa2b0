"""What every helpdesk lists, and the tickets that are opened there: the same facts as by webhook, and known as ours."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge import errors
from bridge.domain import AgentReplied, OpenTicket, Reply, SetStatus
from bridge.errors import Ambiguous, CallError
from bridge.protocol import Leases
from tests.contract.test_helpdesks import put
from tests.helpdesk_recordings import (
    ACCOUNT_NAME,
    JSON,
    KINDS,
    Recordings,
    every,
    named,
    opening_of,
    ref_of,
    reply_of,
    told,
    walked,
)
from tests.senders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call

MARK = "[jelou-bridge:0123456789abcdef]"
OPEN = OpenTicket("Ana", f"Hola\n{MARK}", MARK, "593987654321", "Ana", "+593987654321", "3")

each_kind = pytest.mark.parametrize("recordings", KINDS, ids=named)


# --- tickets that the bridge opens -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("recordings", "case"), every("opens"), ids=named)
def test_a_ticket_is_opened_as_the_helpdesk_documents(recordings: Recordings, case: dict[str, Any]) -> None:
    """With the customer's name and number and our mark, under a key that stays the same where there is one."""
    dialect, account, action = recordings.dialect, recordings.account, opening_of(case["action"])
    replies = walked(case, "prepare", lambda told: dialect.prepare(account, None, action, told))
    action = dialect.prepared(account, action, replies)
    call, again = (dialect.open_ticket(account, action, "1:open", now_ms=NOW_MS + late) for late in (0, 60_000))
    if "none" in case:
        assert call is None
        return
    assert call is not None
    assert again is not None
    assert (call.method, call.url, json.loads(call.body), call.once) == tuple(
        case[name] for name in ("method", "url", "body", "once")
    )
    if "key" in case:
        other = dialect.open_ticket(account, action, "2:open", now_ms=NOW_MS)
        assert other is not None
        assert call.headers[case["key"]] == again.headers[case["key"]] != other.headers[case["key"]]


@pytest.mark.parametrize(("recordings", "case"), [one for one in every("opens") if "none" not in one[1]], ids=named)
def test_an_opened_ticket_has_an_id(recordings: Recordings, case: dict[str, Any]) -> None:
    """Without one nobody knows what was opened: the answer tells nothing."""
    assert recordings.dialect.opened(recordings.account, reply_of(case["reply"])) == case["id"]
    with pytest.raises(Ambiguous):
        recordings.dialect.opened(recordings.account, reply_of(case["empty"]))


@pytest.mark.parametrize(("recordings", "case"), every("errors"), ids=named)
def test_each_refusal_to_open_has_its_meaning(recordings: Recordings, case: dict[str, Any]) -> None:
    """As for any write; but where no ticket was yet, none can be gone."""
    opens_none = all("none" in one for one in recordings.writes["opens"])
    if case["status"] == 200 or opens_none:
        return
    with pytest.raises(CallError) as caught:
        recordings.dialect.opened(recordings.account, reply_of(case))
    wanted = "Refused" if case["raises"] == "Gone" and case["status"] != 410 else case["raises"]
    assert type(caught.value) is getattr(errors, wanted)


@pytest.mark.parametrize(("recordings", "case"), every("finds"), ids=named)
def test_a_ticket_of_unknown_fate_is_looked_for(recordings: Recordings, case: dict[str, Any]) -> None:
    """By its mark, and not where opening it again is harmless. A list that is cut there is no answer."""
    dialect, account, action = recordings.dialect, recordings.account, opening_of(case["action"])
    call = dialect.find_opened(account, action)
    if "none" in case:
        assert call is None
        assert dialect.found_opened(account, action, Reply(200)) == ""
        return
    assert call is not None
    assert (call.method, call.url, call.once) == (case.get("method", "GET"), case["url"], False)
    assert asks(call, case.get("body"))
    assert dialect.found_opened(account, action, reply_of(case["found"])) == case["id"]
    assert dialect.found_opened(account, action, reply_of(case["missing"])) == ""
    if "unsure" in case:
        with pytest.raises(Ambiguous):
            dialect.found_opened(account, action, reply_of(case["unsure"]))


@each_kind
def test_a_ticket_that_the_bridge_opened_is_recognised(recordings: Recordings) -> None:
    """By its webhook, whoever is told to have done it; a customer's is not."""
    opened = [event for events in recordings.expected.values() for event in events if event["type"] == "ticket.opened"]
    assert {event["by_bridge"] for event in opened} == {True, False}
    assert all(event["by_bridge"] == event["ticket"]["by_bridge"] for event in opened)


# --- comments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recordings", "case"), every("comments"), ids=named)
def test_comments_are_fetched_whole(recordings: Recordings, case: dict[str, Any]) -> None:
    """Agents' comments, oldest first, with files and markup; what is private stays private."""
    ref = ref_of(recordings, recordings.writes["ticket_id"])
    call = recordings.dialect.fetch_comments(recordings.account, ref)
    if "none" in case:
        assert call is None
        return
    assert call is not None
    assert (call.method, call.url) == ("GET", case["url"])
    dialect, account, begun = recordings.dialect, recordings.account, [reply_of(case["reply"])]
    replies = walked(case, "more", lambda told: dialect.comments_more(account, ref, told), begun)
    found = dialect.fetched_comments(account, ref, *replies)
    assert [told(one) for one in found] == case["comments"]
    assert not any(one.partial for one in found)


@pytest.mark.parametrize(("recordings", "case"), [one for one in every("comments") if "none" not in one[1]], ids=named)
def test_fetched_comments_have_the_facts_of_their_webhooks(recordings: Recordings, case: dict[str, Any]) -> None:
    """What came already is known as a repeat, and is as private, and as little ours, as it was told."""
    heard = [event for name in case["webhooks"] for event in recordings.read(recordings.body(name), name)]
    told_once = {one.fact: (one.public, one.by_bridge) for one in heard if isinstance(one, AgentReplied)}
    found = {one["fact"]: (one["public"], one["by_bridge"]) for one in case["comments"]}
    assert told_once == {fact: found[fact] for fact in told_once}


# --- changes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recordings", "case"), every("changes"), ids=named)
def test_a_page_of_changes_is_read(recordings: Recordings, case: dict[str, Any]) -> None:
    """Its events, whose comments to read, when each ticket changed, and what asks for the next page."""
    dialect, account = recordings.dialect, recordings.account
    call = dialect.changed(account, case["since_ms"], "")
    if "none" in case:
        assert call is None
        return
    assert call is not None
    assert (call.method, call.url, call.once) == (case.get("method", "GET"), case["url"], False)
    assert asks(call, case.get("body"))
    page = dialect.changes(account, ACCOUNT_NAME, reply_of(case["reply"]))
    assert [told(one) for one in page.events] == case["events"]
    assert ([one.id for one in page.tickets], page.after) == (case["tickets"], case["after"])
    assert [page.changed_ms.get(one, 0) for one in page.tickets] == case["changed_ms"]
    after = dialect.changed(account, case["since_ms"], page.after)
    assert after is not None
    assert not page.after or after.url == case["next"]
    assert not page.after or asks(after, case.get("next_body"))


@pytest.mark.parametrize("recordings", [one for one in KINDS if "none" not in one.writes["changes"][0]], ids=named)
def test_a_list_tells_when_its_tickets_changed(recordings: Recordings) -> None:
    """By the helpdesk's clock: what the bridge changed itself is not read again."""
    assert any(ms for case in recordings.writes["changes"] for ms in case["changed_ms"])


def asks(call: Call, body: Any) -> bool:
    """Whether a list that is asked for by POST is asked this; by GET the address is the question."""
    return call.body == b"" if body is None else bool(json.loads(call.body) == body)


# --- whatever is answered --------------------------------------------------------------------------------------------


@each_kind
def test_no_list_outlives_a_lease_and_none_is_asked_without_access(recordings: Recordings) -> None:
    """What opens, finds and lists keeps the rules of every other call."""
    dialect = recordings.dialect
    section = {name: value for name, value in recordings.section.items() if name != "access"}
    deaf, ref = dialect.settings.model_validate(section), ref_of(recordings, "1")
    for account in (recordings.account, deaf):
        calls = [
            dialect.open_ticket(account, OPEN, "key", now_ms=NOW_MS),
            dialect.find_opened(account, OPEN),
            dialect.fetch_comments(account, ref),
            dialect.changed(account, 1, ""),
        ]
        assert account is not deaf or calls == [None] * 4
        assert all(call.timeout_s < Leases().ticket_ms / 1000 for call in calls if call is not None)


def looks(recordings: Recordings, reply: Reply) -> list[Callable[[], object]]:
    """Every way in which this dialect reads an answer about lists."""
    dialect, account, ref = recordings.dialect, recordings.account, ref_of(recordings, "1")
    return [
        lambda: dialect.fetched_comments(account, ref, reply),
        lambda: dialect.opened(account, reply),
        lambda: dialect.found_opened(account, OPEN, reply),
        lambda: dialect.changes(account, ACCOUNT_NAME, reply),
        lambda: dialect.fetched(account, ref, reply),
        lambda: dialect.fetch_more(account, ref, [reply]),
        lambda: dialect.comments_more(account, ref, [reply]),
        lambda: dialect.fetched(account, ref, reply, reply),
        lambda: dialect.fetched_comments(account, ref, reply, reply),
        lambda: dialect.prepare(account, ref, SetStatus("solved"), [reply]),
        lambda: dialect.prepared(account, SetStatus("solved"), [reply]),
        lambda: dialect.prepare(account, None, OPEN, [reply]),
        lambda: dialect.prepared(account, OPEN, [reply]),
        lambda: dialect.granted(account, reply),
    ]


def understood(recordings: Recordings, reply: Reply) -> None:
    """Reads it in every way; anything raised but CallError fails the test."""
    for look in looks(recordings, reply):
        try:
            look()
        except CallError as error:
            assert 0 <= error.retry_after_s <= 86_400  # noqa: PT017 - that nothing else is raised is the point


def answers(recordings: Recordings) -> list[Any]:
    """The bodies of all recorded answers."""
    cases = [case for name in ("opens", "finds", "comments", "changes") for case in recordings.writes[name]]
    return [case[name]["body"] for case in cases for name in ("reply", "found") if "body" in case.get(name, {})]


LONG_NUMBER = b"""
{"comments": [{"id": 1, "attachments": [{"content_url": "x", "size": "%s"}]}], "next_page": "x"}
""" % (b"9" * 5_000)
"""More digits than Python reads."""


@each_kind
@given(status=st.integers(100, 599), body=st.binary(max_size=60) | JSON.map(orjson.dumps))
@example(200, b'{"previous": "http://[x", "results": []}')
@example(200, LONG_NUMBER)
def test_any_answer_is_understood_or_a_call_error(recordings: Recordings, status: int, body: bytes) -> None:
    """No server makes a dialect raise anything else."""
    understood(recordings, Reply(status, {}, body))


@each_kind
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON, places=st.lists(st.integers(0, 10_000), min_size=1, max_size=4), which=st.integers(0, 10_000))
def test_a_genuine_answer_with_anything_in_it_is_understood(
    recordings: Recordings, value: Any, places: list[int], which: int
) -> None:
    """Any JSON at any place of a recorded answer is taken as missing, or is a CallError."""
    bodies = answers(recordings) or [{}]
    body = copy.deepcopy(bodies[which % len(bodies)])
    for place in places:
        put(body, place, copy.deepcopy(value))
    understood(recordings, Reply(200, {}, orjson.dumps(body)))
