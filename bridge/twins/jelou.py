"""The Jelou twin: operations 1 to 9 over HTTP, events signed and posted, faults on demand.

As a process: ``python -m bridge.twins.jelou --webhook URL --secret S --api-key K``.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Self

import uvloop
from aiohttp import web

from bridge.lifeline import die_with_parent
from bridge.twins.admin import add_steering, asking
from bridge.twins.answers import Endpoint, Stage
from bridge.twins.jelou_answers import failure_of
from bridge.twins.jelou_bodies import CONTENTS, problems
from bridge.twins.jelou_page import add_page
from bridge.twins.jelou_project import CLOSED_BY_OPERATOR, Project
from bridge.twins.jelou_rest import BASES, SEND_PATH, JelouRest
from bridge.twins.jelou_settings import Integration, JelouSettings
from bridge.twins.listener import Listener, add_listener_options, play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.twins.faults import Faults
    from bridge.twins.ledger import Conversation, Ledger, Message

Json = dict[str, Any]


class JelouTwin:
    """A Jelou with one project, in memory. Stopping keeps what it knows; it can be started again on its old port."""

    def __init__(self, settings: JelouSettings | None = None, listener: Listener | None = None) -> None:
        self.settings = settings or JelouSettings()
        self._listener = listener or Listener()
        self._project = Project(self.settings)

    @property
    def url(self) -> str:
        """Where it is; empty before the first start."""
        return self._listener.url

    @property
    def base_url(self) -> str:
        """The newer base path, up to and without the project id. The older one works as well."""
        return self.url + BASES[1]

    @property
    def send_url(self) -> str:
        """Where messages for the end user are posted."""
        return self.url + SEND_PATH

    @property
    def faults(self) -> Faults:
        """The faults to come."""
        return self._project.faults

    @property
    def ledger(self) -> Ledger:
        """What really happened."""
        return self._project.ledger

    @property
    def integration(self) -> Integration | None:
        """Where events go, None where there is no integration and no event is posted."""
        return self._project.integration

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Serve; port 0 takes a free one. Raises OSError where the port is taken."""
        await self._listener.start(self._application(), port, host)

    async def stop(self) -> None:
        """Close the port, cut the connections, cancel the events that are under way."""
        await self._listener.stop()
        await self._project.courier.close()

    async def settle(self) -> None:
        """Wait until every event has been delivered, late ones and held ones included."""
        await self._project.courier.settle()

    def reset(self) -> None:
        """Forget conversations and faults; settings and integration stay."""
        self.ledger.clear()
        self.faults.clear()

    def integrate(
        self, webhook_url: str, secret: str = "", auth_type: str = "no_auth", authorization: str = ""
    ) -> Integration:
        """Set the integration without the API: where events go, and the secret they are signed with."""
        integration = Integration(webhook_url, auth_type, authorization)
        integration.secret = secret or integration.secret
        self._project.integration = integration
        return integration

    def customer_writes(
        self, user_id: str, text: str = "", message_type: str = "text", content: Json | None = None
    ) -> Message:
        """Let the end user write in the active conversation, and post the event.

        ``content`` stands in for ``text`` with the other types. Raises LookupError where no conversation is active,
        ValueError for a content that its type does not have; a type that Jelou does not document is let pass.
        """
        content = {"body": text} if content is None else content
        if message_type in CONTENTS and problems(content, CONTENTS[message_type]):
            msg = f"that is no content of a message of type {message_type}"
            raise ValueError(msg)
        return self._project.customer_writes(user_id, message_type, content)

    def hand_over(self, user_id: str, text: str = "", queue: str = "") -> Conversation:
        """Let the bot hand a customer over, without any start call; ``text`` is what the customer writes first."""
        return self._project.hand_over(user_id, text, queue)

    def close(self, user_id: str, reason: str = CLOSED_BY_OPERATOR) -> Conversation:
        """Let an operator close the active conversation, and post the event. Raises LookupError where none is."""
        return self._project.end(user_id, reason)

    def _application(self) -> web.Application:
        app = web.Application()
        stage = Stage(self.faults, self._listener, failure_of)
        for operation, method, path, act in JelouRest(self._project).routes():
            app.router.add_route(method, path, Endpoint(stage, operation, act).handle)
        add_steering(app, self)
        app.router.add_get("/twin/ledger", asking(lambda told: self.ledger.told(told.get("ticketId"))))
        app.router.add_get("/twin/counts", asking(lambda _told: self.ledger.counts()))
        app.router.add_post("/twin/customer-writes", asking(self._asked_to_write))
        app.router.add_post("/twin/hand-over", asking(self._asked_to_hand_over))
        app.router.add_post("/twin/close", asking(self._asked_to_close))
        add_page(app, self)
        return app

    def _asked_to_write(self, told: Json) -> Message:
        return self.customer_writes(told["userId"], told.get("text", ""), told.get("type", "text"), told.get("content"))

    def _asked_to_hand_over(self, told: Json) -> Conversation:
        return self.hand_over(told["userId"], told.get("text", ""), told.get("queue", ""))

    def _asked_to_close(self, told: Json) -> Conversation:
        return self.close(told["userId"], told.get("reason", CLOSED_BY_OPERATOR))


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bridge.twins.jelou", description="A Jelou to run against.")
    add_listener_options(parser)
    parser.add_argument("--project", default="project-1", help="project id, in the path of every operation")
    parser.add_argument("--bot", default="bot-1", help="id of the only bot there is")
    parser.add_argument("--api-key", required=True, help="the x-api-key that is right")
    parser.add_argument("--basic", default="", help="clientId:clientSecret that Authorization must hold, if sent")
    parser.add_argument("--demand-basic", action="store_true", help="refuse calls without Authorization")
    parser.add_argument("--webhook", default="", help="where events go; without it, nowhere until one is created")
    parser.add_argument("--secret", default="", help="signing secret of the integration")
    parser.add_argument("--auth-type", default="no_auth", help="no_auth, bearer, api_key or basic")
    parser.add_argument("--authorization", default="", help="what Jelou presents to the webhook by that type")
    parser.add_argument(
        "--when-active", choices=("new", "same", "error"), default="new", help="a start while one is active"
    )
    return parser.parse_args(argv)


def twin_of(options: argparse.Namespace, listener: Listener | None = None) -> JelouTwin:
    """Make the twin that the command line describes."""
    settings = JelouSettings(
        project_id=options.project,
        bot_id=options.bot,
        api_key=options.api_key,
        basic=options.basic,
        demand_basic=options.demand_basic,
        when_active=options.when_active,
    )
    twin = JelouTwin(settings, listener)
    if options.webhook:
        twin.integrate(options.webhook, options.secret, options.auth_type, options.authorization)
    return twin


def main() -> None:
    """Play a Jelou until SIGTERM, or until the parent process dies."""
    options = arguments()
    die_with_parent(parent=options.parent)
    uvloop.run(play(twin_of(options), options.port, options.host))


if __name__ == "__main__":
    main()
