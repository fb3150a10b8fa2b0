"""A signing secret made anew while events flow: two web processes with the old configuration refuse none of them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import ClientSession, TCPConnector

from bridge.embedded import EmbeddedServer
from bridge.signatures import jelou_signature
from bridge.twins.faults import Fault
from bridge.twins.jelou import JelouTwin
from bridge.twins.jelou_settings import JelouSettings
from bridge.waiting_room import BYTES_MOST
from bridge.web import PROVING
from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.harness import PROJECT, eventually, project, running, scripted_account
from tests.harness import configuration as checked
from tests.log_capture import configured
from tests.webhooks import Answer, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from redis.asyncio import Redis

    from tests.command_line import Ran
    from tests.harness import Running

PATH = f"/webhooks/jelou/{PROJECT}"
OLD, STRANGE = SECRETS["JELOU_SIGNING_SECRET"], "a-secret-of-nobody"
FAR = 60_000
LARGE = 900_000


@dataclass
class Office:
    """Two web processes with the same configuration, a Jelou, and the command line beside them."""

    webs: list[Running]
    jelou: JelouTwin
    bridge: CommandLine
    numbers: count[int] = field(default_factory=count)

    @property
    def secret(self) -> str:
        """What Jelou signs with just now."""
        assert self.jelou.integration is not None
        return self.jelou.integration.secret

    async def event(self, web: Running, secret: str = "", size: int = 0) -> Answer:
        """Post a message of a customer's, signed as Jelou does now, or with another secret; as large as this."""
        value = {"id": f"m-{next(self.numbers)}", "filled": "x" * size}
        told = {"object": "message_event", "event_type": "message", "value": value}
        body = orjson.dumps(told)
        headers = {
            "content-type": "application/json",
            "x-jelou-signature": jelou_signature(secret or self.secret, body),
        }
        return await post(web, PATH, body, headers)

    async def statuses(self, secret: str = "") -> list[int]:
        """What each of the processes answers to an event."""
        return [(await self.event(web, secret)).status for web in self.webs]

    async def type(self, *argv: str) -> Ran:
        """``bridge integration ...``."""
        return await asyncio.to_thread(self.bridge, "integration", *argv)

    def counted(self, metric: str) -> list[float]:
        """A counter of each process."""
        return [web.app.metrics.registry.get_sample_value(f"{metric}_total") for web in self.webs]


@asynccontextmanager
async def office(bridge: CommandLine, folder: Path, redis_url: str, prefix: str) -> AsyncIterator[Office]:
    """All of it, until the end of the block."""
    async with AsyncExitStack() as stack:
        jelou = await stack.enter_async_context(JelouTwin(JelouSettings(api_key=SECRETS["JELOU_API_KEY"])))
        jelou.integrate("http://127.0.0.1:9/", OLD)
        told: dict[str, Any] = configuration()
        told["jelou"][PROJECT] |= {"project_id": jelou.settings.project_id, "base_url": jelou.base_url}
        environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
        environ["BRIDGE_CONFIG"] = written(folder, told)
        for name, value in environ.items():
            bridge.monkeypatch.setenv(name, value)
        loaded = checked(project(jelou), {"standard-webhooks": {"scripts": scripted_account()}})
        webs = [await stack.enter_async_context(running(loaded, redis_url, prefix, work=False)) for _ in range(2)]
        yield Office(webs, jelou, bridge)


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line."""
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
async def on(bridge: CommandLine, tmp_path: Path, redis_url: str, prefix: str) -> AsyncIterator[Office]:
    """The office, on the session's Redis."""
    async with office(bridge, tmp_path, redis_url, prefix) as on:
        yield on


# --- nothing is lost -------------------------------------------------------------------------------------------------


async def test_no_event_is_refused_while_the_secret_is_made_anew(on: Office) -> None:
    """Jelou signs with the new secret before anybody here knows it: each such event waits for it, and is taken."""
    on.jelou.faults.next("regenerate", Fault(accept=True, delay_s=0.5))
    rotation = asyncio.create_task(on.type("rotate-secret"))
    signed: list[str] = []
    answers: list[Answer] = []
    for web in cycle(on.webs):
        if rotation.done() and len(set(signed)) > 1:
            break
        signed.append(on.secret)
        answers.append(await on.event(web))
    ran = await rotation
    assert (ran.code, set(signed)) == (0, {OLD, on.secret})
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["delivery"] for answer in answers}) == len(answers)
    assert ran.out.count(on.secret) == 1


