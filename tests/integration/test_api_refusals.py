"""``/api/`` and what it cannot read: refused with a status and the field's name, before anything is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.api import ROUTES
from tests.api_calls import Api
from tests.helpdesk_recordings import JSON
from tests.webhooks import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.harness import Running

MADE_UP = "0123456789ab"
LONG = "x" * 501

REFUSED: list[tuple[str, Any, str]] = [
    (f"dead-letters/{MADE_UP}/discard", {}, "reason"),
    (f"dead-letters/{MADE_UP}/discard", {"reason": "  "}, "reason"),
    (f"dead-letters/{MADE_UP}/discard", {"reason": 7}, "reason"),
    (f"dead-letters/{MADE_UP}/discard", {"reason": LONG}, "reason"),
    (f"dead-letters/{MADE_UP}/discard", {"reason": "a\x00b"}, "reason"),
    (f"dead-letters/{MADE_UP}/discard", {"reason": "\x1b[2J"}, "reason"),
    (f"dead-letters/{MADE_UP}/discard", {"reason": "a", "by": "x\ny"}, "by"),
    (f"dead-letters/{MADE_UP}/replay", {"preview": "yes"}, "preview"),
    (f"dead-letters/{MADE_UP}/replay", {"previw": True}, "previw"),
    (f"dead-letters/{MADE_UP}/replay", [], "body"),
    (f"dead-letters/{MADE_UP}/replay", "x", "body"),
    ("dead-letters/replay", {}, "body"),
    ("dead-letters/replay", {"preview": True}, "body"),
    ("dead-letters/replay", {"ids": ["no id"]}, "ids.0"),
    ("dead-letters/replay", {"ids": [MADE_UP] * 201}, "ids"),
    ("dead-letters/replay", {"account": "a", "limit": 0}, "limit"),
    ("dead-letters/replay", {"account": "a", "limit": 2**63}, "limit"),
    ("dead-letters/replay", {"account": "a", "after": "x"}, "after"),
    ("dead-letters/discard", {"account": "a"}, "reason"),
]


@pytest.mark.parametrize(("path", "body", "field"), REFUSED)
async def test_a_question_that_cannot_be_read_names_the_field(
    redis_url: str, prefix: str, path: str, body: Any, field: str
) -> None:
    """400, and never the value."""
    async with listening(redis_url, prefix) as run:
        answer = await Api(run).raw(path, orjson.dumps(body))
    assert (answer.status, answer.json["field"]) == (400, field)
    assert LONG.encode() not in answer.body


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("limit=201", "limit"), ("page=2", "page"), ("after=1", "after")]
    + [(f"after={after}", "after") for after in ("-", "x-y", "1e400-a", "9" * 400 + "-a", "%00-a")]
    + [
        ("ticket=a%00b", "ticket"),
        ("account=%0A", "account"),
        ("reason_has=%FF&limit=x", "limit"),
        ("%FF=1", "\ufffd"),
    ],
)
async def test_a_list_that_cannot_be_read_names_the_field(redis_url: str, prefix: str, query: str, field: str) -> None:
    """The same for what stands in the address."""
    async with listening(redis_url, prefix) as run:
        answer = await Api(run).get(f"dead-letters?{query}")
    assert (answer.status, answer.json["field"]) == (400, field)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"by":"\\ud800"}', "application/json", 400),
        (b'{"by":' + b"9" * 400 + b"}", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"preview=true", "application/x-www-form-urlencoded", 415),
        (b'{"by":"' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
async def test_a_broken_body_is_refused(
    redis_url: str, prefix: str, body: bytes, content_type: str, status: int
) -> None:
    """With the status that a webhook's would have; a browser's form cannot decide anything."""
    async with listening(redis_url, prefix) as run:
        answer = await Api(run).raw(f"dead-letters/{MADE_UP}/replay", body, content_type)
    assert answer.status == status


@pytest.mark.parametrize(
    "path", ["dead-letters/%00", f"dead-letters/{MADE_UP}", "dead-letters/%FF", "dead-letters/a%2Fb"]
)
async def test_what_is_not_there_is_404(redis_url: str, prefix: str, path: str) -> None:
    """For each thing that could be done with it."""
    async with listening(redis_url, prefix) as run:
        api = Api(run)
        answers = [await api.get(path), await api.post(f"{path}/replay"), await api.post(f"{path}/discard", reason="a")]
    assert [answer.status for answer in answers] == [404, 404, 404]


# --- properties ------------------------------------------------------------------------------------------------------

DECIDING = [row for row in ROUTES if row.body is not None]
LISTING = [row for row in ROUTES if row.query is not None]
NAMES = sorted({name for row in ROUTES for model in (row.body, row.query) if model for name in model.model_fields})
VALUES = JSON | st.text(max_size=600) | st.lists(st.sampled_from([MADE_UP, "x"]), max_size=3) | st.integers()
ASKED = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=4)
ANY_ID = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.just(MADE_UP)
ANY_ID = ANY_ID.filter(lambda told: told not in {".", ".."})  # of a path, they are steps and no names
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
async def run(redis_url: str, prefix: str) -> AsyncIterator[Running]:
    """The web process."""
    async with listening(redis_url, prefix) as run:
        yield run


def called(path: str, an_id: str) -> str:
    """A path with this in the place of its id, below ``/api/``; the account is one that nobody can be asked about."""
    named = path.replace("{kind}", "standard-webhooks").replace("{account}", "main")
    return named.removeprefix("/api/").replace("{id}", quote(an_id, safe=""))


@pytest.mark.parametrize("row", DECIDING, ids=lambda row: row.path)
@given(asked=ASKED | JSON, an_id=ANY_ID)
@PROPERTY
async def test_any_question_has_a_documented_answer(run: Running, row: Any, asked: Any, an_id: str) -> None:
    """Whatever is asked of whatever id: done, or refused in the form that the document says; never a fault."""
    try:
        body = orjson.dumps(asked)
    except TypeError:
        body = b"{}"
    assert (await Api(run).raw(called(row.path, an_id), body)).status in {200, 400, 404}


@pytest.mark.parametrize("row", LISTING, ids=lambda row: row.path)
@given(
    asked=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40) | st.sampled_from(["1", "5-x", ""]), max_size=3)
)
@PROPERTY
async def test_any_list_has_a_documented_answer(run: Running, row: Any, asked: dict[str, str]) -> None:
    """The same for what stands behind the question mark, in whatever encoding."""
    query = "&".join(f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in asked.items())
    assert (await Api(run).get(f"{called(row.path, 'x')}?{query}")).status in {200, 400}
