"""Signatures: what is accepted was signed by a configured secret, and nothing makes the check fail otherwise."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import bridge
from bridge.domain import Delivery, Verified
from bridge.errors import SignatureRejected
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.generic_mapping import Stamp
from bridge.signatures import (
    BasicCredentials,
    HashSigned,
    HeaderTokens,
    HmacSigned,
    Timestamp,
    UrlTokens,
    Verification,
    jelou_signed,
    standard_webhooks,
    standard_webhooks_signature,
    verify,
    whsec_key,
)
from tests.helpdesk_recordings import recordings_of
from tests.senders import NOW_MS, delivered, prove, stamp

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SCHEMES: dict[str, Verification] = {
    "hmac": HmacSigned(header="x-signature", secrets=(b"one", b"two"), prefix="sha256="),
    "zendesk-like": HmacSigned(
        header="x-signature",
        secrets=(b"one", b"two"),
        signed="{timestamp}{body}",
        encoding="base64",
        timestamp=Timestamp(header="x-time", unit="iso8601"),
    ),
    "standard-webhooks": standard_webhooks([SECRET, OLD_SECRET]),
    "hash": HashSigned(header="x-signature", secrets=(b"one", b"two"), signed="{secret}{method}{url}{body}"),
    "token": HeaderTokens(header="x-token", tokens=(b"one", b"two")),
    "bearer": HeaderTokens(header="authorization", tokens=(b"one", b"two"), scheme="Bearer"),
    "basic": BasicCredentials(username="jelou", passwords=("one", "two")),
    "url": UrlTokens(parameter="token", tokens=(b"one", b"two")),
}
SIGNED = ["hmac", "zendesk-like", "standard-webhooks", "hash"]
STAMPED = ["zendesk-like", "standard-webhooks"]


def accepted(delivery: Delivery, verification: Verification, now_ms: int = NOW_MS) -> bool:
    """Whether the delivery is accepted; anything raised but SignatureRejected fails the test."""
    try:
        return verify(delivery, verification, now_ms).delivery is delivery
    except SignatureRejected:
        return False


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("secret", [0, 1])
def test_every_configured_secret_is_accepted(name: str, secret: int) -> None:
    """During a rotation both the new and the old secret pass."""
    delivery = delivered()
    assert accepted(prove(delivery, SCHEMES[name], secret=secret).on(delivery), SCHEMES[name])


@pytest.mark.parametrize("name", SIGNED)
def test_a_secret_that_was_removed_is_rejected(name: str) -> None:
    """After a rotation the old secret no longer passes."""
    delivery, both = delivered(), SCHEMES[name]
    assert isinstance(both, HmacSigned | HashSigned)
    proof = prove(delivery, both, secret=1)
    assert not accepted(proof.on(delivery), replace(both, secrets=both.secrets[:1]))


@pytest.mark.parametrize("name", SCHEMES)
def test_a_delivery_without_credential_is_rejected(name: str) -> None:
    """Nothing at all proves nothing, and so does an empty credential."""
    delivery = delivered()
    assert not accepted(delivery, SCHEMES[name])
    assert not accepted(prove(delivery, SCHEMES[name]).on(delivery, lambda _: ""), SCHEMES[name])


@pytest.mark.parametrize("name", STAMPED)
@pytest.mark.parametrize(("off_s", "passes"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)])
def test_a_timestamp_holds_within_its_tolerance(name: str, off_s: int, *, passes: bool) -> None:
    """A genuine delivery passes for five minutes, on either side of our clock."""
    delivery, verification = delivered(), SCHEMES[name]
    proof = prove(delivery, verification, now_ms=NOW_MS + off_s * 1000)
    assert accepted(proof.on(delivery), verification) is passes


@pytest.mark.parametrize(
    "told", ["", "NaN", "inf", "-1", "+1795184405", "1_795_184_405", "١٧٩٥", "9" * 5000, "1e9", "²"]
)
@pytest.mark.parametrize("unit", ["s", "ms", "iso8601", "auto"])
def test_a_timestamp_that_is_none_is_rejected(told: str, unit: Any) -> None:
    """A timestamp is plain digits or ISO 8601; what Python would also read as a number is not."""
    scheme = HmacSigned(
        header="x-signature",
        secrets=(b"one",),
        signed="{timestamp}{body}",
        timestamp=Timestamp(header="x-time", unit=unit),
    )
    delivery = delivered(headers={"x-time": told})
    honest = HmacSigned(header="x-signature", secrets=(b"one",))
    proven = prove(replace(delivery, body=told.encode() + delivery.body), honest).on(delivery)
    unchecked = replace(scheme, timestamp=Timestamp(header="x-time", unit=unit, tolerance_s=None))
    assert accepted(proven, unchecked) is bool(told)
    assert not accepted(proven, scheme)


@pytest.mark.parametrize("unit", ["s", "ms", "iso8601", "auto"])
def test_each_unit_of_a_timestamp_is_read(unit: Any) -> None:
    """Seconds, milliseconds and ISO 8601 tell the same moment."""
    told = stamp(NOW_MS, unit)
    Timestamp(header="x-time", unit=unit, tolerance_s=1).check(delivered(headers={"x-time": told}), NOW_MS)


def test_standard_webhooks_of_the_published_library_are_accepted() -> None:
    """The library other senders use, and this one, agree in both directions."""
    peer, now = standardwebhooks.Webhook(SECRET), datetime.now(tz=UTC)
    body = '{"type":"ticket.created","data":{"ticket":{"id":"¿1?"}}}'
    headers = {"webhook-id": "msg_2", "webhook-timestamp": str(int(now.timestamp()))}
    theirs = delivered(body.encode(), headers={**headers, "webhook-signature": peer.sign("msg_2", now, body)})
    assert accepted(theirs, standard_webhooks([OLD_SECRET, SECRET]), int(now.timestamp() * 1000))
    ours = standard_webhooks_signature(whsec_key(SECRET), "msg_2", int(now.timestamp()), body.encode())
    assert peer.verify(body, {**headers, "webhook-signature": ours}) == json.loads(body)


def test_entries_of_unknown_versions_are_skipped() -> None:
    """A list may hold signatures we do not know; none of them passes, and none of them hinders."""
    delivery, scheme = delivered(), SCHEMES["standard-webhooks"]
    proof = prove(delivery, scheme)
    assert accepted(proof.on(delivery, lambda right: f"v2,{right[3:]} v1a,x {right} v1,"), scheme)
    assert not accepted(proof.on(delivery, lambda right: f"v2,{right[3:]} v1a,{right[3:]}"), scheme)


def test_basic_credentials_are_taken_in_utf8_and_latin1() -> None:
    """A password with an accent passes as UTF-8, and as Latin-1, which the requests library sends."""
    scheme = BasicCredentials(username="jelou", passwords=("contraseña",))
    for charset in ("utf-8", "latin-1"):
        told = "basic " + base64.b64encode("jelou:contraseña".encode(charset)).decode()
        assert accepted(delivered(headers={"Authorization": told}), scheme)
    replaced = "Basic " + base64.b64encode(b"jelou:contrase?a").decode()
    assert not accepted(delivered(headers={"Authorization": replaced}), scheme)


@pytest.mark.parametrize(
    "make",
    [
        lambda: HmacSigned(header="x", secrets=()),
        lambda: HmacSigned(header="x", secrets=(b"one", b"")),
        lambda: HmacSigned(header="", secrets=(b"one",)),
        lambda: HmacSigned(header="x", secrets=(b"one",), signed="{timestamp}", timestamp=Timestamp(header="t")),
        lambda: HmacSigned(header="x", secrets=(b"one",), signed="{body}{secret}"),
        lambda: HmacSigned(header="x", secrets=(b"one",), signed="{body}{nothing}"),
        lambda: HmacSigned(header="x", secrets=(b"one",), signed="{body}{timestamp}"),
        lambda: HmacSigned(header="x", secrets=(b"one",), timestamp=Timestamp(header="t")),
        lambda: HashSigned(header="x", secrets=(b"one",)),
        lambda: HeaderTokens(header="x", tokens=()),
        lambda: HeaderTokens(header="x", tokens=(b"",)),
        lambda: BasicCredentials(username="u", passwords=("",)),
        lambda: BasicCredentials(username="u:v", passwords=("p",)),
        lambda: UrlTokens(parameter="t", tokens=()),
        lambda: Timestamp(header="t", tolerance_s=float("nan")),
        lambda: Timestamp(header="t", tolerance_s=float("inf")),
        lambda: Timestamp(header="t", tolerance_s=86_401),
        lambda: standard_webhooks(["whsec_"]),
        lambda: standard_webhooks(["whsec_not base64"]),
        lambda: jelou_signed([]),
    ],
)
def test_no_verification_cannot_be_expressed(make: Any) -> None:
    """A verification without a secret, or over something else than the body, is never made."""
    with pytest.raises(ValueError, match=r"secret|need"):
        make()


def test_only_verify_makes_a_verified() -> None:
    """Nobody can claim a delivery to be checked without checking it, but for a rehearsal that sends nothing."""
    with pytest.raises(TypeError):
        Verified(delivered(), object())
    files = Path(bridge.__file__).parent.rglob("*.py")
    assert {file.name for file in files if "_CHECKED" in file.read_text(encoding="utf-8")} == {
        "domain.py",
        "rehearsal.py",
        "signatures.py",
    }


def test_secrets_are_not_shown() -> None:
    """A verification can be logged without telling its secrets."""
    assert not any(word in repr(tuple(SCHEMES.values())) for word in ("b'one'", "'two'"))


ANY_TEXT = st.text(st.characters(), max_size=80) | st.sampled_from(["v1,", "sha256=", "Basic ", "Basic é", "v1,\ud800"])
PROVING = ("x-signature", "x-time", "x-token", "authorization", "webhook-id", "webhook-timestamp", "webhook-signature")


@given(
    name=st.sampled_from(sorted(SCHEMES)),
    headers=st.dictionaries(st.sampled_from(PROVING), ANY_TEXT),
    query=st.dictionaries(st.just("token"), ANY_TEXT),
    body=st.binary(max_size=80),
    now_ms=st.integers(0, 2**53),
)
def test_whatever_arrives_is_accepted_or_rejected(
    name: str, headers: dict[str, str], query: dict[str, str], body: bytes, now_ms: int
) -> None:
    """No header, token or body makes verification raise anything but SignatureRejected, nor pass by chance."""
    delivery = replace(delivered(body), headers=headers, query=query)
    assert accepted(delivery, SCHEMES[name], now_ms) is (
        (name == "token" and headers.get("x-token") in {"one", "two"})
        or (name == "url" and query.get("token") in {"one", "two"})
    )


@given(body=st.binary(max_size=200), name=st.sampled_from(SIGNED), at=st.integers(0), bit=st.integers(0, 7))
def test_what_was_signed_passes_and_nothing_near_it(body: bytes, name: str, at: int, bit: int) -> None:
    """Any bytes can be signed, and any flipped bit of them is noticed."""
    delivery = delivered(body)
    proven = prove(delivery, SCHEMES[name]).on(delivery)
    assert accepted(proven, SCHEMES[name])
    if body:
        place = at % len(body)
        flipped = body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]
        assert not accepted(replace(proven, body=flipped), SCHEMES[name])


# --- comparing -------------------------------------------------------------------------------------------------------

CREDENTIALS = ["token", "contraseña", "t", "x" * 5_000]


@pytest.mark.parametrize("known", CREDENTIALS)
def test_a_credential_of_any_length_and_script_is_compared(known: str) -> None:
    """Itself is right; what begins like it, is longer, is empty or is no text is wrong, and nothing raises."""
    schemes = [
        HeaderTokens(header="x-token", tokens=(known.encode(), b"other")),
        HeaderTokens(header="x-token", tokens=(known.encode(),), scheme="Token"),
    ]
    for scheme, before in zip(schemes, ("", "token "), strict=True):
        for shown in (known[:-1], known + "x", known.upper() + "X", "\ud800", "ñ" * 9_000, " "):
            assert not accepted(delivered(headers={"x-token": before + shown}), scheme)
        assert accepted(delivered(headers={"x-token": before + known}), scheme)


def test_credentials_are_compared_in_one_place_and_by_digest() -> None:
    """The comparison of two lengths tells how long the expected one is; so no other place compares."""
    root = Path(bridge.__file__).parent.parent
    files = [file for folder in ("bridge", "workers", "config") for file in (root / folder).rglob("*.py")]
    ours = [file for file in files if "twins" not in file.parts]
    places = [(file.name, line.strip()) for file in ours for line in file.read_text().splitlines() if COMPARES in line]
    assert [name for name, _ in places] == ["signatures.py"]
    assert places[0][1].count("sha256(") == 2


COMPARES = "compare_digest("


# --- the age of a delivery -------------------------------------------------------------------------------------------

STAMPED = ["zendesk", "hubspot", "glpi", "standard-webhooks"]


@pytest.mark.parametrize("kind", STAMPED)
def test_a_tolerance_is_a_day_at_most(kind: str) -> None:
    """Longer would let anybody send a delivery again; the mistake names its key."""
    section = {**recordings_of(kind).section, "project": "soporte"}
    settings = REGISTRY[kind].settings
    settings.model_validate(section | {"verification": {**section["verification"], "tolerance_s": 86_400}})
    with pytest.raises(ValidationError) as caught:
        settings.model_validate(section | {"verification": {**section["verification"], "tolerance_s": 86_401}})
    assert [(error["loc"][-1], error["type"]) for error in caught.value.errors()] == [
        ("tolerance_s", "less_than_equal")
    ]


def test_a_mappings_tolerance_is_a_day_at_most() -> None:
    """Or none at all, for a sender that never renews its timestamp."""
    for good in (86_400, None):
        Stamp(header="x", tolerance_s=good)
    with pytest.raises(ValidationError):
        Stamp(header="x", tolerance_s=86_401)
