"""The page at ``/`` of the Jelou twin: its conversations, and what a customer or an operator would do there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from bridge.twins.pages import back, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from bridge.twins.jelou_settings import JelouSettings
    from bridge.twins.ledger import Conversation, Ledger, Message

SHOWN = 50
"""How many conversations a page shows, the newest first."""


class Shown(Protocol):
    """What the page shows and steers."""

    @property
    def settings(self) -> JelouSettings:
        """Names of customers."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The conversations."""
        ...

    def customer_writes(self, user_id: str, text: str = "") -> Message:
        """Let the customer write."""
        ...

    def hand_over(self, user_id: str, text: str = "") -> Conversation:
        """Let the bot hand a customer over."""
        ...

    def close(self, user_id: str) -> Conversation:
        """Let an operator close."""
        ...


def add_page(app: web.Application, twin: Shown) -> None:
    """Add the page, its changing part by itself, and its three forms."""

    async def show(request: web.Request) -> web.Response:
        newest = list(twin.ledger.conversations.values())[: -SHOWN - 1 : -1]
        template = "jelou_conversations.html" if request.path != "/" else "jelou.html"
        return page(template, conversations=newest, settings=twin.settings, counts=twin.ledger.counts())

    async def act(request: web.Request) -> web.Response:
        form = await request.post()
        user_id, text = str(form.get("user_id", "")), str(form.get("text", ""))
        # The conversation may have ended since the page was drawn: the page drawn next says so.
        with suppress(LookupError, ValueError):
            acts[request.path](user_id, text)
        return back()

    acts: dict[str, Callable[[str, str], object]] = {
        "/page/write": twin.customer_writes,
        "/page/hand-over": twin.hand_over,
        "/page/close": lambda user_id, _text: twin.close(user_id),
    }
    app.router.add_get("/", show)
    app.router.add_get("/page/list", show)
    for path in acts:
        app.router.add_post(path, act)
