"""Every helpdesk is written to as its API documents, and its answers are understood: registry by recordings."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import errors
from bridge.domain import AddNote, AddReply, Call, Reply, SetField, SetStatus
from bridge.errors import CallError
from bridge.protocol import Leases
from tests.helpdesk_recordings import (
    JSON,
    KINDS,
    Recordings,
    action_of,
    every,
    named,
    ref_of,
    reply_of,
    secrets_of,
    told_ticket,
    walked,
)
from tests.senders import NOW_MS

MARK = "[jelou-bridge:0123456789abcdef]"
NOTE = AddNote(f"Conversation started.\n{MARK}", MARK)
WRITES = (
    NOTE,
    AddReply(f"Hola\n{MARK}", MARK, "Ana", "77"),
    SetStatus("solved"),
    SetField("tag", "jelou"),
    SetField("external_id", "c"),
)
"""One of each kind."""

WRITTEN = b'{"comments": [{"body": "x"}], "followup_set": [{"comment": "x"}]}'
"""What a look at a ticket shows where there is something on it."""

each_kind = pytest.mark.parametrize("recordings", KINDS, ids=named)


@pytest.mark.parametrize(("recordings", "case"), every("calls"), ids=named)
def test_each_write_is_the_call_the_helpdesk_documents(recordings: Recordings, case: dict[str, Any]) -> None:
    """Each action becomes one call, or none where the helpdesk has no such thing."""
    ref = ref_of(recordings, recordings.writes["ticket_id"])
    dialect, account = recordings.dialect, recordings.account
    action = action_of(case["action"])
    replies = walked(case, "prepare", lambda told: dialect.prepare(account, ref, action, told))
    call = dialect.call(account, ref, dialect.prepared(account, action, replies), "1:note", now_ms=NOW_MS)
    if "none" in case:
        assert call is None
        return
    assert call is not None
    assert (call.method, call.url, json.loads(call.body), call.once) == tuple(
        case[name] for name in ("method", "url", "body", "once")
    )
    assert call.headers["content-type"] == "application/json"


@each_kind
def test_no_call_outlives_a_lease(recordings: Recordings) -> None:
    """While a read, a look or a write is under way nobody else has the ticket."""
    dialect, account, ref = recordings.dialect, recordings.account, ref_of(recordings, "1")
    writes = [dialect.call(account, ref, one, "key", now_ms=NOW_MS) for one in WRITES]
    reads = (dialect.fetch(account, ref), dialect.probe(account, ref, NOTE), dialect.fetch_comments(account, ref))
    calls = [*reads, *writes]
    assert all(call.timeout_s < Leases().ticket_ms / 1000 for call in calls if call is not None)


@each_kind
def test_without_access_nothing_is_called(recordings: Recordings) -> None:
    """An account that only listens takes no write, no fetch and no probe."""
    section = {name: value for name, value in recordings.section.items() if name != "access"}
    account, ref = recordings.dialect.settings.model_validate(section), ref_of(recordings, "1")
    for action in WRITES:
        assert recordings.dialect.call(account, ref, action, "key", now_ms=NOW_MS) is None
        assert recordings.dialect.probe(account, ref, action) is None
    assert recordings.dialect.fetch(account, ref) is None


@each_kind
@pytest.mark.parametrize("ticket_id", ["a/b", "1?x=1", "1#f", "1 2", "ñ", "../../users/1", "%2e%2e"])
def test_an_id_cannot_leave_its_place_in_a_url(recordings: Recordings, ticket_id: str) -> None:
    """Whatever characters a ticket's id holds, a call goes to the same host and below the same path."""
    plain, odd = (calls_about(recordings, one) for one in ("1", ticket_id))
    for one, other in zip(plain, odd, strict=True):
        assert len(one.url.split("/")) == len(other.url.split("/"))
        assert one.url.count("?") == other.url.count("?")
        assert "#" not in other.url


def calls_about(recordings: Recordings, ticket_id: str) -> list[Call]:
    """All calls a dialect makes about a ticket."""
    account, ref, dialect = recordings.account, ref_of(recordings, ticket_id), recordings.dialect
    writes = [dialect.call(account, ref, one, "key", now_ms=NOW_MS) for one in WRITES]
    reads = (dialect.fetch(account, ref), dialect.probe(account, ref, NOTE), dialect.fetch_comments(account, ref))
    return [call for call in (*writes, *reads) if call]


