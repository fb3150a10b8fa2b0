"""What can go wrong on demand: with one request, with one event. Scripted one by one, or by chance with a seed."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Cause(NamedTuple):
    """The request behind a fault or an event: its path and its body, in which ``only`` is looked for."""

    path: str = ""
    body: bytes = b""


class Shape(StrEnum):
    """The form in which an answer is given; all but ``own`` are wrong, or a second version of the documentation."""

    OWN = "own"
    STRING = "string"
    """``message`` is one string and not a list of them."""
    BARE = "bare"
    """An object with nothing but ``message``."""
    FLAT = "flat"
    """What belongs under ``data`` or ``error`` stands at the top."""
    HTML = "html"
    """A gateway's error page instead of JSON."""
    EMPTY = "empty"
    CUT = "cut"
    """JSON that stops halfway."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request: is it carried out, how long does nothing happen, what comes back.

    ======  =====================  ==============================================================================
    accept  status, reset          what happens
    ======  =====================  ==============================================================================
    yes     neither                carried out at once, its own answer comes ``delay_s`` later (``inf``: never)
    yes     status or reset        carried out at once; the caller is told otherwise, or hears nothing
    no      status or reset        not carried out
    no      neither                carried out after ``delay_s``, even if the caller no longer listens
    ======  =====================  ==============================================================================

    ``shape`` is the form of whatever answer comes; ``retry_after`` the header's text; ``only`` makes the fault wait
    for a request whose path or body holds this text. ``name`` is that of the preset it was made of.
    """

    accept: bool = False
    delay_s: float = 0.0
    status: int = 0
    shape: Shape = Shape.OWN
    reset: bool = False
    retry_after: str = ""
    only: str = ""
    name: str = field(default="", compare=False)

    @staticmethod
    def named(name: str, **changes: Any) -> Fault:
        """Give one of ``REQUEST_FAULTS``, changed. Raises ValueError for a name or a field that does not exist."""
        return _changed(REQUEST_FAULTS, name, changes)


@dataclass(frozen=True, slots=True)
class EventFault:
    """What goes wrong with one event.

    ``early``: it arrives before the answer of the request that caused it. ``held``: it arrives after the next event of
    the same conversation or ticket. ``copies``: how often it arrives, 0 for never. ``signed``: whether its signature is
    right. ``metadata``: whether a start event carries it. ``only``: as with ``Fault``.
    """

    early: bool = False
    held: bool = False
    delay_s: float = 0.0
    copies: int = 1
    signed: bool = True
    metadata: bool = True
    only: str = ""
    name: str = field(default="", compare=False)

    @staticmethod
    def named(name: str, **changes: Any) -> EventFault:
        """Give one of ``EVENT_FAULTS``, changed. Raises ValueError for a name or a field that does not exist."""
        return _changed(EVENT_FAULTS, name, changes)


NO_EVENT_FAULT = EventFault()


@dataclass(frozen=True, slots=True)
class Happened:
    """One fault that happened: its name, to which operation or event, when (Unix ms), and the body it struck."""

    name: str
    to: str
    at_ms: int
    body: str


REQUEST_FAULTS: dict[str, Fault] = {
    "status": Fault(status=500),
    "string_message": Fault(status=422, shape=Shape.STRING),
    "bare_401": Fault(status=401, shape=Shape.BARE),
    "not_json": Fault(status=502, shape=Shape.HTML),
    "throttled": Fault(status=429, retry_after="1"),
    "unavailable": Fault(status=503, retry_after="30"),
    "slow": Fault(delay_s=0.1),
    "reset_before_accepting": Fault(reset=True),
    "reset_after_accepting": Fault(accept=True, reset=True),
    "hang_after_accepting": Fault(accept=True, delay_s=inf),
    "error_after_accepting": Fault(accept=True, status=500),
    "unreadable_after_accepting": Fault(accept=True, shape=Shape.CUT),
}

EVENT_FAULTS: dict[str, EventFault] = {
    "early": EventFault(early=True),
    "late": EventFault(delay_s=0.1),
    "twice": EventFault(copies=2),
    "dropped": EventFault(copies=0),
    "badly_signed": EventFault(signed=False),
    "without_metadata": EventFault(metadata=False),
    "out_of_order": EventFault(held=True),
}

F = TypeVar("F", Fault, EventFault)


def _changed(table: Mapping[str, F], name: str, changes: Mapping[str, Any]) -> F:
    if name not in table:
        msg = f"no such fault: {name} (known: {', '.join(table)})"
        raise ValueError(msg)
    preset = table[name]
    return replace(preset, name=name, **{key: _typed(preset, key, value) for key, value in changes.items()})


