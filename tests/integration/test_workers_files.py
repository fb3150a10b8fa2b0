"""A file that waited goes out under the address that it has now, or not at all where it is no longer the customer's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.accounts import Files
from bridge.file_links import Shown, shown
from bridge.helpdesks.zendesk import Zendesk
from bridge.twins.faults import Fault
from bridge.twins.zendesk_desk import Attachment
from tests.clocks import WallClock
from tests.harness import eventually, scene
from tests.outcomes import reasons, told
from tests.talk import USER, heard, hears, open_ticket, traced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.twins.ledger import Conversation
    from bridge.twins.zendesk_desk import Comment
    from bridge.wiring import App
    from tests.harness import Scene

pytestmark = pytest.mark.asyncio

OLD, NEW = "https://files.example/1/a.pdf?signed=old", "https://files.example/1/a.pdf?signed=new"
BASIC = {"username": "client", "password": "secret"}


def file(url: str, name: str = "a.pdf") -> Attachment:
    """A file of Zendesk's."""
    return Attachment(url, name, "application/pdf", 9)


class Waiting:
    """A reply with files, of which the customer's window holds the files back."""

    def __init__(self, on: Scene, clock: WallClock, ticket: int, conversation: Conversation) -> None:
        self.on, self.clock, self.ticket, self.conversation = on, clock, ticket, conversation

    async def written(self, text: str, *files: Attachment) -> Comment:
        """The agent writes it, and the customer is asked to write first."""
        self.on.jelou.settings.windows_closed = {USER}
        self.on.zendesk.agent_writes(self.ticket, text, attachments=files)
        await hears(self.conversation, "retomar")
        await traced(self.on, self.ticket, "answered", action="send.template")
        return next(one for one in self.on.zendesk.desk.ticket(self.ticket).comments if one.body == text)

    async def answered(self, after_ms: int = 120_000) -> None:
        """So much later the customer writes."""
        self.clock.ahead_ms += after_ms
        self.on.jelou.customer_writes(USER, "sí")

    async def noted(self, words: str) -> int:
        """How many notes on the ticket hold these words, once one does."""

        async def there() -> bool:
            return any(words in one for one in self.on.zendesk.notes(self.ticket))

        await eventually(there, lambda: str(self.on.zendesk.notes(self.ticket)))
        return sum(words in one for one in self.on.zendesk.notes(self.ticket))


@asynccontextmanager
async def waiting(redis_url: str, prefix: str, **zendesk: Any) -> AsyncIterator[Waiting]:
    """An open conversation whose window closes before the next reply."""
    clock, template = WallClock(), {"template": {"name": "retomar"}, **zendesk}
    async with scene(redis_url, prefix, jelou={"basic": BASIC}, zendesk=template, adapted=clock) as on:
        on.jelou.settings.basic = "client:secret"
        yield Waiting(on, clock, *await open_ticket(on))


async def test_a_file_that_waited_goes_under_its_new_address(redis_url: str, prefix: str) -> None:
    """The text and the file's name stay; only what it is fetched from is new."""
    async with waiting(redis_url, prefix) as it:
        comment = await it.written("Su contrato", file(OLD))
        comment.attachments = (file(NEW, "otro nombre.pdf"),)
        await it.answered()
        await hears(it.conversation, "retomar", "Su contrato", NEW)
        assert it.conversation.messages[-1].content["filename"] == "a.pdf"


async def test_the_same_file_is_known_by_its_id(redis_url: str, prefix: str) -> None:
    """At another place and under the name of another file."""
    async with waiting(redis_url, prefix) as it:
        moved = ["https://cdn.example/x", "https://cdn.example/y"]
        comment = await it.written("Dos", file("https://files.example/1/b"), file("https://files.example/2/b"))
        comment.attachments = tuple(file(one) for one in moved)
        await it.answered()
        await hears(it.conversation, "retomar", "Dos", *moved)


async def test_a_file_that_did_not_wait_is_not_read_again(redis_url: str, prefix: str) -> None:
    """Its address is as good as it was."""
    async with waiting(redis_url, prefix) as it:
        comment = await it.written("Su contrato", file(OLD))
        comment.attachments = (file(NEW),)
        await it.answered(after_ms=1_000)
        await hears(it.conversation, "retomar", "Su contrato", OLD)


async def test_a_file_that_is_gone_meanwhile_is_not_sent(redis_url: str, prefix: str) -> None:
    """The agent hears of it once, whatever their number; what comes behind goes on."""
    async with waiting(redis_url, prefix) as it:
        comment = await it.written("Su contrato", file(OLD), file("https://files.example/2/b.pdf", "b.pdf"))
        comment.attachments = ()
        await it.answered()
        it.on.zendesk.agent_writes(it.ticket, "¿Algo más?")
        await hears(it.conversation, "retomar", "Su contrato", "¿Algo más?")
        assert await it.noted("not on the ticket any more") == 1
        trace = await traced(it.on, it.ticket, "refused", action="say.to.customer")
        assert reasons(trace, "refused").count("the file is not on the ticket any more") == 2


