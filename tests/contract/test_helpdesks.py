"""Every helpdesk keeps the contract of ``bridge.ports.Helpdesk``: registry by recordings.

A new helpdesk gets all of this by its line in the registry and its folder under ``tests/recordings``.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.domain import AddNote, TicketOpened, Unrecognised
from bridge.errors import SignatureRejected, Unreadable
from bridge.helpdesks import REGISTRY, reading
from bridge.nesting import DEEPEST
from bridge.signatures import HmacSigned, verify
from tests.helpdesk_recordings import (
    ACCOUNT_NAME,
    BESIDE,
    JSON,
    KINDS,
    Recordings,
    named,
    secrets_of,
    told,
)
from tests.senders import NOW_MS, Proof, delivered, prove, verified

NOTE = AddNote("Conversation started.\n[jelou-bridge:0123456789abcdef]", "[jelou-bridge:0123456789abcdef]")
BODIES = [(one, name) for one in KINDS for name in sorted(one.expected)]
SIGNED = [one for one in KINDS if isinstance(one.dialect.verification(one.account), HmacSigned)]
STAMPED = [one for one in SIGNED if getattr(one.dialect.verification(one.account), "timestamp", None)]


def tolerance_s(recordings: Recordings) -> float:
    """How far a time stamp of this sender may be from our clock; 0 where it sends none."""
    scheme = recordings.dialect.verification(recordings.account)
    timestamp = scheme.timestamp if isinstance(scheme, HmacSigned) else None
    return (timestamp.tolerance_s or 0.0) if timestamp else 0.0


MALFORMED = ["", " ", "x", "v1", "v1,", "v1,=", "Basic", "Basic %%%", "sha256=", "0" * 64, "\x00", "A" * 9000]
NOT_ASCII = ["é" * 44, "v1,é", "Basic é", "\udcff" * 44, "\ud800", "日本語", "🎫"]

PLACE = re.compile(r" \(line \d+, column \d+\)$")
PLACES = (
    "detail.id", "ticket_id", "data.ticket.id", "ticket.id", "issue.id", "data.item.ticket.id", "item.id",
    "item.items_id", "item.tickets_id",
)  # fmt: skip
"""Where the id of a ticket may be missed."""

EVENT_NAMES = ("type", "event", "topic", "webhookEvent", "subscriptionType", "eventType")
"""Where a sender names its event."""

UNREADABLE = {
    f"{where}: {problem}"
    for where, problem in [
        ("body", "is not JSON"),
        ("body", "is not a JSON object"),
        ("body", "is not a JSON object, nor a list of some"),
        ("body", f"is nested deeper than {DEEPEST} levels"),
        *((where, reading.UNFILLED) for where in (*PLACES, *EVENT_NAMES)),
        *((where, "is not the id of a ticket") for where in PLACES),
    ]
}
"""All that is said of an unreadable body: places, never values."""

each_kind = pytest.mark.parametrize("recordings", KINDS, ids=named)


def sent(recordings: Recordings, *, secret: int = 0, now_ms: int = NOW_MS) -> tuple[Any, Proof]:
    """A recorded delivery and the proof that its sender would add."""
    name = min(recordings.expected)
    delivery = delivered(recordings.body(name), headers=recordings.headers.get(name))
    return delivery, prove(delivery, recordings.dialect.verification(recordings.account), secret=secret, now_ms=now_ms)


def rejected(recordings: Recordings, delivery: Any, section: dict[str, Any] | None = None) -> bool:
    """Whether the delivery is rejected; anything raised but SignatureRejected fails the test."""
    account = recordings.dialect.settings.model_validate(section or recordings.section)
    try:
        verify(delivery, recordings.dialect.verification(account), NOW_MS)
    except SignatureRejected:
        return True
    return False


def with_secrets(recordings: Recordings, secrets: list[str]) -> dict[str, Any]:
    """The account's section with these secrets."""
    verification = dict(recordings.section["verification"])
    name = next(name for name in ("secrets", "tokens", "passwords") if name in verification)
    return {**recordings.section, "verification": {**verification, name: secrets}}


