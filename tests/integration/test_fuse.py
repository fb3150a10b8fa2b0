"""The fuse: an automation in the helpdesk and a phone that answers by itself do not write to each other for ever."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from tests.api_calls import Api
from tests.command_line import SECRETS, CommandLine, configuration, written
from tests.harness import eventually, scene
from tests.outcomes import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from bridge.twins.ledger import Conversation
    from tests.harness import Scene

SAID = "Hola, soy Marta de soporte"
CIRCLES = "Messages went round in circles"
LATER = "Ya apagamos la respuesta automática"


def heard(conversation: Conversation) -> list[str]:
    """What the customer got, in order."""
    return [one.content["body"] for one in conversation.messages if one.by == "bridge"]


def wrote(on: Scene, ticket: int, author: int) -> list[str]:
    """What somebody has written on the ticket after its description, without marks."""
    comments = on.zendesk.desk.ticket(ticket).comments[1:]
    return [one.body.partition("\n[jelou-bridge:")[0] for one in comments if one.author_id == author]


@asynccontextmanager
async def answering_machine(on: Scene, conversation: Conversation) -> AsyncIterator[None]:
    """The customer's phone sends back whatever it gets."""

    async def answer() -> None:
        answered = 0
        while True:
            for text in heard(conversation)[answered:]:
                answered += 1
                on.jelou.customer_writes(conversation.user_id, text)
            await asyncio.sleep(0.01)

    machine = asyncio.create_task(answer())
    try:
        yield
    finally:
        machine.cancel()
        with suppress(asyncio.CancelledError):
            await machine


async def storm(on: Scene) -> tuple[int, Conversation, dict[str, Any]]:
    """A ticket whose fuse has tripped: an automation copies what the customer wrote, and the phone sends it back."""
    ticket = on.zendesk.open_ticket("No puedo entrar", "+593987654321").id
    trace = await on.until_phase(str(ticket), "open", kind="zendesk", account="acme")
    conversation = on.jelou.ledger.conversations[trace["conversation"]]
    on.zendesk.echo = True
    async with answering_machine(on, conversation):
        on.zendesk.agent_writes(ticket, SAID)
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: told["fuse"] and at_rest(told))
        await on.zendesk.settle()
        await on.jelou.settle()
    on.zendesk.echo = False
    return ticket, conversation, trace


def at_rest(trace: dict[str, Any]) -> bool:
    """Whether nothing is left to be written, and it has been worked since the fuse tripped."""
    return not trace["to_write"] and trace["waits_for"] == "the loop guard"


def command_line(on: Scene, commands: CommandLine, folder: Path, redis_url: str, prefix: str) -> CommandLine:
    """``bridge`` with the configuration of this bridge's Zendesk."""
    config = configuration("scripts")
    config["helpdesks"]["zendesk"] = {
        "acme": {
            "project": "soporte",
            "verification": {"secrets": ["${SCRIPT_SECRET}"]},
            "access": {"base_url": on.zendesk.url, "email": "bridge@example.com", "api_token": "${JELOU_API_KEY}"},
        }
    }
    environ = {**SECRETS, "REDIS_URL": redis_url, "BRIDGE_REDIS_PREFIX": prefix}
    for name, value in {**environ, "BRIDGE_CONFIG": written(folder, config)}.items():
        commands.monkeypatch.setenv(name, value)
    return commands


async def test_a_loop_stops_by_itself_and_says_so(redis_url: str, prefix: str) -> None:
    """Nothing more is carried either way; one note, one line of the timeline, one count, and the words of the trace."""
    async with scene(redis_url, prefix, zendesk={"messages": {"merge_s": 0}}) as on:
        ticket, conversation, trace = await storm(on)
        desk = on.zendesk.desk
        assert heard(conversation) == [SAID, SAID]
        assert wrote(on, ticket, desk.ticket(ticket).requester_id) == [SAID, SAID]
        circles = [note for note in on.zendesk.notes(ticket) if CIRCLES in note]
        assert len(circles) == 1
        assert trace["fuse"] in circles[0]
        assert [one["reason"] for one in told(trace, "tripped")] == [trace["fuse"]]
        assert (
            trace["says"] == "a conversation is open; the fuse has tripped: nothing is carried until its time is over"
        )
        async with on.bridge.session.get(f"{on.bridge.url}/metrics") as answer:
            assert 'bridge_fuses_tripped_total{account="zendesk/acme"} 1.0' in await answer.text()


async def test_a_person_lets_it_go_on(
    redis_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """``bridge dead-letters replay`` of its letter: what has waited is carried, once and in order."""
    async with scene(redis_url, prefix, zendesk={"messages": {"merge_s": 0}}) as on:
        ticket, conversation, trace = await storm(on)
        bridge = command_line(on, CommandLine(monkeypatch, capsys), tmp_path, redis_url, prefix)
        listed = (await asyncio.to_thread(bridge, "dead-letters", "list", "--json")).json
        assert [(one["action"], one["reason"]) for one in listed] == [("fuse", trace["fuse"])]

        ran = await asyncio.to_thread(bridge, "dead-letters", "replay", listed[0]["id"], "--yes")
        assert (ran.code, "will carry what has waited" in ran.out) == (0, True)
        on.zendesk.agent_writes(ticket, LATER)

        async def went_on() -> bool:
            return heard(conversation)[-1:] == [LATER]

        await eventually(went_on, lambda: str(heard(conversation)))
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: not told["to_say"])
        # The automation had copied the private note about the fuse as well: to the bridge it is an agent's reply.
        assert [one.partition(",")[0] for one in heard(conversation)] == [*[SAID.partition(",")[0]] * 3, CIRCLES, LATER]
        assert (trace["fuse"], len(told(trace, "tripped"))) == ("", 1)
        assert (await asyncio.to_thread(bridge, "dead-letters", "list", "--json")).json == []


async def test_it_goes_on_by_itself_when_its_time_is_over(redis_url: str, prefix: str) -> None:
    """What has waited is carried, nobody has to do anything, and its letter is settled."""
    account = {"messages": {"merge_s": 0}, "fuse": {"hold_s": 1.0}}
    async with scene(redis_url, prefix, zendesk=account) as on:
        ticket, conversation, _ = await storm(on)
        on.zendesk.agent_writes(ticket, LATER)

        async def went_on() -> bool:
            return heard(conversation)[-1:] == [LATER]

        await eventually(went_on, lambda: str(heard(conversation)))
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: not told["fuse"])
        assert [one["reason"] for one in told(trace, "resumed")] == ["its time is over"]
        assert await letters(on) == []


async def test_an_agents_internal_note_lets_it_go_on_at_once(redis_url: str, prefix: str) -> None:
    """From the ticket, without an administrator; the note itself goes to nobody."""
    async with scene(redis_url, prefix, zendesk={"messages": {"merge_s": 0}}) as on:
        ticket, conversation, _ = await storm(on)
        on.zendesk.agent_writes(ticket, LATER)
        on.zendesk.agent_writes(ticket, "jelou: continuar", public=False)

        async def went_on() -> bool:
            return heard(conversation)[-1:] == [LATER]

        await eventually(went_on, lambda: str(heard(conversation)))
        trace = await on.bridge.traced("zendesk", "acme", str(ticket), lambda told: not told["fuse"])
        assert [one["reason"] for one in told(trace, "resumed")] == ["an agent's note"]
        assert await letters(on) == []


async def letters(on: Scene) -> list[str]:
    """The actions of all dead letters."""
    return [one["action"] for one in (await Api(on.bridge).get("dead-letters")).json["dead_letters"]]
