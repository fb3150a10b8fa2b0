"""How a helpdesk lets the bridge in, and how the bridge answers one that asks who it is: registry by recordings."""

from __future__ import annotations

from typing import Any

import pytest

from bridge import errors
from bridge.errors import CallError
from tests.helpdesk_recordings import KINDS, Recordings, named, ref_of, reply_of
from tests.senders import delivered

GRANTS = [(one, case) for one in KINDS for case in one.writes.get("grants", [])]
HANDSHAKES = [(one, case) for one in KINDS for case in one.writes.get("handshakes", [])]


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_no_delivery_is_taken_for_a_handshake(recordings: Recordings) -> None:
    """What a helpdesk sends day by day is read, and never answered as if it asked who we are."""
    for name in recordings.expected:
        sent = delivered(recordings.body(name), headers=recordings.headers.get(name))
        assert recordings.dialect.handshake(recordings.account, sent) is None
    assert recordings.dialect.handshake(recordings.account, delivered(b"", method="GET")) is None


@pytest.mark.parametrize(("recordings", "case"), HANDSHAKES, ids=named)
def test_a_handshake_is_answered_as_the_helpdesk_wants(recordings: Recordings, case: dict[str, Any]) -> None:
    """To the byte; what only looks like one is not answered."""
    asked = delivered(
        case.get("body", "").encode(), headers=case.get("headers"), query=case.get("query"), method=case["method"]
    )
    told = recordings.dialect.handshake(recordings.account, asked)
    if "none" in case:
        assert told is None
        return
    assert told is not None
    assert (told.status, told.body.decode(), told.content_type) == (
        case.get("status", 200),
        case["answer"],
        case.get("content_type", "text/plain"),
    )


@pytest.mark.parametrize(("recordings", "case"), GRANTS, ids=named)
def test_an_access_token_is_asked_for_and_taken(recordings: Recordings, case: dict[str, Any]) -> None:
    """The token, and for how long it is good; a refused credential is known as that."""
    call = recordings.dialect.grant(recordings.account)
    assert call is not None
    assert (call.method, call.url, call.body.decode()) == (case["method"], case["url"], case["body"])
    assert not call.granted
    found = recordings.dialect.granted(recordings.account, reply_of(case["reply"]))
    assert (found.token, found.expires_in_s) == (case["token"], case["expires_in_s"])
    for refusal in case["errors"]:
        with pytest.raises(CallError) as caught:
            recordings.dialect.granted(recordings.account, reply_of(refusal))
        assert type(caught.value) is getattr(errors, refusal["raises"])


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_a_token_is_wanted_only_where_one_is_handed_out(recordings: Recordings) -> None:
    """Calls carry their credential, or ask for the account's token; without access no token is asked for."""
    dialect, section = recordings.dialect, recordings.section
    deaf = dialect.settings.model_validate({name: value for name, value in section.items() if name != "access"})
    assert dialect.grant(deaf) is None
    calls = [dialect.changed(recordings.account, 1, ""), dialect.fetch(recordings.account, ref_of(recordings, "1"))]
    handed_out = dialect.grant(recordings.account) is not None
    assert all(call.granted is handed_out for call in calls if call)
    assert not any(call.granted and "authorization" in call.headers for call in calls if call)