def _typed(preset: Fault | EventFault, key: str, value: Any) -> Any:
    if key not in {field.name for field in fields(preset)}:
        msg = f"a fault has no field {key}"
        raise ValueError(msg)
    wanted = type(getattr(preset, key))
    if wanted is Shape:
        return Shape(value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        msg = f"{key} of a fault is a {wanted.__name__}"
        raise ValueError(msg)
    return value


class Script(Generic[F]):
    """The faults still to come for a set of operations: those scripted first, then those by chance."""

    def __init__(self, operations: Iterable[str], dice: Random) -> None:
        self._operations = frozenset(operations)
        self._dice = dice
        self._next: dict[str, deque[F]] = {}
        self._chances: list[tuple[str, float, F]] = []

    def add(self, operation: str, fault: F, times: int) -> None:
        """Script ``fault`` for the next ``times`` of this operation that no other is scripted for."""
        self._known(operation)
        self._next.setdefault(operation, deque()).extend([fault] * times)

    def add_chance(self, operation: str, fault: F, probability: float) -> None:
        """Let ``fault`` happen to this share of the operations for which nothing is scripted."""
        self._known(operation)
        self._chances.append((operation, probability, fault))

    def draw(self, operation: str, cause: Cause) -> F | None:
        """Take the fault of this request, if there is one."""
        if not (self._next or self._chances):
            return None
        return self._scripted(operation, cause) or self._by_chance(operation, cause)

    @property
    def pending(self) -> int:
        """How many scripted faults have not happened yet."""
        return sum(len(queue) for queue in self._next.values())

    def clear(self) -> None:
        """Forget every fault."""
        self._next.clear()
        self._chances.clear()

    def _scripted(self, operation: str, cause: Cause) -> F | None:
        queue = self._next.get(operation, deque())
        for index, fault in enumerate(queue):
            if _meant(fault, cause):
                del queue[index]
                return fault
        return None

    def _by_chance(self, operation: str, cause: Cause) -> F | None:
        for wanted, probability, fault in self._chances:
            if wanted == operation and _meant(fault, cause) and self._dice.random() < probability:
                return fault
        return None

    def _known(self, operation: str) -> None:
        if operation not in self._operations:
            msg = f"no such operation: {operation} (known: {', '.join(sorted(self._operations))})"
            raise ValueError(msg)


def _meant(fault: Fault | EventFault, cause: Cause) -> bool:
    return not fault.only or fault.only in cause.path or fault.only.encode() in cause.body


class Faults:
    """The faults of one twin: of requests by operation, of events by their name. Unknown names raise ValueError."""

    def __init__(self, operations: Iterable[str], events: Iterable[str], seed: int = 0) -> None:
        # The same seed and the same requests give the same faults.
        self._dice = Random(seed)  # noqa: S311 - repeatable, not secret
        self._requests: Script[Fault] = Script(operations, self._dice)
        self._events: Script[EventFault] = Script(events, self._dice)
        self.happened: list[Happened] = []

    def next(self, operation: str, fault: Fault, times: int = 1) -> None:
        """Let ``fault`` happen to the next ``times`` requests of this operation."""
        self._requests.add(operation, fault, times)

    def next_start(self, fault: Fault, times: int = 1) -> None:
        """Let ``fault`` happen to the next ``times`` starts of a conversation."""
        self.next("start", fault, times)

    def next_event(self, fault: EventFault, event: str = "start", times: int = 1) -> None:
        """Let ``fault`` happen to the next ``times`` events of this name."""
        self._events.add(event, fault, times)

    def sometimes(self, operation: str, fault: Fault, probability: float) -> None:
        """Let ``fault`` happen to this share (0 to 1) of the operation's requests."""
        self._requests.add_chance(operation, fault, probability)

    def sometimes_event(self, event: str, fault: EventFault, probability: float) -> None:
        """Let ``fault`` happen to this share (0 to 1) of the events of this name."""
        self._events.add_chance(event, fault, probability)

    def of_request(self, operation: str, cause: Cause) -> Fault | None:
        """Take the fault of this request."""
        fault = self._requests.draw(operation, cause)
        self._note(operation, fault, cause)
        return fault

    def of_event(self, event: str, cause: Cause) -> EventFault:
        """Take the fault of the event that this request causes."""
        fault = self._events.draw(event, cause)
        self._note(event, fault, cause)
        return fault or NO_EVENT_FAULT

    def _note(self, to: str, fault: Fault | EventFault | None, cause: Cause) -> None:
        if fault is not None:
            body = cause.body.decode(errors="replace")
            self.happened.append(Happened(fault.name, to, time.time_ns() // 1_000_000, body))

    @property
    def pending(self) -> int:
        """How many scripted faults have not happened yet."""
        return self._requests.pending + self._events.pending

    def reseed(self, seed: int) -> None:
        """Begin the row of chances anew."""
        self._dice.seed(seed)

    def clear(self) -> None:
        """Forget every fault to come, scripted or by chance; what has happened is still told."""
        self._requests.clear()
        self._events.clear()
