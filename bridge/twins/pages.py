"""The twins' HTML pages: rendered here, escaped, without any file from elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined


def clock(at_ms: int) -> str:
    """Write a time for people: hours, minutes and seconds, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Load the templates; everything put into them is escaped, a name that is missing is an error."""
    made = Environment(loader=PackageLoader("bridge.twins", "pages"), autoescape=True, undefined=StrictUndefined)
    made.filters["clock"] = clock
    return made


def page(template: str, **values: Any) -> web.Response:
    """Render a page."""
    text = environment().get_template(template).render(values)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def back() -> web.Response:
    """Send the browser back to the page, after a form."""
    return web.Response(status=303, headers={"Location": "/"})
