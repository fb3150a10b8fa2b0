"""``bridge health``: whether the process of this container answers. Asked every few seconds, it imports little.

The settings are read here by hand: what reads and checks them for the process itself takes a second of CPU to import.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WITHIN_S = 3.0
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", "8080"
"""As in ``config.settings``."""

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "0:0:0:0:0:0:0:0": "::1"}  # noqa: S104 - to be asked, not listened on
"""Who listens on all addresses is asked on the nearest of them."""

REQUEST = b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LINE_MOST = 64


def main(argv: Sequence[str]) -> int:
    """The exit code: 0 where it lives, 1 where it does not answer, 2 for a port that is none."""
    told = _parser().parse_args(argv)
    return check(told.host, told.port)


def check(host: str | None, port: str | None, environ: Mapping[str, str] = os.environ) -> int:
    """The same for a host and a port; where None, by the environment."""
    where = nearest(host or _setting(environ, "BRIDGE_HOST", DEFAULT_HOST))
    number = port or _setting(environ, "BRIDGE_PORT", DEFAULT_PORT)
    if not (number.isascii() and number.isdigit() and 0 < int(number[:6]) < 65_536):  # noqa: PLR2004 - TCP's ports
        return _end("BRIDGE_PORT is not a port", 2)
    try:
        line = _asked(where, int(number))
    except OSError as error:
        return _end(f"{where} port {number}: {type(error).__name__}", 1)
    if line.split(b" ")[1:2] != [b"200"]:
        return _end(f"{where} port {number}: not alive", 1)
    return 0


def nearest(host: str) -> str:
    """Where a process that listens on this host can be asked."""
    bare = host.removeprefix("[").removesuffix("]")
    return EVERYWHERE.get(bare, bare)


def _asked(host: str, port: int) -> bytes:
    """The first line of the answer. Raises OSError."""
    line = b""
    with socket.create_connection((host, port), timeout=WITHIN_S) as connection:
        connection.sendall(REQUEST)
        while b"\r\n" not in line and len(line) < LINE_MOST:
            more = connection.recv(LINE_MOST)
            if not more:
                break
            line += more
    return line


def _setting(environ: Mapping[str, str], name: str, otherwise: str) -> str:
    """Names in any case, and empty is unset, as in ``config.settings``."""
    given = {key.upper(): value for key, value in environ.items() if value}
    return given.get(name, otherwise)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bridge health", description="Exit code 0 when the process is alive.")
    parser.add_argument("--host", help="The address it listens on; else BRIDGE_HOST.")
    parser.add_argument("--port", help="The port it listens on; else BRIDGE_PORT.")
    return parser


def _end(text: str, code: int) -> int:
    sys.stderr.write(text + "\n")
    return code
