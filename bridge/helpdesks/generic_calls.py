"""What a mapping calls: requests built from data, walks of several steps, and what answers mean. Pure."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

import orjson

from bridge.domain import Call
from bridge.errors import Ambiguous, CallError, Conflict, Denied, Gone, Refused, Throttled
from bridge.helpdesks import writing
from bridge.helpdesks.generic_expressions import built, filled, found, holds
from bridge.helpdesks.generic_functions import text_of
from bridge.replies import Because, raise_for, reply_json
from bridge.timestamps import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.domain import OpenTicket, Reply, WriteBack
    from bridge.helpdesks.generic_access import GenericAccess
    from bridge.helpdesks.generic_mapping import HelpdeskMapping
    from bridge.helpdesks.generic_recipes import Outcome, Request, RetryAfter, Step
    from bridge.replies import Meaning

Asked = dict[str, Any]

NOT_FOUND: Final = 404
_LIMITED: Final = frozenset({429, 503})

MEANINGS: Final[Mapping[Outcome, Meaning]] = {
    "refused": Refused,
    "gone": Because(Gone, "the ticket takes no more writes: it is closed for good, merged or deleted"),
    "conflict": Conflict,
    "throttled": Throttled,
    "denied": Denied,
    "ambiguous": Ambiguous,
}


# --- requests --------------------------------------------------------------------------------------------------------


def made(request: Request, access: GenericAccess, asked: Asked, *, once: bool = False) -> Call | None:
    """The call; None where its path asks for something that is not there."""
    path = filled(request.path, asked)
    if path is None:
        return None
    query = _texts(built(request.query, asked)) | access.query()
    url = writing.address(access.base_url, path + _behind(path, query))
    told = {"accept": "application/json", **access.headers(), **_texts(built(request.headers, asked))}
    body, content_type = _body(request, asked)
    headers = told | ({"content-type": content_type} if body else {})
    return Call(request.method, url, headers, body, once=once, granted=access.is_granted)


def _behind(path: str, query: Mapping[str, str]) -> str:
    return ("&" if "?" in path else "?") + urlencode(query) if query else ""


def _texts(values: Any) -> dict[str, str]:
    texts = {name: text_of(value) for name, value in values.items()}
    return {name: _one_line(value) for name, value in texts.items() if value is not None}


def _one_line(value: str) -> str:
    """What could end a header, or a request's line, is taken out."""
    return "".join(" " if one in "\r\n\0" else one for one in value)


def _body(request: Request, asked: Asked) -> tuple[bytes, str]:
    if request.body is None:
        return b"", ""
    told = built(request.body, asked)
    if request.content == "form":
        pairs = _texts(told) if isinstance(told, dict) else {}
        return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
    return orjson.dumps(told, default=str), "application/json"


# --- walks -----------------------------------------------------------------------------------------------------------


class Walked(NamedTuple):
    """What the steps have read, and the next call, None at the end."""

    read: Asked
    call: Call | None


def walk(
    steps: Sequence[Step], mapping: HelpdeskMapping, access: GenericAccess, asked: Asked, replies: Sequence[Reply]
) -> Walked:
    """Goes on where these answers end. Raises CallError for a step that was refused."""
    read: Asked = {}
    left = list(replies)
    for step in steps:
        known = asked | {"read": read}
        wanted = not step.when or holds(step.when, known)
        call = made(step, access, known) if wanted else None
        if call is not None and not left:
            return Walked(read, call)
        read = read | {step.name: _answer(step, mapping, left.pop(0)) if call is not None else None}
    return Walked(read, None)


def _answer(step: Step, mapping: HelpdeskMapping, reply: Reply) -> Any:
    if step.optional and reply.status == NOT_FOUND:
        return None
    judge(mapping, reply, {})
    was_read(step, reply, {})
    return reply_json(reply)


# --- answers ---------------------------------------------------------------------------------------------------------


def answered(reply: Reply, asked: Asked) -> Asked:
    """What expressions of an answer are asked of."""
    return asked | {"reply": {"status": reply.status, "headers": dict(reply.headers), "body": reply_json(reply)}}