# --- verification ----------------------------------------------------------------------------------------------------


@each_kind
def test_the_registry_names_each_dialect_by_its_kind(recordings: Recordings) -> None:
    """A dialect is found under the name that stands in its webhook's path."""
    assert REGISTRY[recordings.kind].kind == recordings.kind


@each_kind
@pytest.mark.parametrize("secret", [0, 1])
def test_both_secrets_of_a_rotation_are_accepted(recordings: Recordings, secret: int) -> None:
    """While two secrets are configured, deliveries under either of them pass."""
    delivery, proof = sent(recordings, secret=secret)
    assert not rejected(recordings, proof.on(delivery))


@each_kind
def test_a_secret_that_is_not_configured_is_rejected(recordings: Recordings) -> None:
    """Once the old secret is removed, deliveries under it no longer pass."""
    delivery, proof = sent(recordings, secret=1)
    assert rejected(recordings, proof.on(delivery), with_secrets(recordings, secrets_of(recordings)[:1]))


@each_kind
def test_a_delivery_without_proof_is_rejected(recordings: Recordings) -> None:
    """Nothing is read that does not prove its sender."""
    assert rejected(recordings, sent(recordings)[0])


@each_kind
@pytest.mark.parametrize("credential", MALFORMED + NOT_ASCII, ids=ascii)
def test_a_malformed_proof_is_rejected(recordings: Recordings, credential: str) -> None:
    """Whatever stands where the proof should be, the answer is a plain no."""
    delivery, proof = sent(recordings)
    assert rejected(recordings, proof.on(delivery, lambda _: credential))
    assert rejected(recordings, replace(proof, headers=dict.fromkeys(proof.headers, credential)).on(delivery)) or (
        not proof.headers
    )


@pytest.mark.parametrize("recordings", [one for one in STAMPED if tolerance_s(one)], ids=named)
@pytest.mark.parametrize("side", [-1, 1])
def test_a_stale_delivery_is_rejected(recordings: Recordings, side: int) -> None:
    """A genuine delivery from longer ago than its sender may take is a replay, or a wrong clock."""
    off_s = round(tolerance_s(recordings)) + 60
    delivery, proof = sent(recordings, now_ms=NOW_MS + side * off_s * 1000)
    assert rejected(recordings, proof.on(delivery))


@pytest.mark.parametrize("recordings", SIGNED, ids=named)
def test_a_changed_body_is_rejected(recordings: Recordings) -> None:
    """A signature holds for its own body alone."""
    delivery, proof = sent(recordings)
    assert rejected(recordings, replace(proof.on(delivery), body=delivery.body + b" "))


@each_kind
@pytest.mark.parametrize("secrets", [[], [""], ["", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]])
def test_an_account_without_a_secret_cannot_be_configured(recordings: Recordings, secrets: list[str]) -> None:
    """There is no way to switch verification off, not even by an empty variable."""
    with pytest.raises(ValidationError, match="verification"):
        recordings.dialect.settings.model_validate(with_secrets(recordings, secrets))


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("recordings", "name"), BODIES, ids=named)
def test_a_recorded_body_is_read_as_expected(recordings: Recordings, name: str) -> None:
    """Each body that the helpdesk sends becomes the events that stand beside it."""
    assert [told(event) for event in recordings.read(recordings.body(name), name)] == recordings.expected[name]


@each_kind
def test_every_recorded_body_has_an_expectation(recordings: Recordings) -> None:
    """No body lies in the folder unread."""
    folder = recordings.folder
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.json")}
    assert found - BESIDE == set(recordings.expected)


@each_kind
def test_the_recordings_show_every_kind_of_event(recordings: Recordings) -> None:
    """A dialect is not done before it tells all kinds of events, the unknown one included."""
    shown = {event["type"] for events in recordings.expected.values() for event in events}
    assert shown == {"ticket.opened", "agent.replied", "ticket.solved", "ticket.reopened", "unrecognised"}


