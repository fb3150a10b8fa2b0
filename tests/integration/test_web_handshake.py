"""A helpdesk that asks who we are before it sends: answered to it alone, and nothing of it is stored."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
import yaml

from bridge.helpdesks import REGISTRY
from tests.desk_server import MAPPING, DeskServer
from tests.harness import configuration, running
from tests.helpdesk_recordings import Recordings, recordings_of, secrets_of
from tests.webhooks import ACCOUNT, JELOU, SENDERS, listening, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running
    from tests.webhooks import Answer

GLPI = f"/webhooks/helpdesks/glpi/{ACCOUNT}"
CURRENT, OLD = secrets_of(Recordings("glpi"))
POSTING_ONLY = [kind for kind in sorted(REGISTRY) if not recordings_of(kind).writes.get("handshakes")]
"""Kinds whose senders ask nothing."""

STRANGE = ["", "x", "validate_cra_challenge", "0" * 64, '{"item": {"id": 1}}1795184405', "\N{CAT}\x00", "a" * 4000]
"""Tokens that nobody with a secret made."""


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


def digest(secret: str, words: str) -> str:
    """The function that GLPI and the bridge share."""
    return hmac.digest(secret.encode(), words.encode(), "sha256").hex()


async def asked(run: Running, token: str, *, path: str = GLPI, method: str = "GET") -> Answer:
    """The answer to a challenge."""
    return await post(run, f"{path}?{urlencode({'crc_token': token})}", b"", {}, method)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("secret", [CURRENT, OLD])
async def test_a_challenge_is_answered_in_plain_text(run: Running, secret: str) -> None:
    """By any secret of a rotation; no browser takes the answer for a page."""
    token = digest(secret, "validate_cra_challenge")
    answer = await asked(run, token)
    assert (answer.status, answer.body.decode()) == (200, digest(secret, token))
    assert answer.headers["content-type"].split(";")[0] == "text/plain"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("stored")
async def test_head_is_answered_without_a_body(run: Running) -> None:
    """As HTTP wants it of whatever answers GET."""
    answer = await asked(run, digest(CURRENT, "validate_cra_challenge"), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert (await asked(run, "x", method="HEAD")).status == 405


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "validate_cra_challenge",
        "0" * 64,
        '{"item": {"id": 1}, "event": "new"}1795184405',
        "\N{CAT}\x00",
        "a" * 4000,
    ],
)
async def test_a_stranger_learns_nothing(run: Running, token: str) -> None:
    """A token that nobody with a secret made is a method that is not allowed, as for every other kind."""
    answer = await asked(run, token)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert digest(CURRENT, token).encode() not in answer.body


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("kind", POSTING_ONLY)
async def test_a_kind_that_asks_nothing_is_only_posted_to(run: Running, kind: str, method: str) -> None:
    """Whatever stands in the query."""
    path = f"/webhooks/helpdesks/{kind}/{ACCOUNT}"
    answer = await asked(run, digest(CURRENT, "validate_cra_challenge"), path=path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_challenge_by_another_method_is_none(run: Running, method: str) -> None:
    """GLPI asks by GET."""
    answer = await asked(run, digest(CURRENT, "validate_cra_challenge"), method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("path", [f"/webhooks/helpdesks/glpi/{ACCOUNT}-2", f"/webhooks/helpdesks/none/{ACCOUNT}"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_account_that_is_not_there_is_404(run: Running, path: str, method: str) -> None:
    """As for a delivery."""
    told = await asked(run, digest(CURRENT, "validate_cra_challenge"), path=path, method=method)
    assert told.status == 404
    if method == "GET":
        assert told.json == (await post(run, path, b"{}", {"content-type": "application/json"})).json


@pytest.mark.usefixtures("stored")
async def test_a_challenge_that_is_posted_is_a_delivery(run: Running) -> None:
    """It is not signed, and learns no more than any other."""
    token = digest(CURRENT, "validate_cra_challenge")
    answer = await post(run, f"{GLPI}?crc_token={token}", b"{}", {"content-type": "application/json"}, "POST")
    assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')


async def test_a_delivery_is_taken_between_challenges(run: Running) -> None:
    """GLPI asks before each of them."""
    token, sender = digest(CURRENT, "validate_cra_challenge"), SENDERS["glpi"]
    headers = sender.headers()
    for status in ("accepted", "duplicate"):
        assert (await asked(run, token)).status == 200
        answer = await post(run, GLPI, sender.body, headers)
        assert (answer.status, answer.json["status"]) == (202, status)


CHALLENGE = {"when": "method == 'POST' && body.type == 'challenge'", "answer": "=body.challenge"}
LONG = b'{"type": "challenge", "challenge": "abc", "more": "' + b"x" * 16_384 + b'"}'


async def test_a_handshake_by_post_is_answered_by_its_mapping(redis_url: str, prefix: str) -> None:
    """Unsigned, by what its body says; whatever is no question needs a proof as ever, and nothing is kept."""
    mapping = yaml.safe_load(MAPPING.read_text(encoding="utf-8")) | {"handshake": [CHALLENGE]}
    senders = configuration(JELOU, {"generic": {"desk": DeskServer(url="http://127.0.0.1:9").account(mapping=mapping)}})
    async with running(senders, redis_url, prefix, work=False) as run:

        async def posted(body: bytes) -> Answer:
            return await post(run, "/webhooks/helpdesks/generic/desk", body, {"content-type": "application/json"})

        asked = await posted(b'{"type": "challenge", "challenge": "abc"}')
        assert (asked.status, asked.body, asked.headers["content-type"].split(";")[0]) == (200, b"abc", "text/plain")
        others = [b'{"type": "other", "challenge": "abc"}', b'{"type": "challenge"}', b"[]", b"{", b"", LONG]
        assert [(await posted(one)).status for one in others] == [401] * len(others)
        assert await run.app.store.unread.all() == []
