"""Expressions of a mapping: checked where they are written, bounded and silent where they are used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bridge.helpdesks.generic_expressions import ItemExpression, Path, Structure, built, filled, found, holds, names
from bridge.helpdesks.generic_functions import Functions
from tests.helpdesk_recordings import JSON

ITEM = TypeAdapter(ItemExpression)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("itm.id", "asks for itm, which is not there; known here: body, header, item, method, query, settings"),
        ("item.id || bdy.id", "asks for bdy"),
        ("(body.list[?kind == 'a'] | [0].x) && nothing", "asks for nothing"),
        ("item.x-y z", "is not a JMESPath expression; a name with a dash or a blank stands in double quotes"),
        ("lowr(item.id)", "calls lowr(), which is not a function; did you mean lower()?"),
        ("split(item.id)", "calls split() with 1 values; it takes 2"),
        ("regex_extract(item.id, '(a')", "calls regex_extract() with a pattern that RE2 does not know"),
        ("item." + "a" * 1_000, "is longer than 1000 characters"),
        ("[" * 400, "is not a JMESPath expression"),
    ],
)
def test_a_mistake_is_told_where_it_is_written(written: str, problem: str) -> None:
    """By what it asks for, so that nobody waits for a delivery to find it."""
    with pytest.raises(ValidationError) as caught:
        ITEM.validate_python(written)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "leading"),
    [
        ("item.id", {("item", "id")}),
        ("body.list[0].x", {("body", "list")}),
        ("body.a[?b == 'c'].d | [0]", {("body", "a")}),
        ("coalesce(item.a, settings.user)", {("item", "a"), ("settings", "user")}),
        ("max_by(item.list, &id).user", {("item", "list")}),
        ("{a: item.b, c: query}", {("item", "b"), ("query", "")}),
        ("@", set()),
        ("'text'", set()),
    ],
)
def test_what_an_expression_asks_for_is_known(expression: str, leading: set[tuple[str, str]]) -> None:
    """Of the whole, not of what it finds there."""
    assert names(expression) == leading


@given(value=JSON, other=JSON, function=st.sampled_from(sorted(Functions.FUNCTION_TABLE)))
def test_no_function_fails_whatever_it_is_given(value: Any, other: Any, function: str) -> None:
    """A wrong type is as good as nothing."""
    count = len(Functions.FUNCTION_TABLE[function]["signature"])
    arguments = ", ".join(("item", "body", "item")[:count] or ("item",))
    found(f"{function}({arguments})", {"item": value, "body": other})


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lower(item)", "ábc #12 "),
        ("trim(item)", "ÁBC #12"),
        ("split(item, ' ')", ["ÁBC", "#12", ""]),
        ("replace(item, '#', 'n')", "ÁBC n12 "),
        ("cut(item, '3')", "ÁBC"),
        ("regex_extract(item, '#([0-9]+)')", "12"),
        ("regex_extract(item, 'x')", None),
        ("matches(item, '^Á')", True),
        ("html_escape('<b>&')", "&lt;b&gt;&amp;"),
        ("strip_html('<p>a<br>b</p>')", "a\nb"),
        ("nl2br('a\nb')", "a<br>b"),
        ("to_e164('098 765 4321', 'EC')", "+593987654321"),
        ("to_e164('nobody', 'EC')", None),
        ("to_iso8601(`1795184405`, 's')", "2026-11-20T14:20:05+00:00"),
        ("to_iso8601('2026-11-20T14:20:05Z', 'iso8601')", "2026-11-20T14:20:05+00:00"),
        ("coalesce(nothing, '', item)", "ÁBC #12 "),
        ("find(body, 'id', '7').name", "Ana"),
        ("same(`7`, '7')", True),
        ("same(nothing, nothing)", False),
        ("put(`{}`, item, '2')", {"ÁBC #12 ": "2"}),
        ("plus(`1`, '2')", 3),
        ("plus(nothing, '2')", None),
        ("plus('-1', '2')", None),
        ("plus(`1.5`, '2')", None),
        ("mark_id('[jelou-bridge:1]')", "jelou-bridge:1"),
        ("parse_freshdesk_event('{status:{from:2,to:4}}')", {"name": "status", "from": "2", "to": "4"}),
        ("parse_freshdesk_event('{note_type:private}').to", "private"),
        ("parse_freshdesk_event('{status:{from:2}}')", {}),
        ("django_escape('{{ x }}')", "{\u200b{\u200b x \u200b}\u200b}"),
        ("upper(nothing)", None),
        ("adf('a').content[0].content[0].text", "a"),
    ],
)
def test_the_functions_do_what_they_say(expression: str, value: Any) -> None:
    """Beside JMESPath's own."""
    assert found(expression, {"item": "ÁBC #12 ", "body": [{"id": 7, "name": "Ana"}]}) == value


def test_a_pattern_cannot_run_for_long() -> None:
    """RE2 never goes back: what hangs other engines is an answer here."""
    assert found("matches(item, '^(a+)+$')", {"item": "a" * 150_000 + "!"}) is False


def test_a_text_does_not_grow_without_bound() -> None:
    """A replacement in a long text stops at a bound."""
    grown = found("replace(item, 'a', item)", {"item": "a" * 2_000})
    assert len(grown) < 1_000_000


# --- structures and paths --------------------------------------------------------------------------------------------


def test_a_structure_is_built_and_never_pasted() -> None:
    """A quote in a value ends nothing; what is missing is left out; only a text that begins with = is asked."""
    asked = {"action": {"text": 'He said "x"', "n": 3}}
    structure = {
        "text": "=action.text",
        "list": ["=action.n", "=action.none"],
        "no": "=action.none",
        "as": "a=b",
        "t": True,
    }
    assert built(structure, asked) == {"text": 'He said "x"', "list": [3], "as": "a=b", "t": True}


@pytest.mark.parametrize("value", ["a/b", "..%2f", "a?b", "a#b", "ñ", "a b", "{id}"])
def test_a_value_in_a_path_cannot_leave_its_place(value: str) -> None:
    """Whatever characters it holds."""
    path = filled("/t/{id}/c", {"id": value})
    assert path is not None
    assert path.count("/") == 3
    assert not set("?# {}") & set(path)


@pytest.mark.parametrize("value", ["", None, "..", ".", [], {}, False])
def test_a_path_without_its_value_is_no_path(value: Any) -> None:
    """Then there is no call; another place is never asked instead."""
    assert (filled("/t/{id}/c", {"id": value}) is None) is (value is not False)


@pytest.mark.parametrize("path", ["t/1", "//evil.example/x", "/t#x", "/t\\x", "https://evil.example/"])
def test_a_path_that_could_lead_elsewhere_is_a_mistake(path: str) -> None:
    """A mapping names no host."""
    with pytest.raises(ValidationError):
        TypeAdapter(Path).validate_python(path)


def test_a_mistake_deep_in_a_structure_is_found() -> None:
    """Where a body asks for what is not there."""
    with pytest.raises(ValidationError, match="asks for acton"):
        TypeAdapter(Structure).validate_python({"a": [{"b": "=acton.text"}]})


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_what_is_empty_does_not_hold(value: Any) -> None:
    """As JMESPath understands true; zero is something."""
    assert not holds("item", {"item": value})
    assert holds("item", {"item": 0})
