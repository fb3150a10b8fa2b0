"""The other sides of the data: a Jelou and a Zendesk that keep what they were asked to do, with faults when told.

They are no servers: what they have is kept beside the keys, and a test goes on with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import orjson

from bridge.domain import Reply
from bridge.errors import Ambiguous, LeaseLost, NotSent

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain import Call

Json = dict[str, Any]

UNREACHED, LOST, ERROR, THROTTLED, DENIED, REFUSED, WINDOW, DIES_BEFORE, DIES_AFTER = (
    "no connection",
    "worked, and the answer is lost",
    "not worked, and 500",
    "429",
    "401",
    "422",
    "the window is closed",
    "the worker dies before the bytes",
    "the worker dies after them",
)
"""What may become of a call."""

ANSWERS = {
    ERROR: Reply(500),
    THROTTLED: Reply(429, {"retry-after": "30"}),
    DENIED: Reply(401),
    REFUSED: Reply(422, {}, b'{"message": ["refused"]}'),
    WINDOW: Reply(400, {}, b'{"message": ["more than 24 hours have passed: 131047"]}'),
}
NOT_THERE = Reply(404, {}, b'{"message": ["conversation not found"]}')


@dataclass
class Chat:
    """One conversation at Jelou. ``heard`` is what the customer got: the message's id and its text."""

    id: str
    user: str
    metadata: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    heard: list[list[str]] = field(default_factory=list)

    @property
    def ticket(self) -> str:
        """Whose it is by our own metadata."""
        return self.metadata.get("bridgeTicket", "")


