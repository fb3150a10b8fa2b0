"""What a webhook refuses, with which code, and how little it says: a stranger learns nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.webhooks import ACCOUNT, GUARDED, SENDERS, bridge, deliver, exchange, listening, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.harness import Running

WORD = "secreto-del-cliente"
"""Stands in every body that is refused, and in no answer."""

CHANGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "another": lambda told: told[:-2] + ("AA" if told[-2:] != "AA" else "BB"),
    "too short": lambda told: told[:-1],
    "twice": lambda told: told + told,
    "only the scheme": lambda told: told[:7],
    "upper case": str.upper,
    "beyond ASCII": lambda told: "ñ" + told[1:],
    "beyond ASCII, as long": lambda told: "é" * len(told),
    "a list": lambda told: f"{told[:-1]}, {told[:-1]}",
    "very long": lambda told: told[:-1] + "a" * 6000,
}
STAMPED = ["standard-webhooks", "zendesk"]


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", SENDERS)
async def test_a_wrong_credential_is_401_and_learns_nothing(run: Running, name: str) -> None:
    """Missing, malformed, of other bytes, in another case: the same two words for all of them."""
    for change in CHANGES.values():
        answer = await deliver(run, name, change=change)
        assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')
        assert "www-authenticate" not in answer.headers


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", SENDERS)
async def test_every_credential_is_needed(run: Running, name: str) -> None:
    """A delivery without one of its headers is nobody's; a project's token does not stand in for its signature."""
    sender = SENDERS[name]
    for missing in sender.credentials():
        headers = {header: value for header, value in sender.headers().items() if header != missing}
        assert (await post(run, sender.path, sender.body, headers)).status == 401


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["zendesk", "standard-webhooks", "jelou", "jelou with a token"])
async def test_a_signature_is_of_its_body_alone(run: Running, name: str) -> None:
    """One byte more, or another's body under a genuine signature, is refused."""
    sender = SENDERS[name]
    for body in (sender.body + b" ", b"{}", b""):
        assert (await post(run, sender.path, body, sender.headers())).status == 401


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("off_s", [-301.0, 301.0, -86_400.0])
@pytest.mark.parametrize("name", STAMPED)
async def test_a_stale_delivery_is_401(run: Running, name: str, off_s: float) -> None:
    """A recorded delivery cannot be played again later, nor one be made for the future."""
    answer = await deliver(run, name, off_s=off_s)
    assert (answer.status, answer.body) == (401, b'{"error":"unauthorised"}')


@pytest.mark.parametrize("name", STAMPED)
async def test_a_clock_that_is_a_little_off_is_no_matter(run: Running, name: str) -> None:
    """Machines differ by seconds."""
    assert (await deliver(run, name, off_s=-200.0)).status == 202


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/helpdesks/zendesk/other",
        f"/webhooks/helpdesks/nodesk/{ACCOUNT}",
        f"/webhooks/helpdesks/Zendesk/{ACCOUNT}",
        "/webhooks/helpdesks/%ff/%00",
        "/webhooks/helpdesks/zendesk%2Fmain/x",
        "/webhooks/jelou/other",
        f"/webhooks/jelou/{ACCOUNT}",
        "/webhooks/jelou/..",
        "/webhooks/jelou/soporte/",
        "/webhooks/helpdesks/zendesk",
        "/webhooks//jelou/soporte",
        "/",
    ],
)
async def test_an_unknown_place_is_404_and_never_a_redirect(run: Running, path: str) -> None:
    """Whatever is posted there; a slash too much is another place."""
    sender = SENDERS["jelou"]
    answer = await post(run, path, sender.body, sender.headers())
    assert answer.status == 404
    assert "location" not in answer.headers


REFUSED: list[tuple[str, Any, str]] = [
    *((name, f'{{"a": "{WORD}"'.encode(), "body") for name in SENDERS),
    *((name, [WORD], "body") for name in SENDERS),
    *((name, WORD.encode() + b"\xff", "body") for name in SENDERS),
    ("jelou", {"event": "conversation.start", "contact": {"id": WORD}}, "conversation.id"),
    ("jelou", {"event": "conversation.close", "contact": {"id": WORD}}, "conversation.id"),
    ("jelou", {"object": "message_event", "event_type": "message", "value": {"content": WORD}}, "value.id"),
    ("standard-webhooks", {"type": "ticket.created", "data": {"ticket": {"subject": WORD}}}, "data.ticket.id"),
    ("standard-webhooks", {"type": "ticket.created", "data": WORD}, "data.ticket.id"),
    ("django-helpdesk", {"ticket": {"title": WORD}}, "ticket.id"),
    ("intercom", {"topic": "ticket.closed", "data": {"item": {"ticket": {"a": WORD}}}}, "data.item.ticket.id"),
    ("zendesk", {"type": "zen:event-type:ticket.created", "detail": {"subject": WORD}}, "detail.id"),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("name", "told", "field"), REFUSED)
