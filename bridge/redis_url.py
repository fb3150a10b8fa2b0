"""REDIS_URL where Sentinel tells which server is the master. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

SENTINEL_PORT: Final = 26_379
SENTINEL_SCHEMES: Final = ("redis+sentinel://", "rediss+sentinel://")


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """``redis+sentinel://[user:password@]host[:port][,host...]/master[/db][?sentinel_password=...]``, taken apart.

    User and password are the data servers'; ``rediss+sentinel`` is TLS to all of them.
    """

    sentinels: tuple[tuple[str, int], ...]
    master: str
    db: int
    credential: dict[str, str]
    sentinel_credential: dict[str, str]
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take it apart. Raises ValueError, whose text holds nothing of the URL."""
        told = urlsplit(url)
        user, _, hosts = told.netloc.rpartition("@")
        name, _, password = user.partition(":")
        master, _, db = told.path.strip("/").partition("/")
        if not (hosts and master):
            msg = "is not redis+sentinel://host:port,host:port/master"
            raise ValueError(msg)
        query = parse_qs(told.query)
        return cls(
            sentinels=tuple(_place(host) for host in hosts.split(",")),
            master=unquote(master),
            db=_number(db or "0"),
            credential=_given(username=unquote(name), password=unquote(password)),
            sentinel_credential=_given(
                username=query.get("sentinel_username", [""])[0], password=query.get("sentinel_password", [""])[0]
            ),
            tls=told.scheme.startswith("rediss"),
        )


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), _number(port)) if colon else (text, SENTINEL_PORT)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        msg = "has a port or database that is no number"
        raise ValueError(msg)
    return int(text)


def _given(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
