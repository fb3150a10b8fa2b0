"""A helpdesk that only a mapping describes, between the bridge and Jelou: every step over the wire."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.embedded import free_port
from tests.desk_server import SECRET, DeskServer, desk_server
from tests.harness import PROJECT, configuration, eventually, jelou_twin, project, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin
    from tests.harness import Running


USER = "593987654321"


@dataclass
class Case:
    """The desk, Jelou, and the bridge between them."""

    desk: DeskServer
    jelou: JelouTwin
    bridge: Running

    async def opened(self, ticket_id: str = "7") -> None:
        """A ticket is opened, and its conversation is open."""
        self.desk.tickets[ticket_id] = {"id": ticket_id, "subject": "Hola", "status": "open", "requester_id": "c1"}
        self.desk.contacts["c1"] = {"id": "c1", "name": "Ana", "mobile": "098 765 4321"}
        ticket = {"id": ticket_id, "subject": "Hola", "updated_at": "1"}
        assert await self.desk.tell(self.bridge, {"event": "ticket.created", "ticket": ticket}) == 202
        await self.bridge.traced("generic", "desk", ticket_id, lambda told: _done(told, "open"))


def _done(told: dict[str, Any], phase: str) -> bool:
    return told.get("phase") == phase and not told.get("to_write")


@asynccontextmanager
async def case(redis_url: str, prefix: str, **changes: Any) -> AsyncIterator[Case]:
    """A bridge with one account of the generic kind; ``changes`` are of the account."""
    port = free_port()
    async with desk_server() as desk, jelou_twin(f"http://127.0.0.1:{port}/webhooks/jelou/{PROJECT}") as peer:
        helpdesks = {"generic": {"desk": desk.account(**changes)}}
        async with running(configuration(project(peer), helpdesks), redis_url, prefix, port=port) as run:
            yield Case(desk, peer, run)


async def test_a_ticket_is_read_in_steps_and_written_on(redis_url: str, prefix: str) -> None:
    """The contact's number, which the webhook does not tell, starts the conversation; the note stands once."""
    async with case(redis_url, prefix) as on:
        await on.opened()
        assert [one.user_id for one in on.jelou.ledger.conversations.values()] == ["593987654321"]
        assert [one["public"] for one in on.desk.comments["7"]] == [False]
        assert on.desk.asked[:3] == ["POST /token", "GET /api/tickets/7", "GET /api/contacts/c1"]
        assert on.desk.tokens == 1


async def test_a_token_that_is_refused_is_asked_for_anew(redis_url: str, prefix: str) -> None:
    """Once; the call that was refused is made again, and nobody is told that a credential is wrong."""
    async with case(redis_url, prefix) as on:
        await on.opened("7")
        on.desk.tokens += 1
        await on.opened("8")
        assert on.desk.asked.count("POST /token") == 2
        assert len(on.desk.comments["8"]) == 1


async def test_a_note_whose_answer_is_lost_stands_once(redis_url: str, prefix: str) -> None:
    """It is looked for by its mark before it would be written again."""
    async with case(redis_url, prefix) as on:
        on.desk.lose_next_comment = True
        await on.opened()
        assert len(on.desk.comments["7"]) == 1
        assert on.desk.asked.count("POST /api/tickets/7/comments") == 1
        assert on.desk.asked.count("GET /api/tickets/7/comments") == 1


async def test_a_closed_conversation_solves_the_ticket_by_its_transition(redis_url: str, prefix: str) -> None:
    """The way there is looked up first, and both calls pass the gate as one."""
    write_back = {"note": False, "closed_status": "solved"}
    async with case(redis_url, prefix, write_back=write_back) as on:
        await on.opened()
        on.jelou.close(USER)
        await on.bridge.traced("generic", "desk", "7", lambda told: _done(told, "closed"))

        async def solved() -> bool:
            return bool(on.desk.tickets["7"]["status"] == "done")

        await eventually(solved)
        assert "GET /api/tickets/7/transitions" in on.desk.asked


async def test_a_look_that_is_lost_before_a_write_leaves_no_doubt(redis_url: str, prefix: str) -> None:
    """Nothing was written yet: the status is known as not written, and is tried again."""
    async with case(redis_url, prefix, write_back={"note": False, "closed_status": "solved"}) as on:
        await on.opened()
        on.desk.lose_next_look = True
        on.jelou.close(USER)

        async def solved() -> bool:
            return bool(on.desk.tickets["7"]["status"] == "done")

        await eventually(solved)
        assert on.desk.asked.count("POST /api/tickets/7/transitions") == 1
        trace = await on.bridge.trace("generic", "desk", "7")
        [refused] = [one for one in trace["timeline"] if one["what"] in {"refused", "unanswered"}]
        assert (refused["what"], refused["reason"]) == ("refused", "before the write: answered 502")


async def test_a_public_reply_reaches_the_customer_and_a_private_one_does_not(redis_url: str, prefix: str) -> None:
    """Read whole from the desk, whatever the webhook told."""
    async with case(redis_url, prefix) as on:
        await on.opened()
        on.desk.comments["7"] += [
            {"id": 90, "body": "Solo entre nosotros", "public": False},
            {"id": 91, "body": "Ya está", "public": True},
        ]
        for number in (90, 91):
            comment = {"id": number, "public": True, "body": "?", "author": {"id": "agent"}}
            body = {"event": "comment.added", "ticket": {"id": "7", "updated_at": str(number)}, "comment": comment}
            assert await on.desk.tell(on.bridge, body) == 202

        [conversation] = on.jelou.ledger.conversations.values()

        async def told() -> bool:
            return bool(conversation.messages)

        await eventually(told)
        assert [one.content["body"] for one in conversation.messages] == ["Ya está"]


async def test_a_form_is_taken_where_the_mapping_reads_forms(redis_url: str, prefix: str) -> None:
    """And JSON is not: each account takes what its helpdesk sends. A repeat is known by the mapping's delivery id."""
    form = {
        "proof": {"type": "header", "header": "X-Token"},
        "content": "form",
        "delivery_id": "body.delivery",
        "ticket": {"id": "item.id", "requester": {"phone": ["item.phone"]}},
        "events": [{"when": "item.event == 'new'", "tells": ["ticket.opened"]}],
        "version": "",
    }
    mapping = DeskServer(url="https://desk.example").account()["mapping"] | form
    async with case(redis_url, prefix, mapping=mapping, access=None) as on:
        headers = {"x-token": SECRET, "content-type": "application/x-www-form-urlencoded"}
        path = "/webhooks/helpdesks/generic/desk"
        body = b"delivery=d1&event=new&id=7&phone=0987654321"
        assert (await on.bridge.post(path, body, headers))[0] == 202
        assert (await on.bridge.post(path, body + b"&try=2", headers))[1]["status"] == "duplicate"
        assert (await on.bridge.post(path, b"{}", headers | {"content-type": "application/json"}))[0] == 415
        await on.bridge.traced("generic", "desk", "7", lambda told: _done(told, "open"))
