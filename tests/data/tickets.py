"""Tickets and what happens to them, in steps of which the scenes are made. People are made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.domain import (
    AgentReplied,
    ConversationStarted,
    Ticket,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
)
from tests.data.peers import Chat, Paper

if TYPE_CHECKING:
    from tests.data.stand import Stand

AGENT = "Buenos días, ya lo revisamos"
CUSTOMER = "No puedo entrar a mi cuenta"
READ_JELOU, OPENS, PUT = "GET https://jelou", "POST https://acme", "PUT"
JELOU = "jelou:soporte"


@dataclass
class Tickets:
    """The tickets on a stand, by their names."""

    on: Stand
    refs: dict[str, TicketRef] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    def ticket(self, name: str, account: str = "acme", *, like: str = "") -> TicketRef:
        """A ticket at the helpdesk; of the same person as another, where it is ``like`` that."""
        ref = self.refs[name] = TicketRef("zendesk", account, name)
        self.users[name] = self.users[like] if like else f"59398700{len(self.refs):04d}"
        self.on.peers.papers[f"{account}/{name}"] = Paper(7000 + len(self.refs), f"+{self.users[name]}")
        return ref

    def fails(self, name: str, where: str, fate: str) -> None:
        """The next call to this address, or by this method, that is about the ticket or its person comes to this."""
        about = self.users[name] if where in {"send", "close", "hsm"} else name
        if where == READ_JELOU:
            about = self.chat(name).id
        self.on.peers.fates.append((where, about, fate))

    async def opened(self, name: str, account: str = "acme", **told: Any) -> TicketRef:
        """The webhook of a new ticket came."""
        like = told.pop("like", "")
        ref = self.refs.get(name) or self.ticket(name, account, like=like)
        paper = self.on.paper(ref)
        requester = {"id": str(paper.requester), "name": "Ana Paz", "phone": told.pop("phone", paper.phone)}
        fields = {"id": name, "subject": "No puedo entrar", "status": "new", "priority": "normal"} | told
        ticket = Ticket(ref, fields | {"requester": requester, "tags": ["web"]}, self.on.now)
        by_bridge = bool(told.get("by_bridge"))
        await self.on.tell(TicketOpened(ref, "opened", ticket, by_bridge), sender=f"zendesk/{account}")
        return ref

    async def worked(self, name: str, account: str = "acme", **told: Any) -> TicketRef:
        """A new ticket came and was worked."""
        await self.on.proven(JELOU)
        ref = await self.opened(name, account, **told)
        await self.on.work()
        return ref

    async def starts(self, name: str, *fates: str, account: str = "acme") -> None:
        """A new ticket came and was worked, and its start came to these, one try after the other."""
        self.ticket(name, account)
        for fate in fates:
            self.fails(name, "start", fate)
        await self.worked(name, account)

    async def dies(self, name: str, where: str, fate: str) -> None:
        """What is due is worked, until this call kills the worker."""
        await self.on.proven(JELOU)
        self.fails(name, where, fate)
        await self.on.die()

    def chat(self, name: str) -> Chat:
        """The ticket's newest conversation."""
        chats = self.on.peers.chats_of(str(self.refs[name]))
        assert chats, f"ticket {name} has no conversation: its start waits"
        return chats[-1]

    async def live(self, *names: str, account: str = "acme") -> None:
        """Tickets with an open conversation, all of it written."""
        for name in names:
            await self.worked(name, account)
            await self.on.start_event(self.chat(name))
            await self.on.work()

    async def replied(self, name: str, text: str = AGENT, **changes: Any) -> None:
        """An agent's public reply came."""
        number = len(text) + len(self.on.peers.chats) * 1000
        told: dict[str, Any] = {"text": text, "public": True, "at_ms": self.on.now} | changes
        comment = told.pop("comment_id", f"{number}")
        await self.on.tell(AgentReplied(self.refs[name], f"comment:{comment}", comment, **told))

    async def wrote(self, name: str, text: str = CUSTOMER) -> None:
        """The customer wrote."""
        await self.on.customer(self.chat(name), text)

    async def solved(self, name: str, status: str = "solved") -> None:
        """The agent has solved the ticket."""
        self.on.paper(self.refs[name]).status = status
        await self.on.tell(TicketSolved(self.refs[name], f"status:{status}:{self.on.now}", status))

    async def reopened(self, name: str) -> None:
        """It is open again."""
        self.on.paper(self.refs[name]).status = "open"
        await self.on.tell(TicketReopened(self.refs[name], f"status:open:{self.on.now}", "open"))

    async def closed(self, *names: str) -> None:
        """Tickets whose conversation has ended at Jelou, all of it written."""
        await self.live(*names)
        for name in names:
            await self.on.close_event(self.chat(name))
        await self.on.work()

    async def handed_over(self, chat: str, user: str, project: str) -> None:
        """The bot handed a customer over, without any ticket."""
        one = self.on.peers.chats[chat] = Chat(chat, user)
        at = (f"room-of-{chat}", "bot-1", user, self.on.now)
        await self.on.hear(ConversationStarted(project, f"conversation.start:{chat}", chat, *at, user_name="Ana Paz"))
        await self.on.customer(one, CUSTOMER, project)