async def test_old_and_new_are_accepted_in_the_grace_time_and_nothing_else(on: Office) -> None:
    """By both processes, though neither was restarted; what is Jelou's no more or never was is 401."""
    await on.type("rotate-secret")
    assert await on.statuses(on.secret) == [202, 202]
    assert await on.statuses(OLD) == [202, 202]
    assert await on.statuses(STRANGE) == [401, 401]


async def test_two_rotations_in_a_row_lose_nothing_either(on: Office) -> None:
    """What the first one made is still accepted when the second has made another."""
    await on.type("rotate-secret")
    between = on.secret
    await on.type("rotate-secret")
    assert between != on.secret
    for secret in (OLD, between, on.secret):
        assert await on.statuses(secret) == [202, 202]


async def test_an_integration_made_again_works_without_a_restart(on: Office) -> None:
    """Removed and made, its secret is another one; the running processes get it as at a rotation."""
    await on.type("delete", "--yes")
    ran = await on.type("create", "--url", "https://bridge.example.com")
    assert (ran.code, on.secret != OLD) == (0, True)
    assert await on.statuses() == [202, 202]


# --- telling ---------------------------------------------------------------------------------------------------------


async def shown(on: Office) -> dict[str, Any]:
    """What ``show`` says of the secret, with its warnings."""
    told = (await on.type("show", "--json")).json
    return {**told["secret"], "warnings": told["warnings"]}


async def test_show_tells_when_the_old_secret_was_last_used(on: Office) -> None:
    """Not since, until an event comes that it has signed; each is counted."""
    await on.type("rotate-secret")
    await on.statuses(on.secret)
    assert (await shown(on))["old_last_used_at"] is None
    assert "not used since" in (await on.type("show")).out
    await on.statuses(OLD)

    async def told() -> bool:
        return (await shown(on))["old_last_used_at"] is not None

    await eventually(told)
    assert on.counted("bridge_old_secret_used") == [1.0, 1.0]
    assert "last used" in (await on.type("show")).out


async def test_show_tells_that_a_process_was_not_restarted(on: Office) -> None:
    """The files may be right, and a process still live on what it was handed: that is counted and told."""
    await on.type("rotate-secret")
    assert (await shown(on))["last_lacked_at"] is None
    await on.statuses(on.secret)

    async def told() -> bool:
        return (await shown(on))["last_lacked_at"] is not None

    await eventually(told)
    assert "a running process lacked it" in (await on.type("show")).out
    assert (on.counted("bridge_unconfigured_secret_used"), on.counted("bridge_old_secret_used")) == ([1, 1], [0, 0])


async def test_a_refusal_names_the_secret_that_is_missing(on: Office, redis: Redis, prefix: str) -> None:
    """When the grace time has ended and nobody configured it, our log says why Jelou's events are 401."""
    await on.type("rotate-secret")
    await redis.delete(f"{prefix}:handed-over:{PROJECT}")
    on.bridge.capsys.readouterr()
    with configured("info", "json"):
        assert await on.statuses() == [401, 401]
    lines = [orjson.loads(line) for line in on.bridge.capsys.readouterr().out.splitlines()]
    reasons = [line["says"] for line in lines if line["event"] == "refused delivery"]
    assert [reason.partition("; ")[2] for reason in reasons] == ["the configuration lacks the newest secret"] * 2


async def test_show_warns_until_the_configuration_has_the_new_secret(on: Office) -> None:
    """And then no longer; the secret itself is never shown."""
    await on.type("rotate-secret", "--grace", "1h")
    [warning] = [one for one in (await shown(on))["warnings"] if "secret" in one]
    assert "signing_secrets lacks the newest secret" in warning
    on.bridge.monkeypatch.setenv("JELOU_SIGNING_SECRET", on.secret)
    told = await on.type("show")
    assert ("lacks" in told.out, on.secret in told.out) == (False, False)


async def test_the_handed_over_secret_goes_by_itself(on: Office, redis: Redis, prefix: str) -> None:
    """It stands in Redis for the grace time alone; what stays is no secret."""
    await on.type("rotate-secret", "--grace", "90m")
    left = await redis.pttl(f"{prefix}:handed-over:{PROJECT}")
    assert 89 * FAR < left <= 90 * FAR
    for key in [key async for key in redis.scan_iter(f"{prefix}:*")]:
        kept = await redis.dump(key)
        assert (on.secret.encode() in kept) == (key == f"{prefix}:handed-over:{PROJECT}".encode())
    await on.type("delete", "--yes")
    assert [key async for key in redis.scan_iter(f"{prefix}:*{PROJECT}")] == []


