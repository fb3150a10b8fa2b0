"""An account of HubSpot: its signature, its access, and the names of properties that it uses. Pure.

Source: "Validating requests" on HubSpot's developer site; the table of what is decoded stands there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import unquote

from pydantic import Field, HttpUrl, SecretStr, StringConstraints, field_validator

from bridge.accounts import Account, Secrets, WriteBackTo
from bridge.helpdesks import proof
from bridge.policies import Model
from bridge.signatures import HashSigned, HmacSigned, Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

Property = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
"""HubSpot's internal name of a property."""

Number = Annotated[str, Field(coerce_numbers_to_str=True)]

PROPERTY: Final = re.compile(r"[a-z][a-z0-9_]*")
_ENCODED: Final = re.compile("%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""What HubSpot decodes in the URL before it signs: : / ? @ ! $ ' ( ) * , ; and nothing else."""

_HASHED: Final[Mapping[str, str]] = {"v1": "{{secret}}{{body}}", "v2": "{{secret}}{{method}}{url}{{body}}"}


class HubspotVerification(Secrets):
    """The app's client secret, and the URL that it signs."""

    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s{}#]+$")] = Field(
        description="The webhook's URL exactly as it is written in the app: HubSpot signs it."
    )
    version: Literal["v3", "v2", "v1"] = Field(
        default="v3", description="The signature. Older ones have no time: whoever recorded a delivery can repeat it."
    )


class HubspotAccess(Model):
    """How the bridge calls HubSpot's API."""

    base_url: HttpUrl = Field(default=HttpUrl("https://api.hubapi.com"), description="The same for all accounts.")
    token: SecretStr = Field(description="The access token of the app.")
    app_id: Number = Field(default="", description="The app's number, where another app sends the webhooks.")
    phone_properties: list[Property] = Field(
        default=["hs_whatsapp_phone_number", "mobilephone", "phone"],
        min_length=1,
        max_length=5,
        description="Of a contact: the first that holds something is requester.phone.",
    )
    properties: list[Property] = Field(
        default_factory=list, description="More properties of tickets, for rules and templates: custom.<name>."
    )
    mark_property: Property | Literal[""] = Field(
        default="", description="A text property of tickets with unique values. Without it no ticket is opened."
    )
    opens_in: Annotated[str, StringConstraints(pattern=r"^[^/\s]+/[^/\s]+$")] = Field(
        default="0/1", description="Pipeline/stage of tickets that are opened; a group of `unasked` is another such."
    )


class HubspotAccount(Account):
    """An account (portal) of HubSpot. The fields in ``write_back`` are properties of tickets; there are no tags."""

    verification: HubspotVerification = Field(description="How the app's webhooks are signed.")
    portal_id: Number = Field(default="", description="The portal's number, where its app is installed in several.")
    access: HubspotAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: HubspotVerification) -> HubspotVerification:
        signed(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        return proof.writable(write_back, PROPERTY.fullmatch, "the internal name of a property of HubSpot's tickets")


def signed(verification: HubspotVerification) -> HmacSigned | HashSigned:
    """HubSpot's signature, over the configured URL. Raises ValueError for an empty secret."""
    secrets, url = proof.text_keys(verification.secrets), verification.public_url
    older = _HASHED.get(verification.version)
    if older:
        return HashSigned(header="x-hubspot-signature", secrets=secrets, signed=older.format(url=url))
    return HmacSigned(
        header="x-hubspot-signature-v3",
        secrets=secrets,
        signed="{method}" + _ENCODED.sub(lambda found: unquote(found.group()), url) + "{body}{timestamp}",
        encoding="base64",
        timestamp=Timestamp(header="x-hubspot-request-timestamp", unit="ms", tolerance_s=verification.tolerance_s),
    )
