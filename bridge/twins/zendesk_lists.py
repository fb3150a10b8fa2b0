"""Zendesk's lists, page by page: by offset, by cursor, and the incremental export with its own cursor."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.twins.zendesk_bodies import refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.twins.zendesk_desk import Ticket

Json = dict[str, Any]
Row = TypeVar("Row")

PAGE = 100
"""The most rows of one page."""

EXPORTED = 1_000
"""The most tickets of one page of the incremental export."""


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    asked = query.get(name, "")
    return max(1, int(asked)) if asked.isdecimal() else default


def by_offset(rows: Sequence[Row], query: Mapping[str, str], url: str) -> tuple[Sequence[Row], Json]:
    """Page the older way: ``page``, ``per_page``, ``sort_order``. The rows, and what stands beside them."""
    ordered = list(rows)[::-1] if query.get("sort_order") == "desc" else list(rows)
    size, page = min(PAGE, _number(query, "per_page", PAGE)), _number(query, "page", 1)
    begin, end = (page - 1) * size, page * size
    return ordered[begin:end], {
        "count": len(ordered),
        "next_page": f"{url}?page={page + 1}&per_page={size}" if end < len(ordered) else None,
        "previous_page": f"{url}?page={page - 1}&per_page={size}" if page > 1 else None,
    }


def by_cursor(rows: Sequence[Row], query: Mapping[str, str], _url: str) -> tuple[Sequence[Row], Json]:
    """Page the newer way: ``page[size]``, ``page[after]``, ``sort``. The rows, and what stands beside them."""
    ordered = list(rows)[::-1] if query.get("sort") == "-created_at" else list(rows)
    begin, size = _number(query, "page[after]", 0), min(PAGE, _number(query, "page[size]", PAGE))
    end = begin + size
    more = end < len(ordered)
    meta = {"has_more": more, "after_cursor": str(end) if more else None, "before_cursor": None}
    return ordered[begin:end], {"meta": meta, "links": {}}


def export(rows: Sequence[Ticket], query: Mapping[str, str], latest_ms: int) -> tuple[Sequence[Ticket], Json]:
    """Page by change: ``start_time`` in seconds, no later than ``latest_ms``, or ``cursor``; ``per_page``.

    Raises RefusedError for a start that is missing or too recent, and for a cursor that is none.
    """
    since = _cursor(query["cursor"]) if "cursor" in query else (_start_ms(query, latest_ms), 0)
    told = (one for one in rows if (one.updated_ms, one.id) > since)
    changed = sorted(told, key=lambda one: (one.updated_ms, one.id))
    shown = changed[: min(EXPORTED, _number(query, "per_page", EXPORTED))]
    at = (shown[-1].updated_ms, shown[-1].id) if shown else since
    after = base64.b64encode(f"{at[0]}||{at[1]}".encode()).decode()
    return shown, {"after_cursor": after, "before_cursor": None, "end_of_stream": len(shown) == len(changed)}


def _start_ms(query: Mapping[str, str], latest_ms: int) -> int:
    start_ms = _number(query, "start_time", 0) * 1000
    if not 0 < start_ms <= latest_ms:
        raise refused(422, "InvalidValue", "Too recent start_time. Use a start_time older than 1 minutes")
    return start_ms


def _cursor(told: str) -> tuple[int, int]:
    try:
        at_ms, ticket_id = base64.b64decode(told, validate=True).decode().split("||")
        return int(at_ms), int(ticket_id)
    except (ValueError, binascii.Error):
        raise refused(400, "InvalidValue", "cursor is invalid") from None
