"""``bridge demo`` and ``make run``: the main job with everything embedded, told step by step."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import ClientError, ClientSession
from rich.text import Text

from bridge import show
from bridge.demo_case import Case
from bridge.demo_helpdesks import ACCOUNT, DemoHelpdesk, DjangoDemo, ZendeskDemo
from bridge.embedded import EmbeddedServer, free_port
from bridge.keeping import still_kept
from bridge.processes import on_stderr, web_and_worker
from bridge.twins.jelou import JelouTwin
from bridge.up import stop_event

if TYPE_CHECKING:
    from rich.console import Console

PROJECT = "soporte"
ROUND_TRIP_S = 30.0
STANDARD_KEY_BYTES = 24


class Demo:
    """One demo, in a folder of its own that is removed at the end."""

    def __init__(self, screen: Console, *, helpdesk: str, port: int) -> None:
        self._screen = screen
        self._wanted = helpdesk
        self._port = port or free_port()
        self._jelou = JelouTwin()
        self._token = secrets.token_urlsafe(16)
        self._script_secret = "whsec_" + secrets.token_hex(STANDARD_KEY_BYTES)
        self._told: dict[str, int] = {}
        self._kept: list[asyncio.Task[None] | None] = []

    @property
    def url(self) -> str:
        """Where the bridge is."""
        return f"http://127.0.0.1:{self._port}"

    async def run(self, *, once: bool) -> bool:
        """Whether the whole case worked. Without ``once`` it goes on until Ctrl-C, telling what happens."""
        stop = stop_event()
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-demo-")))
            session = await stack.enter_async_context(ClientSession())
            helpdesk = await self._start(folder, session, stack)
            ticket = await self._round_trip(helpdesk, session)
            worked = bool(ticket) and await self._rest(helpdesk, session, ticket)
            if not worked:
                self._logs(folder)
            if worked and not once:
                self._addresses(helpdesk, folder)
                await self._follow(helpdesk, session, stop)
            self._say("stopping")
        return worked

    # -- starting -------------------------------------------------------------------------------------------------

    async def _start(self, folder: Path, session: ClientSession, stack: AsyncExitStack) -> DemoHelpdesk:
        begun = monotonic()
        server = await stack.enter_async_context(EmbeddedServer(folder / "valkey"))
        server.keep(on_stderr)
        self._say(f"queue      a real Valkey, append-only file on, at port {server.port}")
        self._jelou.integrate(f"{self.url}/webhooks/jelou/{PROJECT}")
        await stack.enter_async_context(self._jelou)
        self._say(f"jelou      a twin of Jelou at {self._jelou.url}")
        helpdesk = self._helpdesk(folder, session)
        await helpdesk.start(self.url, stack)
        what, where = helpdesk.addresses()[0]
        self._say(f"helpdesk   {what.partition(':')[0].removeprefix('helpdesk ').strip('()')} at {where}")
        config = folder / "bridge.yaml"
        config.write_text(yaml.safe_dump(self._configuration(helpdesk), sort_keys=False))
        environ = {**helpdesk.environ(), **self._environ(), "BRIDGE_LOG_FORMAT": "json", "BRIDGE_ADMIN_PORT": ""}
        children = web_and_worker(str(config), server.url, self._port, free_port(), environ, str(folder))
        for child in children:
            stack.push_async_callback(child.stop)
            await child.start()
        for child in children:
            await child.ready(session)
        self._kept = [server.kept, *(child.kept for child in children)]
        self._say(f"bridge     web at {self.url}, one worker; ready after {monotonic() - begun:.1f} s")
        return helpdesk

    def _helpdesk(self, folder: Path, session: ClientSession) -> DemoHelpdesk:
        return DjangoDemo(folder / "helpdesk", session) if self._wanted == "django" else ZendeskDemo()

    def _configuration(self, helpdesk: DemoHelpdesk) -> dict[str, Any]:
        jelou = {
            "project_id": self._jelou.settings.project_id,
            "bot_id": self._jelou.settings.bot_id,
            "base_url": self._jelou.base_url,
            "send_url": self._jelou.send_url,
            "api_key": "${JELOU_API_KEY}",
            "signing_secrets": ["${JELOU_SIGNING_SECRET}"],
            # Jelou allows five; its twin has no limit, and whoever looks on need not wait.
            "calls_per_s": 50.0,
            "conversation_url": f"{self._jelou.url}/?conversation={{conversation_id}}",
        }
        scripted = {
            "project": PROJECT,
            "verification": {"secrets": ["${SCRIPT_SECRET}"]},
            "start_when": [{"name": "every new ticket"}],
            "user_id": {"region": "EC"},
        }
        helpdesks = {helpdesk.kind: {ACCOUNT: helpdesk.section()}, "standard-webhooks": {"scripts": scripted}}
        return {"jelou": {PROJECT: jelou}, "helpdesks": helpdesks, "api": {"tokens": ["${BRIDGE_API_TOKEN}"]}}

    def _environ(self) -> dict[str, str]:
        integration = self._jelou.integration
        return {
            "JELOU_API_KEY": self._jelou.settings.api_key,
            "JELOU_SIGNING_SECRET": integration.secret if integration else "",
            "SCRIPT_SECRET": self._script_secret,
            "BRIDGE_API_TOKEN": self._token,
        }

    # -- the round trip -------------------------------------------------------------------------------------------

    async def _round_trip(self, helpdesk: DemoHelpdesk, session: ClientSession) -> str:
        """The ticket whose conversation is open; empty where that did not come about."""
        ticket = await helpdesk.open_ticket()
        self._say(f"\nticket {ticket} was opened in the helpdesk; its webhook is on its way\n")
        await self._until(helpdesk, session, ticket, "open")
        conversation = (await self._trace(helpdesk, session, ticket)).get("conversation", "")
        notes = [note for note in await helpdesk.notes(ticket) if conversation and conversation in note]
        if len(notes) != 1 or len(self._jelou.ledger.by_ticket(ticket)) != 1:
            self._say("\n[bold red]the round trip did not work[/]")
            return ""
        self._say(f"\nthe note on ticket {ticket}, read back from the helpdesk:")
        self._quote(notes[0])
        return ticket

    async def _rest(self, helpdesk: DemoHelpdesk, session: ClientSession, ticket: str) -> bool:
        """Both sides write, and the ticket is solved; then what the bridge did for it, and whether it was all."""
        self._say("\nthe support case goes on by itself:\n")
        case = Case(helpdesk, self._jelou, ticket, self._happens)
        played = await case.play()
        if played:
            self._quote(case.package)
        self._say("\nwhat the bridge did for it:\n")
        settled = await self._until(helpdesk, session, ticket, "closed" if played else "")
        if played and settled and await case.exactly_once():
            self._say("\n[bold green]all of it worked[/]: every message is on the other side, once and in order")
            return True
        self._say("\n[bold red]the support case did not work[/]")
        return False

    def _happens(self, who: str, what: str) -> None:
        self._screen.print(Text(f"  {who:<9} ", style="bold"), Text(what), sep="")

    def _quote(self, text: str) -> None:
        self._say("")
        for one in text.splitlines():
            self._screen.print(f"    {one}".rstrip(), markup=False, highlight=False)

    async def _until(self, helpdesk: DemoHelpdesk, session: ClientSession, ticket: str, phase: str) -> bool:
        """Tell the ticket's timeline until it is in this phase and at rest, or too long; without a phase once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROUND_TRIP_S if phase else 0.5):
                while not await self._told_all(helpdesk, session, ticket, phase):
                    await asyncio.sleep(0.05)
                return True
        return False

    async def _told_all(self, helpdesk: DemoHelpdesk, session: ClientSession, ticket: str, phase: str = "open") -> bool:
        """Print what is new on the ticket's timeline; whether it is in this phase and all is done."""
        told = await self._trace(helpdesk, session, ticket)
        timeline = told.get("timeline", [])
        for one in timeline[self._told.get(ticket, 0) :]:
            self._screen.print(Text(f"  {ticket} ", style="dim"), end="")
            self._screen.print(show.line(one))
        self._told[ticket] = len(timeline)
        return told.get("phase") == phase and not told["to_write"] and told["due_in_s"] is None

    async def _trace(self, helpdesk: DemoHelpdesk, session: ClientSession, ticket: str) -> dict[str, Any]:
        url = f"{self.url}/api/tickets/{helpdesk.kind}/{ACCOUNT}/{ticket}"
        with contextlib.suppress(ClientError, TimeoutError):
            async with session.get(url, headers={"authorization": f"Bearer {self._token}"}) as answer:
                return dict(await answer.json())
        return {}

    # -- afterwards -----------------------------------------------------------------------------------------------

    def _addresses(self, helpdesk: DemoHelpdesk, folder: Path) -> None:
        self._say("\nit goes on; open these, Ctrl-C ends it:\n")
        for what, where in [
            *helpdesk.addresses(),
            ("jelou (a twin): conversations, write as the customer", self._jelou.url),
            ("bridge: helpdesk webhook", f"{self.url}/webhooks/helpdesks/{helpdesk.kind}/{ACCOUNT}"),
            ("bridge: webhook for signed scripts", f"{self.url}/webhooks/helpdesks/standard-webhooks/scripts"),
            ("  with the secret", self._script_secret),
            ("bridge: where is a ticket", f"{self.url}/api/tickets/{helpdesk.kind}/{ACCOUNT}/{{id}}"),
            ("  with the header", f"Authorization: Bearer {self._token}"),
            ("bridge: probes and metrics", f"{self.url}/ready  {self.url}/metrics"),
            ("configuration and logs", str(folder)),
        ]:
            self._screen.print(f"  {what:<62} {where}", markup=False, highlight=False)
        self._say("\nwhat happens to tickets from now on:\n")

    async def _follow(self, helpdesk: DemoHelpdesk, session: ClientSession, stop: asyncio.Event) -> None:
        while not stop.is_set():
            still_kept(self._kept)
            for ticket in await helpdesk.tickets():
                await self._told_all(helpdesk, session, ticket)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await stop.wait()

    def _logs(self, folder: Path) -> None:
        """The end of what the processes logged, for whoever has to find out why."""
        for log in sorted(folder.glob("*.log")):
            self._screen.print(
                f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}", markup=False, highlight=False
            )

    def _say(self, text: str) -> None:
        self._screen.print(text, markup=True, highlight=False)
