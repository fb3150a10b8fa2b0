"""``python -m tests.data make NAME``: write what the code as it is stores, once."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from redis.asyncio import Redis

from bridge.embedded import EmbeddedServer
from tests.data import keys
from tests.data.peers import Peers
from tests.data.scenes import played
from tests.data.stand import Stand

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).parent
NOW_MS: Final = 1_796_000_000_000
PREFIX: Final = "bridge"


async def made() -> dict[str, Any]:
    """The keys, what the other sides have, and the time at which that is so."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer(Path(folder), fsync="everysec")
        await server.start()
        redis = Redis.from_url(server.url)
        try:
            on = Stand(redis, PREFIX, NOW_MS, Peers())
            await played(on)
            assert on.log.bugs == []
            return {"now": on.now, "keys": await keys.dumped(redis, PREFIX), "peers": on.peers.dump()}
        finally:
            await redis.aclose()
            await server.stop()


def spelled(told: dict[str, Any]) -> bytes:
    """As JSON with a line for each key, so that a person finds it and a difference shows."""

    def text(value: Any) -> str:
        return orjson.dumps(value).decode()

    def lines(section: dict[str, Any]) -> str:
        return ",\n".join(f"{text(name)}: {text(value)}" for name, value in section.items())

    peers = ",\n".join(f"{text(name)}: {{\n{lines(section)}\n}}" for name, section in told["peers"].items())
    return f'{{"now": {told["now"]},\n"keys": {{\n{lines(told["keys"])}\n}},\n"peers": {{\n{peers}\n}}}}\n'.encode()


def write_once(file: Path, made: Callable[[], dict[str, Any]]) -> None:
    """A file that is there stays: it is what its version wrote. None is left where the making fails.

    Raises FileExistsError.
    """
    if file.exists():
        raise FileExistsError(file)
    text = spelled(made())
    with file.open("xb") as out:
        out.write(text)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m tests.data")
    parser.add_argument("what", choices=["make"])
    parser.add_argument("name")
    file = FOLDER / f"{parser.parse_args().name}.json"
    write_once(file, lambda: asyncio.run(made()))


if __name__ == "__main__":
    main()
