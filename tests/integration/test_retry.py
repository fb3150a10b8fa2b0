"""What was repaired is tried at once: by a process that starts with another credential, or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from bridge.credentials import try_repaired, with_credential
from bridge.protocol import Outcome
from bridge.twins.faults import Fault
from bridge.wiring import opened
from tests.api_calls import Api
from tests.harness import eventually, scene

if TYPE_CHECKING:
    from bridge.accounts import Bridge
    from tests.harness import Scene

JELOU, ZENDESK = "jelou:soporte", "helpdesk:zendesk/acme"
SECRET = "another-key-of-ours"


async def refused(on: Scene, redis: Any, prefix: str) -> None:
    """Jelou refuses the credential, a ticket waits for it, and the breaker would stay open for an hour."""
    on.jelou.faults.sometimes("start", Fault(status=401), 1.0)
    await on.scripted("T-1")
    await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: "credential" in trace["waits_for"])
    until = on.bridge.app.now_ms() + 3_600_000
    await redis.hset(f"{prefix}:breaker:{JELOU}", "until", until)
    on.jelou.faults.clear()


def with_key(bridge: Bridge, key: str) -> Bridge:
    """The configuration with another key of Jelou's."""
    projects = {name: project.model_copy(update={"api_key": SecretStr(key)}) for name, project in bridge.jelou.items()}
    return bridge.model_copy(update={"jelou": projects})


async def is_called(on: Scene) -> bool:
    """Whether nothing is left alone."""
    return not await on.bridge.app.store.breakers([JELOU])


async def test_a_process_with_another_credential_has_it_tried_at_once(redis_url: str, prefix: str, redis: Any) -> None:
    """One with the credential that was refused changes nothing; one with another need not wait for the breaker."""
    async with scene(redis_url, prefix) as on:
        await refused(on, redis, prefix)
        for key, changes in ((None, False), (SECRET, True)):
            bridge = on.bridge.app.bridge if key is None else with_key(on.bridge.app.bridge, key)
            async with opened(bridge, redis_url, prefix=prefix) as other:
                await try_repaired(other)
            left = [one.for_ms > 60_000 for one in await on.bridge.app.store.breakers([JELOU])]
            assert left != [True] if changes else left == [True]
        await eventually(lambda: is_called(on))
        await on.until_phase("T-1", "open")


@pytest.mark.parametrize("name", ["jelou/soporte", "zendesk/acme"])
async def test_a_destination_is_tried_by_hand_also_where_nobody_waits(
    redis_url: str, prefix: str, redis: Any, name: str
) -> None:
    """By the API; the next look of a worker asks it, and it is called again."""
    stored = JELOU if name.startswith("jelou") else ZENDESK
    async with scene(redis_url, prefix) as on:
        until = on.bridge.app.now_ms() + 3_600_000
        facts: dict[Any, Any] = {"kind": "denied", "until": until, "reason": "answered 401"}
        await redis.hset(f"{prefix}:breaker:{stored}", mapping=facts)
        told = await Api(on.bridge).post(f"accounts/{name}/retry")
        assert (told.status, told.json["says"]) == (
            200,
            [f"{name} is asked now; until now it was not called: answered 401"],
        )

        async def called() -> bool:
            return not await on.bridge.app.store.breakers([stored])

        await eventually(called)


async def test_what_asked_to_be_left_alone_is(redis_url: str, prefix: str, redis: Any) -> None:
    """A Retry-After is obeyed in full, whoever is impatient; and what works needs no retry."""
    async with scene(redis_url, prefix, work=False) as on:
        until = on.bridge.app.now_ms() + 3_600_000
        facts: dict[Any, Any] = {"kind": "wait", "until": until, "reason": "answered 429"}
        await redis.hset(f"{prefix}:breaker:{JELOU}", mapping=facts)
        [says] = (await Api(on.bridge).post("accounts/jelou/soporte/retry")).json["says"]
        assert says.startswith("jelou/soporte asked to be left alone for 3")
        [says] = (await Api(on.bridge).post("accounts/zendesk/acme/retry")).json["says"]
        assert "called as usual" in says
        assert (await Api(on.bridge).post("accounts/zendesk/other/retry")).status == 404
        assert await redis.hget(f"{prefix}:breaker:{JELOU}", "until") == str(until).encode()


async def test_what_is_kept_of_a_refused_credential_gives_nothing_away(redis_url: str, prefix: str, redis: Any) -> None:
    """A salted hash: no part of the secret, and not the same for two accounts with one key."""
    async with scene(redis_url, prefix, work=False) as on:
        bridge = with_key(on.bridge.app.bridge, SECRET)
        denied = with_credential(bridge, Outcome(JELOU, "denied", 0, "answered 401"))
        await on.bridge.app.store.rounds.pass_gate("probe", None, [denied])
        kept = (await redis.hget(f"{prefix}:breaker:{JELOU}", "credential")).decode()
        assert kept == denied.credential
        assert len(kept) == 65
        assert SECRET not in kept
        assert with_credential(bridge, Outcome(JELOU, "fail", 0, "answered 500")).credential == ""
        assert with_credential(bridge, Outcome(ZENDESK, "denied", 0, "")).credential not in {"", kept}
