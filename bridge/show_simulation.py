"""A simulation for a terminal, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from rich.text import Text

from bridge.domain import AgentReplied, TicketOpened
from bridge.masking import masked_call, secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.accounts import Bridge
    from bridge.domain import TicketEvent
    from bridge.simulation import Planned, Simulation, Step


def told_as_json(told: Simulation, missing: Sequence[str], bridge: Bridge) -> dict[str, Any]:
    """All of it, for programs."""
    secrets = list(secrets_in(bridge))
    return {
        "good": told.is_good and not missing,
        "proof": told.proof,
        "problem": told.problem,
        "delivery_id": told.delivery_id,
        "missing": list(missing),
        "events": [_step(step, secrets) for step in told.steps],
    }


def _step(step: Step, secrets: list[str]) -> dict[str, Any]:
    calls = [{"what": one.what, **masked_call(one.call, secrets)} for one in step.calls]
    told = {"type": step.event.type, "ticket": str(step.event.ref or ""), "fact": step.event.fact}
    return {**told, "event": _event(step.event), "decided": step.lines, "problem": step.problem, "calls": calls}


def _event(event: TicketEvent) -> dict[str, Any]:
    """What was read, without what stands beside it already."""
    values = {name: value for name, value in asdict(event).items() if name not in {"ref", "fact", "ticket"}}
    if isinstance(event, TicketOpened):
        return {**values, "partial": event.ticket.partial, "ticket": dict(event.ticket.fields)}
    return values


def shown(told: Simulation, missing: Sequence[str], bridge: Bridge) -> Iterator[Text]:
    """All of it, line by line."""
    secrets = list(secrets_in(bridge))
    yield _line("proof", told.proof)
    if told.delivery_id:
        yield _line("delivery id", told.delivery_id)
    if told.problem:
        yield _line("refused", told.problem, "bold red")
    for step in told.steps:
        yield from _shown(step, secrets)
    for one in missing:
        yield _line("missing", f"{one} was expected and is not told", "bold red")


def _shown(step: Step, secrets: list[str]) -> Iterator[Text]:
    event = step.event
    yield Text()
    yield _line(event.type, f"{event.ref or 'no ticket'}  fact {event.fact}", "bold")
    yield from (_line(f"  {name}", value) for name, value in _fields(event))
    yield from (_line("  ->", one, "cyan") for one in step.lines)
    if step.problem:
        yield _line("  problem", step.problem, "bold red")
    for number, one in enumerate(step.calls, 1):
        yield from _call(number, one, secrets)


def _fields(event: TicketEvent) -> Iterator[tuple[str, str]]:
    if isinstance(event, TicketOpened):
        for name, value in event.ticket.fields.items():
            yield name, value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    elif isinstance(event, AgentReplied):
        yield "comment", f"{event.comment_id or '(no id)'}, {'public' if event.public else 'private'}, {event.markup}"
        yield "text", " ".join(event.text.split())[:200] or "(none)"
    else:
        yield from ((name, str(value)) for name in ("status", "told") if (value := getattr(event, name, "")))


def _call(number: int, planned: Planned, secrets: list[str]) -> Iterator[Text]:
    call = masked_call(planned.call, secrets)
    yield _line(f"  {number}.", planned.what, "green")
    yield Text(f"      {call['method']} {call['url']}")
    for name, value in call["headers"].items():
        yield Text(f"      {name}: {value}", "dim")
    if "body" in call:
        body = call["body"]
        text = body if isinstance(body, str) else orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
        yield from (Text(f"      {line}") for line in text.splitlines())


def _line(name: str, value: str, style: str = "") -> Text:
    return Text.assemble((f"{name}  ", style or "bold"), value)
