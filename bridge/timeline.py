"""A ticket's timeline: what happened to it, in both directions, in order. Pure.

An entry is a JSON object with ``at`` (ms) and ``what``; the other names depend on ``what``. It is read by people and
kept for long: no text of a customer's, no phone number and no secret goes in.

| what | when |
| --- | --- |
| received | an event was accepted: ``event``, ``delivery``, for Jelou's also ``by`` (how it found the ticket) |
| repeated | the same fact was told again |
| warning | a status or priority is in no table, and is taken as it is: ``label`` says where to map it |
| fetched | the ticket was read from the helpdesk |
| sending | an action is about to go out: ``action`` and what it says |
| answered | the other side took it: ``action``, ``id``, ``ms`` |
| unanswered | it may have arrived: ``action``, ``reason`` |
| refused | it was not done: ``action``, ``reason`` |
| skipped | an action that this account cannot take |
| waiting | nothing is done before ``until``: ``reason`` |
| moved | the link's phase changed: ``phase``, ``reason`` |
| ignored | an event asks for nothing: ``event``, ``reason`` |
| buried | given up, kept among the dead letters: ``reason``, ``letter`` |
| replayed, discarded | a person's decision about a dead letter: `by`, `reason` |
| settled | a dead letter that had nothing left to do left the list: `reason` |
| looked | after Redis had lost data the ticket was asked for its conversation: ``conversation``, ``reason`` |
| told | after Redis had lost data a worker told what it knows of a start: ``event``, ``conversation`` |
| doubted | it was quiet, or nobody had asked Jelou in long whether it is still open: ``conversation`` |
| extra | a second conversation for the ticket: ``conversation`` |
| left open | a close would have hit another ticket's conversation with the same person: ``shared_with`` |
| tripped | the fuse: something loops, nothing more is carried: ``reason`` |
| resumed | the fuse lets go, and what has waited is carried: ``reason`` |
| gone | the ticket takes no more writes: ``reason`` |
| claimed | a person said that an orphan's conversation is this ticket's |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ATTEMPT: Final = ", attempt "
"""Before the number, in why a ticket waits for its next try."""

FOLDED_LEAST: Final = 3
"""So many tries with the same outcome are told in one line."""

FAILED: Final = frozenset({"refused", "unanswered"})
BETWEEN: Final = frozenset({"sending", "waiting"})
"""What stands between two tries, beside the move back to ``new``."""


def entry(at_ms: int, what: str, **detail: Any) -> str:
    """One entry as JSON text; details that hold nothing are left out."""
    return orjson.dumps(
        {"at": at_ms, "what": what} | {name: v for name, v in detail.items() if v not in ("", None)}
    ).decode()


def masked(person: str) -> str:
    """A user id as a timeline or log may show it: enough to tell two apart, not enough to call."""
    return f"…{person[-3:]}" if len(person) > 5 else "…"  # noqa: PLR2004 - a short id shown in part is shown whole


# --- for people ------------------------------------------------------------------------------------------------------


def folded(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries, tries in a row that failed alike as one: ``at`` is the first, ``last`` the last of ``times``.

    What is stored stays as it is: it is bounded, and a version before this one reads it.
    """
    told: list[dict[str, Any]] = []
    at = 0
    while at < len(entries):
        tries = list(_tries(entries, at)) if entries[at]["what"] in FAILED else []
        if len(tries) < FOLDED_LEAST:
            told.append(dict(entries[at]))
            at += 1
            continue
        first, last = entries[tries[0]], entries[tries[-1]]
        told.append({**first, "times": len(tries), "last": last["at"]})
        at = tries[-1] + 1
    return told


def _tries(entries: Sequence[Mapping[str, Any]], at: int) -> Iterator[int]:
    """Where the same failure stands, from ``at`` on, as long as nothing else happens."""
    first = _failure(entries[at])
    for number in range(at, len(entries)):
        if entries[number]["what"] in FAILED:
            if _failure(entries[number]) != first:
                return
            yield number
        elif not _between(entries[number], entries[at]):
            return


def _failure(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(name) for name in ("what", "action", "key", "message", "reason"))


def _between(entry: Mapping[str, Any], failed: Mapping[str, Any]) -> bool:
    if entry["what"] == "moved":
        return entry.get("phase") == "new"
    return entry["what"] in BETWEEN and entry.get("action", failed.get("action")) == failed.get("action")
