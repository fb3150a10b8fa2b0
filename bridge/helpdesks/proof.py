"""From an account's sections to what is used: its own model, its keys, its verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bridge.accounts import Account, BasicToken, HeaderToken, UrlToken
from bridge.signatures import BasicCredentials, HeaderTokens, UrlTokens, text_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import SecretStr

    from bridge.accounts import UnsignedVerification, WriteBackTo
    from bridge.signatures import Verification

AccountOf = TypeVar("AccountOf", bound=Account)


def own(account: Account, settings: type[AccountOf]) -> AccountOf:
    """The account as the dialect's own model. Raises TypeError where it is another dialect's: a wiring mistake."""
    if not isinstance(account, settings):
        msg = f"{settings.__name__} expected, not {type(account).__name__}"
        raise TypeError(msg)
    return account


def revealed(secrets: Iterable[SecretStr]) -> tuple[str, ...]:
    """The secrets as texts."""
    return tuple(one.get_secret_value() for one in secrets)


def text_keys(secrets: Iterable[SecretStr]) -> tuple[bytes, ...]:
    """The keys of secrets that are used as the texts they are."""
    return tuple(text_key(one) for one in revealed(secrets))


def unsigned(section: UnsignedVerification) -> Verification:
    """The verification of a helpdesk that signs nothing. Raises ValueError for an empty secret."""
    match section:
        case HeaderToken():
            return HeaderTokens(header=section.header, tokens=text_keys(section.tokens))
        case BasicToken():
            return BasicCredentials(username=section.username, passwords=revealed(section.passwords))
        case UrlToken():
            return UrlTokens(parameter=section.parameter, tokens=text_keys(section.tokens))


def writable(write_back: WriteBackTo, takes: Callable[[str], object], what: str) -> WriteBackTo:
    """The section, whose fields this helpdesk can write. Raises ValueError: that a field is ``what``."""
    for name in ("field", "status_field"):
        field = getattr(write_back, name)
        if field and not takes(field):
            msg = f"{name} is {what}"
            raise ValueError(msg)
    return write_back
