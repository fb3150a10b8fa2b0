"""What senders do: prove a delivery by a verification, computed apart from the code under test."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.domain import Delivery, Verified
from bridge.signatures import (
    BasicCredentials,
    HashSigned,
    HeaderTokens,
    HmacSigned,
    UrlTokens,
    Verification,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOW_MS = 1_795_184_405_000
URL = "https://bridge.example.com/webhooks/helpdesks/kind/main"


def delivered(
    body: bytes = b"{}",
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    url: str = URL,
    method: str = "POST",
) -> Delivery:
    """A delivery as the web handler hands it on: names of headers and parameters in lower case."""
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    return Delivery("kind/main", method, url, lower, query or {}, body, NOW_MS)


@dataclass(frozen=True)
class Proof:
    """What a sender adds to a delivery, the credential apart from the rest."""

    credential: tuple[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    in_query: bool = False

    def on(self, delivery: Delivery, change: Callable[[str], str] = str) -> Delivery:
        """The delivery with this proof on it, its credential changed."""
        name, value = self.credential[0], change(self.credential[1])
        query = {**delivery.query, name: value} if self.in_query else delivery.query
        headers = {**delivery.headers, **self.headers} | ({} if self.in_query else {name: value})
        return replace(delivery, headers=headers, query=query)


def prove(delivery: Delivery, verification: Verification, *, now_ms: int = NOW_MS, secret: int = 0) -> Proof:
    """What a sender with the secret of this number adds at this time."""
    match verification:
        case HmacSigned() | HashSigned():
            return _signature(delivery, verification, now_ms, verification.secrets[secret])
        case HeaderTokens():
            token = verification.tokens[secret].decode()
            return Proof((verification.header.lower(), f"{verification.scheme} {token}".strip()))
        case BasicCredentials():
            pair = f"{verification.username}:{verification.passwords[secret]}".encode()
            return Proof(("authorization", "Basic " + base64.b64encode(pair).decode()))
        case UrlTokens():
            return Proof((verification.parameter, verification.tokens[secret].decode()), in_query=True)


def _signature(delivery: Delivery, scheme: HmacSigned | HashSigned, now_ms: int, secret: bytes) -> Proof:
    headers = {}
    if scheme.timestamp:
        headers[scheme.timestamp.header.lower()] = stamp(now_ms, scheme.timestamp.unit)
    if scheme.id_header:
        headers[scheme.id_header.lower()] = "msg_1"
    # Latin-1 carries any bytes through a text template and back.
    text = scheme.signed.format(
        body=delivery.body.decode("latin-1"),
        timestamp=headers[scheme.timestamp.header.lower()] if scheme.timestamp else "",
        id="msg_1",
        method=delivery.method,
        url=delivery.url,
        secret=secret.decode("latin-1"),
    ).encode("latin-1")
    hashed = hashlib.new(scheme.algorithm, text)
    digest = hmac.new(secret, text, scheme.algorithm).digest() if isinstance(scheme, HmacSigned) else hashed.digest()
    encoded = digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()
    return Proof((scheme.header.lower(), scheme.prefix + encoded), headers)


def stamp(now_ms: int, unit: str) -> str:
    """A time as a sender of this unit writes it."""
    if unit == "iso8601":
        return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(now_ms // 1000 if unit == "s" else now_ms)


def verified(body: bytes, verification: Verification, *, headers: Mapping[str, str] | None = None) -> Verified:
    """A checked delivery of this body."""
    delivery = delivered(body, headers=headers)
    return verify(prove(delivery, verification).on(delivery), verification, NOW_MS)
