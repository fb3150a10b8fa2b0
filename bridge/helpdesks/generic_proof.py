"""From a mapping's ``proof`` to a verification, and from a delivery's bytes to what it says. Pure."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from bridge.errors import Unreadable
from bridge.helpdesks import reading
from bridge.helpdesks.generic_mapping import BasicProof, HeaderProof, Signed, StandardWebhooksSigned, UrlProof
from bridge.signatures import (
    BasicCredentials,
    HashSigned,
    HeaderTokens,
    HmacSigned,
    Timestamp,
    UrlTokens,
    standard_webhooks,
    text_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.helpdesks.generic_mapping import HelpdeskMapping, Proof
    from bridge.signatures import Verification

FIELDS_MOST: Final = 1_000
"""Of a form."""


def verification(proof: Proof, secrets: Sequence[str], username: str) -> Verification:
    """How a delivery proves itself. Raises ValueError for a secret that is none, or a proof that proves nothing."""
    match proof:
        case Signed():
            return _signed(proof, secrets)
        case StandardWebhooksSigned():
            return standard_webhooks(secrets)
        case HeaderProof(header=header, scheme=scheme):
            return HeaderTokens(header=header, scheme=scheme, tokens=tuple(text_key(one) for one in secrets))
        case BasicProof():
            return BasicCredentials(username=username, passwords=tuple(secrets))
        case UrlProof(parameter=parameter):
            return UrlTokens(parameter=parameter, tokens=tuple(text_key(one) for one in secrets))


def _signed(proof: Signed, secrets: Sequence[str]) -> HmacSigned | HashSigned:
    stamp = proof.timestamp
    made = HmacSigned if proof.type == "hmac" else HashSigned
    return made(
        header=proof.header,
        secrets=tuple(_key(one.removeprefix(proof.secret_prefix), proof.secret_encoding) for one in secrets),
        signed=proof.signed,
        algorithm=proof.algorithm,
        encoding=proof.encoding,
        prefix=proof.prefix,
        separator=proof.separator,
        timestamp=Timestamp(header=stamp.header, unit=stamp.unit, tolerance_s=stamp.tolerance_s) if stamp else None,
        id_header=proof.id_header,
    )


_KEYS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "utf8": text_key,
    "hex": bytes.fromhex,
    "base64": lambda written: b64decode(written, validate=True),
}


def _key(written: str, encoding: str) -> bytes:
    try:
        return _KEYS[encoding](written)
    except ValueError:
        msg = f"a secret is not {encoding}"
        raise ValueError(msg) from None


def content(mapping: HelpdeskMapping, body: bytes) -> Any:
    """What a delivery says: an object or a list of JSON, or the fields of a form. Raises Unreadable."""
    if mapping.content == "form" and not mapping.content_field:
        return _form(body)
    text = _form(body).get(mapping.content_field, "").encode() if mapping.content == "form" else body
    return reading.decoded_list(text) if mapping.content == "json-list" else reading.decoded(text)


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MOST)
    except ValueError:
        raise Unreadable("body", "is not a form") from None
    return dict(pairs)
