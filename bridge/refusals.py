"""Refused deliveries: why each was refused, as one small vocabulary, and what of them is kept. Pure.

The reasons are the same words in the log, the metric, the API and the command. Whatever was not proven to come from
its sender is an attacker's text: nothing of it is kept but its path, where that is plain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

DAY_MS: Final = 86_400_000
"""So long is one kept after its last time."""

LATELY_MS: Final = 600_000
"""So long ``/ready`` warns of one."""

PER_REASON: Final = 10
"""So many of one sender and reason are kept: forged ones push out none that were refused for another reason."""

MOST: Final = 200
"""Of one known sender, and of all unknown ones together; the constants below are bounded by it."""

UNKNOWN: Final = "unknown"
SAYS_MOST, PATH_MOST = 200, 100
SHOWN_MOST: Final = 3
"""So many are shown with one ticket."""

NOT_PLAIN = re.compile(r"[^A-Za-z0-9/._-]")
NOT_SHOWN = re.compile(r"[^\x20-\x7e]")


class Reason(StrEnum):
    """Why a delivery was refused."""

    WRONG_SIGNATURE = "wrong_signature"
    WRONG_CREDENTIAL = "wrong_credential"
    MISSING_PROOF = "missing_proof"
    CLOCK = "clock"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_PATH = "unknown_path"
    WRONG_METHOD = "wrong_method"
    TOO_LARGE = "too_large"
    WRONG_TYPE = "wrong_content_type"
    NOT_JSON = "not_json"
    PLACEHOLDER = "placeholder_unfilled"
    UNREADABLE = "unreadable"
    INCOMPLETE = "incomplete_body"
    MALFORMED = "malformed_request"
    EXPECTATION = "expectation"
    BRIDGE_FAULT = "bridge_fault"
    REDIS_UNAVAILABLE = "redis_unavailable"
    OVERLOADED = "overloaded"
    OTHER = "other"


WORDS: Final = {
    Reason.WRONG_SIGNATURE: "the signature does not match",
    Reason.WRONG_CREDENTIAL: "the credential is not the configured one",
    Reason.MISSING_PROOF: "a header or parameter that proves the sender is missing or empty",
    Reason.CLOCK: "the sender's clock and ours differ too much",
    Reason.UNKNOWN_ACCOUNT: "no such account or project is configured",
    Reason.UNKNOWN_PATH: "there is no such path",
    Reason.WRONG_METHOD: "this path takes another method",
    Reason.TOO_LARGE: "the body is too large",
    Reason.WRONG_TYPE: "the content type or encoding is another one",
    Reason.NOT_JSON: "the body is not JSON",
    Reason.PLACEHOLDER: "a placeholder was not filled in",
    Reason.UNREADABLE: "the body is not as documented",
    Reason.INCOMPLETE: "the body did not come whole",
    Reason.MALFORMED: "it is no HTTP request that can be read",
    Reason.EXPECTATION: "its Expect header asks for what is not done",
    Reason.BRIDGE_FAULT: "a fault of the bridge",
    Reason.REDIS_UNAVAILABLE: "Redis did not take it; the sender may try again",
    Reason.OVERLOADED: "too much was under way; the sender may try again",
    Reason.OTHER: "for another reason",
}


TRY_AGAIN: Final = frozenset({Reason.REDIS_UNAVAILABLE, Reason.OVERLOADED})
WARNED_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class RefusedDelivery:
    """Refusals that are alike: how often, since when, when last. ``says`` is of the last one, and ours."""

    sender: str
    status: int
    reason: str
    count: int
    first_ms: int
    last_ms: int
    says: str = ""
    ticket: str = ""
    delivery: str = ""
    path: str = ""
    remote: str = ""

    @property
    def key(self) -> tuple[str, int, str, str]:
        """Which are alike."""
        return (self.sender, self.status, self.reason, self.ticket or self.path)

    def and_then(self, later: RefusedDelivery) -> RefusedDelivery:
        """Both together."""
        return replace(later, count=self.count + later.count, first_ms=min(self.first_ms, later.first_ms))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of them are asked for: of one sender, for one reason; empty for all."""

    sender: str = ""
    reason: str = ""


def concerning(some: Iterable[RefusedDelivery], tickets: Container[str], kinds: Iterable[str]) -> list[RefusedDelivery]:
    """Those that may have been a ticket's: first those that name it, then those that name none, the newest of each.

    Of no known sender only those count that name a kind of helpdesk and an account that is not configured.
    """
    paths = tuple(f"/webhooks/helpdesks/{kind}/" for kind in kinds)
    some = [one for one in some if one.sender != UNKNOWN or one.path.startswith(paths)]
    named = [one for one in some if one.ticket in tickets]
    return [*named, *(one for one in some if not one.ticket)][:SHOWN_MOST]


def warnings(some: Iterable[RefusedDelivery], now_ms: int) -> Iterator[str]:
    """What a person ought to look at, in words. Redis and the load tell of themselves."""
    wanted = [one for one in some if one.reason not in TRY_AGAIN]
    yield from (in_words(one, now_ms) for one in wanted[:WARNED_MOST])
    if len(wanted) > WARNED_MOST:
        yield f"{len(wanted) - WARNED_MOST} more kinds of deliveries were refused: bridge deliveries"


def plain_path(path: str) -> str:
    """A path that may be shown: an attacker writes it."""
    return NOT_PLAIN.sub("?", path[:PATH_MOST])


def plain_text(text: str) -> str:
    """A sentence that may be shown and kept."""
    return NOT_SHOWN.sub("?", text)[:SAYS_MOST]


def ago(ms: int) -> str:
    """How long ago, for people."""
    minutes = ms // 60_000
    if minutes < 1:
        return "less than a minute ago"
    number, unit = (minutes, "minute") if minutes < 120 else (minutes // 60, "hour")  # noqa: PLR2004 - two hours
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def reason_in_words(reason: str) -> str:
    """A reason for people; one that a newer version wrote, too."""
    return WORDS[Reason(reason) if reason in set(Reason) else Reason.OTHER]


def in_words(one: RefusedDelivery, now_ms: int) -> str:
    """One line for a trace."""
    what = f"of {one.sender}" if one.sender != UNKNOWN else f"to {one.path}, which is no account's,"
    last = ago(max(0, now_ms - one.last_ms))
    if one.count == 1:
        return f"a delivery {what} was refused with {one.status} {last}: {reason_in_words(one.reason)}"
    since = datetime.fromtimestamp(one.first_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{one.count} deliveries {what} were refused with {one.status} since {since} UTC, last {last}: "
        f"{reason_in_words(one.reason)}"
    )
