"""A server that says it is an old Redis, and answers as one does where it must: it knows no script with flags."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import hiredis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

VERSION = "6.2.14"
INFO = f"# Server\r\nredis_version:{VERSION}\r\nrun_id:0123\r\naof_enabled:1\r\nrole:master\r\n"
ERROR = b"-ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'\r\n"


def answer(command: list[bytes]) -> bytes:
    """What it says to a command."""
    match command[0].upper():
        case b"INFO":
            return f"${len(INFO)}\r\n{INFO}\r\n".encode()
        case b"SCRIPT" | b"EVALSHA" | b"EVAL":
            return ERROR
        case _:
            return b"+OK\r\n"


async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer until the other side leaves."""
    commands = hiredis.Reader()
    while told := await reader.read(65_536):
        commands.feed(told)
        while (command := commands.gets()) is not False:
            writer.write(answer(command))
    writer.close()


@asynccontextmanager
async def old_redis() -> AsyncIterator[str]:
    """Where it listens, as host and port, until the end of the block."""
    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
