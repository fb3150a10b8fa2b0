"""``bridge doctor``: is all well, and where not, what is to be done."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bridge.doctor import Facts, examined, exit_code
from bridge.errors import ConfigError
from bridge.examining import examine
from bridge.heartbeats import configuration_hash
from bridge.terminal import ConfigOption, JsonOption, bridge_of, print_json, run, screen
from bridge.wiring import store_on, wall_clock_ms
from config.advice import warnings
from config.settings import read_settings

if TYPE_CHECKING:
    from bridge.accounts import Bridge
    from bridge.doctor import Finding
    from config.settings import Settings


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Look at everything and say what is wrong and how to repair it. Exit code 0: all ok; 1: warnings; 2: errors."""
    settings = read_settings(config=config)
    bridge, known = _configured(settings)

    async def look() -> Facts:
        async with store_on(settings.redis_url.get_secret_value(), settings.redis_prefix, connections=4) as store:
            return await examine(store, bridge, known, wall_clock_ms)

    findings = examined(run(look()))
    if as_json:
        print_json({"ok": not exit_code(findings), "findings": list(map(asdict, findings))})
    else:
        for one in findings:
            screen.print(_line(one), markup=False, highlight=False)
    raise typer.Exit(exit_code(findings))


def _configured(settings: Settings) -> tuple[Bridge | None, Facts]:
    try:
        bridge = bridge_of(settings)
    except ConfigError as error:
        return None, Facts(failed={"advice": "; ".join(map(str, error.mistakes)) or str(error)})
    return bridge, Facts(advice=tuple(map(str, warnings(bridge))), configuration=configuration_hash(bridge))


def _line(one: Finding) -> str:
    return f"{one.level:<7}  {one.name}: {one.fact}" + (f". Fix: {one.fix}" if one.fix else "")
