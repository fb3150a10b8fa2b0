"""How an account of a mapped helpdesk is called: where, and by which credential. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlencode

from pydantic import Field, HttpUrl, SecretStr

from bridge.domain import Call, Grant
from bridge.errors import Ambiguous, Denied
from bridge.helpdesks import reading, writing
from bridge.policies import Model
from bridge.replies import raise_for, reply_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import Reply
    from bridge.replies import Meanings


class BasicAccess(Model):
    """HTTP Basic."""

    type: Literal["basic"]
    username: str
    password: SecretStr


class HeaderAccess(Model):
    """A token in a header, behind a scheme: ``Bearer``, ``token``, or none."""

    type: Literal["header"]
    header: Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")] = "authorization"
    scheme: str = ""
    token: SecretStr


class QueryAccess(Model):
    """A token in the query string."""

    type: Literal["query"]
    parameter: str = Field(min_length=1)
    token: SecretStr


class GrantAccess(Model):
    """OAuth 2.0: an access token by the client's credentials, a user's password or a refresh token that lasts."""

    type: Literal["oauth2"]
    token_url: HttpUrl
    client_id: str
    client_secret: SecretStr
    username: str = Field(default="", description="With a password: the grant of that user.")
    password: SecretStr | None = None
    refresh_token: SecretStr | None = None
    scope: str = ""


Credential = Annotated[BasicAccess | HeaderAccess | QueryAccess | GrantAccess, Field(discriminator="type")]

LIFE_S: Final = 600.0
"""Of a token whose answer does not tell."""

REFUSALS: Final[Meanings] = {400: Denied}
"""OAuth 2.0 answers a wrong credential with 400 (RFC 6749, 5.2)."""


class GenericAccess(Model):
    """How the bridge calls the helpdesk."""

    base_url: HttpUrl = Field(description="Before every path of the mapping.")
    credential: Credential

    @property
    def is_granted(self) -> bool:
        """Whether calls carry an access token that is put on when they go out."""
        return isinstance(self.credential, GrantAccess)

    def headers(self) -> Mapping[str, str]:
        """The credential's header."""
        match self.credential:
            case BasicAccess(username=username, password=password):
                return writing.basic(username, password.get_secret_value())
            case HeaderAccess(header=header, scheme=scheme, token=token):
                return {header.lower(): f"{scheme} {token.get_secret_value()}".strip()}
        return {}

    def query(self) -> dict[str, str]:
        """The credential's parameter."""
        told = self.credential
        return {told.parameter: told.token.get_secret_value()} if isinstance(told, QueryAccess) else {}

    def grant(self) -> Call | None:
        """The call that asks for an access token (RFC 6749, 4.3, 4.4 and 6)."""
        told = self.credential
        if not isinstance(told, GrantAccess):
            return None
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        client = {"client_id": told.client_id, "client_secret": told.client_secret.get_secret_value()}
        pairs = {**_grant(told), **client, **reading.told(scope=told.scope)}
        return Call("POST", str(told.token_url), headers, urlencode(pairs).encode())


def _grant(told: GrantAccess) -> dict[str, str]:
    if told.refresh_token:
        return {"grant_type": "refresh_token", "refresh_token": told.refresh_token.get_secret_value()}
    if told.password:
        user = {"username": told.username, "password": told.password.get_secret_value()}
        return {"grant_type": "password", **user}
    return {"grant_type": "client_credentials"}


def granted(reply: Reply) -> Grant:
    """The token in an answer of RFC 6749. Raises CallError."""
    raise_for(reply, REFUSALS)
    told = reply_object(reply)
    token, life = reading.text(told, "access_token"), reading.count(told, "expires_in")
    if not token or not token.isascii() or not token.isprintable():
        msg = f"answered {reply.status} without an access token"
        raise Ambiguous(msg, status=reply.status)
    return Grant(token, float(life or LIFE_S))
