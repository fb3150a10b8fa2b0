"""The code of an error is found in every form that redis-py and the servers give it, and nothing else of it is told."""

from __future__ import annotations

import socket
import ssl
import traceback
from typing import TYPE_CHECKING

import pytest
from redis import exceptions
from redis.asyncio.connection import BlockingConnectionPool
from redis.asyncio.connection import DefaultParser as Parser

from bridge import logs
from bridge.errors import StoreRefused, StoreUnavailable
from bridge.redis_errors import MEANINGS, address, code, demoted, understood, without_texts

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "whsec of pipeline caused error: ('OOM because of: LOADING -ERR"
PLACE = "redis.example.com:6379"

SAID = {
    "OOM": "command not allowed when used memory > 'maxmemory'.",
    "READONLY": "You can't write against a read only replica.",
    "MISCONF": "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "NOREPLICAS": "Not enough good replicas to write.",
    "BUSY": "Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "LOADING": "Redis is loading the dataset in memory",
    "MASTERDOWN": "Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "UNBLOCKED": "force unblock from blocking operation, instance state changed (master -> replica?)",
    "CLUSTERDOWN": "Hash slot not served",
    "MOVED": "3999 127.0.0.1:6381",
    "ASK": "3999 127.0.0.1:6381",
    "TRYAGAIN": "Multiple keys request during rehashing of slot",
    "CROSSSLOT": "Keys in request don't hash to the same slot",
    "NOAUTH": "Authentication required.",
    "WRONGPASS": "invalid username-password pair or user is disabled.",
    "NOPERM": "User old has no permissions to run the 'blpop' command",
}


def answered(text: str) -> exceptions.RedisError:
    """What redis-py makes of an answer."""
    error: exceptions.RedisError = Parser.parse_error(text)  # type: ignore[no-untyped-call]
    return error


def in_pipeline(error: exceptions.RedisError) -> exceptions.RedisError:
    """As redis-py says it of a command in a pipeline."""
    error.args = (f"Command # 1 (SET key {SECRET}) of pipeline caused error: {error.args}", *error.args[1:])
    return error


