"""An account of Zammad as it is configured, and its signature. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, Secrets, WriteBackTo
from bridge.helpdesks import proof, zammad_reading
from bridge.helpdesks.zammad_writing import ZammadStates
from bridge.policies import Model
from bridge.signatures import HmacSigned


class ZammadAccess(Model):
    """How the bridge calls Zammad's API."""

    base_url: HttpUrl = Field(description="Where Zammad is, up to, not including, /api/.")
    token: SecretStr = Field(description="The access token of an agent, with ticket.agent.")
    bridge_user_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="That agent's id or login: what it writes is known to be the bridge's own."
    )
    group: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="Id or name of the group in which tickets are opened for conversations that have none."
    )
    states: ZammadStates = Field(default=ZammadStates(), description="What the states are called that the bridge sets.")


class ZammadAccount(Account):
    """An account of Zammad. The fields in ``write_back`` are names of ticket attributes that the account has added."""

    verification: Secrets = Field(description="The webhook's HMAC SHA1 signature token. Zammad signs no time.")
    access: ZammadAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        signed(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        what = "the name of a ticket attribute that was added to Zammad, not one of its own"
        return proof.writable(write_back, _attribute, what)


def _attribute(name: str) -> bool:
    return re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None and name not in zammad_reading.BUILT_IN


def signed(verification: Secrets) -> HmacSigned:
    """Zammad's signature: hex of HMAC-SHA1 over the body, without a time. Raises ValueError for an empty secret."""
    return HmacSigned(
        header="x-hub-signature",
        secrets=proof.text_keys(verification.secrets),
        algorithm="sha1",
        prefix="sha1=",
    )