# --- strangers, and when it goes wrong -------------------------------------------------------------------------------


async def test_strangers_cost_one_question_to_redis_in_a_second(on: Office, redis: Redis, prefix: str) -> None:
    """However many of them come, at once or one after the other."""
    asked: list[bool] = []
    async with redis.monitor() as monitor:
        for answer in await asyncio.gather(*(on.event(on.webs[0], STRANGE) for _ in range(50))):
            assert answer.status == 401
        for _ in range(50):
            await on.event(on.webs[0], STRANGE)
        await redis.set(f"{prefix}:end", 1)
        async for told in monitor.listen():
            asked.append(f"{prefix}:handed-over:" in told["command"])
            if f"{prefix}:end" in told["command"]:
                break
    # A slow machine may take longer than the second that an answer is good for.
    assert 1 <= sum(asked) < 25


async def test_a_rotation_that_jelou_refused_leaves_all_as_it_was(on: Office) -> None:
    """Wrong signatures are 401 at once again, and the old secret works."""
    on.jelou.faults.next("regenerate", Fault(status=401))
    assert (await on.type("rotate-secret")).code == 1
    assert await on.statuses(OLD) == [202, 202]
    assert await on.statuses(STRANGE) == [401, 401]


async def test_events_are_put_off_while_nobody_knows_how_a_rotation_ended(on: Office) -> None:
    """Its answer is lost: an event that no known secret has signed is 503, to come again after the next rotation."""
    on.jelou.faults.next("regenerate", Fault.named("error_after_accepting"))
    assert (await on.type("rotate-secret")).code == 1
    answer = await on.event(on.webs[0])
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert (await on.type("rotate-secret")).code == 0
    assert await on.statuses() == [202, 202]


CROWD = 200
MADE = "a-secret-just-made"


async def test_a_crowd_of_strangers_starves_no_event_of_jelous(on: Office) -> None:
    """Hundreds of forged events wait for the secret that is being made; one that it has signed is taken beside them."""
    web = on.webs[0]
    await web.app.store.rotations.begin(PROJECT)
    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        crowded = replace(web, session=session)
        crowd = [asyncio.create_task(on.event(crowded, STRANGE)) for _ in range(CROWD)]
        await eventually(lambda: asyncio.sleep(0, waiting(web) == CROWD))
        genuine = asyncio.create_task(on.event(crowded, MADE))
        await eventually(lambda: asyncio.sleep(0, waiting(web) == CROWD + 1))
        await web.app.store.rotations.hand_over(PROJECT, MADE, [OLD], web.app.now_ms(), FAR)
        assert (await genuine).status == 202
        assert {answer.status for answer in await asyncio.gather(*crowd)} == {401}


async def test_large_forgeries_drive_out_each_other(on: Office) -> None:
    """However much they bring, an event of a usual size waits on; they are asked to come again."""
    web = on.webs[0]
    await web.app.store.rotations.begin(PROJECT)
    genuine = asyncio.create_task(on.event(web, MADE))
    await eventually(lambda: asyncio.sleep(0, waiting(web) == 1))
    large = [asyncio.create_task(on.event(web, STRANGE, LARGE)) for _ in range(2 * BYTES_MOST // LARGE)]
    await eventually(lambda: asyncio.sleep(0, any(one.done() for one in large)))
    await web.app.store.rotations.hand_over(PROJECT, MADE, [OLD], web.app.now_ms(), FAR)
    assert (await genuine).status == 202
    assert {answer.status for answer in await asyncio.gather(*large)} == {401, 503}


def waiting(web: Running) -> int:
    """How many events wait for a secret in this process."""
    return web.site[PROVING].waiting


async def test_an_event_without_any_signature_is_nobodys(on: Office) -> None:
    """It is 401 at once, whatever is going on."""
    await on.webs[0].app.store.rotations.begin(PROJECT)
    assert (await post(on.webs[0], PATH, b"{}", {"content-type": "application/json"})).status == 401


async def test_without_redis_an_unknown_signature_is_put_off(bridge: CommandLine, tmp_path: Path, prefix: str) -> None:
    """It may be Jelou's, signed with a secret that only Redis knows; when Redis is back, it is."""
    async with EmbeddedServer(tmp_path / "valkey") as server, office(bridge, tmp_path, server.url, prefix) as on:
        await on.type("rotate-secret")
        await server.stop()
        assert await on.statuses() == [503, 503]
        await server.start()

        async def back() -> bool:
            return await on.statuses() == [202, 202]

        await eventually(back)
