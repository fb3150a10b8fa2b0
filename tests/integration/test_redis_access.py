"""Redis over TLS, and as a user that may do only what deploy/README.md says: a whole day's work, and nothing more."""

from __future__ import annotations

import asyncio
import inspect
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import arq.worker
import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from bridge.embedded import EmbeddedServer
from bridge.scripting import SHARED
from bridge.twins.faults import Fault
from tests.api_calls import Api
from tests.harness import Scene, scene
from tests.tls_redis import behind_tls, papers
from tests.webhooks import deliver, get, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "bridge" / "scripts"
PASSWORD = "made-up-word"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A Redis of the test's own."""
    async with EmbeddedServer(tmp_path / "valkey", fsync="everysec", password="") as server:
        yield server


# --- a user with few rights ------------------------------------------------------------------------------------------


def rule() -> list[str]:
    """The ACL that the document tells to type, word by word."""
    [told] = re.findall(r"^ACL SETUSER (.+?)^```", (ROOT / "deploy/README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(told).replace("\\\n", " ").replace("PASSWORD", PASSWORD).split()


def allowed() -> set[str]:
    """The commands in it."""
    return {word.removeprefix("+") for word in rule() if word.startswith("+")}


def called() -> set[str]:
    """The commands that the scripts call."""
    texts = "".join(file.read_text() for file in SCRIPTS.glob("*.lua"))
    found = {name.lower() for name in re.findall(r"redis\.call\('([A-Z]+)'", texts)}
    return found | {name.lower() for name in re.findall(r"'(S[A-Z]+)' or '(S[A-Z]+)'", texts) for name in name}


def called_by_arq() -> set[str]:
    """The commands that arq's worker calls, by redis-py's names for them."""
    text = Path(inspect.getfile(arq.worker)).read_text(encoding="utf-8")
    found = set(re.findall(r"\b(?:tr|pipe|self\.pool)\.([a-z]+)\(", text)) - {"execute", "close", "pipeline"}
    return {{"delete": "del", "incr": "incrby"}.get(name, name) for name in found}


async def make_user(server: EmbeddedServer) -> str:
    """Type what the document says; the URL of that user."""
    async with Redis.from_url(server.url) as redis:
        await redis.execute_command("ACL", "SETUSER", *rule())
        await redis.execute_command("ACL", "SETUSER", "default", "off")
    return f"redis://{rule()[0]}:{PASSWORD}@127.0.0.1:{server.port}/0"


@asynccontextmanager
async def administrator(server: EmbeddedServer) -> AsyncIterator[Any]:
    """A connection that may do everything, made before the default user is switched off."""
    async with Redis.from_url(server.url, single_connection_client=True) as redis:
        await redis.ping()
        yield redis


async def a_days_work(on: Scene) -> None:
    """Starts, notes, a failure replayed, one discarded, an orphan claimed, a pause, questions."""
    api = Api(on.bridge)
    ticket = on.zendesk.open_ticket("Hola", "+593987654322")
    await on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
    on.jelou.faults.next_start(Fault.named("status", status=422))
    for one in ("T1", "T2"):
        await on.scripted(one, phone="none" if one == "T2" else "+593987654321")
        await on.until_phase(one, "failed")
    await api.post("dead-letters/replay", ticket="T1")
    await on.until_phase("T1", "open")
    await api.post("dead-letters/discard", ticket="T2", reason="a test")
    on.jelou.hand_over("593111111111", "Hola")
    await on.jelou.settle()
    [orphan] = (await api.get("orphans")).json["orphans"]
    assert (await api.post(f"orphans/{orphan['id']}/claim", ticket="standard-webhooks/scripts/T9")).status == 200
    await api.post("accounts/standard-webhooks/scripts/pause")
    await on.scripted("T3", phone="+593987654323")
    await on.bridge.traced("standard-webhooks", "scripts", "T3", lambda told: "paused" in told["waits_for"])
    await api.post("accounts/standard-webhooks/scripts/resume")
    await on.until_phase("T3", "open")
    await rotated(on)
    assert (await api.get("decisions")).json["decisions"] != []
    assert (await api.post("forget", user="+593987654323", preview=False)).json["tickets"] != []
    assert (await get(on.bridge, "/ready")).json["ready"] is True
    await on.bridge.app.store.ping()


async def rotated(on: Scene) -> None:
    """A signing secret made anew, handed over, used and forgotten."""
    rotations = on.bridge.app.store.rotations
    await rotations.begin("soporte")
    await rotations.hand_over("soporte", "new", ["old"], 1, 60_000)
    await rotations.used("soporte", "old_used_ms", 2)
    assert (await rotations.known("soporte")).secrets == ("new", "old")
    await rotations.give_up("soporte")
    await rotations.forget("soporte")


async def test_a_user_with_few_rights_is_enough(server: EmbeddedServer) -> None:
    """With the commands and keys of deploy/README.md the whole work is done, and Redis refused nothing of it."""
    async with administrator(server) as redis:
        async with scene(await make_user(server), "bridge") as on:
            await a_days_work(on)
        refused = await redis.execute_command("ACL", "LOG")
        # Whether the server syncs each write is asked, and may remain unknown.
        assert {(entry[b"context"], entry[b"object"]) for entry in map(as_dict, refused)} <= {
            (b"toplevel", b"config|get")
        }
        # Each that is allowed is called by a script, or was used: nothing more is given away than needed.
        used = {name.removeprefix("cmdstat_") for name in await redis.info("commandstats")}
        # redis-py unwatches only what it was still watching when it let a connection go.
        assert allowed() - used - called() - called_by_arq() - {"select", "unwatch"} == set()


def as_dict(entry: Any) -> dict[bytes, Any]:
    """An entry of Redis' log of refusals, in whichever form it comes."""
    return dict(entry) if isinstance(entry, dict) else dict(zip(entry[::2], entry[1::2], strict=True))


def test_every_command_of_the_scripts_and_of_arq_is_allowed() -> None:
    """Also those that one day's work does not come by."""
    assert called() - allowed() == set()
    assert called_by_arq() - allowed() == set()
    assert {"srem", "sadd", "zadd"} <= called()
    assert {"watch", "psetex"} <= called_by_arq()
    assert SHARED[0] in {file.name for file in SCRIPTS.iterdir()}


@pytest.mark.parametrize(
    "command", ["FLUSHALL", "KEYS *", "CONFIG GET dir", "GET other:key", "SET bridge2:x 1", "ACL LIST", "SCRIPT FLUSH"]
)
async def test_that_user_may_do_nothing_else(server: EmbeddedServer, command: str) -> None:
    """Neither look at the rest of a shared Redis nor harm it."""
    async with Redis.from_url(await make_user(server)) as redis:
        with pytest.raises(NoPermissionError):
            await redis.execute_command(*command.split())


async def test_a_user_that_may_too_little_is_503(server: EmbeddedServer, prefix: str) -> None:
    """Nothing is acknowledged that is not stored; the sender comes again when it is repaired."""
    url = await make_user(server)
    async with listening(url, prefix) as run:
        assert (await deliver(run, "zendesk")).status == 503
    async with listening(url, "bridge") as run:
        assert (await deliver(run, "zendesk")).status == 202


# --- TLS -------------------------------------------------------------------------------------------------------------


async def test_the_whole_work_is_done_over_tls(server: EmbeddedServer, tmp_path: Path) -> None:
    """With an authority's file, a certificate of our own, and a user and password."""
    user = (await make_user(server)).removeprefix("redis://").partition("@")[0]
    known = papers(tmp_path / "tls")
    async with behind_tls(server.port, known) as port, scene(known.url(port, user=user), "bridge") as on:
        assert (await on.scripted("T1"))[0] == 202
        await on.until_phase("T1", "open")


async def ready(url: str, prefix: str) -> bool:
    """Whether a bridge on this Redis is ready, and takes a delivery; it must be both or neither."""
    async with listening(url, prefix) as run:
        answers = [(await get(run, "/ready")).status == 200, (await deliver(run, "zendesk")).status == 202]
    assert len(set(answers)) == 1
    return answers[0]


async def test_a_server_that_cannot_prove_itself_is_not_spoken_to(
    server: EmbeddedServer, tmp_path: Path, prefix: str
) -> None:
    """A strange authority, another server's name, no certificate of our own, no TLS: 503, and nothing in the clear."""
    known, strange = papers(tmp_path / "tls"), papers(tmp_path / "strange")
    other = papers(tmp_path / "other", "redis.example.com")
    async with behind_tls(server.port, known) as port, behind_tls(server.port, other) as elsewhere:
        assert await ready(known.url(port), prefix)
        assert await ready(other.url(elsewhere, ssl_check_hostname="false"), prefix)
        unproven = {
            "a strange authority": known.url(port, ssl_ca_certs=str(strange.folder / "ca.pem")),
            "no authority of ours": known.url(port, ssl_ca_certs=""),
            "no certificate of our own": known.url(port, ssl_certfile="", ssl_keyfile=""),
            "another server's name": other.url(elsewhere),
            "in the clear to TLS": f"redis://localhost:{port}/0",
            "TLS to one without": known.url(server.port),
        }
        # Each is tried for as long as a sender is patient: all at once.
        answers = await asyncio.gather(*(ready(url, prefix) for url in unproven.values()))
        assert [why for why, spoken_to in zip(unproven, answers, strict=True) if spoken_to] == []
