"""What one field alone cannot tell: names that lead nowhere, templates that do not compile, waits that are too short.

Works on the file's data as it stands, so that these are told together with every other mistake. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError, TemplateSyntaxError

from bridge.accounts import Project
from bridge.translate import compiled
from config.explanations import hidden
from config.shape import did_you_mean
from config.tree import spell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.accounts import Account
    from config.shape import Shape
    from config.tree import Key

_TEMPLATE_FIX = "write it like Hello {{ requester.name }}, about {{ ticket.subject }}"


@dataclass(frozen=True, slots=True)
class _Written:
    """An account as written in the file, with its project's section (empty where that is not there)."""

    key: Key
    account: Mapping[str, Any]
    project: Mapping[str, Any]
    kind: type[Account] | None


def crosscheck(shape: Shape, kinds: Mapping[str, type[Account]], lease_s: float) -> None:
    """Note in ``shape`` the mistakes between the fields. ``lease_s`` is how long a claim holds a ticket."""
    for written in _accounts(shape.data, kinds):
        _project(shape, written)
        _wait(shape, written, lease_s)
        for inner, text in _templates(written.account):
            _template(shape, (*written.key, *inner), text)
    for name, project in _section(shape.data, "jelou").items():
        _unasked(shape, ("jelou", name, "unasked"), name, _section(project, "unasked"))


def _templates(account: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    """Every template of an account, where it stands."""
    yield ("initial_message",), account.get("initial_message")
    yield ("goodbye",), account.get("goodbye")
    yield ("reopen", "initial_message"), _section(account, "reopen").get("initial_message")
    parameters = _section(account, "template").get("parameters")
    for number, text in enumerate(parameters if isinstance(parameters, list) else ()):
        yield ("template", "parameters", number), text


def _project(shape: Shape, written: _Written) -> None:
    name, projects = written.account.get("project"), _section(shape.data, "jelou")
    if isinstance(name, str) and name not in projects:
        _note(shape, (*written.key, "project"), "names no project under jelou", did_you_mean(name, projects))


def _unasked(shape: Shape, key: Key, project: str, unasked: Mapping[str, Any]) -> None:
    _template(shape, (*key, "subject"), unasked.get("subject"), "write it like Conversation with {{ name }}")
    found = _section(shape.data, "helpdesks").items()
    named = {f"{kind}/{one}": account for kind, accounts in found for one, account in _items(accounts)}
    wanted = unasked.get("account")
    if not wanted or not isinstance(wanted, str):
        return
    if wanted not in named:
        _note(shape, (*key, "account"), "names no account under helpdesks", did_you_mean(wanted, named))
    elif isinstance(named[wanted], dict) and named[wanted].get("project") != project:
        fix = f"name an account whose project is {project}"
        _note(shape, (*key, "account"), "names an account of another project", fix)


def _items(found: Any) -> list[tuple[str, Any]]:
    return [(str(name), one) for name, one in found.items()] if isinstance(found, dict) else []


def _note(shape: Shape, key: Key, problem: str, fix: str, *else_lines: Key) -> None:
    if key not in shape.settled:
        shape.mistake(key, shape.line(key, *else_lines), problem, fix)


def _section(data: Any, key: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _accounts(data: Any, kinds: Mapping[str, type[Account]]) -> Iterator[_Written]:
    for kind, accounts in _section(data, "helpdesks").items():
        for name, account in accounts.items() if isinstance(accounts, dict) else ():
            if isinstance(account, dict):
                project = _section(_section(data, "jelou"), str(account.get("project")))
                yield _Written(("helpdesks", kind, name), account, project, kinds.get(kind))


def _wait(shape: Shape, written: _Written, lease_s: float) -> None:
    """Before the wait ends, the call must have ended and its claim too: else a retry could overtake the first try."""
    if not (written.kind and written.project):
        return
    unset_s = written.kind.model_fields["unknown_start"].default.wait_s
    wait_s = _number(_section(written.account, "unknown_start"), "wait_s", unset_s)
    timeout_s = _number(written.project, "start_timeout_s", Project.model_fields["start_timeout_s"].default)
    if not wait_s <= timeout_s + lease_s:
        return
    timeout_key: Key = ("jelou", written.account["project"], "start_timeout_s")
    problem = f"{wait_s:g} is not longer than start_timeout_s {timeout_s:g} + {lease_s:g} for the ticket's lease"
    fix = f"set wait_s above {timeout_s + lease_s:g}, or lower {spell(timeout_key)}"
    _note(shape, (*written.key, "unknown_start", "wait_s"), problem, fix, timeout_key)


def _number(section: Mapping[str, Any], key: str, default: float) -> float:
    """The number, or one that no comparison holds for where it is none: that has its own mistake."""
    try:
        return float(section.get(key, default))
    except (TypeError, ValueError, OverflowError):
        return nan


def _template(shape: Shape, key: Key, text: Any, fix: str = _TEMPLATE_FIX) -> None:
    """Compile it as it will be compiled for a ticket."""
    try:
        compiled(text if isinstance(text, str) else "")
    except TemplateSyntaxError as error:
        why = hidden(error.message or "syntax error", shape.secrets)
        _note(shape, key, f"the template does not compile, on its line {error.lineno}: {why}", fix)
    except (TemplateError, SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        _note(shape, key, "the template does not compile", fix)