def judge(mapping: HelpdeskMapping, reply: Reply, asked: Asked, *, opening: bool = False) -> None:
    """Raises the CallError that the answer means; where there is no ticket yet, none can be gone."""
    timed = _timed(reply, mapping.retry_after) if reply.status in _LIMITED else reply
    known = answered(timed, asked)
    for rule in mapping.failed:
        if holds(rule.when, known):
            meaning = MEANINGS[rule.means]
            _raise(meaning, rule.because, timed, opening=opening)
    overrides = {code: MEANINGS[word] for code, word in mapping.errors.items()}
    if opening:
        overrides = {code: Refused if _is_gone(one) else one for code, one in overrides.items()}
    raise_for(timed, overrides)


def was_read(request: Request, reply: Reply, asked: Asked) -> None:
    """Raises Ambiguous where a 2xx of a read is not what was asked for: something between us may have answered."""
    if not isinstance(reply_json(reply), dict | list):
        raise _no_answer(reply, "without a JSON object or list")
    _has_expected(request, reply, asked)


def was_written(request: Request, reply: Reply, asked: Asked) -> None:
    """The same for a write, which many helpdesks answer with nothing, and some with a plain word."""
    body = reply.body.strip()
    if body[:1] in _STRUCTURES and reply_json(reply) is None:
        raise _no_answer(reply, "without JSON that can be read")
    _has_expected(request, reply, asked)


_STRUCTURES: Final = frozenset({b"<", b"{", b"["})
"""Begin a page of HTML, and JSON: a body of these that is not JSON whole was not written by the helpdesk as it is."""


def _has_expected(request: Request, reply: Reply, asked: Asked) -> None:
    if request.expect and found(request.expect, answered(reply, asked)) is None:
        raise _no_answer(reply, "without what the mapping expects")


def _no_answer(reply: Reply, why: str) -> Ambiguous:
    return Ambiguous(f"answered {reply.status} {why}", status=reply.status)


def _is_gone(meaning: Meaning) -> bool:
    return isinstance(meaning, Because) and meaning.error is Gone


def _raise(meaning: Meaning, because: str, reply: Reply, *, opening: bool) -> None:
    error: type[CallError] = meaning.error if isinstance(meaning, Because) else meaning  # type: ignore[assignment]
    why = because or (meaning.why if isinstance(meaning, Because) else "")
    why = f"the ticket: {why}" if error is Gone and not why.startswith("the ") else why
    wanted = Refused if opening and error is Gone else error
    msg = f"answered {reply.status}: {why or 'it failed all the same'}"
    raise wanted(msg, status=reply.status)


def _timed(reply: Reply, headers: Sequence[RetryAfter]) -> Reply:
    """The answer with Retry-After in seconds, where another header tells it."""
    for one in headers:
        said = reply.headers.get(one.header.lower(), "").strip()
        wait_s = _WAITS[one.unit](said, reply) if said else None
        if wait_s is not None:
            return replace(reply, headers={**reply.headers, "retry-after": f"{max(wait_s, 0):.3f}"})
    return reply


def _span(factor: float) -> Callable[[str, Reply], float | None]:
    def wait_s(said: str, reply: Reply) -> float | None:  # noqa: ARG001 - a span needs no clock
        plain = said.isascii() and said.replace(".", "", 1).isdigit()
        return min(float(said) * factor, 1e9) if plain else None

    return wait_s


def _until(unit: str) -> Callable[[str, Reply], float | None]:
    def wait_s(said: str, reply: Reply) -> float | None:
        then = milliseconds(said, unit)  # type: ignore[arg-type]
        now = _sent_at(reply)
        return None if then is None or now is None else (then / 1000) - now

    return wait_s


def _sent_at(reply: Reply) -> float | None:
    """By the other side's own clock, so that ours need not agree with it."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


_WAITS: Final[Mapping[str, Callable[[str, Reply], float | None]]] = {
    "s": _span(1),
    "ms": _span(0.001),
    "unix_s": _until("s"),
    "unix_ms": _until("ms"),
    "iso8601": _until("iso8601"),
}


# --- what is asked ---------------------------------------------------------------------------------------------------


def about(action: WriteBack | OpenTicket, labels: Mapping[Any, str | int]) -> Asked:
    """An action as expressions see it: its fields, its type, and the helpdesk's own label of a status."""
    told = asdict(action)
    label = labels.get(told.get("status", ""))
    return told | {"type": action.type} | ({} if label is None else {"label": label})


def since(since_ms: int, after: str) -> Asked:
    """A time as expressions of a list see it."""
    at = datetime.fromtimestamp(since_ms / 1000, UTC)
    return {
        "since_ms": since_ms,
        "since_s": since_ms // 1000,
        "since_iso": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "after": after or None,
    }
