"""What a webhook takes: stored before the 202, each delivery once, each fact once, by any secret of a rotation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import pytest

from bridge.helpdesks import REGISTRY
from bridge.helpdesks.zendesk import Zendesk
from tests.harness import API_TOKEN, PROJECT, configuration, running, scripted_account
from tests.twin_callers import recording
from tests.webhooks import ACCOUNT, JELOU, SENDERS, Answer, bridge, deliver, get, listening, post, post_script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.accounts import Account
    from tests.harness import Running


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


async def scripted(run: Running, message_id: str, ticket_id: str = "T-1", before: bytes = b"") -> Answer:
    """A new ticket of a scripted sender's, in a message with an id of its own."""
    body = before + orjson.dumps({"type": "ticket.created", "data": {"ticket": {"id": ticket_id}}})
    return await post_script(run, body, message_id)


@pytest.fixture
async def scripts(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process with a scripted sender."""
    senders = configuration(JELOU, {"standard-webhooks": {"scripts": scripted_account()}})
    async with running(senders, redis_url, prefix, work=False) as run:
        yield run


async def timeline(run: Running, ticket: str, account: str = "standard-webhooks/scripts") -> list[str]:
    """What happened to a ticket, in words."""
    told = (await get(run, f"/api/tickets/{account}/{quote(ticket, safe='')}", API_TOKEN)).json
    return [one["what"] for one in told["timeline"]]


@pytest.mark.parametrize("name", SENDERS)
@pytest.mark.parametrize("secret", [0, 1])
async def test_a_genuine_delivery_is_202_by_the_new_secret_and_by_the_old(run: Running, name: str, secret: int) -> None:
    """During a rotation nothing is dropped; the answer is the delivery's id, and what became of it."""
    answer = await deliver(run, name, secret=secret)
    assert (answer.status, answer.headers["content-type"]) == (202, "application/json")
    assert answer.json.keys() == {"delivery", "status"}
    assert answer.json["status"] == ("orphaned" if name.startswith("jelou") else "accepted")


@pytest.mark.parametrize("name", SENDERS)
async def test_a_repeated_delivery_is_202_with_the_first_ones_id(run: Running, name: str) -> None:
    """A sender that missed our answer, or sends twice at once, is told the same again."""
    headers, sender = SENDERS[name].headers(), SENDERS[name]
    answers = await asyncio.gather(*(post(run, sender.path, sender.body, headers) for _ in range(5)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["delivery"] for answer in answers}) == 1
    assert sorted(answer.json["status"] for answer in answers).count("duplicate") == 4


async def test_the_same_fact_in_another_delivery_is_taken_and_said(scripts: Running) -> None:
    """A trigger and a native event tell the same thing: worked once, and both stand on the timeline."""
    first, second = await scripted(scripts, "msg-1"), await scripted(scripts, "msg-2")
    assert (first.json["status"], second.json["status"]) == ("accepted", "accepted")
    assert first.json["delivery"] != second.json["delivery"]
    assert await timeline(scripts, "T-1") == ["received", "repeated"]


async def test_another_account_may_use_the_same_delivery_id(run: Running) -> None:
    """Ids are the sender's own: what one sent does not hide what another sends."""
    both = [await deliver(run, name) for name in ("jelou", "jelou with a token")]
    assert [answer.json["status"] for answer in both] == ["orphaned", "orphaned"]


@pytest.mark.parametrize("name", ["zendesk", "standard-webhooks", "jelou"])
async def test_an_event_nobody_acts_upon_is_202(run: Running, name: str) -> None:
    """Senders add events; a refusal would make them disable the webhook."""
    body = {"type": "zen:event-type:user.merged", "id": "e-1", "object": "message_event", "event_type": "read"}
    answer = await deliver(run, name, orjson.dumps(body))
    assert (answer.status, answer.json["status"]) == (202, "accepted")


async def test_any_delivery_id_is_taken(run: Running) -> None:
    """A header that is not signed may hold anything, and breaks nothing."""
    sender = SENDERS["zendesk"]
    for odd in ("ñ", "x" * 5000, "{}", " a:b "):
        headers = sender.headers() | {"x-zendesk-webhook-invocation-id": odd}
        assert (await post(run, sender.path, sender.body, headers)).status == 202


async def test_a_byte_order_mark_is_no_mistake(scripts: Running) -> None:
    """Some products begin a body with it; the signature is over it as well."""
    assert (await scripted(scripts, "bom", "T-9", b"\xef\xbb\xbf")).status == 202
    assert await timeline(scripts, "T-9") == ["received"]


ODD_IDS = [
    "T/1",
    "T%2F1",
    "%",
    "%zz",
    "ñandú 7",
    "票-1",
    "🎫",
    "a?b#c&d=e",
    "a b+c",
    "a;b,c:d@e",
    "[x]",
    "\\",
    "'\"",
    "\x00",
]


@pytest.mark.parametrize("ticket_id", ODD_IDS)
async def test_any_ticket_id_is_found_again_by_the_api(scripts: Running, ticket_id: str) -> None:
    """Slashes, percents, other scripts, control characters: the id is opaque from the webhook to the trace."""
    assert (await scripted(scripts, "m", ticket_id)).status == 202
    path = f"/api/tickets/standard-webhooks/scripts/{quote(ticket_id, safe='')}"
    found = (await get(scripts, path, API_TOKEN)).json
    assert (found["known"], found["ticket"]) == (True, f"standard-webhooks/scripts/{quote(ticket_id, safe='-._~')}")
    assert [one["what"] for one in found["timeline"]] == ["received"]
    assert not await timeline(scripts, f"{ticket_id}x")


async def test_a_start_event_finds_its_ticket_by_our_metadata(scripts: Running) -> None:
    """The reference in the metadata is enough, whatever the id holds, and the timeline says how it was found."""
    for number, ticket_id in enumerate(ODD_IDS):
        reference = f"standard-webhooks/scripts/{quote(ticket_id, safe='-._~')}"
        told = recording("webhook.conversation.start.minimal")
        told |= {"conversation": {"id": f"c-{number}"}, "value": {"metadata": {"bridgeTicket": reference}}}
        answer = await deliver(scripts, "jelou", orjson.dumps(told))
        assert (answer.status, answer.json["status"]) == (202, "accepted")
        [entry] = (await get(scripts, f"/api/tickets/{reference}", API_TOKEN)).json["timeline"]
        assert (entry["by"], entry["conversation"]) == ("our metadata", f"c-{number}")


@dataclass(frozen=True)
class Broken(Zendesk):
    """A dialect with a bug."""

    def content_type(self, account: Account) -> str:
        """Raises what nobody foresaw."""
        raise KeyError(account.project)


async def test_a_bug_of_ours_is_503_and_not_500(redis_url: str, prefix: str) -> None:
    """Before anything is known of the event: Zendesk gives up at a 500 and comes back after a 503; others go on."""

    def adapted(app: Any) -> Any:
        return replace(app, helpdesks={**REGISTRY, "zendesk": Broken()})

    async with running(bridge(), redis_url, prefix, work=False, adapted=adapted) as run:
        answer = await deliver(run, "zendesk")
        assert (answer.status, answer.headers["retry-after"], answer.json) == (503, "30", {"error": "try again"})
        assert (await deliver(run, "standard-webhooks")).status == 202


def test_the_paths_of_the_senders_are_those_of_the_documentation() -> None:
    """People write them into their helpdesk's settings."""
    assert SENDERS["zendesk"].path == f"/webhooks/helpdesks/zendesk/{ACCOUNT}"
    assert SENDERS["jelou"].path == f"/webhooks/jelou/{PROJECT}"
