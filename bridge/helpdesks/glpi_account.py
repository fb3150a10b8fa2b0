"""What an engineer says of a GLPI: the secret of its webhooks, and how its API is called. Pure.

The challenge, ``GET ?crc_token=T``, is answered with a signature of T: whoever may choose T has a delivery of their own
signed, by asking for body and time stamp as one token. GLPI's own token is the signature of a fixed text. So a token
is answered only if one of the secrets made it of that text, with the same secret; a stranger gets no answer at all.

Sources: GLPI 11, ``src/Webhook.php`` (``getSignature``, ``validateCRAChallenge``), ``src/QueuedWebhook.php``.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from bridge.accounts import Account, Secrets, WriteBackTo
from bridge.helpdesks import proof
from bridge.helpdesks.glpi_events import Site
from bridge.helpdesks.glpi_writing import FIELDS
from bridge.policies import Model
from bridge.signatures import TOLERANCE_MOST_S, HmacSigned, Timestamp, same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHALLENGE: Final = b"validate_cra_challenge"
"""Of this text GLPI makes its token."""

Digits = Annotated[str, Field(coerce_numbers_to_str=True, pattern="^[0-9]*$")]


class GlpiVerification(Secrets):
    """The secret of the webhooks."""

    tolerance_s: float = Field(
        default=TOLERANCE_MOST_S,
        gt=0,
        le=TOLERANCE_MOST_S,
        description="How old a delivery may be: GLPI stamps it when it is queued, not when it is sent.",
    )


class GlpiAccess(Model):
    """How the bridge calls GLPI's high-level API."""

    base_url: HttpUrl = Field(description="https://glpi.acme.example, up to, not including, /api.php.")
    client_id: str = Field(min_length=1, description="Of the OAuth client.")
    client_secret: SecretStr
    username: str = Field(default="", description="The bridge's user. Without it the grant is client credentials.")
    password: SecretStr | None = None
    bridge_user_id: Digits = Field(
        default="", description="That user's id: what it writes is known to be the bridge's own."
    )
    request_type_id: Digits = Field(
        default="", description="The request source of the bridge, put on all that it writes, by its id."
    )
    request_type: str = Field(default="Jelou bridge", description="The same by its name, as webhooks tell it.")
    entity: Digits = Field(default="", description="The entity whose tickets are read, with those below it, by its id.")
    timezone: str = Field(
        default="",
        description="The time zone of the bridge's user at GLPI, for example America/Bogota; spares long lists.",
    )

    @field_validator("timezone")
    @classmethod
    def _exists(cls, given: str) -> str:
        try:
            if given:
                ZoneInfo(given)
        except (KeyError, ValueError, OSError):
            msg = "is no time zone that is known; write it as America/Guayaquil"
            raise ValueError(msg) from None
        return given

    @model_validator(mode="after")
    def _whole(self) -> GlpiAccess:
        if bool(self.username) is not bool(self.password and self.password.get_secret_value()):
            msg = "username and password belong together"
            raise ValueError(msg)
        return self


class GlpiAccount(Account):
    """An account of GLPI. ``write_back.field`` is external_id or name; tags do not exist."""

    verification: GlpiVerification = Field(description="The webhooks' secret.")
    access: GlpiAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: GlpiVerification) -> GlpiVerification:
        signed(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        return proof.writable(write_back, FIELDS.__contains__, f"one of {', '.join(sorted(FIELDS))}")


def signed(verification: Secrets) -> HmacSigned:
    """GLPI's signature: hex of HMAC-SHA256 over body and timestamp. Raises ValueError for an empty secret."""
    return HmacSigned(
        header="x-glpi-signature",
        secrets=proof.text_keys(verification.secrets),
        signed="{body}{timestamp}",
        timestamp=Timestamp(header="x-glpi-timestamp", unit="s", tolerance_s=verification.tolerance_s),
    )


def challenge_answer(keys: Sequence[bytes], token: str) -> bytes:
    """The signature of the token with the key that made it; empty where none did."""
    told = token.encode("utf-8", "surrogatepass")
    made = [key for key in keys if same(told, _digest(key, CHALLENGE))]
    return _digest(made[0], told) if made else b""


def _digest(key: bytes, words: bytes) -> bytes:
    return hmac.digest(key, words, "sha256").hex().encode()


def access_of(account: Account) -> GlpiAccess | None:
    """How the account's API is called, None where it is not."""
    return proof.own(account, GlpiAccount).access


def site_of(account: Account) -> Site:
    """How the bridge is known at the account."""
    access = access_of(account)
    if access is None:
        return Site(account)
    known = {access.request_type_id, access.request_type.strip().casefold()} - {""}
    return Site(account, access.bridge_user_id, frozenset(known))


def source_of(account: Account) -> str:
    """The id of the request source on all that the bridge writes; empty where none is configured."""
    access = access_of(account)
    return access.request_type_id if access else ""


def credentials(access: GlpiAccess) -> bytes:
    """The form that asks for a token: by the user's password, else by the client's own credentials."""
    client = {"client_id": access.client_id, "client_secret": access.client_secret.get_secret_value(), "scope": "api"}
    if access.password is None:
        return urlencode({"grant_type": "client_credentials", **client}).encode()
    user = {"username": access.username, "password": access.password.get_secret_value()}
    return urlencode({"grant_type": "password", **client, **user}).encode()


def entity_of(access: GlpiAccess) -> Mapping[str, str]:
    """The headers that name the account's entity."""
    return {"glpi-entity": access.entity, "glpi-entity-recursive": "true"} if access.entity else {}
