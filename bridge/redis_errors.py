"""What an error of Redis means, by its code: the same on every path, in words, with the address and no secret.

redis-py puts the whole command into the text of a pipeline's error, and servers repeat arguments in some of theirs: a
signing secret, a customer's words. So only the code of a text is looked at, nothing of it is told, and whoever raises
what is meant here does so ``from None``.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from redis import exceptions
from redis.asyncio.sentinel import MasterNotFoundError

from bridge.errors import StoreRefused, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ERRORS: Final = (exceptions.RedisError, OSError, RuntimeError)
"""What may come out of redis-py; a RuntimeError only from uvloop, see ``CLOSED``."""

RAW: Final = exceptions.RedisError
"""The root of redis-py's own."""

CLOSED: Final = "the handler is closed"
"""What uvloop says, in a RuntimeError, of a write on a connection that was reset meanwhile; redis-py lets it pass."""


AWAY: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.WatchError,
    OSError,
    RuntimeError,
)
"""WatchError too: redis-py says so when a connection breaks inside a transaction; nothing of ours watches a key."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means. ``transient``: it may pass by itself within seconds; else a person must do something.

    ``demoted``: another server may be the primary now, under the same name.
    """

    words: str
    transient: bool = True
    demoted: bool = False


CLUSTER: Final = Meaning(
    "runs in cluster mode, which the bridge does not support: use a server without it, or Sentinel", transient=False
)
READ_ONLY: Final = Meaning("is read-only: a replica, or the old primary after a failover", demoted=True)

MEANINGS: Final[Mapping[str, Meaning]] = {
    "OOM": Meaning("is full: it has reached its maxmemory; give it more, or keep tickets for a shorter time"),
    "READONLY": READ_ONLY,
    "UNBLOCKED": READ_ONLY,
    "MASTERDOWN": Meaning("is a replica that has lost its primary", demoted=True),
    "LOADING": Meaning("is loading its data", demoted=True),
    "NOREPLICAS": Meaning("takes no writes: too few replicas follow it (min-replicas-to-write)", demoted=True),
    "MISCONF": Meaning("takes no writes: it cannot save them on its disk; its log says why"),
    "BUSY": Meaning("is held up by a script; SCRIPT KILL ends that"),
    "CLUSTERDOWN": CLUSTER,
    "MOVED": CLUSTER,
    "ASK": CLUSTER,
    "TRYAGAIN": CLUSTER,
    "CROSSSLOT": CLUSTER,
    "NOAUTH": Meaning("asks for a password: put it into REDIS_URL", transient=False),
    "WRONGPASS": Meaning("refuses the user or the password of REDIS_URL", transient=False),
    "NOPASS": Meaning("has no password, and REDIS_URL names one", transient=False),
    "NOPERM": Meaning("does not let this user do what the bridge needs: see its ACL", transient=False),
    "COMMAND": Meaning("does not know or not allow a command that the bridge needs", transient=False),
    "DATABASE": Meaning("has no database of the number in REDIS_URL", transient=False),
    "CLIENTS": Meaning("takes no more connections (maxclients)"),
    "SENTINEL": Meaning("is not known: no Sentinel that answers names its primary"),
    "POOL": Meaning("is busy: all connections of this process are in use"),
    "REFUSED": Meaning("is not reached: the connection is refused; is REDIS_URL right?"),
    "NAME": Meaning("is not reached: its name is not resolved; is REDIS_URL right?"),
    "TLS": Meaning("is not reached over TLS: its certificate or protocol is not accepted; is REDIS_URL right?"),
    "TIMEOUT": Meaning("does not answer in time"),
    "PROTOCOL": Meaning("answers what no Redis answers; is REDIS_URL right?"),
    "BROKEN": Meaning("broke off the connection, or is not reached"),
}
"""``COMMAND`` and what follows are codes of ours, for what has none."""

UNREACHED: Final = tuple(MEANINGS[one].words for one in ("REFUSED", "NAME", "TIMEOUT", "BROKEN", "POOL", "SENTINEL"))
"""What is said of a server that answers nothing: which of them is a matter of the moment."""

SAID: Final = (
    (re.compile("unknown (sub)?command|This Redis command is not allowed", re.IGNORECASE), "COMMAND"),
    (re.compile("non local key|not allowed in cluster mode", re.IGNORECASE), "CROSSSLOT"),
    (re.compile("DB index is out of range|invalid DB index", re.IGNORECASE), "DATABASE"),
)
"""What servers say with no code but ERR."""

TYPES: Final = (
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.InvalidResponse, "PROTOCOL"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "WRONGPASS"),
    (exceptions.MaxConnectionsError, "POOL"),
    (MasterNotFoundError, "SENTINEL"),
)
"""redis-py takes the code off the text where it has a class for it."""

CAUSES: Final = (
    (socket.gaierror, "NAME"),
    (ssl.SSLError, "TLS"),
    (ConnectionRefusedError, "REFUSED"),
    (FileNotFoundError, "REFUSED"),
    (exceptions.TimeoutError, "TIMEOUT"),
    (TimeoutError, "TIMEOUT"),
)

