"""An account of Jira Service Management: what the configuration says of it, and its signature. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, HttpUrl, SecretStr, StringConstraints, field_validator

from bridge.accounts import Account, Secrets, WriteBackTo
from bridge.helpdesks import proof
from bridge.helpdesks.jira_reading import CUSTOM, Site
from bridge.policies import Model
from bridge.signatures import HmacSigned

CUSTOM_FIELD: Final = re.compile(rf"({CUSTOM}[0-9]{{1,18}})?")
FIELD: Final = re.compile(rf"({CUSTOM}[0-9]{{1,18}}|external_id)?")

_ORDERED: Final = re.compile(r"\border\s+by\b", re.IGNORECASE)


class JiraAccess(Model):
    """How the bridge calls Jira's API."""

    base_url: HttpUrl = Field(description="https://acme.atlassian.net")
    email: str = Field(min_length=1, description="The user whose API token it is.")
    api_token: SecretStr
    bridge_user_id: str = Field(
        default="", description="That user's accountId: what it does is known to be the bridge's own."
    )
    jql: str = Field(
        default="projectType = service_desk",
        min_length=1,
        description="Which issues are the account's; the same filter as the webhook's, for example project = SD.",
    )
    service_desk_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="", description="Id of the service desk in which tickets are opened for conversations without one."
    )
    request_type_id: Annotated[str, Field(coerce_numbers_to_str=True)] = Field(
        default="",
        description="Id of their request type, which shows summary, description and phone field.",
    )
    raise_on_behalf_of: str = Field(
        default="", description="accountId of their reporter, who gets Jira's mails; empty: the bridge's user."
    )

    @field_validator("jql")
    @classmethod
    def _a_filter(cls, jql: str) -> str:
        if _ORDERED.search(jql):
            msg = "a filter alone, without ORDER BY: the bridge sorts by itself"
            raise ValueError(msg)
        return jql


class JiraAccount(Account):
    """An account of Jira Service Management. ``write_back.field`` is a custom field's id, or external_id."""

    verification: Secrets = Field(description="The webhook's secret.")
    access: JiraAccess | None = Field(default=None, description="Without it nothing is read or written back.")
    phone_field: Annotated[str, StringConstraints(pattern=rf"^{CUSTOM_FIELD.pattern}$")] = Field(
        default="", description="The custom field with the customer's phone number, told as requester.phone."
    )

    @field_validator("verification")
    @classmethod
    def _provable(cls, verification: Secrets) -> Secrets:
        signed(verification)
        return verification

    @field_validator("write_back")
    @classmethod
    def _writable(cls, write_back: WriteBackTo) -> WriteBackTo:
        # Two values in one property would take turns.
        for name, known in (("field", FIELD), ("status_field", CUSTOM_FIELD)):
            if not known.fullmatch(getattr(write_back, name)):
                msg = f"{name} is a custom field of Jira such as customfield_10061; field may be external_id too"
                raise ValueError(msg)
        return write_back


def signed(verification: Secrets) -> HmacSigned:
    """Jira's signature: hex of HMAC-SHA256 over the body, without a time. Raises ValueError for an empty secret."""
    return HmacSigned(header="x-hub-signature", secrets=proof.text_keys(verification.secrets), prefix="sha256=")


def access_of(account: Account) -> JiraAccess | None:
    """How the API is called; None where nothing is read or written."""
    return proof.own(account, JiraAccount).access


def site_of(account: Account, account_name: str = "") -> Site:
    """What reading has to know of the account."""
    own = proof.own(account, JiraAccount)
    bridge_user = own.access.bridge_user_id if own.access else ""
    return Site(own, account_name, own.phone_field, bridge_user, own.access is not None)
