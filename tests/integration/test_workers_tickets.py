"""Which tickets start a conversation, with whom and for whom; and what the start carries."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from bridge.twins.jelou_rest import BASES
from tests.harness import scene
from tests.outcomes import line, reasons, told

if TYPE_CHECKING:
    from tests.harness import Scene
    from tests.outcomes import Trace


async def ignored(on: Scene, **ticket: Any) -> str:
    """Why this ticket starts nothing; none was started when this returns."""
    await on.scripted("T-1", **ticket)
    trace = await on.until_phase("T-1", "ignored")
    assert line(trace) == ["ignored", "to ignored"]
    assert on.jelou.ledger.starts == []
    return reasons(trace, "ignored")[0]


async def opened(on: Scene, **ticket: Any) -> Trace:
    """The trace of a scripted ticket when its conversation is open."""
    await on.scripted("T-1", **ticket)
    return await on.until_phase("T-1", "open")


def seconds_ago(seconds: float) -> str:
    """A time as senders write it."""
    return datetime.fromtimestamp(time.time() - seconds, UTC).isoformat()


# --- which -----------------------------------------------------------------------------------------------------------


async def test_an_account_without_a_start_rule_starts_nothing(redis_url: str, prefix: str) -> None:
    """Starting is opt-in."""
    async with scene(redis_url, prefix, scripts={"start_when": []}) as on:
        assert "opt-in" in await ignored(on)


async def test_a_ticket_that_no_rule_matches_starts_nothing(redis_url: str, prefix: str) -> None:
    """The reason stands on its timeline."""
    async with scene(redis_url, prefix, scripts={"start_when": [{"when": {"priority": "urgent"}}]}) as on:
        assert await ignored(on, priority="low") == "no start_when rule matches"


async def test_an_old_ticket_starts_nothing(redis_url: str, prefix: str) -> None:
    """An import, or the first day with a bridge, stays silent."""
    async with scene(redis_url, prefix, scripts={"start_when": [{"max_age_s": 60}]}) as on:
        assert "older than max_age_s" in await ignored(on, created_at=seconds_ago(120))


async def test_a_young_ticket_starts(redis_url: str, prefix: str) -> None:
    """The rule that let it is on the timeline."""
    rules = [{"name": "vip only", "when": {"tags": "vip"}}, {"name": "young", "max_age_s": 60}]
    async with scene(redis_url, prefix, scripts={"start_when": rules}) as on:
        trace = await opened(on, created_at=seconds_ago(30))
        assert told(trace, "sending")[0]["start_rule"] == "young"


async def test_a_fact_told_twice_starts_once(redis_url: str, prefix: str) -> None:
    """Two deliveries of their own ids say that the ticket was opened; there is one conversation."""
    async with scene(redis_url, prefix) as on:
        await on.scripted("T-1", message_id="one")
        await on.scripted("T-1", message_id="two")
        trace = await on.until_phase("T-1", "open")
        assert len(told(trace, "repeated")) == 1
        assert len(on.jelou.ledger.starts) == 1


async def test_what_the_bridge_did_itself_starts_nothing(redis_url: str, prefix: str) -> None:
    """A ticket that carries our mark comes back as a webhook like any other."""
    async with scene(redis_url, prefix) as on:
        data = {"ticket": {"id": "T-1"}, "requester": {"phone": "+593987654321"}, "actor": {"type": "bridge"}}
        await on.signed({"type": "ticket.created", "data": data}, "msg-echo")
        trace = await on.bridge.traced(
            "standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "ignored"))
        )
        assert reasons(trace, "ignored") == ["the bridge did this itself"]
        assert (trace["phase"], on.jelou.ledger.starts) == ("new", [])


async def test_the_echo_of_our_own_note_is_known(redis_url: str, prefix: str) -> None:
    """Zendesk tells us of the comment that we wrote: it is ignored, and nothing is written about it."""
    async with scene(redis_url, prefix) as on:
        ticket = on.zendesk.open_ticket("Hola", "+593987654321").id
        await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        await on.zendesk.settle()
        trace = await on.bridge.trace("zendesk", "acme", str(ticket))
        assert told(trace, "ignored", event="agent.replied", reason="the bridge did this itself")
        assert len(on.zendesk.notes(ticket)) == 1


# --- with whom -------------------------------------------------------------------------------------------------------


async def test_a_ticket_without_a_usable_phone_is_given_up_and_said(redis_url: str, prefix: str) -> None:
    """It is buried with its reason, and the agent reads on the ticket what is missing."""
    async with scene(redis_url, prefix) as on:
        ticket = on.zendesk.open_ticket("Hola", "call me").id
        trace = await on.until_phase(str(ticket), "failed", kind="zendesk", account="acme")
        assert "no usable phone number in requester.phone" in trace["reason"]
        assert reasons(trace, "buried") == [trace["reason"]]
        [note] = on.zendesk.notes(ticket)
        assert "No conversation was started in Jelou" in note
        assert "phone number" in note
        assert on.jelou.ledger.starts == []


@pytest.mark.parametrize(
    ("user_id", "phone"),
    [({}, "+593 98 765 4321"), ({"region": "EC"}, "098 765 4321"), ({"format": "text"}, "593987654321")],
)
async def test_the_customer_is_found_by_phone(redis_url: str, prefix: str, user_id: dict[str, str], phone: str) -> None:
    """However it is written, Jelou is told the international number without a plus sign."""
    async with scene(redis_url, prefix, scripts={"user_id": user_id}) as on:
        await opened(on, phone=phone)
        assert on.jelou.ledger.starts[0].user_id == "593987654321"


async def test_no_phone_number_is_told(redis_url: str, prefix: str) -> None:
    """A timeline is read by many: it tells two customers apart and lets nobody call them."""
    async with scene(redis_url, prefix) as on:
        assert "593987654321" not in str(await opened(on))


# --- for whom --------------------------------------------------------------------------------------------------------

RULES: dict[str, Any] = {
    "assignment": [
        {"name": "gold", "when": {"custom.plan": "gold"}, "to": {"type": "operator", "target": "op-7"}},
        {"when": {"tags": ["vip", "press"]}, "to": {"type": "team", "target": "t-1"}},
    ],
    "default_assignment": {"type": "queue", "target": "SOPORTE"},
}


@pytest.mark.parametrize(
    ("ticket", "to", "rule"),
    [
        ({"custom": {"plan": "Gold"}, "tags": ["vip"]}, {"type": "operator", "target": "op-7"}, "gold"),
        ({"tags": ["old", "press"]}, {"type": "team", "target": "t-1"}, "assignment rule 2"),
        ({}, {"type": "queue", "target": "SOPORTE"}, "default"),
    ],
)
async def test_the_first_assignment_rule_that_matches_decides(
    redis_url: str, prefix: str, ticket: dict[str, Any], to: dict[str, str], rule: str
) -> None:
    """The rule and whom it names are sent, and stand on the timeline."""
    async with scene(redis_url, prefix, scripts=RULES) as on:
        trace = await opened(on, **ticket)
        assert on.jelou.ledger.conversations[trace["conversation"]].assignment == to
        [sending] = told(trace, "sending")
        assert (sending["assignment_rule"], sending["assignment"]) == (rule, f"{to['type']} {to['target']}")
        assert trace["rule"] == rule


async def test_without_rules_nobody_in_particular_is_asked(redis_url: str, prefix: str) -> None:
    """Jelou's own routing decides."""
    async with scene(redis_url, prefix) as on:
        trace = await opened(on)
        assert on.jelou.ledger.conversations[trace["conversation"]].assignment is None
        assert trace["rule"] == "none"


