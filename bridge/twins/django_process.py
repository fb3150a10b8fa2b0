"""A real django-helpdesk as a process of its own beside the bridge, and a small client of its API."""

import asyncio
import contextlib
import json
import mimetypes
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
SERVE = Path(__file__).resolve().parent / "django_site" / "serve.py"
PYTHON_VARIABLE = "BRIDGE_HELPDESK_PYTHON"
STOP_WITHIN = 8.0
LOG_TAIL = 2000


class HelpdeskMissingError(RuntimeError):
    """The helpdesk's virtual environment is not there."""


class HelpdeskFailedError(RuntimeError):
    """The helpdesk ended or stayed silent instead of accepting connections."""


class HelpdeskRefusedError(RuntimeError):
    """The helpdesk's API answered with an error."""


@dataclass(frozen=True)
class Credentials:
    """A staff user of the helpdesk, and the id its follow-ups carry as `user`."""

    id: int
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class HelpdeskSetup:
    """What one helpdesk is started with; the caller chooses a free port."""

    data: Path
    port: int
    new_ticket_webhooks: Sequence[str] = ()
    followup_webhooks: Sequence[str] = ()
    python: Path | None = None
    templates: Path = ROOT / ".cache" / "helpdesk"
    time_zone: str = "UTC"
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    bot_password: str = field(default_factory=lambda: secrets.token_urlsafe(9), repr=False)
    ready_within: float = 60.0


@dataclass(frozen=True)
class DjangoHelpdesk:
    """A helpdesk that accepts connections at `url`."""

    url: str
    queue: int
    admin: Credentials
    bot: Credentials
    log: Path
    process: asyncio.subprocess.Process = field(repr=False)

    async def stop(self) -> None:
        """Returns when the process is gone; stopping twice is harmless."""
        await end(self.process)


def helpdesk_python(chosen: Path | None = None) -> Path:
    """The helpdesk's interpreter: the chosen one, the environment's, or `.venv-helpdesk` of the project."""
    default = ROOT / ".venv-helpdesk" / "bin" / "python"
    python = chosen or Path(os.environ.get(PYTHON_VARIABLE) or default)
    if not python.exists():
        message = f"no django-helpdesk at {python}: run `make helpdesk`, or name its python in {PYTHON_VARIABLE}"
        raise HelpdeskMissingError(message)
    return python


async def start(setup: HelpdeskSetup) -> DjangoHelpdesk:
    """A helpdesk ready for requests, or an error that says why there is none."""
    python = helpdesk_python(setup.python)
    log = prepare_folder(setup.data)
    process = await launch(python, setup, log)
    try:
        url = await ready(process, setup.ready_within, log)
    except BaseException:
        await end(process)
        raise
    return describe(setup, url, log, process)


@contextlib.asynccontextmanager
async def running(setup: HelpdeskSetup) -> AsyncGenerator[DjangoHelpdesk, None]:
    """A helpdesk for the length of a block."""
    helpdesk = await start(setup)
    try:
        yield helpdesk
    finally:
        await helpdesk.stop()


def prepare_folder(data: Path) -> Path:
    """The log file of a data folder, both closed to other users and there from here on."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = data / "helpdesk.log"
    # The helpdesk logs a webhook that timed out with the password of its URL.
    log.touch(mode=0o600)
    return log


async def launch(python: Path, setup: HelpdeskSetup, log: Path) -> asyncio.subprocess.Process:
    """The started process: its errors go to the log, its standard output says when it is ready."""
    with log.open("ab") as stderr:
        return await asyncio.create_subprocess_exec(
            str(python),
            str(SERVE),
            env=environment(setup),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )


def environment(setup: HelpdeskSetup) -> dict[str, str]:
    """All the process knows: nothing of the bridge's own environment, its secrets included."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        # The helpdesk's HTTP client would prefer a netrc's password to the one in the webhook's URL.
        "NETRC": os.devnull,
        "HELPDESK_DATA_DIR": str(setup.data.resolve()),
        "HELPDESK_TEMPLATE_DIR": str(setup.templates.resolve()),
        "HELPDESK_PORT": str(setup.port),
        "HELPDESK_PARENT_PID": str(os.getpid()),
        "HELPDESK_TIME_ZONE": setup.time_zone,
        "HELPDESK_ADMIN_PASSWORD": setup.admin_password,
        "HELPDESK_BOT_PASSWORD": setup.bot_password,
        "HELPDESK_NEW_TICKET_WEBHOOK_URLS": " ".join(setup.new_ticket_webhooks),
        "HELPDESK_FOLLOWUP_WEBHOOK_URLS": " ".join(setup.followup_webhooks),
    }


