"""``bridge integration``: Jelou's own set-up, and its signing secret put where the configuration reads it."""

from __future__ import annotations

import os
import re
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import urlsplit

import typer

from bridge.cli_secret import Kept, say
from bridge.integrating import Integrating, warnings
from bridge.terminal import ConfigOption, JsonOption, print_json, run, tell_error
from bridge.wiring import http_on, store_on, wall_clock_ms
from config.project import load_project
from config.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bridge.integrating import Made
    from bridge.jelou_integration import Integration
    from bridge.rotations import Rotation
    from config.project import ProjectAlone

T = TypeVar("T")

UNHEARD = 3
"""The exit code where Redis, and so the running processes, know nothing of a secret."""

UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}

integration = typer.Typer(no_args_is_help=True, help="Jelou's integration: where its events go, and their secret.")


def _duration_ms(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", str(text))
    if not found:
        message = "write it like 24h, 90m or 2d"
        raise typer.BadParameter(message)
    return int(found[1]) * UNITS_MS[found[2]]


ProjectOption = Annotated[str, typer.Option("--project", help="Which of several projects, by its name in the file.")]
UrlOption = Annotated[str, typer.Option("--url", help="The bridge's public address: https://bridge.example.com")]
PrintOption = Annotated[bool, typer.Option("--print", help="Show the secret instead of writing it to its file.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
GraceOption = Annotated[
    int, typer.Option("--grace", parser=_duration_ms, metavar="24h", help="How long old and new are accepted.")
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Tell no running process: where none runs, or Redis is not reached from here.")
]


# --- commands --------------------------------------------------------------------------------------------------------


@integration.command()
def create(
    url: UrlOption,
    project: ProjectOption = "",
    config: ConfigOption = None,
    to_print: PrintOption = False,
    grace: GraceOption = "24h",  # type: ignore[assignment]
    as_json: JsonOption = False,
) -> None:
    """Make it at Jelou, and put its signing secret where the configuration reads it."""
    told = _project(config, project)
    webhook, kept = _webhook(url, told.name), Kept(told.places, to_print=to_print, quiet=as_json)
    made = _with(config, told, lambda steps: steps.create(webhook, grace, kept))
    _say_made(told, made, kept, as_json=as_json)


@integration.command("rotate-secret")
def rotate_secret(
    project: ProjectOption = "",
    config: ConfigOption = None,
    grace: GraceOption = "24h",  # type: ignore[assignment]
    to_print: PrintOption = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make its signing secret anew. Running processes accept the new one at once, the old one for the grace time."""
    told = _project(config, project)
    kept = Kept(told.places, to_print=to_print, quiet=as_json)
    made = _with(config, told, lambda steps: steps.rotate(grace, kept), offline=offline)
    _say_made(told, made, kept, as_json=as_json)
    if not (made.until_ms or offline):
        message = (
            "Jelou has the new secret; Redis did not take it: restart web and worker now, with the new configuration"
        )
        tell_error(f"{made.unheard}\n{message}" if made.unheard else message)
        raise typer.Exit(UNHEARD)


@integration.command()
def show(project: ProjectOption = "", config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What Jelou has, when the secret was made anew, and when the old one was last used."""
    told = _project(config, project)
    shown = _with(config, told, lambda steps: steps.show())
    found = list(warnings(told.name, told.project, shown))
    if as_json:
        print_json({**_facts(told, shown.integration), "secret": _secret_facts(shown.rotation), "warnings": found})
        return
    _say(told, shown.integration)
    for line in (*_secret_lines(shown.rotation), *(f"warning: {one}" for one in found)):
        say(f"  {line}")


@integration.command()
def update(
    project: ProjectOption = "",
    config: ConfigOption = None,
    url: UrlOption = "",
    auth: Annotated[bool, typer.Option("--auth", help="Have Jelou present what webhook_auth now says.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change where events go, or what Jelou presents with them.

    From one token to another without losing an event: webhook_auth no_auth, restart, update --auth; then the new one.
    """
    if not (url or auth):
        message = "say what to change: --url, --auth or both"
        raise typer.BadParameter(message)
    told = _project(config, project)
    webhook = _webhook(url, told.name) if url else ""
    changed = _with(config, told, lambda steps: steps.update(webhook, auth=auth))
    if as_json:
        print_json(_facts(told, changed))
    else:
        _say(told, changed)


@integration.command()
def delete(
    project: ProjectOption = "", config: ConfigOption = None, yes: YesOption = False, as_json: JsonOption = False
) -> None:
    """Remove it at Jelou: no event comes any more. Cannot be undone. With --json nothing is asked; --yes is needed."""
    told = _project(config, project)
    if as_json and not yes:
        message = "add --yes: with --json nothing is asked"
        raise typer.BadParameter(message)
    if not yes:
        typer.confirm(f"remove the integration of {told.name} ({told.project.project_id}) at Jelou?", abort=True)
    _with(config, told, lambda steps: steps.delete())
    if as_json:
        print_json({"project": told.name, "deleted": True})
    else:
        say(f"{told.name}: removed at Jelou; no event comes any more")


# --- what they share -------------------------------------------------------------------------------------------------


def _project(config: Path | None, name: str) -> ProjectAlone:
    return load_project(read_settings(config=config).config, name, os.environ)


def _with(
    config: Path | None, told: ProjectAlone, step: Callable[[Integrating], Awaitable[T]], *, offline: bool = False
) -> T:
    settings = read_settings(config=config)

    async def opened() -> T:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(http_on())
            place = (settings.redis_url.get_secret_value(), settings.redis_prefix)
            store = None if offline else await stack.enter_async_context(store_on(*place, connections=2))
            rotations = store.rotations if store else None
            return await step(Integrating(told.name, told.project, http.send, rotations, wall_clock_ms))

    return run(opened())


def _webhook(url: str, name: str) -> str:
    """Jelou wants HTTPS; plain HTTP is for a twin on this machine."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or local):
        message = "the bridge's own address from outside, like https://bridge.example.com"
        raise typer.BadParameter(message, param_hint="--url")
    return f"{url.rstrip('/')}/webhooks/jelou/{name}"


# --- printing --------------------------------------------------------------------------------------------------------


def _say_made(told: ProjectAlone, made: Made, kept: Kept, *, as_json: bool) -> None:
    if as_json:
        kept_in = {"secret": kept.shown or None, "secret_is_in": None if kept.shown else str(told.places[0].where)}
        print_json({**_facts(told, made.integration), **kept_in, "accepted_until": _iso(made.until_ms)})
        return
    _say(told, made.integration)
    if made.until_ms:
        say(f"  running processes accept the new secret now, and the old one too, until {_when(made.until_ms)}:")
        say("  restart web and worker with the new configuration before that")
    else:
        say("  running processes know the new secret after a restart with the new configuration")


def _say(told: ProjectAlone, found: Integration) -> None:
    say(f"{told.name}: project {told.project.project_id}")
    for name, value in asdict(found).items():
        if value and name != "secret":
            say(f"  {name.replace('_', ' ')}: {value}")


def _facts(told: ProjectAlone, found: Integration) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(found).items() if name != "secret"}
    return {"project": told.name, "project_id": told.project.project_id, **facts}


def _secret_facts(rotation: Rotation | None) -> dict[str, Any] | None:
    if rotation is None:
        return None
    times = {
        "made_at": rotation.rotated_ms,
        "handed_over_until": rotation.until_ms,
        "old_last_used_at": rotation.old_used_ms,
        "last_lacked_at": rotation.lacked_ms,
    }
    return {name: _iso(at_ms) for name, at_ms in times.items()}


def _secret_lines(rotation: Rotation | None) -> list[str]:
    if rotation is None or not rotation.rotated_ms:
        return []
    ends = "handed over until" if rotation.until_ms > wall_clock_ms() else "the grace time ended"
    used = f"last used {_when(rotation.old_used_ms)}" if rotation.old_used_ms else "not used since"
    lacked = f"a running process lacked it {_when(rotation.lacked_ms)}: restart web and worker"
    return [
        f"secret made: {_when(rotation.rotated_ms)}; {ends} {_when(rotation.until_ms)}",
        f"the one before it: {used}",
        *([lacked] if rotation.lacked_ms else []),
    ]


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _iso(at_ms: int) -> str | None:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat() if at_ms else None
