"""``/api/`` as a whole: accounts paused and resumed, one door for every route, and a document that is true."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession, TCPConnector

from bridge.api import ROUTES
from bridge.openapi import PROBES, document
from bridge.tokens import FAILURES_MOST
from tests.api_calls import TOLD, Api
from tests.harness import API_TOKEN, scene
from tests.webhooks import ACCOUNT, get, listening, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from redis.asyncio import Redis

    from tests.harness import Running

SOMEWHERE = {"kind": "zendesk", "account": ACCOUNT, "id": "0123456789ab"}


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


# --- accounts --------------------------------------------------------------------------------------------------------


async def test_an_account_is_paused_and_goes_on(redis_url: str, prefix: str) -> None:
    """As by the command line: tickets are accepted and wait, and resume wakes them at once."""
    async with scene(redis_url, prefix) as on:
        api = Api(on.bridge)
        paused = (await api.post("accounts/standard-webhooks/scripts/pause")).json
        assert (paused["account"], paused["paused"]) == ("standard-webhooks/scripts", True)
        assert (await on.scripted("T1"))[0] == 202
        await on.bridge.traced("standard-webhooks", "scripts", "T1", lambda told: "paused" in told["waits_for"])
        assert on.jelou.ledger.starts == []
        assert (await api.post("accounts/standard-webhooks/scripts/resume")).json["paused"] is False
        await on.until_phase("T1", "open")
        # Pressed again, it goes on all the same.
        assert (await api.post("accounts/standard-webhooks/scripts/resume")).status == 200


@pytest.mark.parametrize("account", ["zendesk/other", "other/main", "%00/%FF", "zendesk/main%2F"])
@pytest.mark.parametrize("step", ["pause", "resume"])
async def test_an_account_that_is_not_there_is_404(run: Running, account: str, step: str, redis: Redis) -> None:
    """Nothing is paused under a name of a stranger's making."""
    answer = await Api(run).post(f"accounts/{account}/{step}")
    assert answer.status == 404
    assert [key async for key in redis.scan_iter("*:paused") if b"other" in await redis.hkeys(key)] == []  # type: ignore[misc]


@pytest.mark.parametrize(
    "ticket", ["%00", "%FF", "a%2Fb", "..%2F..", "%ED%A0%80", "9" * 400, "%F0%9F%A6%84", "%0A", "%7Ba%7D", "{", "%3F"]
)
async def test_any_id_of_a_ticket_is_only_unknown(run: Running, ticket: str) -> None:
    """Whatever bytes it is made of."""
    answer = await Api(run).get(f"tickets/zendesk/{ACCOUNT}/{ticket}")
    assert (answer.status, answer.json["known"]) == (404, False)


# --- the door --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
async def test_every_route_asks_for_the_token_first(run: Running, row: Any) -> None:
    """Before it reads the body, and whatever else is wrong."""
    path = row.path.format(**SOMEWHERE)
    for body in (b"", b"{", b"{}"):
        answer = await post(run, path, body, {"authorization": "Bearer wrong"}, row.method)
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')
    assert (await post(run, path, b"", {}, row.method)).status == 401


async def test_guessing_is_ended_with_429(run: Running) -> None:
    """For the guesser's address, whatever token comes then; the time to wait is in the answer."""
    for _ in range(FAILURES_MOST):
        assert (await get(run, "/api/decisions", "wrong")).status == 401
    for token in ("wrong", API_TOKEN):
        answer = await Api(run, token).get("decisions")
        assert (answer.status, answer.json) == (429, {"error": "too many wrong tokens"})
        assert 0 < int(answer.headers["retry-after"]) <= 60


async def test_a_guesser_does_not_lock_out_others(run: Running) -> None:
    """Nor can it hide behind a header that anybody can write."""
    forged = [{"authorization": "Bearer wrong", "x-forwarded-for": f"10.0.0.{one}"} for one in range(FAILURES_MOST + 1)]
    answers = [(await post(run, "/api/decisions", b"", headers, "GET")).status for headers in forged]
    assert answers == [401] * FAILURES_MOST + [429]
    right = {"authorization": f"Bearer {API_TOKEN}"}
    async with (
        ClientSession(connector=TCPConnector(local_addr=("127.0.0.2", 0))) as elsewhere,
        elsewhere.get(f"{run.url}/api/decisions", headers=right) as answer,
    ):
        assert answer.status == 200
    assert (await get(run, "/live")).status == 200


# --- the document ----------------------------------------------------------------------------------------------------


async def test_the_document_is_there_for_everybody(run: Running) -> None:
    """It holds no secret and no name of an account."""
    answer = await get(run, "/openapi.json")
    assert (answer.status, answer.json) == (200, document(ROUTES))
    assert ACCOUNT not in str(answer.json["paths"]).split()


async def test_the_document_names_every_route(run: Running) -> None:
    """And none that is not there."""
    site = run.site
    routed = {
        ("GET" if route.method == "*" else route.method, route.resource.canonical)
        for route in site.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    told = {(method.upper(), path) for path, methods in TOLD["paths"].items() for method in methods}
    assert told == routed


def references(told: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(told, dict):
        yield from ([told["$ref"]] if isinstance(told.get("$ref"), str) else [])
        for value in told.values():
            yield from references(value)
    elif isinstance(told, list):
        for value in told:
            yield from references(value)


def test_everything_the_document_refers_to_is_in_it() -> None:
    """Tools that make clients of it find each model, and each is used."""
    named = {name.removeprefix("#/components/schemas/") for name in references(TOLD)}
    taken = {row.query.__name__ for row in ROUTES if row.query}
    assert named | taken == set(TOLD["components"]["schemas"])


def test_every_operation_has_a_name_and_says_what_it_is_for() -> None:
    """Once each, with its path's parameters and the token it needs."""
    found = [(path, one) for path, methods in TOLD["paths"].items() for one in methods.values()]
    assert len({one["operationId"] for _, one in found}) == len(found)
    assert [path for path, one in found if not one["summary"] or not one["responses"]] == []
    for path, one in found:
        known = {each["name"] for each in one.get("parameters", []) if each["in"] == "path"}
        assert known == set(re.findall(r"{(\w+)}", path))
        assert ("security" in one) == path.startswith("/api/")


async def test_what_the_document_says_of_a_query_is_taken(run: Running) -> None:
    """Every parameter, with a value that its schema allows."""
    for path, methods in TOLD["paths"].items():
        asked = [one for one in methods.get("get", {}).get("parameters", []) if one["in"] == "query"]
        for one in asked:
            value = one["schema"].get("default", one["schema"].get("minimum", ""))
            assert (await Api(run).get(f"{path.removeprefix('/api/')}?{one['name']}={value}")).status == 200


async def test_the_probes_of_the_document_answer(run: Running) -> None:
    """Without a token."""
    assert [(await get(run, path)).status for path in PROBES] == [200] * len(PROBES)
