"""Known answers: every published or computed signature is judged as it is marked, and nothing near it passes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from bridge.errors import SignatureRejected
from bridge.signatures import (
    BasicCredentials,
    HashSigned,
    HeaderTokens,
    HmacSigned,
    Timestamp,
    UrlTokens,
    Verification,
    jelou_signature,
    jelou_signed,
    text_key,
    verify,
    whsec_key,
)
from tests.senders import NOW_MS, delivered

if TYPE_CHECKING:
    from bridge.domain import Delivery

RECORDINGS = Path(__file__).parents[1] / "recordings" / "signatures"
HELPDESKS = json.loads((RECORDINGS / "helpdesks.json").read_text(encoding="utf-8"))["vectors"]
JELOU = json.loads((RECORDINGS / "jelou.json").read_text(encoding="utf-8"))
KEYLESS = {"static-header", "basic", "bearer", "url-token"}
"""Vectors whose credential does not depend on the body."""

VALID_OF_JELOU = [one for one in JELOU["vectors"] if one["valid_over_raw_bytes"]]


def scheme_of(vector: dict[str, Any]) -> Verification:
    """The verification that a vector's scheme describes."""
    scheme, secret = vector["scheme"], vector["secret"]
    key = whsec_key(secret) if scheme.get("secret_encoding") == "base64" else text_key(secret)
    match scheme["kind"]:
        case "static_header":
            return HeaderTokens(header=scheme["header"], tokens=(key,))
        case "bearer":
            return HeaderTokens(header="Authorization", tokens=(key,), scheme="Bearer")
        case "basic":
            return BasicCredentials(username=scheme["username"], passwords=(secret,))
        case "url_token":
            return UrlTokens(parameter=scheme["param"], tokens=(key,))
    kinds: dict[str, type[HmacSigned | HashSigned]] = {"hmac": HmacSigned, "hash": HashSigned}
    return kinds[scheme["kind"]](
        header=scheme["header"],
        secrets=(key,),
        signed=scheme["signed"],
        algorithm=scheme["algorithm"],
        encoding=scheme["encoding"],
        prefix=scheme.get("prefix", "") or scheme.get("version_prefix", ""),
        separator=scheme.get("list_separator", ""),
        timestamp=Timestamp(**scheme["timestamp"]) if "timestamp" in scheme else None,
        id_header=scheme.get("id_header", ""),
    )


def delivery_of(vector: dict[str, Any]) -> Delivery:
    """The request of a vector."""
    request = vector["request"]
    query = dict(parse_qsl(urlsplit(request["url"]).query))
    return delivered(
        request["body"].encode(),
        headers=request["headers"],
        query=query,
        url=request["url"],
        method=request["method"],
    )


def time_of(vector: dict[str, Any]) -> int:
    """A moment just after the vector was signed."""
    timestamp = vector["scheme"].get("timestamp")
    if not timestamp:
        return NOW_MS
    told = vector["request"]["headers"][timestamp["header"]]
    if timestamp["unit"] == "iso8601":
        return int(datetime.fromisoformat(told).astimezone(UTC).timestamp() * 1000)
    return int(told) * (1000 if len(told) <= len("1795184405") else 1)


def accepted(delivery: Delivery, verification: Verification, now_ms: int = NOW_MS) -> bool:
    """Whether the delivery is accepted; anything raised but SignatureRejected fails the test."""
    try:
        return verify(delivery, verification, now_ms).delivery is delivery
    except SignatureRejected:
        return False


def jelou_delivery(vector: dict[str, Any]) -> Delivery:
    """The request of one of Jelou's vectors."""
    return delivered(vector["raw_body"].encode(), headers={"X-Jelou-Signature": vector["header"]})


def one_byte_off(body: bytes) -> list[bytes]:
    """The body with one bit of one byte changed, at places spread over it, and cut, and longer."""
    places = sorted({0, 1, len(body) // 3, len(body) // 2, len(body) - 2, len(body) - 1})
    changed = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in places]
    return [*changed, body[:-1], body + b" "]


def one_character_off(text: str) -> list[str]:
    """The text with one character changed at places spread over it."""
    places = sorted({0, len(text) // 2, len(text) - 2})
    return [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in places]


@pytest.mark.parametrize("vector", HELPDESKS, ids=lambda vector: vector["name"])
def test_known_answers_of_helpdesks(vector: dict[str, Any]) -> None:
    """Each published or computed vector is accepted or rejected as it is marked."""
    assert accepted(delivery_of(vector), scheme_of(vector), time_of(vector)) is vector["valid"]


@pytest.mark.parametrize(
    "vector", [one for one in HELPDESKS if one["name"] not in KEYLESS], ids=lambda one: one["name"]
)
def test_a_changed_body_is_rejected(vector: dict[str, Any]) -> None:
    """No other body passes with the signature of this one, however small the difference."""
    delivery, verification, now_ms = delivery_of(vector), scheme_of(vector), time_of(vector)
    changed = [replace(delivery, body=body) for body in one_byte_off(delivery.body)]
    assert not any(accepted(one, verification, now_ms) for one in changed)


@pytest.mark.parametrize("vector", HELPDESKS, ids=lambda vector: vector["name"])
def test_a_changed_credential_is_rejected(vector: dict[str, Any]) -> None:
    """No other signature or token passes for this body, however small the difference."""
    delivery, verification, now_ms = delivery_of(vector), scheme_of(vector), time_of(vector)
    header = getattr(verification, "header", "authorization").lower()
    if isinstance(verification, UrlTokens):
        changed = [replace(delivery, query={"token": text}) for text in one_character_off(delivery.query["token"])]
    else:
        texts = one_character_off(delivery.headers[header].split(" ")[-1])
        changed = [replace(delivery, headers={**delivery.headers, header: text}) for text in texts]
    assert changed
    assert not any(accepted(one, verification, now_ms) for one in changed)


@pytest.mark.parametrize("vector", JELOU["vectors"], ids=lambda vector: vector["name"])
def test_known_answers_of_jelou(vector: dict[str, Any]) -> None:
    """Jelou's vectors are judged over the raw bytes, in lower-case hex, with the secret taken as text."""
    assert accepted(jelou_delivery(vector), jelou_signed([JELOU["secret"]])) is vector["valid_over_raw_bytes"]


@pytest.mark.parametrize("vector", VALID_OF_JELOU, ids=lambda one: one["name"])
def test_jelou_bodies_that_changed_are_rejected(vector: dict[str, Any]) -> None:
    """A valid vector of Jelou's fails after any small change of its body or of its signature."""
    delivery, verification = jelou_delivery(vector), jelou_signed([JELOU["secret"]])
    assert not any(accepted(replace(delivery, body=body), verification) for body in one_byte_off(delivery.body))
    for text in one_character_off(vector["header"]):
        assert not accepted(replace(delivery, headers={"x-jelou-signature": text}), verification)


@pytest.mark.parametrize("vector", VALID_OF_JELOU, ids=lambda one: one["name"])
def test_our_own_messages_to_jelou_are_signed_alike(vector: dict[str, Any]) -> None:
    """What we sign for Jelou is what Jelou signs for us."""
    assert jelou_signature(JELOU["secret"], vector["raw_body"].encode()) == vector["header"]
