"""How a delivery proves its sender: verification as data, and ``verify``, which checks it. Pure, without a clock.

A scheme is a value: which header, which algorithm, which bytes are signed. "No verification" cannot be written down:
each of these raises ValueError when it is made without a secret, or with a template that leaves the body unsigned.
Several secrets at once make a rotation possible; all of them are tried every time, each compared in constant time.

Sources: Standard Webhooks 1.0.0, HubSpot "Validating requests", Jelou "External support: webhooks", RFC 7617 (Basic).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import hexlify
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from string import Formatter
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from bridge.domain import _CHECKED, Verified
from bridge.errors import SignatureRejected
from bridge.refusals import Reason
from bridge.timestamps import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.domain import Delivery
    from bridge.timestamps import Unit

Algorithm = Literal["sha1", "sha256", "sha512"]
Encoding = Literal["hex", "base64"]

_ENCODERS: Final[Mapping[Encoding, Callable[[bytes], bytes]]] = {"hex": hexlify, "base64": b64encode}
TOLERANCE_MOST_S: Final = 86_400.0
"""How far a timestamp may be let off: one that is good for longer keeps nobody from sending a delivery again."""

_TEMPLATE_NAMES: Final = frozenset({"body", "timestamp", "id", "method", "url", "secret"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timestamp:
    """The header that tells when a delivery was signed; None as tolerance for senders that never renew it."""

    header: str
    unit: Unit = "s"
    tolerance_s: float | None = 300.0

    def __post_init__(self) -> None:
        _require(self.header, "a header")
        _require(
            self.tolerance_s is None or 0 < self.tolerance_s <= TOLERANCE_MOST_S, "a tolerance over 0, a day at most"
        )

    def check(self, delivery: Delivery, now_ms: int) -> None:
        """Raises SignatureRejected for a timestamp too far from now, on either side."""
        if self.tolerance_s is None:
            return
        told_ms = milliseconds(_header(delivery, self.header), self.unit)
        if told_ms is None:
            msg = f"{self.header} is not a timestamp ({self.unit})"
            raise SignatureRejected(msg, Reason.CLOCK)
        off_s = abs(now_ms - told_ms) / 1000
        if off_s > self.tolerance_s:
            side = "behind" if told_ms < now_ms else "ahead of"
            msg = (
                f"{self.header} is {off_s:.0f} s from our clock, more than {self.tolerance_s:g} s: "
                f"the sender's clock is {off_s:.0f} s {side} ours, or it was sent late"
            )
            raise SignatureRejected(msg, Reason.CLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A digest in a header over parts of the request, which ``signed`` names as a template.

    ``prefix`` stands before the digest and is cut off. With ``separator`` the header is a list, of which entries with
    another prefix are skipped, as Standard Webhooks wants it of versions it does not know.
    """

    header: str
    secrets: tuple[bytes, ...] = field(repr=False)
    signed: str = "{body}"
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    separator: str = ""
    timestamp: Timestamp | None = None
    id_header: str = ""

    keyed_by_template: ClassVar[bool] = False

    def __post_init__(self) -> None:
        names = {name for _, name in _pieces(self.signed) if name}
        _require(self.header, "a header")
        _require(self.secrets and all(self.secrets), "a secret, and no empty one")
        _require(names <= _TEMPLATE_NAMES, "a template of known names")
        _require("body" in names, "a template with {body}")
        _require(("secret" in names) is self.keyed_by_template, "the secret as key or in the template, never both")
        _require(("timestamp" in names) is bool(self.timestamp), "a timestamp header if {timestamp} is signed")
        _require(("id" in names) is bool(self.id_header), "an id header if {id} is signed")

    def check_head(self, head: Delivery, now_ms: int) -> None:
        """Raises SignatureRejected where no body could make it genuine: what belongs to the proof is not all there."""
        self._values(head)
        if not self._candidates(head):
            msg = f"{self.header} holds no signature"
            raise SignatureRejected(msg, Reason.MISSING_PROOF)
        if self.timestamp:
            self.timestamp.check(head, now_ms)

    def check(self, delivery: Delivery, now_ms: int) -> None:
        """Raises SignatureRejected unless one of the secrets made one of the signatures, lately enough."""
        values = self._values(delivery)
        encode = _ENCODERS[self.encoding]
        expected = [encode(self._digest(secret, values)) for secret in self.secrets]
        if not _any_equal(self._candidates(delivery), expected):
            msg = f"{self.header} is not the signature of this body under any configured secret"
            raise SignatureRejected(msg)
        if self.timestamp:
            self.timestamp.check(delivery, now_ms)

    def _digest(self, secret: bytes, values: Mapping[str, bytes]) -> bytes:
        raise NotImplementedError

    def _candidates(self, delivery: Delivery) -> list[bytes]:
        told = _header(delivery, self.header)
        entries = told.split(self.separator) if self.separator else [told]
        return [_bytes(entry[len(self.prefix) :]) for entry in entries if entry.startswith(self.prefix)]

    def _values(self, delivery: Delivery) -> dict[str, bytes]:
        values = {"body": delivery.body, "method": _bytes(delivery.method), "url": _bytes(delivery.url)}
        if self.timestamp:
            values["timestamp"] = _bytes(_header(delivery, self.timestamp.header))
        if self.id_header:
            values["id"] = _bytes(_header(delivery, self.id_header))
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacSigned(_Signed):
    """HMAC keyed with the secret: Zendesk, Jelou, Standard Webhooks and most others."""

    def _digest(self, secret: bytes, values: Mapping[str, bytes]) -> bytes:
        return hmac.digest(secret, _filled(self.signed, values), self.algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSigned(_Signed):
    """A plain hash with the secret inside the hashed text: HubSpot's versions 1 and 2."""

    keyed_by_template: ClassVar[bool] = True

    def _digest(self, secret: bytes, values: Mapping[str, bytes]) -> bytes:
        return hashlib.new(self.algorithm, _filled(self.signed, {**values, "secret": secret})).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderTokens:
    """A secret value in a header of its own, or behind a scheme such as ``Bearer`` (any case)."""

    header: str
    tokens: tuple[bytes, ...] = field(repr=False)
    scheme: str = ""

    def __post_init__(self) -> None:
        _require(self.header, "a header")
        _require(self.tokens and all(self.tokens), "a token, and no empty one")

    def check(self, delivery: Delivery, now_ms: int) -> None:  # noqa: ARG002 - all verifications are called alike
        """Raises SignatureRejected unless the header holds one of the tokens."""
        told = _header(delivery, self.header)
        _accept(_behind(self.scheme, told) if self.scheme else told, self.tokens, self.header)

    check_head = check


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicCredentials:
    """HTTP Basic authentication. Beside UTF-8, Latin-1 is taken: ``requests`` sends what a URL holds that way."""

    username: str
    passwords: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        _require(self.passwords and all(self.passwords), "a password, and no empty one")
        _require(":" not in self.username, "a user name without a colon")

    def check(self, delivery: Delivery, now_ms: int) -> None:  # noqa: ARG002 - all verifications are called alike
        """Raises SignatureRejected unless the user name and one of the passwords are presented."""
        told = _header(delivery, "authorization")
        expected = [form for password in self.passwords for form in _basic_forms(f"{self.username}:{password}")]
        _accept(_behind("basic", told), expected, "authorization")

    check_head = check


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTokens:
    """A secret value in the query string, for senders that can carry nothing else."""

    parameter: str
    tokens: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        _require(self.parameter, "a parameter")
        _require(self.tokens and all(self.tokens), "a token, and no empty one")

    def check(self, delivery: Delivery, now_ms: int) -> None:  # noqa: ARG002 - all verifications are called alike
        """Raises SignatureRejected unless the parameter holds one of the tokens."""
        _accept(delivery.query.get(self.parameter.lower(), ""), self.tokens, f"the parameter {self.parameter}")

    check_head = check


Verification = HmacSigned | HashSigned | HeaderTokens | BasicCredentials | UrlTokens


def check_head(head: Delivery, verification: Verification, now_ms: int) -> None:
    """Raises SignatureRejected where the head alone shows that no body could be genuine; tokens are judged whole."""
    verification.check_head(head, now_ms)


def verify(delivery: Delivery, verification: Verification, now_ms: int) -> Verified:
    """Returns proof that the delivery comes from its sender. Raises SignatureRejected, and nothing else."""
    verification.check(delivery, now_ms)
    return Verified(delivery, _CHECKED)


def text_key(secret: str) -> bytes:
    """The key of a secret that is used as the text it is, even where it looks like hex: Jelou, Zendesk."""
    return secret.encode()


def whsec_key(secret: str) -> bytes:
    """The key of a Standard Webhooks secret: ``whsec_`` and base64. Raises ValueError, without the secret in it."""
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        msg = "a Standard Webhooks secret is whsec_ followed by base64"
        raise ValueError(msg) from None


def standard_webhooks(secrets: Iterable[str], tolerance_s: float = 300.0) -> HmacSigned:
    """Standard Webhooks 1.0.0 with symmetric keys (``v1``). Raises ValueError for a secret that is none."""
    return HmacSigned(
        header="webhook-signature",
        secrets=tuple(whsec_key(secret) for secret in secrets),
        signed="{id}.{timestamp}.{body}",
        encoding="base64",
        prefix="v1,",
        separator=" ",
        timestamp=Timestamp(header="webhook-timestamp", unit="s", tolerance_s=tolerance_s),
        id_header="webhook-id",
    )


def standard_webhooks_signature(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """What ``webhook-signature`` says of this message: ``v1,`` and base64."""
    signed = b".".join((message_id.encode(), b"%d" % timestamp_s, body))
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def jelou_signed(secrets: Iterable[str]) -> HmacSigned:
    """Jelou's own events: over the raw body alone, without a timestamp; the hex is lower case."""
    keys = tuple(text_key(secret) for secret in secrets)
    return HmacSigned(header="x-jelou-signature", secrets=keys, prefix="sha256=")


def jelou_signature(secret: str, body: bytes) -> str:
    """What ``X-Jelou-Signature`` says of this body: ``sha256=`` and lower-case hex."""
    return "sha256=" + hmac.digest(text_key(secret), body, "sha256").hex()


def same(shown: bytes, expected: bytes) -> bool:
    """Whether a credential is the expected one: the only place that compares any.

    By their digests: the comparison of two lengths tells how long the expected one is.
    """
    return hmac.compare_digest(hashlib.sha256(shown).digest(), hashlib.sha256(expected).digest())


def _any_equal(candidates: Iterable[bytes], expected: Iterable[bytes]) -> bool:
    # No early exit: the time must not tell which secret or which entry matched.
    found = False
    for candidate, one in product(candidates, expected):
        found |= same(candidate, one)
    return found


def _accept(told: str, expected: Iterable[bytes], where: str) -> None:
    if not _any_equal([_bytes(told)], expected):
        msg = f"{where} holds none of the configured credentials"
        raise SignatureRejected(msg, Reason.WRONG_CREDENTIAL if told else Reason.MISSING_PROOF)


def _header(delivery: Delivery, name: str) -> str:
    told = delivery.headers.get(name.lower())
    if not told:
        msg = f"there is no {name} header, or more than one"
        raise SignatureRejected(msg, Reason.MISSING_PROOF)
    return told


def _behind(scheme: str, told: str) -> str:
    name, _, rest = told.partition(" ")
    return rest.strip() if name.lower() == scheme.lower() else ""


def _basic_forms(credentials: str) -> list[bytes]:
    forms = [b64encode(_bytes(credentials))]
    if not credentials.isascii() and max(credentials) <= "\xff":
        forms.append(b64encode(credentials.encode("latin-1")))
    return forms


def _bytes(text: str) -> bytes:
    # A header may hold lone surrogates (bytes that were not UTF-8); they must neither raise nor match anything.
    return text.encode("utf-8", "surrogatepass")


@cache
def _pieces(template: str) -> tuple[tuple[bytes, str], ...]:
    return tuple((literal.encode(), name or "") for literal, name, _, _ in Formatter().parse(template))


def _filled(template: str, values: Mapping[str, bytes]) -> bytes:
    return b"".join([part for literal, name in _pieces(template) for part in (literal, values[name] if name else b"")])


def _require(given: object, what: str) -> None:
    if not given:
        msg = f"this verification needs {what}"
        raise ValueError(msg)
