"""Levels: what needs a person is a warning or an error, so that ``grep -v info`` finds it, and nothing else does."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})

EVENTS = {
    # nobody need do anything: what was done, and what goes on by itself
    "asked to wait": "info",
    "call failed": "info",
    "credential changed": "info",
    "delivery": "info",
    "draining": "info",
    "forgotten": "info",
    "lane left": "info",
    "probed": "info",
    "reconciled": "info",
    "retired": "info",
    "starts not limited": "info",
    "starts resumed": "info",
    "ticket left": "info",
    "try again": "info",
    "unrecognised": "info",
    "web ready": "info",
    "web stopping": "info",
    "worked": "info",
    "worker ready": "info",
    "worker stopped": "info",
    # a person should look, or learns that it is over
    "breaker closed": "warning",
    "breaker opened": "warning",
    "buried": "warning",
    "file not served": "warning",
    "fuse tripped": "warning",
    "lease lost": "warning",
    "orphans dropped": "warning",
    "overloaded": "warning",
    "parked": "warning",
    "reconcile failed": "warning",
    "redis back": "warning",
    "refused delivery": "warning",
    "redis full": "warning",
    "redis has room": "warning",
    "rejected": "warning",
    "sender heard again": "warning",
    "sender silent": "warning",
    "set aside": "warning",
    "starts limited": "warning",
    "starts_per_hour reached": "warning",
    "starts paused": "warning",
    "too few open files": "warning",
    "waiting for jobs refused": "warning",
    # a person must do something, or it is a fault of ours
    "arq restarts": "error",
    "bug": "error",
    "credential refused": "error",
    "redis lost data": "error",
    "redis still unavailable": "error",
    "redis unavailable": "error",
    "task failed": "error",
    "unreadable": "error",
}
"""Every event that is logged, with its level. A new one chooses here; ``exception`` is an error with its traceback."""

DYNAMIC = {("bridge/proving.py", "warning"): "the words of bridge/proving.py: forged or old events of Jelou's"}
"""Where the event is no text in the code."""


def logged() -> Iterator[tuple[str, str, str]]:
    """Each (file, level, event) in the code; an event that is no text is empty."""
    for file in sorted([*ROOT.glob("bridge/**/*.py"), *ROOT.glob("workers/*.py")]):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                yield from ((str(file.relative_to(ROOT)), *one) for one in _calls(node))


def _calls(node: ast.Call) -> Iterator[tuple[str, str]]:
    of = node.func
    if not isinstance(of, ast.Attribute) or not node.args:
        return
    if of.attr == "_tell" and len(node.args) == 2:
        yield (ast.literal_eval(node.args[0]), ast.literal_eval(node.args[1]))
    holder = of.value.attr if isinstance(of.value, ast.Attribute) else ast.unparse(of.value)
    if of.attr in LEVELS and holder in {"log", "logger()"}:
        yield from ((of.attr, event) for event in _texts(node.args[0]))


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*_texts(body), *_texts(orelse))
        case _:
            yield ""


def test_every_event_has_its_level_in_the_table() -> None:
    """Whoever adds one says whether a person is to see it."""
    found = list(logged())
    assert len(found) > 30
    for file, level, event in found:
        if not event:
            assert (file, level) in DYNAMIC
            continue
        assert EVENTS.get(event) == ("error" if level == "exception" else level), (file, event)