async def test_a_file_whose_comment_is_private_now_is_not_sent(redis_url: str, prefix: str) -> None:
    """Made private while it waited, it stays in the helpdesk, and the ticket says so."""
    async with waiting(redis_url, prefix) as it:
        comment = await it.written("Su contrato", file(OLD))
        comment.public = False
        await it.answered()
        assert await it.noted("not public any more") == 1
        assert heard(it.conversation) == ["retomar", "Su contrato"]


async def test_a_file_that_may_be_out_keeps_its_address(redis_url: str, prefix: str) -> None:
    """Its first try has no answer: Jelou may know the repeat, which is the same to the last byte."""
    async with waiting(redis_url, prefix) as it:
        it.on.jelou.faults.next("send", Fault.named("reset_before_accepting"))
        it.on.zendesk.agent_writes(it.ticket, "x", html=f'<img src="{OLD}">', attachments=[file(OLD)])
        await traced(it.on, it.ticket, "unanswered", action="say.to.customer")
        comment = it.on.zendesk.desk.ticket(it.ticket).comments[-1]
        comment.attachments = (file(NEW),)
        it.clock.ahead_ms += 120_000
        await hears(it.conversation, OLD)


class Closed(Zendesk):
    """A Zendesk that shows no file without a login."""

    files_need_login = True


def serving(how: str) -> Callable[[App], App]:
    """A bridge that serves such files, or does not."""

    def adapted(app: App) -> App:
        account = app.bridge.helpdesks["zendesk"]["acme"].model_copy(update={"files": how})
        files = Files.model_validate({"public_url": "https://bridge.example", "keys": ["k" * 32]})
        bridge = app.bridge.model_copy(update={"helpdesks": {"zendesk": {"acme": account}}, "files": files})
        return replace(app, bridge=bridge, helpdesks={**app.helpdesks, "zendesk": Closed()})

    return adapted


async def test_a_file_that_needs_a_login_goes_under_an_address_of_ours(redis_url: str, prefix: str) -> None:
    """Of this file alone, and of no other."""
    async with scene(redis_url, prefix, adapted=serving("relay")) as on:
        ticket, conversation = await open_ticket(on)
        url = f"{on.zendesk.url}/attachments/token/x/?name=a.pdf"
        on.zendesk.agent_writes(ticket, "x", html=f'<img src="{url}">', attachments=[file(url)])
        await traced(on, ticket, "answered", action="say.to.customer")
        [address] = heard(conversation)
        token = address.split("/")[-2]
        told = shown(on.bridge.app.bridge.files, "zendesk/acme", token, on.bridge.app.now_ms())
        assert told == Shown("/attachments/token/x/?name=a.pdf", "a.pdf", "application/pdf")


async def test_without_relay_its_name_goes_and_the_ticket_says_so_once(redis_url: str, prefix: str) -> None:
    """However many files there are; the agent sees why, and the trace tells of each reply."""
    async with scene(redis_url, prefix, adapted=serving("link")) as on:
        ticket, conversation = await open_ticket(on)
        for text in ("uno", "dos"):
            url = f"{on.zendesk.url}/attachments/token/{text}/?name=a.pdf"
            on.zendesk.agent_writes(ticket, text, attachments=[file(url)])
        await hears(conversation, "uno\na.pdf", "dos\na.pdf")

        async def noted() -> bool:
            return any("need a login" in one for one in on.zendesk.notes(ticket))

        await eventually(noted)
        assert sum("need a login" in one for one in on.zendesk.notes(ticket)) == 1
        trace = await traced(on, ticket, "ignored", event="agent.replied")
        assert len([one for one in reasons(trace, "ignored") if "needs a login" in one]) == 2


async def test_a_helpdesk_that_is_away_holds_a_file_back_for_minutes(redis_url: str, prefix: str) -> None:
    """Not for ever: then it goes as it is, with what stands behind it, and the trace says so."""
    async with waiting(redis_url, prefix) as it:
        await it.written("Su contrato", file(OLD))
        it.on.zendesk.faults.sometimes("list_comments", Fault.named("status"), 1.0)
        await it.answered()
        await hears(it.conversation, "retomar", "Su contrato")
        await traced(it.on, it.ticket, "waiting")
        it.clock.ahead_ms += 600_000
        it.on.jelou.customer_writes(USER, "¿y?")
        await hears(it.conversation, "retomar", "Su contrato", OLD)
        trace = await traced(it.on, it.ticket, "skipped")
        assert told(trace, "skipped", action="fetch")
