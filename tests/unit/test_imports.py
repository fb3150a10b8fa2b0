"""Imports point toward the pure core, each outside thing has its module, and dialects never see each other."""

from __future__ import annotations

import pytest

from bridge.helpdesks import REGISTRY
from tests.import_rules import DIALECTS, IMPORTERS, OWNERS, PURE, SEALED, broken, imports, ours, sources, within

TYPED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "


def test_no_module_breaks_the_rule() -> None:
    """The tables in ``tests/import_rules.py`` say why each exception is one."""
    assert [problem for module, source in sources().items() for problem in broken(module, source)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bridge.domain", "import asyncio"),
        ("bridge.domain", "import os.path"),
        ("bridge.links", "from time import monotonic"),
        ("bridge.links", "def f():\n    import socket"),
        ("bridge.jelou", "import aiohttp"),
        ("bridge.jelou", f"{TYPED}import aiohttp"),
        ("bridge.jelou", "from bridge.helpdesks import REGISTRY, zendesk"),
        ("bridge.translate", "from bridge.store import Store"),
        ("bridge.translate", f"{TYPED}from bridge.store import Store"),
        ("bridge.translate", "from datetime import datetime\ndatetime.now()"),
        ("bridge.timeline", "open('x')"),
        ("bridge.helpdesks.zendesk", "from bridge.helpdesks.standard_webhooks import StandardWebhooks"),
        ("bridge.helpdesks.reading", "from bridge.helpdesks import zendesk_events"),
        ("bridge.helpdesks.zendesk", "from . import reading"),
        ("bridge.helpdesks.newcomer", "import logging"),
        ("bridge.web", "from bridge.helpdesks.zendesk import Zendesk"),
        ("bridge.web", "from bridge.http import Http"),
        ("bridge.web", "from aiohttp import ClientSession"),
        ("bridge.web", "import redis.asyncio"),
        ("bridge.web", "from arq import create_pool"),
        ("bridge.wiring", "from config.load import load"),
        ("bridge.wiring", "import workers.main"),
        ("bridge.up", "from workers import main"),
        ("bridge.http", "from aiohttp import web"),
        ("bridge.serving", "from tests.harness import scene"),
        ("bridge.twins.jelou", "from bridge.signatures import jelou_signature"),
        ("workers.forward", "from bridge.twins.jelou import JelouTwin"),
        ("workers.forward", "import aiohttp"),
        ("workers.main", "from config.settings import Settings"),
        ("config.load", "from bridge.store import Store"),
        ("config.load", "import subprocess"),
    ],
)
def test_a_breach_is_found(module: str, source: str) -> None:
    """The check itself can fail: each rule, broken once, is reported with its module and line."""
    problems = broken(module, source)
    assert problems
    assert all(problem.startswith(f"{module}:{len(source.splitlines())} ") for problem in problems)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bridge.domain", "from __future__ import annotations\nfrom collections.abc import Mapping"),
        ("bridge.translate", f"from jinja2 import Template\n{TYPED}from bridge.accounts import Account"),
        ("bridge.helpdesks.zendesk", "from bridge.helpdesks import reading, zendesk_events"),
        ("bridge.helpdesks.zendesk_events", "from bridge.helpdesks.labels import label"),
        ("bridge.helpdesks", "from bridge.helpdesks.zendesk import Zendesk"),
        ("bridge.trace", f"{TYPED}from bridge.store import Store"),
        ("bridge.queue", f"{TYPED}from redis.asyncio import ConnectionPool"),
        ("bridge.web", "from aiohttp import web"),
        ("bridge.wiring", "from redis.asyncio import Redis\nfrom bridge.store import Store"),
        ("bridge.cli", "from config.load import load\nimport os"),
        ("workers.__main__", "from config.load import load"),
        ("workers.lanes", "import asyncio\nfrom workers.ticket import work_ticket"),
        ("bridge.twins.jelou", "import socket\nfrom bridge.lifeline import die_with_parent"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, source: str) -> None:
    """The core, a dialect's own parts, type-only names at the edges, and each thing's own module."""
    assert broken(module, source) == []


def test_imports_are_found_wherever_they_stand() -> None:
    """Under TYPE_CHECKING they are told apart, in its else branch, in functions and in try they count."""
    source = f"import a\n{TYPED}import b\nelse:\n    import c\ntry:\n    from d import e\nexcept E:\n    import f.g"
    assert [(one.name, one.typing) for one in imports(source)] == [
        ("a", False),
        ("typing.TYPE_CHECKING", False),
        ("b", True),
        ("c", False),
        ("d.e", False),
        ("f.g", False),
    ]


def test_the_tables_name_what_exists() -> None:
    """A module that was renamed or removed does not leave its exception behind."""
    known = sources()
    named = {*PURE, *SEALED, *IMPORTERS, *(owner for owners in OWNERS.values() for owner in owners)}
    named |= {module for modules in IMPORTERS.values() for module in modules}
    assert {name for name in named - {"tests"} if name not in known} == set()


def test_every_exception_is_needed() -> None:
    """An owner that no longer imports its library is taken off the table."""
    used = {(module, one.name) for module, source in sources().items() for one in imports(source) if not one.typing}
    idle = [
        (library, owner)
        for library, owners in OWNERS.items()
        for owner in owners
        if not any(within(module, owner) and within(name, library) for module, name in used)
    ]
    assert idle == []


def test_every_dialect_of_the_registry_is_kept_apart() -> None:
    """A new helpdesk is named here, so that the rule knows it."""
    assert {kind.replace("-", "_") for kind in REGISTRY} == set(DIALECTS)


def test_every_module_of_ours_that_is_imported_exists() -> None:
    """The rule sees the names it judges: none of them is misspelt or generated."""
    known = sources()
    strange = {
        one.name
        for source in known.values()
        for one in imports(source)
        if ours(one.name) and one.name not in known and one.name.rpartition(".")[0] not in known
    }
    assert strange == set()
