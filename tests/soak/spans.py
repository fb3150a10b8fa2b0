"""Spans of time, from and to in Unix ms: put together, taken out, moved along. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Span = tuple[float, float]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > begin:
            found.append((begin, end))
    return found


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """What is left of the spans where the holes are cut out."""
    left = merged(spans)
    for hole_begin, hole_end in merged(holes):
        left = [
            part
            for begin, end in left
            for part in ((begin, min(end, hole_begin)), (max(begin, hole_end), end))
            if part[0] < part[1]
        ]
    return left


def touched(span: Span, holes: Iterable[Span]) -> bool:
    """Whether one of the holes has a moment of it."""
    return any(begin <= span[1] and span[0] <= end for begin, end in holes)


def length_ms(spans: Iterable[Span]) -> float:
    """How long they are together."""
    return sum(end - begin for begin, end in merged(spans))


def count(times: Iterable[float], span: Span) -> int:
    """How many of these are in the span, its end not included."""
    return sum(span[0] <= at < span[1] for at in times)


def windows(times: Sequence[float], spans: Iterable[Span], long: float) -> Iterator[Span]:
    """The windows of this length within a span that can hold most of these times: those that begin at one of them."""
    for begin, end in merged(spans):
        starts = [at for at in times if begin <= at <= end - long]
        yield from ((at, at + long) for at in [begin, *starts, end - long] if begin <= at <= end - long)
