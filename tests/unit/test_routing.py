"""Rules on a ticket's fields: what matches, what starts a conversation, and who attends it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Account
from bridge.domain import Assignment, Ticket, TicketRef
from bridge.routing import assignment, matches, start_rule, value_at

NOW_MS = 1_800_000_000_000
FIELDS: dict[str, Any] = {
    "id": "7",
    "priority": "high",
    "tags": ["VIP", "billing"],
    "requester": {"name": "Ana", "phone": None},
    "custom": {"plan": "Gold", "seats": 5, "trial": True, "score": 1.5},
}


def ticket(*, age_s: float = 1.0, created_ms: int | None = None, **fields: Any) -> Ticket:
    """A ticket of this age."""
    created = NOW_MS - int(age_s * 1000) if created_ms is None else created_ms
    return Ticket(TicketRef("zendesk", "acme", "7"), {**FIELDS, **fields}, created)


def account(**changes: Any) -> Account:
    """An account without rules."""
    return Account.model_validate({"project": "soporte", **changes})


def rule(queue: str, name: str = "", **when: Any) -> dict[str, Any]:
    """An assignment rule to a queue."""
    return {"name": name, "when": when, "to": {"type": "queue", "target": queue}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("priority", "high"),
        ("custom.plan", "Gold"),
        ("requester.phone", None),
        ("requester.email", None),
        ("nothing.at.all", None),
        ("priority.deeper", None),
        ("tags.0", None),
    ],
)
def test_a_path_leads_to_a_value_or_to_none(path: str, value: Any) -> None:
    """A step that is missing, or goes into what is no section, is no error."""
    assert value_at(FIELDS, path) == value


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"priority": "high"},
        {"priority": " HIGH "},
        {"priority": ["low", "High"]},
        {"tags": "vip"},
        {"tags": ["other", "billing"]},
        {"custom.seats": 5},
        {"custom.seats": "5"},
        {"custom.trial": True},
        {"custom.trial": "true"},
        {"priority": "high", "custom.plan": "gold"},
    ],
)
def test_a_condition_matches_without_regard_to_case_and_kind(condition: dict[str, Any]) -> None:
    """All fields must match, any value of a list does, and an empty condition matches everything."""
    assert matches(condition, FIELDS)


@pytest.mark.parametrize(
    "condition",
    [
        {"priority": "low"},
        {"priority": []},
        {"priority": "hig"},
        {"priority": "high", "custom.plan": "silver"},
        {"requester.phone": "none"},
        {"missing": ""},
        {"custom": "gold"},
        {"custom.seats": True},
        {"tags": "vip billing"},
    ],
)
def test_a_condition_that_does_not_hold_matches_nothing(condition: dict[str, Any]) -> None:
    """Parts of a word, missing fields and whole sections are no matches."""
    assert not matches(condition, FIELDS)


@given(value=st.text() | st.integers() | st.booleans())
def test_a_value_matches_itself(value: Any) -> None:
    """Whatever stands in the ticket can be written into a rule, alone or in a list on either side."""
    for wanted in (value, [value, "other"]):
        for told in (value, ["other", value]):
            assert matches({"custom.x": wanted}, {"custom": {"x": told}})


# --- starting --------------------------------------------------------------------------------------------------------


def test_starting_is_opt_in() -> None:
    """Without a rule no ticket starts anything, and the reason says so."""
    assert start_rule(account(), ticket(), NOW_MS) == ("", "the account has no start_when rule: starting is opt-in")


def test_the_first_rule_that_matches_starts() -> None:
    """Its name is told, or its number where it has none."""
    rules = [{"when": {"priority": "low"}}, {"when": {"tags": "vip"}}, {"name": "all"}]
    assert start_rule(account(start_when=rules), ticket(), NOW_MS) == ("start rule 2", "")
    assert start_rule(account(start_when=rules), ticket(tags=[]), NOW_MS) == ("all", "")
    assert start_rule(account(start_when=rules[:1]), ticket(), NOW_MS) == ("", "no start_when rule matches")


def test_an_old_ticket_starts_nothing() -> None:
    """An import or a first day stays silent; a rule that allows more age still counts."""
    quarter, hour = {"name": "quarter"}, {"name": "hour", "max_age_s": 3600}
    too_old = ("", "older than max_age_s of the matching rule")
    assert start_rule(account(start_when=[quarter]), ticket(age_s=900), NOW_MS) == ("quarter", "")
    assert start_rule(account(start_when=[quarter]), ticket(age_s=901), NOW_MS) == too_old
    assert start_rule(account(start_when=[quarter, hour]), ticket(age_s=901), NOW_MS) == ("hour", "")


@pytest.mark.parametrize("created_ms", [0, NOW_MS + 60_000])
def test_a_ticket_without_a_past_is_new(created_ms: int) -> None:
    """One that does not tell when it was created, or whose clock runs ahead, was opened just now."""
    assert start_rule(account(start_when=[{}]), ticket(created_ms=created_ms), NOW_MS) == ("start rule 1", "")


# --- assigning -------------------------------------------------------------------------------------------------------


def test_the_first_assignment_rule_that_matches_decides() -> None:
    """The order in the file is the order of the rules."""
    rules = [rule("LOW", priority="low"), rule("VIP", "vip", tags="vip"), rule("ALL")]
    assert assignment(account(assignment=rules), ticket()) == (Assignment("queue", "VIP"), "vip")
    assert assignment(account(assignment=rules), ticket(tags=[])) == (Assignment("queue", "ALL"), "assignment rule 3")


def test_where_no_rule_matches_the_default_decides() -> None:
    """Without a default nobody in particular attends."""
    rules, default = [rule("LOW", priority="low")], {"type": "team", "target": "N2"}
    with_default = account(assignment=rules, default_assignment=default)
    assert assignment(with_default, ticket()) == (Assignment("team", "N2"), "default")
    assert assignment(account(assignment=rules), ticket()) == (None, "none")
