"""``bridge helpdesks``: the kinds there are and how to connect each."""

from __future__ import annotations

import inspect
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from bridge.capabilities import COLUMNS, capabilities, row
from bridge.helpdesks import REGISTRY
from bridge.terminal import JsonOption, print_json, screen
from config.mappings import KIND as GENERIC
from config.mappings import data_of, shipped, title_of
from config.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.capabilities import Capabilities
    from bridge.ports import Helpdesk

KindArgument = Annotated[str, typer.Argument(help="One kind or mapping: how to connect it. Else all are listed.")]


def helpdesks(kind: KindArgument = "", as_json: JsonOption = False) -> None:
    """List the helpdesks that can be connected and what each can do, or tell how to connect one."""
    if kind:
        screen.print(guide(kind), highlight=False, markup=False)
        return
    found = list(_known())
    if as_json:
        print_json([asdict(known) | {"about": about} for known, about in found])
        return
    table = Table(*(Column(name, no_wrap=True) for name in COLUMNS), box=None)
    for known, _ in found:
        table.add_row(*row(known))
    screen.print(table)
    screen.print("bridge helpdesks KIND tells how to connect it; bridge init writes its account.", highlight=False)


def _known() -> Iterator[tuple[Capabilities, str]]:
    """What each kind and mapping can do where its account has everything filled in, and what it is."""
    for kind, dialect in sorted(REGISTRY.items()):
        if kind != GENERIC:
            yield capabilities(dialect, sample(dialect.settings)), _about(dialect)
    for name, path in shipped().items():
        generic = REGISTRY[GENERIC]
        yield capabilities(generic, sample(generic.settings, data_of(path)), name), title_of(path)


def _module_text(dialect: Helpdesk) -> str:
    return inspect.getdoc(inspect.getmodule(type(dialect))) or ""


def _about(dialect: Helpdesk) -> str:
    return _module_text(dialect).partition("\n")[0]


def guide(kind: str) -> str:
    """How to connect this kind, or the mapping itself. Raises BadParameter."""
    if kind in REGISTRY:
        # What is pasted into a trigger stands where it is read.
        told = sys.modules.get(f"{type(REGISTRY[kind]).__module__}_events")
        return "\n\n".join(filter(None, (_module_text(REGISTRY[kind]), inspect.getdoc(told) if told else "")))
    if kind in shipped():
        return shipped()[kind].read_text(encoding="utf-8")
    message = f"no helpdesk {kind}; known: {', '.join([*sorted(REGISTRY), *shipped()])}"
    raise typer.BadParameter(message, param_hint="KIND")
