"""``bridge reconcile``: what no webhook brought is looked for in the helpdesk's own list, and fed."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from bridge.reconcile_once import reconcile_once
from bridge.terminal import ConfigOption, JsonOption, print_json, run, screen, settings_and_bridge
from bridge.wiring import opened

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.accounts import Bridge
    from bridge.reconcile_once import Reconciled

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

SinceOption = Annotated[str, typer.Option("--since", help="How far to look back: 30m, 2h, 1d.")]
AccountOption = Annotated[str, typer.Option("--account", help="kind/account, for example zendesk/acme.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Ask and compare; write nothing.")]


def reconcile(
    account: AccountOption,
    since: SinceOption = "2h",
    config: ConfigOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look for what no webhook brought: ask the helpdesk what has changed, and work what is missing.

    What is known is left alone, and what was forgotten stays forgotten. Tickets are started however long ago they were
    opened within that time. Exit code 1 where the helpdesk could not be asked for all of it.
    """
    since_s = seconds(since)
    told = run(_look(config, account, since_s, dry_run=dry_run))
    if as_json:
        print_json(asdict(told))
    else:
        _show(told)
    if told.looked.problem:
        raise typer.Exit(1)


def seconds(text: str, option: str = "--since") -> int:
    """A time as people write it. Raises BadParameter."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if not found or not int(found[1]):
        message = f"{text} is no time: write 30m, 2h or 1d"
        raise typer.BadParameter(message, param_hint=option)
    return int(found[1]) * UNITS[found[2]]


async def _look(config: Path | None, account: str, since_s: int, *, dry_run: bool) -> Reconciled:
    settings, bridge = settings_and_bridge(config)
    _configured(bridge, account)
    url, prefix = settings.redis_url.get_secret_value(), settings.redis_prefix
    async with opened(bridge, url, prefix=prefix, confirm=settings.redis_confirm) as app:
        return await reconcile_once(app, account, since_s, dry_run=dry_run)


def _configured(bridge: Bridge, account: str) -> None:
    known = [f"{kind}/{name}" for kind, named in bridge.helpdesks.items() for name in named]
    if account not in known:
        message = f"no account {account}; configured: {', '.join(known)}"
        raise typer.BadParameter(message, param_hint="--account")


def _show(told: Reconciled) -> None:
    looked = told.looked
    if looked.missed:
        table = Table("ticket", "event", "done", box=None)
        for one in looked.missed:
            table.add_row(one.ticket, one.event, one.done)
        screen.print(table)
    for line in _lines(told):
        screen.print(line, highlight=False, markup=False)


def _lines(told: Reconciled) -> list[str]:
    looked, would = told.looked, "would be " if told.looked.dry_run else ""
    counts: dict[str, Any] = {
        "tickets had changed": looked.tickets,
        f"events {would}fed": looked.fed,
        "left": looked.left,
        "known": looked.known,
        "forgotten": looked.forgotten,
        f"open conversations {would}asked for": len(told.doubted),
    }
    lines = [", ".join(f"{count} {what}" for what, count in counts.items())]
    if told.silence:
        quiet = timedelta(seconds=told.silence["for_s"])
        lines.append(f"silent: no webhook for {quiet}, normally {told.silence['usual']} in that time")
    return [*lines, *([f"not complete: {looked.problem}"] if looked.problem else [])]