FORMS: dict[str, Callable[[str, str], exceptions.RedisError]] = {
    "plain": lambda name, words: answered(f"{name} {words}"),
    "in a pipeline": lambda name, words: in_pipeline(answered(f"{name} {words}")),
    "in a script": lambda name, words: answered(f"{name} {words} script: 0badc0de, on @user_script:12."),
    "in a script of an older server": lambda name, words: answered(
        f"ERR Error running script (call to f_0badc0de): @user_script:12: @user_script: 12: -{name} {words}"
    ),
    "in a script in a pipeline": lambda name, words: in_pipeline(
        answered(f"{name} {words} script: 0badc0de, on @user_script:12.")
    ),
    "of a transaction": lambda name, words: answered(f"EXECABORT Transaction discarded because of: {name} {words}"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SAID)
def test_a_code_is_found_in_every_form(name: str, form: str) -> None:
    """And means the same in each, with the address and what is the matter."""
    error = FORMS[form](name, SAID[name])
    meant = understood(error, PLACE)
    assert code(error) == name
    assert isinstance(meant, StoreUnavailable)
    assert str(meant).startswith(f"Redis at {PLACE} {MEANINGS[name].words}")
    assert meant.transient == MEANINGS[name].transient
    assert demoted(error) == (name in {"READONLY", "UNBLOCKED", "MASTERDOWN", "LOADING", "NOREPLICAS"})


def caused(cause: OSError) -> exceptions.ConnectionError:
    """As redis-py says that it has no connection."""
    error = exceptions.ConnectionError(f"Error {cause} connecting to {SECRET}.")
    error.__context__ = cause
    return error


OTHERS: dict[str, tuple[BaseException, str]] = {
    "refused": (caused(ConnectionRefusedError(111, "Connect call failed")), "REFUSED"),
    "refused on each address": (caused(OSError("Multiple exceptions: [Errno 111] Connect, [Errno 111]")), "REFUSED"),
    "no such name": (caused(socket.gaierror(-2, "Name or service not known")), "NAME"),
    "a strange certificate": (caused(ssl.SSLCertVerificationError(1, "self-signed")), "TLS"),
    "no answer in time": (exceptions.TimeoutError("Timeout reading from redis"), "TIMEOUT"),
    "cut off": (exceptions.ConnectionError("Connection closed by server."), "BROKEN"),
    "cut off in a transaction": (exceptions.WatchError("A ConnectionError occurred"), "BROKEN"),
    "reset before a write": (RuntimeError("unable to perform operation on <TCP>; the handler is closed"), "BROKEN"),
    "all in use": (exceptions.ConnectionError("No connection available."), "POOL"),
    "too many clients": (answered("ERR max number of clients reached"), "CLIENTS"),
    "no Redis": (exceptions.InvalidResponse("Protocol Error: b'220 mail'"), "PROTOCOL"),
    "a password too many": (
        answered(
            "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"
        ),
        "NOPASS",
    ),
    "too old": (answered("ERR unknown command 'EVALSHA', with args beginning with: 'secret'"), "COMMAND"),
    "a database too high": (answered("ERR DB index is out of range"), "DATABASE"),
    "a key of another node": (
        answered("ERR Script attempted to access a non local key in a cluster node"),
        "CROSSSLOT",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_has_no_code_is_known_by_its_cause(what: str) -> None:
    """A connection that is not made or breaks, and what servers say with no code."""
    error, name = OTHERS[what]
    meant = understood(error, PLACE)
    assert (code(error), str(meant).partition(" (")[0]) == (
        name,
        f"Redis at {PLACE} {MEANINGS[name].words}".partition(" (")[0],
    )
    assert isinstance(meant, StoreUnavailable)


@pytest.mark.parametrize(
    "text", ["ERR value is not an integer", "WRONGTYPE Operation against a key", "ERR user_script:34: bad argument"]
)
def test_what_no_other_moment_changes_is_a_fault(text: str) -> None:
    """It is told by its code, and by the line of the script."""
    meant = understood(in_pipeline(answered(text)), PLACE)
    assert isinstance(meant, StoreRefused)
    assert ("WRONGTYPE" in str(meant), "line 34" in str(meant)) == ("WRONGTYPE" in text, "34" in text)


def test_a_bug_of_ours_stays_what_it_is() -> None:
    """It is not taken for an absence of Redis."""
    for bug in (KeyError("x"), RuntimeError("no running event loop")):
        assert understood(bug, PLACE) is bug
    assert isinstance(understood(exceptions.DataError("Invalid input of type: 'NoneType'."), PLACE), StoreRefused)


@pytest.mark.parametrize("text", ["ERR value is not an integer", *(f"{name} {said}" for name, said in SAID.items())])
def test_nothing_of_a_command_is_told(text: str) -> None:
    """Neither by what is meant, nor by a traceback that is written all the same."""
    error = in_pipeline(answered(f"{text}, with args beginning with: '{SECRET}'"))
    assert "whsec" not in str(understood(error, PLACE))
    try:
        try:
            raise error
        except exceptions.RedisError as cause:
            raise KeyError("x") from cause
    except KeyError as told:
        without_texts(told)
        lines = "".join(traceback.format_exception(told))
    assert ("KeyError" in lines, "whsec" in lines) == (True, False)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://user:whsec@redis.example.com:6380/1", "redis.example.com:6380"),
        ("rediss://:whsec@10.0.0.5", "10.0.0.5:6379"),
        ("unix://user:whsec@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_an_address_has_no_credential(url: str, place: str) -> None:
    """Host and port, or the path of the socket."""
    assert address(BlockingConnectionPool.from_url(url)) == place


def test_a_loops_own_words_tell_the_kind_of_an_error_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The loop itself would write a task that nobody waits for with all of its error."""
    logs.from_the_loop(None, {"message": "never retrieved", "exception": in_pipeline(answered("OOM full"))})  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert ("OutOfMemoryError" in out + err, "whsec" in out + err) == (True, False)