@each_kind
def test_what_the_bridge_wrote_itself_is_recognised(recordings: Recordings) -> None:
    """The webhook about our own note is marked as ours, and the agents' are not."""
    replies = [event for events in recordings.expected.values() for event in events if event["type"] == "agent.replied"]
    assert {event["by_bridge"] for event in replies} == {True, False}
    assert all(event["by_bridge"] for event in replies if "[jelou-bridge:" in event["text"])


@each_kind
def test_a_redelivery_has_the_same_id_and_the_same_facts(recordings: Recordings) -> None:
    """The same body, signed anew where its sender does that, is known by its facts and by the delivery's id."""
    delivery, proof = sent(recordings)
    again = sent(recordings, now_ms=NOW_MS + (0 if recordings.writes.get("signed_once") else 60_000))[1]
    assert recordings.dialect.delivery_id(proof.on(delivery), recordings.account) == recordings.dialect.delivery_id(
        again.on(delivery), recordings.account
    )
    name = min(recordings.expected)
    assert recordings.read(delivery.body, name) == recordings.read(delivery.body, name)


@each_kind
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"1", b'"x"', b"{", b"NaN", b"\xff", b"[" * 5000, b'{"a":NaN}'])
def test_a_body_that_is_no_json_object_is_unreadable(recordings: Recordings, body: bytes) -> None:
    """What is signed and still not JSON is refused by name, and its content is not repeated."""
    with pytest.raises(Unreadable, match=r"^body: is not"):
        recordings.read(body)


@each_kind
@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_unreadable(recordings: Recordings, body: bytes) -> None:
    """No bytes make reading raise anything but Unreadable."""
    read_or_unreadable(recordings, body)


@each_kind
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON, places=st.lists(st.integers(0, 10_000), min_size=1, max_size=4), which=st.integers(0, 10_000))
def test_arbitrary_json_is_read_or_unreadable(
    recordings: Recordings, value: Any, places: list[int], which: int
) -> None:
    """Any JSON at any place of a genuine body is taken as missing, or is unreadable; nothing breaks."""
    bodies = sorted(recordings.expected)
    name = bodies[which % len(bodies)]
    body = json.loads(recordings.body(name))
    for place in places:
        put(body, place, copy.deepcopy(value))
    read_or_unreadable(recordings, orjson.dumps(body), name)
    read_or_unreadable(recordings, orjson.dumps(value), name)


def put(record: Any, place: int, value: Any) -> None:
    """Replaces the node of this number, counted through all objects and lists."""
    slots: list[tuple[Any, Any]] = []
    pending = [record]
    while pending:
        node = pending.pop()
        inner = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        slots += [(node, key) for key, _ in inner]
        pending += [child for _, child in inner if isinstance(child, dict | list)]
    if slots:
        node, key = slots[place % len(slots)]
        node[key] = value


def read_or_unreadable(recordings: Recordings, body: bytes, name: str = "") -> None:
    """Reads; what comes out is an event of this helpdesk that can be named and serialised."""
    try:
        events = recordings.read(body, name)
    except Unreadable as error:
        assert PLACE.sub("", str(error)) in UNREADABLE  # noqa: PT017 - that nothing else is raised is the point
        return
    assert events
    for event in events:
        assert event.ref is None or type(event.ref).parse(str(event.ref)) == event.ref
        assert event.fact
        assert event.ref or isinstance(event, Unrecognised)
        if isinstance(event, TicketOpened):
            orjson.dumps(event.ticket.fields)


@each_kind
def test_a_delivery_of_the_recordings_is_about_its_own_account(recordings: Recordings) -> None:
    """A ticket is named by kind and account, so that two accounts never meet in one."""
    checked = verified(sent(recordings)[0].body, recordings.dialect.verification(recordings.account))
    for event in recordings.dialect.read(checked, recordings.account, ACCOUNT_NAME + "-2"):
        assert event.ref is not None
        assert (event.ref.kind, event.ref.account) == (recordings.kind, ACCOUNT_NAME + "-2")
