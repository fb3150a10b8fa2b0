"""A genuine delivery whose contents make reading fail: 400, kept, and never asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
import pytest
import structlog

from bridge.helpdesks import REGISTRY
from bridge.helpdesks.standard_webhooks import StandardWebhooks
from tests.harness import running
from tests.json_places import places, replaced
from tests.webhooks import SENDERS, bridge, deliver, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent, Verified
    from bridge.wiring import App
    from tests.harness import Running


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


def document(depth: int) -> dict[str, Any]:
    """A document of Atlassian's with quotes in quotes."""
    inner: dict[str, Any] = {"type": "text", "text": "x"}
    for _ in range(depth):
        inner = {"type": "blockquote", "content": [inner]}
    return {"type": "doc", "version": 1, "content": [inner]}


def within(depth: int) -> bytes:
    """Lists of so many levels, as bytes."""
    return b"[" * depth + b"1" + b"]" * depth


def jira(value: Any) -> bytes:
    """A new comment whose text is this."""
    issue = {"id": "10001", "key": "A-1", "fields": {}}
    return orjson.dumps({"webhookEvent": "comment_created", "issue": issue, "comment": {"id": "1", "body": value}})


DEEP = {
    "jira": jira(document(120)),
    "zammad": b'{"ticket":{"id":1,"title":"a","anything":%s},"article":{}}' % within(400),
    "jelou": b'{"event":"conversation.start","conversation":{"id":"c"},"value":{"metadata":{"a":%s}}}' % within(300),
    "zendesk": b'{"type":"zen:event-type:ticket.created","detail":{"id":"1","custom_status":%s}}' % within(500),
    "standard-webhooks": b'{"type":"ticket.created","data":{"ticket":{"id":"T","custom":{"a":%s}}}}' % within(250),
}


@pytest.mark.parametrize("name", DEEP)
async def test_a_genuine_body_that_nests_deeply_is_400_and_kept(run: Running, name: str) -> None:
    """Nothing of it can be stored, however often it came: it waits for a person, under the id in the answer."""
    answer = await deliver(run, name, DEEP[name])
    assert (answer.status, answer.json["field"]) == (400, "body")
    kept = await run.app.store.unread.one(answer.json["delivery"])
    assert kept is not None
    assert kept.delivery.body == DEEP[name]
    assert "nested" in kept.problem


@pytest.mark.parametrize("name", SENDERS)
async def test_what_is_kept_holds_no_proof(run: Running, name: str) -> None:
    """Jelou's as well as a helpdesk's: whoever reads it later could send with it."""
    answer = await deliver(run, name, b"{")
    kept = await run.app.store.unread.one(answer.json["delivery"])
    assert kept is not None
    assert not set(SENDERS[name].credentials()) & set(kept.headers)


class Failing(StandardWebhooks):
    """A dialect with a fault."""

    def __init__(self, fault: BaseException) -> None:
        self._fault = fault

    def read(self, verified: Verified, account: Account, account_name: str) -> list[TicketEvent]:  # noqa: ARG002
        """Raises the fault."""
        self._fail()

    def _fail(self) -> NoReturn:
        raise self._fault


FAULTS: Mapping[str, Exception] = {
    "recursion": RecursionError("word of a customer"),
    "a number": ValueError("Exceeds the limit (4300 digits) for integer string conversion: word of a customer"),
    "a type": TypeError("word of a customer"),
    "a key": KeyError("word of a customer"),
    "a character": UnicodeEncodeError("utf-8", "word of a customer", 0, 1, "surrogates not allowed"),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_a_fault_in_reading_is_400_kept_and_logged(redis_url: str, prefix: str, what: str) -> None:
    """The same bytes would raise it again: 503 would bring them back until the sender gives up for good."""
    captured = structlog.testing.LogCapture()

    def adapted(app: App) -> App:
        log = structlog.wrap_logger(None, processors=[captured])
        return replace(app, helpdesks={**REGISTRY, "standard-webhooks": Failing(FAULTS[what])}, log=log)

    async with running(bridge(), redis_url, prefix, work=False, adapted=adapted) as run:
        answer = await deliver(run, "standard-webhooks")
        assert (answer.status, answer.json["field"]) == (400, "body")
        assert b"customer" not in answer.body
        kept = await run.app.store.unread.one(answer.json["delivery"])
        assert kept is not None
        assert "fault of the bridge" in kept.problem
        assert "customer" not in kept.problem
        [bug] = [one for one in captured.entries if one["event"] == "bug"]
        assert (bug["log_level"], bug["error"]) == ("error", type(FAULTS[what]).__name__)
        assert "customer" not in repr(bug)


@pytest.mark.parametrize("name", SENDERS)
async def test_a_variable_that_nothing_has_filled_in_is_400(run: Running, name: str) -> None:
    """Nothing is stored for a ticket called like it, and the answer says what to correct."""
    if name in {"jelou", "jelou with a token", "hubspot"}:
        pytest.skip("it sends no template of people's making")
    told = orjson.loads(SENDERS[name].body)
    answers = [await deliver(run, name, orjson.dumps(replaced(told, path, "{{ticket.id}}"))) for path in places(told)]
    refused = [answer.json["error"] for answer in answers if answer.status == 400]
    assert any("placeholder" in error for error in refused)
    assert {answer.status for answer in answers} <= {202, 400}
