"""A shipped mapping at work: Chatwoot, the bridge and Jelou, every step over the wire, echoes included."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.embedded import free_port
from tests.chatwoot_site import AGENT, CONTACT, ChatwootSite, chatwoot_site
from tests.harness import PROJECT, configuration, eventually, jelou_twin, project, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.twins.jelou import JelouTwin
    from tests.harness import Running

USER = "593987654321"


@dataclass
class Line:
    """A Chatwoot, a Jelou, and the bridge between them."""

    chat: ChatwootSite
    jelou: JelouTwin
    bridge: Running

    async def phase(self, *phases: str) -> dict[str, Any]:
        """The conversation's trace as soon as it is in one of these phases and nothing is left to write."""
        return await self.bridge.traced(
            "generic", "chat", "57", lambda trace: trace.get("phase") in phases and not trace.get("to_write")
        )

    async def said(self, *texts: str) -> None:
        """Until exactly this was said in the conversation, by the bridge and by the customer."""

        def bodies() -> list[str]:
            held = self.jelou.ledger.conversations.values()
            return [one.content["body"] for conversation in held for one in conversation.messages]

        async def there() -> bool:
            return bodies() == list(texts)

        await eventually(there, lambda: str(bodies()))


@asynccontextmanager
async def line(redis_url: str, prefix: str) -> AsyncIterator[Line]:
    """All three, until the end of the block."""
    port = free_port()
    async with chatwoot_site() as chat, jelou_twin(f"http://127.0.0.1:{port}/webhooks/jelou/{PROJECT}") as peer:
        write_back = {"field": "jelou_conversation", "tag": "jelou", "package": False}
        account = chat.account(write_back=write_back, messages={"merge_s": 0.1})
        senders = configuration(project(peer), {"generic": {"chat": account}})
        async with running(senders, redis_url, prefix, port=port) as run:
            chat.run = run
            yield Line(chat, peer, run)


async def test_a_conversation_goes_both_ways_and_ends(redis_url: str, prefix: str) -> None:
    """Labels and attributes stay beside the bridge's own; what it wrote itself does not come back to the customer."""
    async with line(redis_url, prefix) as on:
        await on.chat.opens()
        trace = await on.phase("open")
        assert on.chat.labels == ["vip", "jelou"]
        assert on.chat.attributes == {"plan": "gold", "jelou_conversation": trace["conversation"]}
        assert [(one["private"], one["sender"]["id"]) for one in on.chat.messages] == [(True, 77)]

        await on.chat.writes("Solo entre nosotros", private=True)
        await on.chat.writes("Gracias por escribir", "incoming", sender=CONTACT)
        await on.chat.writes("Ya **está**", sender=AGENT)
        await on.said("Ya está")

        on.jelou.customer_writes(USER, "Perfecto")

        async def written() -> bool:
            ours = on.chat.messages[-1]
            return (ours["message_type"], ours["content"].partition("\n[jelou-bridge:")[0]) == (0, "Perfecto")

        await eventually(written, lambda: str(on.chat.messages))
        on.jelou.close(USER)
        await on.phase("closed")

        async def solved() -> bool:
            return on.chat.status == "resolved"

        await eventually(solved)
        await on.said("Ya está", "Perfecto")
        assert set(on.chat.told) == {202}


async def test_a_solved_conversation_ends_and_a_reopened_one_begins_again(redis_url: str, prefix: str) -> None:
    """By what an agent does in Chatwoot."""
    async with line(redis_url, prefix) as on:
        await on.chat.opens()
        first = await on.phase("open")
        await on.chat.moves("resolved")
        await on.phase("closed")
        await on.chat.moves("open")
        again = await on.phase("open")
        assert again["conversation"] != first["conversation"]