# --- the call --------------------------------------------------------------------------------------------------------


async def test_the_start_carries_the_tickets_whole_reference(redis_url: str, prefix: str) -> None:
    """By it the start event finds the ticket, and tells which try it was."""
    async with scene(redis_url, prefix) as on:
        await opened(on)
        assert on.jelou.ledger.starts[0].metadata == {
            "ticketId": "T-1",
            "bridgeTicket": "standard-webhooks/scripts/T-1",
            "bridgeEpisode": "1",
            "bridgeAttempt": "1",
        }


async def test_the_first_message_is_made_from_the_ticket(redis_url: str, prefix: str) -> None:
    """Zendesk's webhook tells no name and no phone: the ticket is fetched first."""
    async with scene(redis_url, prefix) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", "+593987654321", name="Ana").id
        trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
        assert line(trace)[:3] == ["fetched", "sending", "answered"]
        conversation = on.jelou.ledger.conversations[trace["conversation"]]
        assert conversation.initial_message == "Hola Ana: No puedo entrar"


async def test_a_basic_credential_is_sent_beside_the_key(redis_url: str, prefix: str) -> None:
    """Where the project wants clientId and clientSecret as well."""
    basic = {"username": "client", "password": "secret"}
    async with scene(redis_url, prefix, jelou={"basic": basic}) as on:
        on.jelou.settings.basic, on.jelou.settings.demand_basic = "client:secret", True
        await opened(on)


async def test_without_a_basic_credential_a_project_that_wants_one_refuses(redis_url: str, prefix: str) -> None:
    """The twin's demand is real: the key alone does not do."""
    async with scene(redis_url, prefix) as on:
        on.jelou.settings.basic, on.jelou.settings.demand_basic = "client:secret", True
        await on.scripted("T-1")
        await on.bridge.traced("standard-webhooks", "scripts", "T-1", lambda trace: bool(told(trace, "refused")))


@pytest.mark.parametrize("base", BASES)
async def test_either_base_path_works(redis_url: str, prefix: str, base: str) -> None:
    """Jelou documents two of them; which one is a setting."""
    async with scene(redis_url, prefix, jelou={"base": base}) as on:
        assert len(on.jelou.ledger.starts) == 0
        await opened(on)
        assert len(on.jelou.ledger.starts) == 1