@dataclass
class Paper:
    """One ticket at the helpdesk. ``comments`` are ours: what is written, and whether the customer sees it."""

    requester: int
    phone: str
    status: str = "open"
    comments: list[Json] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Peers:
    """Both, and in the place of ``bridge.http`` the way to them. ``papers`` are by account/id."""

    chats: dict[str, Chat] = field(default_factory=dict)
    papers: dict[str, Paper] = field(default_factory=dict)
    fates: list[tuple[str, str, str]] = field(default_factory=list)
    """(what a call's address or method holds, what it is about, what becomes of it), each once."""
    hung: asyncio.Event = field(default_factory=asyncio.Event)

    def dump(self) -> Json:
        """What they have."""
        return {
            "chats": {name: asdict(one) for name, one in self.chats.items()},
            "papers": {name: asdict(one) for name, one in self.papers.items()},
        }

    @classmethod
    def load(cls, told: Json) -> Self:
        """The same again."""
        return cls(
            {name: Chat(**one) for name, one in told["chats"].items()},
            {name: Paper(**one) for name, one in told["papers"].items()},
        )

    def chats_of(self, ticket: str) -> list[Chat]:
        """A ticket's conversations, oldest first."""
        return [one for one in self.chats.values() if one.ticket == ticket]

    async def send(self, call: Call, allowed: Callable[[], bool] = lambda: True) -> Reply:
        """As ``bridge.http``. Raises NotSent, LeaseLost, Ambiguous."""
        fate = self._fate(call)
        if fate == UNREACHED:
            msg = "no connection to the host"
            raise NotSent(msg)
        if fate == DIES_BEFORE:
            await self._hang()
        if not allowed():
            raise LeaseLost
        if fate in ANSWERS:
            return ANSWERS[fate]
        reply = self._worked(call)
        if fate == DIES_AFTER:
            await self._hang()
        if fate == LOST:
            msg = "the connection broke"
            raise Ambiguous(msg)
        return reply

    def _fate(self, call: Call) -> str:
        where, about = f"{call.method} {call.url}", f"{call.url} {call.body.decode()}"
        for one in self.fates:
            if one[0] in where and one[1] in about:
                self.fates.remove(one)
                return one[2]
        return ""

    async def _hang(self) -> None:
        self.hung.set()
        await asyncio.get_running_loop().create_future()

    def _worked(self, call: Call) -> Reply:
        told, url = orjson.loads(call.body) if call.body else {}, urlsplit(call.url)
        if url.netloc == "jelou.example.com":
            return self._jelou(url.path, told)
        account = url.netloc.partition(".")[0]
        return self._zendesk(call.method, account, url.path.removeprefix("/api/v2/"), parse_qs(url.query), told)

    # -- Jelou --------------------------------------------------------------------------------------------------------

    def _jelou(self, path: str, told: Json) -> Reply:
        name = path.rpartition("/")[2]
        if name == "start":
            return self._start(told)
        if name in {"send", "hsm", "close"}:
            user = told.get("user_id") or told.get("userId") or told["destinations"][0]
            active = [one for one in self.chats.values() if one.user == user and not one.closed]
            return self._said(name, active[-1], told) if active else NOT_THERE
        if name not in self.chats:
            return NOT_THERE
        state = "closed" if self.chats[name].closed else "active"
        return _answer({"data": {"_id": name, "roomId": f"room-of-{name}", "state": state}})

    def _start(self, told: Json) -> Reply:
        one = Chat(f"c{len(self.chats) + 1:03d}", told["userId"], told["metadata"])
        self.chats[one.id] = one
        return _answer({"data": {"conversationId": one.id}})

    @staticmethod
    def _said(name: str, chat: Chat, told: Json) -> Reply:
        if name == "hsm":
            chat.heard.append(["", f"template {told['elementName']}"])
        elif name == "close":
            chat.closed = True
            text = told.get("redirectPayload", {}).get("text", "")
            chat.heard += [["", text]] if text else []
        elif told["value"]["id"] not in [known for known, _ in chat.heard]:
            content = told["value"]["content"]
            chat.heard.append([told["value"]["id"], content.get("body") or content["url"]])
        return _answer({"data": {"status": "ok"}})

    # -- Zendesk ------------------------------------------------------------------------------------------------------

    def _zendesk(self, method: str, account: str, path: str, query: dict[str, list[str]], told: Json) -> Reply:
        if path.startswith("incremental"):
            return _answer({"tickets": [], "end_of_stream": True})
        if path == "tickets.json":
            return self._create(account, told) if method == "POST" else self._found(account, query)
        name = f"{account}/{path.removeprefix('tickets/').partition('.')[0].partition('/')[0]}"
        if name not in self.papers:
            return Reply(404)
        paper = self.papers[name]
        if path.endswith("/comments.json"):
            comments = [{"id": at, "author_id": 1, **one} for at, one in enumerate(paper.comments)]
            first = {"id": 9999, "author_id": paper.requester, "body": "the ticket", "public": True}
            return _answer({"comments": [*comments[::-1], first]})
        return self._change(paper, told) if method == "PUT" else self._shown(name, paper)

    def _create(self, account: str, told: Json) -> Reply:
        ticket = told["ticket"]
        name = f"for-{ticket['requester'].get('phone', '').removeprefix('+')}"
        fields = {"external_id": ticket["external_id"]}
        self.papers[f"{account}/{name}"] = Paper(1, ticket["requester"].get("phone", ""), fields=fields)
        return _answer({"ticket": {"id": name}})

    def _found(self, account: str, query: dict[str, list[str]]) -> Reply:
        found = [
            {"id": name.partition("/")[2], "external_id": paper.fields["external_id"]}
            for name, paper in self.papers.items()
            if name.startswith(f"{account}/") and paper.fields.get("external_id") in query["external_id"]
        ]
        return _answer({"tickets": found})

    @staticmethod
    def _change(paper: Paper, told: Json) -> Reply:
        change = told.get("ticket", {})
        if "comment" in change:
            paper.comments.append({"body": change["comment"]["body"], "public": change["comment"]["public"]})
        paper.status = change.get("status", paper.status)
        paper.fields |= {"external_id": change["external_id"]} if "external_id" in change else {}
        paper.fields |= {str(one["id"]): one["value"] for one in change.get("custom_fields", ())}
        paper.tags += [one for one in told.get("tags", ()) if one not in paper.tags]
        return _answer({"audit": {"events": [{"type": "Comment", "id": len(paper.comments)}]}})

    @staticmethod
    def _shown(name: str, paper: Paper) -> Reply:
        ticket = {"id": name.partition("/")[2], "status": paper.status, "subject": "No puedo entrar"}
        people = [{"id": paper.requester, "name": "Ana Paz", "phone": paper.phone, "role": "end-user"}]
        return _answer({"ticket": ticket | {"requester_id": paper.requester, "tags": paper.tags}, "users": people})


def _answer(told: Json) -> Reply:
    return Reply(200, {}, orjson.dumps(told))
