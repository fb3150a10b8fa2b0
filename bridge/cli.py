"""The command line: ``bridge COMMAND``. Every command that prints has ``--json``."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
import uvloop

from bridge import logs, show
from bridge.cli_accounts import accounts, pause, resume, start_limit
from bridge.cli_decide import decide
from bridge.cli_deliveries import deliveries
from bridge.cli_desk import dead_letters, orphans
from bridge.cli_doctor import doctor
from bridge.cli_forget import forget
from bridge.cli_helpdesks import helpdesks
from bridge.cli_init import init
from bridge.cli_integration import integration
from bridge.cli_reconcile import reconcile
from bridge.cli_simulate import simulate_delivery
from bridge.demo import Demo
from bridge.errors import BridgeError, ConfigError, StoreUnavailable
from bridge.health import check as alive
from bridge.heartbeats import own_version
from bridge.redis_errors import RAW, code
from bridge.serving import Place
from bridge.serving import serve as serve_web
from bridge.terminal import Commands, ConfigOption, JsonOption, bridge_of, kinds, print_json, run, screen, tell_error
from bridge.trace import refused_of, trace_of
from bridge.unasked import KIND
from bridge.up import up as run_up
from bridge.wiring import store_on, wall_clock_ms
from config.report import bad, good
from config.schema import json_schema
from config.settings import Settings, read_settings

if TYPE_CHECKING:
    from bridge.store import Store

T = TypeVar("T")

USAGE, UNAVAILABLE, NOT_FOUND = 2, 3, 1

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The bridge between a helpdesk and Jelou: tickets become conversations, conversations find their tickets.",
)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(orphans, name="orphans")
app.add_typer(integration, name="integration")
app.add_typer(accounts, name="accounts")
app.command()(pause)
app.command()(resume)
app.command("start-limit")(start_limit)
app.command()(decide)
app.command()(forget)
app.command()(reconcile)
app.command()(init)
app.command()(helpdesks)
app.command()(deliveries)
app.command()(doctor)
app.command("simulate")(simulate_delivery)


def _version(asked: bool) -> None:
    if asked:
        screen.print(own_version(), highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """What every command has."""


def main() -> None:
    """The entry point: errors of ours become one line and an exit code."""
    try:
        app()
    except ConfigError as error:
        _end(str(error), USAGE)
    except StoreUnavailable as error:
        _end(str(error), UNAVAILABLE)
    except BridgeError as error:
        _end(str(error), 1)
    except RAW as error:
        # Not by its text: that may hold a command, and so a secret.
        _end(f"Redis: {code(error)}", UNAVAILABLE)


def _end(text: str, code: int) -> None:
    tell_error(text)
    raise SystemExit(code)


# --- processes -------------------------------------------------------------------------------------------------------


@app.command()
def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; else BRIDGE_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; else BRIDGE_PORT.")] = None,
) -> None:
    """Run the web process: webhooks, API, probes, metrics."""
    settings = read_settings(config=config, port=port, host=host)
    bridge = bridge_of(settings)
    logs.configure(settings.log_level, settings.log_format)
    url = settings.redis_url.get_secret_value()
    place = Place(
        redis_url=url,
        prefix=settings.redis_prefix,
        host=settings.host,
        port=settings.port,
        confirm=settings.redis_confirm,
        linger_s=settings.linger_s,
        admin_host=settings.admin_host,
        admin_port=settings.admin_port,
    )
    uvloop.run(serve_web(bridge, place))


@app.command()
def worker(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address for probes and metrics; else BRIDGE_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port for probes and metrics; else BRIDGE_PORT.")] = None,
) -> None:
    """Run a worker process: queued events become calls."""
    # Nothing in bridge/ imports the workers, so this process becomes theirs.
    settings = read_settings(config=config, port=port, host=host)
    environ = {"BRIDGE_CONFIG": str(settings.config), "BRIDGE_PORT": str(settings.port), "BRIDGE_HOST": settings.host}
    os.execve(sys.executable, [sys.executable, "-m", "workers"], {**os.environ, **environ})  # noqa: S606 - ourselves


@app.command()
def up(
    config: ConfigOption = None,
    port: Annotated[int | None, typer.Option(help="Port of the webhooks; else BRIDGE_PORT.")] = None,
    data: Annotated[Path, typer.Option(help="Where the embedded server keeps its data.")] = Path("data"),
) -> None:
    """Run all on this machine: the embedded server, the web and a worker. Enough for a small company."""
    settings = read_settings(config=config, port=port)
    bridge_of(settings)
    uvloop.run(run_up(settings.config, data, settings.port, screen, settings.admin_port))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after one whole case; exit code 0 if it worked.")] = False,
    helpdesk: Annotated[str, typer.Option(help="zendesk (a twin) or django (a real django-helpdesk).")] = "zendesk",
    port: Annotated[int, typer.Option(help="Port of the webhooks; 0 takes a free one.")] = 0,
) -> None:
    """Show the main job with everything embedded: a ticket goes in, the conversation starts, the note is on it."""
    if helpdesk not in {"zendesk", "django"}:
        message = "choose zendesk or django"
        raise typer.BadParameter(message, param_hint="--helpdesk")
    worked = uvloop.run(Demo(screen, helpdesk=helpdesk, port=port).run(once=once))
    raise typer.Exit(0 if worked else 1)


@app.command()
def health(
    host: Annotated[str | None, typer.Option(help="Address the process listens on; else BRIDGE_HOST.")] = None,
    port: Annotated[str | None, typer.Option(help="Port the process listens on; else BRIDGE_PORT.")] = None,
) -> None:
    """Exit code 0 when the process on this machine is alive: for a container's health check."""
    raise typer.Exit(alive(host, port))