async def test_a_genuine_body_that_cannot_be_read_is_400_and_names_the_field(
    run: Running, name: str, told: Any, field: str
) -> None:
    """Whoever set the sender up sees where it is wrong; the body itself is not given back."""
    answer = await deliver(run, name, told if isinstance(told, bytes) else orjson.dumps(told))
    assert (answer.status, answer.json["field"], set(answer.json)) == (400, field, {"error", "field", "delivery"})
    assert WORD.encode() not in answer.body


@pytest.mark.parametrize("depth", [255, 1000, 100_000])
async def test_a_body_nested_too_deeply_is_400(run: Running, depth: int) -> None:
    """JSON that can be read and not written again, or not read at all, is the sender's mistake."""
    deep = b'{"object":"message_event","event_type":"message","value":{"id":"m","content":'
    answer = await deliver(run, "jelou", deep + b'{"a":' * depth + b"1" + b"}" * depth + b"}}")
    assert (answer.status, answer.json["field"]) == (400, "body")


@pytest.mark.parametrize("name", SENDERS)
async def test_a_body_over_the_limit_is_413(redis_url: str, prefix: str, name: str) -> None:
    """To the byte, signed or not; the answer says how much is taken."""
    async with listening(redis_url, prefix, max_body_bytes=2048) as small:
        just, over = (b'{"a":"' + b"x" * (size - 8) + b'"}' for size in (2048, 2049))
        assert (await deliver(small, name, just)).status in {202, 400}
        for answer in (await deliver(small, name, over), await deliver(small, name, over, change=lambda _: "x")):
            assert (answer.status, answer.json) == (413, {"error": "the body is over 2048 bytes"})


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "declared", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json", "", "ñ", "a/b/c"]
)
@pytest.mark.parametrize("name", ["zendesk", "jelou"])
async def test_a_body_that_is_not_declared_as_json_is_415(run: Running, name: str, declared: str) -> None:
    """A browser's form cannot post here."""
    sender = SENDERS[name]
    answer = await post(run, sender.path, sender.body, sender.headers() | {"content-type": declared})
    assert (answer.status, answer.json) == (415, {"error": "the body must be application/json"})


@pytest.mark.parametrize("name", ["glpi", "zendesk", "jelou"])
async def test_a_body_of_which_nothing_is_declared_is_taken(run: Running, name: str) -> None:
    """GLPI declares nothing; a browser's form always does."""
    sender = SENDERS[name]
    headers = {key: value for key, value in sender.headers().items() if key != "content-type"}
    lines = [f"{key}: {value}" for key, value in {**headers, "content-length": len(sender.body)}.items()]
    head = "\r\n".join([f"POST {sender.path} HTTP/1.1", "host: bridge", *lines, "", ""])
    assert (await exchange(run, head.encode() + sender.body)).status == 202


@pytest.mark.parametrize("declared", ["application/json; charset=utf-8", "Application/JSON", "application/json;x=y"])
async def test_json_may_be_declared_with_more(run: Running, declared: str) -> None:
    """A charset, another case, a parameter of the sender's."""
    sender = SENDERS["zendesk"]
    assert (await post(run, sender.path, sender.body, sender.headers() | {"content-type": declared})).status == 202


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("name", ["zendesk", "jelou"])
async def test_another_method_is_405(run: Running, name: str, method: str) -> None:
    """A webhook is posted to."""
    sender = SENDERS[name]
    answer = await post(run, sender.path, sender.body, sender.headers(), method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("name", SENDERS)
async def test_no_refusal_tells_a_sender_that_the_place_is_gone(run: Running, name: str) -> None:
    """A 410 would end the sender's subscription for good."""
    sender = SENDERS[name]
    answers = [
        await deliver(run, name, change=lambda _: "x"),
        await deliver(run, name, b"{"),
        await post(run, f"{sender.path}-that-was", sender.body, sender.headers()),
        await post(run, sender.path, sender.body, sender.headers() | {"content-type": "text/plain"}),
        *[await post(run, sender.path, b"", sender.headers(), method) for method in ("GET", "HEAD", "DELETE")],
    ]
    assert not {answer.status for answer in answers} & {301, 302, 307, 308, 410}


@pytest.mark.usefixtures("stored")
async def test_intercom_finds_its_endpoint_by_head(run: Running) -> None:
    """It asks before the address is saved; nothing is told, nothing is kept, and GET is no way to ask."""
    path = SENDERS["intercom"].path
    answers = [await post(run, path, b"", {}, method) for method in ("HEAD", "GET")]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b""), (405, answers[1].body)]
    assert (await post(run, f"{path}-other", b"", {}, "HEAD")).status == 404


def test_the_project_with_a_token_asks_for_both() -> None:
    """The parametrised tests above stand on it."""
    assert len(SENDERS["jelou with a token"].verifications) == 2
    assert bridge().jelou[GUARDED].webhook_auth.type == "bearer"
