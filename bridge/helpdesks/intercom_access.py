"""An account of Intercom: how it proves itself, how its API is called. Pure.

The version of the API is asked for by name, because an app may be set to an older one.

Sources: "Set up webhooks", "Authentication", "API versioning" of Intercom's developer site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, Secrets
from bridge.helpdesks import proof, writing
from bridge.helpdesks.intercom_tickets import Ours
from bridge.policies import Model
from bridge.signatures import HmacSigned

if TYPE_CHECKING:
    from bridge.domain import Call

VERSION: Final = "2.15"

_Id = Annotated[str, Field(coerce_numbers_to_str=True)]


class IntercomAccess(Model):
    """How the bridge calls Intercom's API."""

    base_url: HttpUrl = Field(
        default=HttpUrl("https://api.intercom.io"),
        description="https://api.eu.intercom.io and https://api.au.intercom.io for workspaces that are hosted there.",
    )
    token: SecretStr = Field(description="The app's access token.")
    admin_id: _Id = Field(
        min_length=1, description="Intercom's id of the admin that the bridge writes as: what it does is the bridge's."
    )
    app_package_code: str = Field(
        default="", description="The app's own code: what the app does is known to be the bridge's own."
    )
    ticket_type_id: _Id = Field(
        default="", description="The type of the tickets that are opened for conversations that have none."
    )


class IntercomAccount(Account):
    """An account of Intercom. The fields in ``write_back`` are names of ticket attributes."""

    verification: Secrets = Field(description="The client secret of the app.")
    access: IntercomAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        signed(verification)
        return verification


def signed(verification: Secrets) -> HmacSigned:
    """Intercom's signature: hex of HMAC-SHA1 over the body, without a time. Raises ValueError for an empty secret."""
    return HmacSigned(
        header="x-hub-signature", secrets=proof.text_keys(verification.secrets), algorithm="sha1", prefix="sha1="
    )


def access_of(account: Account) -> IntercomAccess | None:
    """How its API is called; None where it only listens."""
    return proof.own(account, IntercomAccount).access


def ours_of(account: Account) -> Ours:
    """How the bridge is known there."""
    access = access_of(account)
    return Ours(account, access.admin_id, access.app_package_code) if access else Ours(account)


def headers(access: IntercomAccess) -> dict[str, str]:
    """The credential, and the version of the API."""
    return {"authorization": f"Bearer {access.token.get_secret_value()}", "intercom-version": VERSION}


def read(account: Account, path: str, ref_id: str = "") -> Call | None:
    """A GET; None without access."""
    access = access_of(account)
    if access is None:
        return None
    return writing.reading_call(writing.address(access.base_url, path, ref_id), headers(access))


def post(account: Account, path: str, payload: Any, ref_id: str = "") -> Call | None:
    """A question by POST, or what is harmless to make again; None without access."""
    access = access_of(account)
    if access is None:
        return None
    url = writing.address(access.base_url, path, ref_id)
    return writing.writing_call("POST", url, headers(access), payload)


def ticket_type(account: Account) -> str:
    """The type of the tickets that are opened; empty where none are."""
    access = access_of(account)
    return access.ticket_type_id if access else ""
