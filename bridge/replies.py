"""What an HTTP answer means, as one table for every dialect; a dialect overrides single codes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.errors import Ambiguous, CallError, Denied, Gone, Refused, Throttled
from bridge.nesting import loaded

if TYPE_CHECKING:
    from bridge.domain import Reply


class Because(NamedTuple):
    """An error class, and why in a few words: they stand in the error's reason.

    ``wait_s`` is how long to wait where the answer has no ``Retry-After``.
    """

    error: type[CallError]
    why: str
    wait_s: float = 0.0


Meaning = type[CallError] | Because | Callable[["Reply"], type[CallError] | Because]
"""What an answer means, or a function that tells it from the whole answer."""

Meanings = Mapping[int, Meaning]
"""Status code to meaning."""

LONGEST_WAIT_S: Final = 86_400.0
"""A day. Whoever asks for more is asked again then; a nonsense number must not silence a lane for years."""


def raise_for(reply: Reply, overrides: Meanings = MappingProxyType({})) -> None:
    """Returns for a 2xx, else raises the CallError that the answer means. Its text: the status code, and why."""
    if 200 <= reply.status < 300:  # noqa: PLR2004 - success in HTTP
        return
    meaning = overrides.get(reply.status) or _MEANINGS.get(reply.status) or _CLASSES.get(reply.status // 100, Ambiguous)
    known = meaning if isinstance(meaning, type | Because) else meaning(reply)
    error, why, wait_s = known if isinstance(known, Because) else Because(known, "")
    msg = f"answered {reply.status}: {why}" if why else f"answered {reply.status}"
    raise error(msg, status=reply.status, retry_after_s=retry_after_s(reply) or wait_s)


def retry_after_s(reply: Reply) -> float | None:
    """How long ``Retry-After`` asks to wait, from 0 to a day; None where it is missing or says nothing readable.

    A date is measured against the answer's own ``Date``, so that our clock need not agree with theirs.
    """
    told = reply.headers.get("retry-after", "").strip()
    if not told.isascii():
        return None
    if told.replace(".", "", 1).isdigit():
        return min(float(told), LONGEST_WAIT_S)
    return _until(told, reply.headers.get("date", ""))


def reply_json(reply: Reply) -> Any:
    """The JSON of an answer; None where it is none, or nests so deeply that nothing could be done with it."""
    try:
        return loaded(reply.body)
    except ValueError:
        return None


def reply_object(reply: Reply) -> dict[str, Any]:
    """The JSON object of a 2xx answer. Raises Ambiguous where it is none: something between us may have answered."""
    found = reply_json(reply)
    if not isinstance(found, dict):
        msg = f"answered {reply.status} without a JSON object"
        raise Ambiguous(msg, status=reply.status)
    return found


def reply_list(reply: Reply) -> list[dict[str, Any]]:
    """The JSON objects in the list of a 2xx answer. Raises Ambiguous where it is none."""
    found = reply_json(reply)
    if not isinstance(found, list):
        msg = f"answered {reply.status} without a JSON list"
        raise Ambiguous(msg, status=reply.status)
    return [one for one in found if isinstance(one, dict)]


def _until(then: str, now: str) -> float | None:
    try:
        wait = parsedate_to_datetime(then) - parsedate_to_datetime(now)
    except (ValueError, TypeError, OverflowError):
        # TypeError: one of the dates names a zone and the other does not.
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT_S)


def _unavailable(reply: Reply) -> type[CallError]:
    # A gateway's 503 may come after the body went through it; one that says when was not worked.
    return Ambiguous if retry_after_s(reply) is None else Throttled


_MEANINGS: Final[Meanings] = {
    401: Denied,
    403: Denied,
    408: Ambiguous,
    410: Gone,
    429: Throttled,
    503: _unavailable,
}

_CLASSES: Final[Meanings] = {
    3: Refused,  # never followed: a redirect would turn our POST into a GET, or send it twice
    4: Refused,
    5: Ambiguous,
}
