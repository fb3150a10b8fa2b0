"""``/twin/``: how another process steers a twin. No credential: a twin listens on this machine and holds play data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, get_origin, get_type_hints

import orjson
from aiohttp import web

from bridge.twins.answers import RefusedError
from bridge.twins.faults import EVENT_FAULTS, EventFault, Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.twins.faults import Faults

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
    Asked = Callable[[dict[str, Any]], Any]

Json = dict[str, Any]


class Steerable(Protocol):
    """What every twin offers to be steered by."""

    @property
    def faults(self) -> Faults:
        """The faults to come."""
        ...

    @property
    def settings(self) -> Any:
        """A dataclass that may be changed while the twin runs."""
        ...

    async def settle(self) -> None:
        """Wait until every event has been delivered."""
        ...

    def reset(self) -> None:
        """Forget everything but the settings."""
        ...


def reply(told: Any, status: int = 200) -> web.Response:
    """Put dataclasses, lists and the like into a JSON response."""
    body = orjson.dumps(told, option=orjson.OPT_NON_STR_KEYS, default=_plain)
    return web.Response(body=body, status=status, content_type="application/json")


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


def asking(act: Asked) -> Handler:
    """Make a handler of a function of the request's JSON object; what it cannot do is answered 404 or 422."""

    async def handle(request: web.Request) -> web.Response:
        try:
            raw = await request.read()
            told = act({**request.match_info, **request.query, **(orjson.loads(raw) if raw else {})})
            return reply({"done": True} if told is None else told)
        except RefusedError as refused:
            return reply(refused.answer.body, refused.answer.status)
        except LookupError as error:
            return reply({"error": str(error)}, 404)
        except (ValueError, TypeError) as error:
            return reply({"error": str(error)}, 422)

    return handle


def add_steering(app: web.Application, twin: Steerable) -> None:
    """Add what every twin has: faults, settings, settle, reset."""

    async def settle(_request: web.Request) -> web.Response:
        await twin.settle()
        return reply({"settled": True})

    def clear(_told: Json) -> None:
        twin.faults.clear()

    def reset(_told: Json) -> None:
        twin.reset()

    app.router.add_post("/twin/settle", settle)
    app.router.add_post("/twin/faults", asking(lambda told: order_fault(twin.faults, told)))
    app.router.add_get(
        "/twin/faults", asking(lambda _told: {"pending": twin.faults.pending, "happened": twin.faults.happened})
    )
    app.router.add_delete("/twin/faults", asking(clear))
    app.router.add_post("/twin/settings", asking(lambda told: change_settings(twin.settings, told)))
    app.router.add_post("/twin/reset", asking(reset))


def order_fault(faults: Faults, told: Json) -> Json:
    """Order a fault: ``{"operation" or "event", "name", ...its fields, "times" or "probability", "seed"}``.

    ``name`` is one of the named faults, for a request ``status`` where none is given. Raises ValueError, KeyError.
    """
    if "seed" in told:
        faults.reseed(int(told.pop("seed")))
    times, probability = int(told.pop("times", 1)), told.pop("probability", None)
    if "event" in told or told.get("name") in EVENT_FAULTS:
        event, ordered = told.pop("event", "start"), EventFault.named(**told)
        if probability is None:
            faults.next_event(ordered, event, times)
        else:
            faults.sometimes_event(event, ordered, float(probability))
    else:
        operation, fault = told.pop("operation"), Fault.named(**{"name": "status", **told})
        if probability is None:
            faults.next(operation, fault, times)
        else:
            faults.sometimes(operation, fault, float(probability))
    return {"pending": faults.pending}


def change_settings(settings: Any, told: Json) -> Json:
    """Change some of a twin's settings and name those it has; a list stands for a set. Raises ValueError."""
    hints = get_type_hints(type(settings))
    for name, value in told.items():
        if name not in hints:
            msg = f"no such setting: {name} (known: {', '.join(hints)})"
            raise ValueError(msg)
        if get_origin(hints[name]) is Literal and value not in get_args(hints[name]):
            msg = f"{name} is one of {get_args(hints[name])}"
            raise ValueError(msg)
        setattr(settings, name, frozenset(value) if isinstance(value, list) else value)
    return {"settings": list(hints)}
