"""Rules on a ticket's fields: which tickets start a conversation, and who attends it. Pure.

A condition compares texts without regard to case; a list in the ticket (tags) matches when any of its values does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.domain import Assignment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account, AssignTo, Condition
    from bridge.domain import Ticket


def value_at(fields: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None where any step is missing."""
    found: Any = fields
    for step in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(step)
    return found


def _text(value: Any) -> str:
    """As a rule writes it: YAML's and JSON's true and false are the same word."""
    return str(value).strip().casefold()


def _texts(value: Any) -> set[str]:
    if value is None:
        return set()
    return {_text(one) for one in value} if isinstance(value, list | tuple) else {_text(value)}


def matches(condition: Condition, fields: Mapping[str, Any]) -> bool:
    """Whether every field of the condition has one of its wanted values. An empty condition matches everything."""
    return all(_texts(wanted) & _texts(value_at(fields, path)) for path, wanted in condition.items())


def _named(name: str, kind: str, number: int) -> str:
    return name or f"{kind} {number}"


def start_rule(account: Account, ticket: Ticket, now_ms: int) -> tuple[str, str]:
    """``(rule, "")`` when the ticket is to start a conversation, else ``("", why not)``.

    A ticket whose creation time is not told is taken as created now: the helpdesk just told us that it was opened.
    """
    if not account.start_when:
        return "", "the account has no start_when rule: starting is opt-in"
    age_s = (now_ms - (ticket.created_ms or now_ms)) / 1000
    too_old = False
    for number, rule in enumerate(account.start_when, 1):
        if not matches(rule.when, ticket.fields):
            continue
        if age_s <= rule.max_age_s:
            return _named(rule.name, "start rule", number), ""
        too_old = True
    return "", "older than max_age_s of the matching rule" if too_old else "no start_when rule matches"


def assignment(account: Account, ticket: Ticket) -> tuple[Assignment | None, str]:
    """Who attends the conversation, and the name of the rule that decided."""
    for number, rule in enumerate(account.assignment, 1):
        if matches(rule.when, ticket.fields):
            return _to(rule.to), _named(rule.name, "assignment rule", number)
    if account.default_assignment:
        return _to(account.default_assignment), "default"
    return None, "none"


def _to(to: AssignTo) -> Assignment:
    return Assignment(to.type, to.target)