IN_PIPELINE: Final = " of pipeline caused error: ("
DISCARDED: Final = "because of: "
IN_SCRIPT: Final = re.compile(r"@user_script: ?\d+: -?([A-Z]{2,}) ")
NAMED: Final = re.compile(r"(?:run the|unknown command) ['`]([A-Za-z|]{2,30})['`]")
"""A command's name, which is ours, and none of its arguments."""

LINE: Final = re.compile(r"user_script: ?(\d{1,6})")
CODE: Final = re.compile(r"-?([A-Z]{2,12})\b")
ANY_CODE: Final = "ERR"


def code(error: BaseException) -> str:
    """The code of an error of redis-py's or the system's; ERR where it has none that says anything."""
    if isinstance(error, exceptions.AuthenticationError):
        return _credential(str(error))
    found = next((name for kind, name in TYPES if isinstance(error, kind)), "")
    if found or isinstance(error, exceptions.ResponseError):
        return found or _in_text(str(error))
    return _connection(error) if isinstance(error, AWAY) else ANY_CODE


def reason_of(error: BaseException) -> str:
    """The code as a word for metrics: one of those above, else ``other``."""
    found = code(error)
    return found.lower() if found in MEANINGS else "other"


def _credential(text: str) -> str:
    inner = _inner(text)
    if inner.startswith(("AUTH <password> called without", "Client sent AUTH")):
        return "NOPASS"
    return "NOAUTH" if inner.startswith("Authentication required") else "WRONGPASS"


def _inner(text: str) -> str:
    """What the server said. The last one: what stands before it is the command."""
    return text.rpartition(IN_PIPELINE)[2].lstrip("'\"").rpartition(DISCARDED)[2]


def _in_text(text: str) -> str:
    inner = _inner(text)
    first, script = CODE.match(inner), IN_SCRIPT.search(inner)
    if first and first[1] in MEANINGS:
        return first[1]
    said = next((name for words, name in SAID if words.search(inner)), "")
    return said or (script[1] if script else first[1] if first else ANY_CODE)


def _connection(error: BaseException) -> str:
    if str(error).startswith("max number of clients"):
        return "CLIENTS"
    if str(error).startswith("The previous master is now"):
        return "READONLY"
    if str(error).startswith("No connection available"):
        return "POOL"
    causes = list(_chain(error))
    found = next((name for one in causes for kind, name in CAUSES if isinstance(one, kind)), "")
    refused = any(f"[Errno {errno.ECONNREFUSED}]" in str(one) for one in causes)
    return found or ("REFUSED" if refused else "BROKEN")


def _chain(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def demoted(error: BaseException) -> bool:
    """Whether this error may mean that another server is the primary now."""
    meaning = MEANINGS.get(code(error))
    return meaning is not None and meaning.demoted


def understood(error: BaseException, place: str) -> BaseException:
    """What an error means to the bridge: StoreUnavailable or StoreRefused; itself where it is none of Redis'."""
    if not isinstance(error, ERRORS) or (isinstance(error, RuntimeError) and not str(error).endswith(CLOSED)):
        return error
    found = code(error)
    meaning = MEANINGS.get(found)
    inner = _inner(str(error))
    if meaning is not None:
        command = NAMED.search(inner) if found in {"NOPERM", "COMMAND"} else None
        named = f" ({command[1].lower()})" if command else ""
        return StoreUnavailable(f"Redis at {place} {meaning.words}{named}", transient=meaning.transient)
    line = LINE.search(inner)
    where = f" in line {line[1]} of a script" if line else ""
    return StoreRefused(f"Redis at {place} refused a step of the bridge: {found}{where}")


def address(pool: Any) -> str:
    """Where a pool of redis-py's connects to: ``host:port``, a path, or Sentinel's name for it; never a credential."""
    sentinel = getattr(pool, "service_name", "")
    if sentinel:
        return f"{sentinel} (Sentinel)"
    told = getattr(pool, "connection_kwargs", {})
    return str(told.get("path") or f"{told.get('host', 'localhost')}:{told.get('port', 6379)}")


def without_texts(error: BaseException) -> None:
    """Take the texts of Redis out of an error and all it came from, before a traceback of it is written."""
    for one in _chain(error):
        if isinstance(one, exceptions.RedisError):
            one.args = (code(one),)


LEAST: Final = (7, 0)
"""The first that knows what a script may do (``bridge.scripting``). Valkey tells of the Redis that it began as, 7.2."""


def unusable(info: Mapping[str, object]) -> str:
    """Why the bridge can never use the server that says this of itself by INFO; empty where it can."""
    if info.get("cluster_enabled"):
        return CLUSTER.words
    version = str(info.get("redis_version", ""))
    known = re.match(r"(\d+)\.(\d+)", version)
    if known and tuple(map(int, known.groups())) < LEAST:
        return f"is version {version}: the bridge needs Redis 7.0 or newer, or Valkey"
    return ""