@each_kind
def test_secrets_do_not_show(recordings: Recordings) -> None:
    """Neither an account nor a call shows a secret when it is printed."""
    shown = repr(
        (recordings.account, calls_about(recordings, "1"), recordings.dialect.verification(recordings.account))
    )
    assert not any(secret in shown for secret in secrets_of(recordings))


@pytest.mark.parametrize(("recordings", "case"), every("receipts"), ids=named)
def test_an_accepted_write_has_a_receipt(recordings: Recordings, case: dict[str, Any]) -> None:
    """The receipt is the helpdesk's own id of what was written, where it tells one."""
    found = recordings.dialect.receipt(recordings.account, action_of(case["action"]), reply_of(case["reply"]))
    assert found == case["receipt"]


@pytest.mark.parametrize(("recordings", "case"), every("errors"), ids=named)
def test_each_refusal_has_its_meaning(recordings: Recordings, case: dict[str, Any]) -> None:
    """Every code the helpdesk answers with says whether to try again, and whether anything happened."""
    for action in WRITES:
        with pytest.raises(CallError) as caught:
            recordings.dialect.receipt(recordings.account, action, reply_of(case))
        assert type(caught.value) is getattr(errors, case["raises"])
        assert caught.value.retry_after_s == case.get("retry_after_s", 0)
        assert not isinstance(caught.value, errors.Gone) or ": the " in caught.value.reason


@pytest.mark.parametrize(("recordings", "case"), every("probes"), ids=named)
def test_a_write_of_unknown_fate_is_looked_for(recordings: Recordings, case: dict[str, Any]) -> None:
    """A probe finds the write by its mark, and is not made where writing again is harmless."""
    dialect, action = recordings.dialect, action_of(case["action"])
    call = dialect.probe(recordings.account, ref_of(recordings, recordings.writes["ticket_id"]), action)
    if "none" in case:
        assert call is None
        assert dialect.found(recordings.account, action, Reply(200, {}, WRITTEN)) == ""
        return
    assert call is not None
    assert (call.method, call.url, call.once) == (case.get("method", "GET"), case["url"], False)
    assert dialect.found(recordings.account, action, reply_of(case["found"]))
    assert not dialect.found(recordings.account, action, reply_of(case["missing"]))


@pytest.mark.parametrize(("recordings", "case"), every("fetches"), ids=named)
def test_a_ticket_is_fetched_whole(recordings: Recordings, case: dict[str, Any]) -> None:
    """What the webhook left out comes with the fetched ticket, in the bridge's own words."""
    ref = ref_of(recordings, recordings.writes["ticket_id"])
    call = recordings.dialect.fetch(recordings.account, ref)
    if "none" in case:
        assert call is None
        return
    assert call is not None
    assert (call.method, call.url) == ("GET", case["url"])
    dialect, account, begun = recordings.dialect, recordings.account, [reply_of(case["reply"])]
    replies = walked(case, "more", lambda told: dialect.fetch_more(account, ref, told), begun)
    assert told_ticket(dialect.fetched(account, ref, *replies)) == case["ticket"]


@each_kind
@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text(max_size=40)),
    body=st.binary(max_size=60) | JSON.map(orjson.dumps),
)
def test_whatever_is_answered_is_understood_or_a_call_error(
    recordings: Recordings, status: int, headers: dict[str, str], body: bytes
) -> None:
    """No answer of any server makes a dialect raise anything but a CallError."""
    dialect, account, ref = recordings.dialect, recordings.account, ref_of(recordings, "1")
    reply = Reply(status, headers, body)
    for look in (
        lambda: dialect.receipt(account, NOTE, reply),
        lambda: dialect.found(account, NOTE, reply),
        lambda: dialect.fetched(account, ref, reply),
    ):
        try:
            look()
        except CallError as error:
            assert 0 <= error.retry_after_s <= 86_400  # noqa: PT017 - that nothing else is raised is the point
