"""A Redis behind TLS, for tests: the wheel's server speaks none, so a small proxy before it does, as stunnel would."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAME = "localhost"
GONE = (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Papers:
    """An authority, a server's certificate and a client's, as files."""

    folder: Path
    server: ssl.SSLContext

    def url(self, port: int, host: str = NAME, user: str = "", **changes: str) -> str:
        """The URL of a server, with the files that it takes; an empty change leaves one out."""
        known = {"ssl_ca_certs": "ca.pem", "ssl_certfile": "client.pem", "ssl_keyfile": "client.key"}
        files = {name: str(self.folder / file) for name, file in known.items()} | changes
        query = "&".join(f"{name}={value}" for name, value in files.items() if value)
        return f"rediss://{user}{'@' if user else ''}{host}:{port}/0?{query}"


def papers(folder: Path, name: str = NAME) -> Papers:
    """Made anew: whoever connects must trust this authority, and show a certificate of it."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    client = authority.issue_cert("bridge@example.com")
    client.private_key_pem.write_to_path(str(folder / "client.key"))
    client.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return Papers(folder, context)


@asynccontextmanager
async def behind_tls(server_port: int, known: Papers) -> AsyncIterator[int]:
    """A port that speaks TLS and hands on to the server's."""
    tasks: set[asyncio.Task[None]] = set()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        with contextlib.suppress(*GONE, asyncio.CancelledError):
            inner, outer = await asyncio.open_connection("127.0.0.1", server_port)
            await asyncio.gather(_hand_on(reader, outer), _hand_on(inner, writer))

    proxy = await asyncio.start_server(met, NAME, 0, ssl=known.server)
    try:
        yield proxy.sockets[0].getsockname()[1]
    finally:
        proxy.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(*GONE):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
    finally:
        writer.close()