async def ready(process: asyncio.subprocess.Process, within: float, log: Path) -> str:
    """The address the process announces."""
    stdout = cast("asyncio.StreamReader", process.stdout)
    try:
        async with asyncio.timeout(within):
            line = await stdout.readline()
    except TimeoutError as error:
        silent = failed(f"is not ready after {within:.0f} s", log)
        raise silent from error
    word, _, url = line.decode().strip().partition(" ")
    if word != "ready":
        ended = failed("ended before it was ready", log)
        raise ended
    return url


def failed(what: str, log: Path) -> HelpdeskFailedError:
    """The error about a helpdesk that did not come up, with the end of its log."""
    tail = log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:].strip()
    return HelpdeskFailedError(f"django-helpdesk {what}; its log ends with:\n{tail}")


def describe(setup: HelpdeskSetup, url: str, log: Path, process: asyncio.subprocess.Process) -> DjangoHelpdesk:
    """The running helpdesk, with the ids that its API does not tell."""
    ids = json.loads((setup.data / "site.json").read_text(encoding="utf-8"))
    return DjangoHelpdesk(
        url=url,
        queue=ids["queue"],
        admin=Credentials(ids["admin"], "admin", setup.admin_password),
        bot=Credentials(ids["bot"], "bridge-bot", setup.bot_password),
        log=log,
        process=process,
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Asks the process to stop, and kills it when it does not."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class HelpdeskClient:
    """One user's way into the helpdesk's API; the session stays the caller's."""

    def __init__(self, session: aiohttp.ClientSession, helpdesk: DjangoHelpdesk, user: Credentials) -> None:
        """Acts as `user` in the helpdesk's queue `support`."""
        self._session = session
        self._helpdesk = helpdesk
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user.name, user.password)}

    async def create_ticket(
        self, title: str, description: str, *, submitter_email: str, phone: str, priority: int = 3
    ) -> Json:
        """The new ticket, after the helpdesk has told its webhook."""
        body: Json = {
            "queue": self._helpdesk.queue,
            "title": title,
            "description": description,
            "submitter_email": submitter_email,
            "priority": priority,
        }
        # An empty custom field is refused, a missing one is not.
        if phone:
            body["custom_phone"] = phone
        return await self._call("POST", "tickets/", body)

    async def get_ticket(self, ticket: int) -> Json:
        """The ticket with its custom fields and all its follow-ups."""
        return await self._call("GET", f"tickets/{ticket}/")

    async def update_ticket(self, ticket: int, fields: Json) -> Json:
        """The changed ticket; the helpdesk tells no webhook about it."""
        return await self._call("PATCH", f"tickets/{ticket}/", fields)

    async def followups(self, ticket: int) -> list[Json]:
        """The ticket's follow-ups, oldest first; the API's own list of them cannot be narrowed to a ticket."""
        found = await self.get_ticket(ticket)
        return cast("list[Json]", found["followup_set"])

    async def add_followup(self, ticket: int, comment: str, *, public: bool, new_status: int | None = None) -> Json:
        """The new follow-up; it carries no title because that would rename the ticket."""
        body: Json = {"ticket": ticket, "comment": comment, "public": public}
        if new_status is not None:
            body["new_status"] = new_status
        return await self._call("POST", "followups/", body)

    async def add_file(self, ticket: int, comment: str, name: str, content: bytes, *, public: bool) -> Json:
        """The new follow-up with a file beside it; the helpdesk fails where it does not take that kind of file."""
        form = aiohttp.FormData({"ticket": str(ticket), "comment": comment, "public": str(public).lower()})
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        form.add_field("attachments", content, filename=name, content_type=kind)
        return await self._call("POST", "followups/", form=form)

    async def _call(
        self, method: str, path: str, body: Json | None = None, form: aiohttp.FormData | None = None
    ) -> Json:
        url = f"{self._helpdesk.url}/api/{path}"
        async with self._session.request(method, url, json=body, data=form, headers=self._headers) as response:
            if not response.ok:
                answer = (await response.text())[:300]
                message = f"{method} {path} answered {response.status}: {answer}"
                raise HelpdeskRefusedError(message)
            return cast("Json", await response.json())