# --- configuration ---------------------------------------------------------------------------------------------------


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the configuration: every mistake at once, with key, line and fix."""
    settings = read_settings(config=config)
    try:
        report = good(str(settings.config), bridge_of(settings))
    except ConfigError as error:
        report = bad(str(settings.config), error)
    if as_json:
        print_json(report.as_dict())
    else:
        for one in report.as_lines():
            screen.print(one, highlight=False, markup=False)
    raise typer.Exit(USAGE if report.mistakes else 0)


@app.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    print_json(json_schema(kinds()))


# --- tickets and accounts --------------------------------------------------------------------------------------------


def _with_store(settings: Settings, step: Callable[[Store], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with store_on(settings.redis_url.get_secret_value(), settings.redis_prefix, connections=2) as store:
            return await step(store)

    return run(opened())


TicketArgument = Annotated[
    str, typer.Argument(help="A ticket's id; account/id or kind/account/id where several have it.")
]


@app.command()
def trace(ticket: TicketArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Where is this ticket, and why: everything that happened to it, in both directions, in order."""
    settings = read_settings(config=config)
    bridge = bridge_of(settings)
    accounts = [f"{kind}/{name}" for kind, named in bridge.helpdesks.items() for name in named]

    async def look(store: Store) -> tuple[list[dict[str, Any]], list[str]]:
        # A conversation that no ticket asked for is known by its own name.
        known = [*accounts, *(f"{KIND}/{project}" for project in bridge.jelou)]
        named = [account for account in known if ticket.startswith((f"{account}/", f"{account.split('/')[1]}/"))]
        ticket_id = ticket.split(f"{named[0].split('/')[1]}/", 1)[1] if named else ticket
        looked = named or await store.known_by(ticket, known)
        found = [await trace_of(store, bridge, account, ticket_id) for account in looked]
        found = [told for told in found if told["known"]]
        # Nothing of a refused delivery is known as a ticket's: it may be why this one is not.
        refused = [] if found else await refused_of(store, named or accounts, ticket_id, wall_clock_ms())
        return found, refused

    found, refused = _with_store(settings, look)
    if as_json:
        print_json(found)
    else:
        for told in found:
            show.trace(screen, told)
    if not found:
        says = "; ".join([f"no ticket {ticket} is known", *refused])
        _end(f"{says}; accounts: {', '.join(accounts)}", NOT_FOUND)
