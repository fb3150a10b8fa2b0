"""One issue of a Jira in memory: what a dialect asks and writes, and the webhooks that follow, signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession, encode_basic_auth, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECRET, EMAIL, TOKEN = "jira-secret", "bridge@acme.example", "made-up-token"
BOT, AGENT, CUSTOMER = "712020:bot", "712020:agent", "qm:customer"
ISSUE: Final = "10188"
PHONE_FIELD: Final = "customfield_10061"


def status(status_id: str, name: str, category: str) -> dict[str, Any]:
    """A status of the workflow."""
    return {"id": status_id, "name": name, "statusCategory": {"key": category}}


WAITING, RESOLVED = status("1", "Waiting for support", "new"), status("5", "Resuelto", "done")
CANCELED = status("6", "Canceled", "done")


def document(text: str) -> dict[str, Any]:
    """A text as Atlassian's editor keeps it."""
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}],
    }


def words(body: dict[str, Any]) -> str:
    """The text of a document of one paragraph."""
    return "".join(node.get("text", "\n") for node in body["content"][0]["content"])


class JiraDesk:
    """An issue that waits for support. ``properties`` and ``comments`` show what was written."""

    def __init__(self, webhook_url: str) -> None:
        self._webhook_url = webhook_url
        self._changes = 20_000
        self._telling: set[asyncio.Task[None]] = set()
        self.fields: dict[str, Any] = {
            "summary": "No puedo entrar",
            "status": WAITING,
            "reporter": {"accountId": CUSTOMER, "displayName": "María López", "accountType": "customer"},
            "labels": [],
            "created": datetime.now(UTC).isoformat(),
        }
        self.late: dict[str, Any] = {PHONE_FIELD: "+593987654321"}
        """What the request's form fills in after the webhook was made."""
        self.comments: list[dict[str, Any]] = []
        self.properties: dict[str, Any] = {}
        self.taken: list[str] = []
        """The transitions, in order."""

    # -- what happens ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """The customer sends the form."""
        self._tell("jira:issue_created", issue=self._issue())
        self.fields |= self.late

    def writes(self, text: str, *, author: str = AGENT, kind: str = "atlassian", public: bool = True) -> None:
        """Somebody comments."""
        self._comment(document(text), author, kind, public=public)

    def _comment(self, body: dict[str, Any], author: str, kind: str, *, public: bool) -> str:
        who = {"accountId": author, "accountType": kind}
        created = datetime.now(UTC).isoformat()
        comment_id = str(33_000 + len(self.comments))
        comment = {"id": comment_id, "author": who, "jsdPublic": public, "created": created}
        self.comments.append({**comment, "body": body})
        wiki = words(body).replace("[", "\\[").replace("]", "\\]")
        cut_down = {**self._issue(), "fields": {"summary": self.fields["summary"]}}
        self._tell("comment_created", comment={**comment, "body": wiki}, issue=cut_down)
        return comment_id

    def moves(self, to: dict[str, Any], author: str = AGENT) -> None:
        """Somebody takes a transition; the same change is told twice."""
        before, self.fields["status"] = self.fields["status"], to
        self._changes += 1
        names = {"fromString": before["name"], "toString": to["name"]}
        item = {"field": "status", "fieldId": "status", "from": before["id"], "to": to["id"], **names}
        changelog = {"id": str(self._changes), "items": [item]}
        for _ in range(2):
            self._tell("jira:issue_updated", issue=self._issue(), changelog=changelog, user={"accountId": author})

    def _issue(self) -> dict[str, Any]:
        return {"id": ISSUE, "key": "SD-142", "fields": dict(self.fields)}

    def _tell(self, name: str, **body: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._post(json.dumps({"webhookEvent": name, **body}).encode()))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _post(self, body: bytes) -> None:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json; charset=UTF-8", "x-hub-signature": f"sha256={signature}"}
        async with ClientSession() as session, session.post(self._webhook_url, data=body, headers=headers) as answer:
            answer.raise_for_status()

    # -- what is asked --------------------------------------------------------------------------------------------

    def site(self) -> web.Application:
        """Jira's API, as far as the bridge calls it."""
        site = web.Application(middlewares=[_known])
        issue = f"/rest/api/3/issue/{ISSUE}"
        site.router.add_get(issue, self._read)
        site.router.add_get(f"{issue}/comment", self._list)
        site.router.add_post(f"{issue}/comment", self._written)
        site.router.add_get(f"{issue}/transitions", self._ways)
        site.router.add_post(f"{issue}/transitions", self._moved)
        site.router.add_put(f"/rest/api/2/issue/{ISSUE}", self._edited)
        site.router.add_put(f"{issue}/properties/{{name}}", self._kept)
        return site

    async def _read(self, _request: web.Request) -> web.Response:
        return web.json_response({**self._issue(), "properties": self.properties})

    async def _list(self, request: web.Request) -> web.Response:
        assert request.query["orderBy"] == "-created"
        return web.json_response({"comments": self.comments[::-1], "total": len(self.comments)})

    async def _written(self, request: web.Request) -> web.Response:
        body = await request.json()
        [internal] = body["properties"]
        assert internal["key"] == "sd.public.comment"
        comment_id = self._comment(body["body"], BOT, "atlassian", public=not internal["value"]["internal"])
        return web.json_response({"id": comment_id}, status=201)

    async def _ways(self, _request: web.Request) -> web.Response:
        asked = {"resolution": {"required": True, "allowedValues": [{"id": "10000", "name": "Listo"}]}}
        ways = [{"id": "11", "to": CANCELED}, {"id": "31", "to": RESOLVED, "fields": asked}]
        return web.json_response({"transitions": ways})

    async def _moved(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.taken.append(body["transition"]["id"])
        assert body["fields"] == {"resolution": {"id": "10000"}}
        self.moves(RESOLVED, BOT)
        return web.Response(status=204)

    async def _edited(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.fields["labels"] += [one["add"] for one in body["update"]["labels"]]
        return web.Response(status=204)

    async def _kept(self, request: web.Request) -> web.Response:
        self.properties[request.match_info["name"]] = await request.json()
        return web.Response(status=201)


@web.middleware
async def _known(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.headers.get("authorization") != encode_basic_auth(EMAIL, TOKEN):
        return web.Response(status=401)
    return await handler(request)
