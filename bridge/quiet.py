"""When an account's quiet hours end. Pure: by the clock of the zone that they are told in, whatever that clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.policies import QuietHours


def ends_ms(quiet: QuietHours, now_ms: int) -> int:
    """The first moment that is not quiet any more, in Unix ms; 0 where now is not quiet.

    Where the clock is put forward over the end, it is that moment; where it is put back, the first of the two.
    """
    if not _is_quiet(quiet, now_ms):
        return 0
    awake_ms = next(at for at in _ends(quiet, now_ms) if at > now_ms and not _is_quiet(quiet, at))
    quiet_ms = now_ms
    while awake_ms - quiet_ms > 1:
        middle_ms = (quiet_ms + awake_ms) // 2
        if _is_quiet(quiet, middle_ms):
            quiet_ms = middle_ms
        else:
            awake_ms = middle_ms
    return awake_ms


def _is_quiet(quiet: QuietHours, at_ms: int) -> bool:
    clock = _local(quiet, at_ms).time()
    if quiet.from_ < quiet.to:
        return quiet.from_ <= clock < quiet.to
    return clock >= quiet.from_ or clock < quiet.to


def _ends(quiet: QuietHours, now_ms: int) -> Iterator[int]:
    """The moments at which the clock shows the end, in order: twice on a day on which it is put back over it."""
    today = _local(quiet, now_ms).date()
    for day in range(DAYS):
        shown = datetime.combine(today + timedelta(days=day), quiet.to, ZoneInfo(quiet.timezone))
        yield from sorted((_ms(shown), _ms(shown.replace(fold=1))))


def _local(quiet: QuietHours, at_ms: int) -> datetime:
    return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(quiet.timezone))


def _ms(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

DAYS: Final = 4
"""How far it is looked: a zone has left out a whole day, and an end may fall into an hour that is left out."""
