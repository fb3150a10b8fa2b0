"""Jira Service Management with a whole bridge: webhooks in, internal comments and transitions out, each once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bridge.embedded import free_port
from tests.harness import PROJECT, Running, configuration, eventually, jelou_twin, project, running, serving
from tests.jira_desk import CUSTOMER, EMAIL, ISSUE, PHONE_FIELD, RESOLVED, SECRET, TOKEN, JiraDesk, words
from tests.outcomes import told
from tests.talk import heard, hears

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin

pytestmark = pytest.mark.asyncio

USER = "593987654321"


@dataclass
class Line:
    """A Jira, a Jelou, and the bridge between them."""

    desk: JiraDesk
    jelou: JelouTwin
    bridge: Running

    async def phase(self, *phases: str) -> dict[str, Any]:
        """The ticket's trace as soon as it is in one of these phases and nothing is left to write."""
        return await self.bridge.traced(
            "jira", "sd", ISSUE, lambda trace: trace["phase"] in phases and not trace["to_write"]
        )

    async def shows(self, *texts: str) -> None:
        """Until these are exactly the bridge's comments, without their marks, all of them internal."""

        def ours() -> list[str]:
            marked = [one for one in self.desk.comments if "[jelou-bridge:" in words(one["body"])]
            return [words(one["body"]).rpartition("\n")[0] for one in marked if not one["jsdPublic"]]

        async def there() -> bool:
            return ours() == list(texts)

        await eventually(there, lambda: str(ours()))


@asynccontextmanager
async def line(redis_url: str, prefix: str) -> AsyncIterator[Line]:
    """All three, until the end of the block."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    desk = JiraDesk(f"{url}/webhooks/helpdesks/jira/sd")
    async with serving(desk.site(), free_port()) as at, jelou_twin(f"{url}/webhooks/jelou/{PROJECT}") as peer:
        account = {
            "project": PROJECT,
            "verification": {"secrets": [SECRET]},
            "access": {"base_url": at, "email": EMAIL, "api_token": TOKEN},
            "phone_field": PHONE_FIELD,
            "start_when": [{"when": {"status": "open"}}],
            "write_back": {"field": "external_id", "tag": "jelou", "package": False},
            "messages": {"merge_s": 0.1},
            "language": "es",
            "calls_per_minute": 60_000,
        }
        async with running(
            configuration(project(peer), {"jira": {"sd": account}}), redis_url, prefix, port=port
        ) as run:
            yield Line(desk, peer, run)


async def test_a_request_becomes_a_conversation_and_its_end_a_transition(redis_url: str, prefix: str) -> None:
    """The phone number is read after the webhook, what both sides write passes once, and privately."""
    async with line(redis_url, prefix) as on:
        on.desk.open()
        trace = await on.phase("open")
        conversation = on.jelou.ledger.conversations[trace["conversation"]]
        assert on.desk.properties == {"jelou.bridge": {"conversation": trace["conversation"]}}
        assert on.desk.fields["labels"] == ["jelou"]

        on.desk.writes("Ya reiniciamos su clave")
        on.desk.writes("El cliente es difícil", public=False)
        on.desk.writes("Lo veo en el portal", author=CUSTOMER, kind="customer")
        await hears(conversation, "Ya reiniciamos su clave")

        on.jelou.customer_writes(USER, "Sigo *sin* poder {entrar}")
        started = words(on.desk.comments[0]["body"]).rpartition("\n")[0]
        await on.shows(started, "Customer 4321 (vía Jelou):\nSigo *sin* poder {entrar}")

        on.jelou.close(USER)
        trace = await on.phase("closed")
        assert (on.desk.taken, on.desk.fields["status"]) == (["31"], RESOLVED)
        assert heard(conversation) == ["Ya reiniciamos su clave"]
        assert len(told(trace, "answered", action="set.status")) == 1


async def test_a_ticket_resolved_in_jira_ends_its_conversation_once(redis_url: str, prefix: str) -> None:
    """The change is told twice, and the status is left as the agent set it."""
    async with line(redis_url, prefix) as on:
        on.desk.open()
        trace = await on.phase("open")
        on.desk.moves(RESOLVED)
        ended = await on.phase("closed")
        assert len(told(ended, "answered", action="close.conversation")) == 1
        assert on.jelou.ledger.conversations[trace["conversation"]].state != "active"
        assert on.desk.taken == []
