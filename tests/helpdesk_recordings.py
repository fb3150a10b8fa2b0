"""The recordings of one kind of helpdesk: bodies it sends, and what the bridge is to make of them.

``tests/recordings/<kind>/`` holds the bodies, and beside them ``account.json`` (an account's section),
``expected.json`` (file of a body to its events), ``writes.json`` (calls, answers, and what they mean),
``audience.json`` (whom an agent's words are for, as ``tests/contract/test_audience.py`` asks), and where a sender tells
more in its headers than its proof, ``headers.json`` (file of a body to its headers).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st

from bridge.domain import (
    AddNote,
    AddReply,
    AgentReplied,
    Attachment,
    OpenTicket,
    Reply,
    SetField,
    SetStatus,
    Ticket,
    TicketEvent,
    TicketOpened,
    TicketRef,
    Unrecognised,
    WriteBack,
)
from bridge.helpdesks import REGISTRY
from bridge.requesters import with_requester
from config.mappings import data_of, shipped
from tests.senders import verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.accounts import Account
    from bridge.domain import Call
    from bridge.ports import Helpdesk

FOLDER = Path(__file__).parent / "recordings"
ACCOUNT_NAME = "main"
BESIDE = frozenset({"account.json", "expected.json", "headers.json", "writes.json", "audience.json"})
"""What lies in a folder of recordings beside the bodies."""
GENERIC = "generic"
USUAL = "request-tracker"
"""The mapping that stands for the generic kind where one is enough."""
ACTIONS: dict[str, type[WriteBack]] = {one.type: one for one in (AddNote, AddReply, SetField, SetStatus)}


@dataclass(frozen=True)
class Recordings:
    """One kind of helpdesk and its folder; of the generic kind, one mapping and its folder below ``generic``."""

    kind: str
    mapping: str = ""

    @property
    def name(self) -> str:
        """The kind, or the mapping."""
        return self.mapping or self.kind

    @property
    def folder(self) -> Path:
        """Where its recordings lie."""
        return FOLDER / self.kind / self.mapping

    @property
    def dialect(self) -> Helpdesk:
        """The dialect under test."""
        return REGISTRY[self.kind]

    @cached_property
    def section(self) -> dict[str, Any]:
        """The account's section as YAML would give it, its mapping in its place."""
        section = self._json("account.json")
        return section | ({"mapping": mapping_data(section["mapping"])} if self.mapping else {})

    @cached_property
    def account(self) -> Account:
        """The account, checked."""
        return self.dialect.settings.model_validate(self.section)

    @cached_property
    def expected(self) -> dict[str, list[dict[str, Any]]]:
        """File of a body to the events in it."""
        return self._json("expected.json")

    @cached_property
    def writes(self) -> dict[str, Any]:
        """Calls, answers, and what they mean."""
        return self._json("writes.json")

    @cached_property
    def audience(self) -> dict[str, Any]:
        """Question to cases: whom an agent's words are for."""
        return self._json("audience.json")

    @property
    def opening(self) -> bytes:
        """A body that tells of one opened ticket, which the bridge did not open."""
        named = (name for name, events in self.expected.items() if [_opens(one) for one in events] == [True])
        return self.body(next(named))

    def body(self, name: str) -> bytes:
        """A body as it was sent."""
        return (self.folder / name).read_bytes()

    @cached_property
    def headers(self) -> dict[str, dict[str, str]]:
        """File of a body to the headers it came with, beside its proof."""
        return self._json("headers.json") if (self.folder / "headers.json").exists() else {}

    def read(self, body: bytes, name: str = "") -> list[TicketEvent]:
        """The events in a body whose sender proved itself; ``name`` is the file whose headers it came with."""
        checked = verified(body, self.dialect.verification(self.account), headers=self.headers.get(name))
        events = self.dialect.read(checked, self.account, ACCOUNT_NAME)
        return with_requester(events, self.dialect, checked, self.account)

    def _json(self, name: str) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads((self.folder / name).read_text(encoding="utf-8")))


def mapping_data(name: str) -> Any:
    """A shipped mapping as the configuration reads it."""
    return data_of(shipped()[name])


def _opens(event: dict[str, Any]) -> bool:
    return event["type"] == TicketOpened.type and not event["by_bridge"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["ticket.created", "comment.added", "zen:event-type:ticket.created", "..", "SOLVED", "true"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
"""Any JSON, with the words among it that readers look for."""

MAPPINGS = sorted(path.name for path in (FOLDER / GENERIC).iterdir() if path.is_dir())
KINDS = [Recordings(kind) for kind in sorted(REGISTRY) if kind != GENERIC]
KINDS += [Recordings(GENERIC, mapping) for mapping in MAPPINGS]


def recordings_of(kind: str) -> Recordings:
    """The recordings of this kind; of the generic kind, those of one mapping."""
    return next(one for one in KINDS if one.kind == kind and one.mapping in {"", USUAL})


def every(name: str) -> list[tuple[Recordings, Any]]:
    """Each case of this list in every kind's ``writes.json``."""
    return [(recordings, case) for recordings in KINDS for case in recordings.writes[name]]


def ref_of(recordings: Recordings, ticket_id: str) -> TicketRef:
    """The name of a ticket of this kind."""
    return TicketRef(recordings.kind, ACCOUNT_NAME, ticket_id)


def action_of(case: dict[str, Any]) -> WriteBack:
    """The action a case describes."""
    values = dict(case)
    return ACTIONS[values.pop("type")](**values)


def opening_of(case: dict[str, Any]) -> OpenTicket:
    """The ticket to open that a case describes."""
    return OpenTicket(**case)


def reply_of(case: dict[str, Any]) -> Reply:
    """The answer a case describes; its body is JSON unless it is a text."""
    body = case.get("body", "")
    raw = body if isinstance(body, str) else json.dumps(body)
    return Reply(case["status"], case.get("headers", {}), raw.encode())


def told(event: TicketEvent) -> dict[str, Any]:
    """An event as ``expected.json`` writes it."""
    apart = {"ref", "ticket", "echo", "requester"}
    values = {name: value for name, value in asdict(event).items() if name not in apart}
    if isinstance(event, Unrecognised) and not event.status:
        del values["status"]
    for name in ("guessed", "withheld"):
        if not values.get(name):
            values.pop(name, None)
    values |= {"type": event.type, "ref": str(event.ref) if event.ref else None}
    values |= {"attachments": [_file(one) for one in event.attachments]} if isinstance(event, AgentReplied) else {}
    return values | ({"ticket": told_ticket(event.ticket)} if isinstance(event, TicketOpened) else {})


def _file(file: Attachment) -> dict[str, Any]:
    """A file as the recordings write it: its id is asked for by a test of its own."""
    return {name: value for name, value in asdict(file).items() if name != "id"}


def told_ticket(ticket: Ticket) -> dict[str, Any]:
    """A ticket as the recordings write it."""
    return {name: value for name, value in asdict(ticket).items() if name != "ref"}


def named(value: Any) -> str | None:
    """The name of a parametrised case."""
    return value.name if isinstance(value, Recordings) else value if isinstance(value, str) else None


def secrets_of(recordings: Recordings) -> list[str]:
    """The secrets in the account's section."""
    verification = recordings.section["verification"]
    return next(list(verification[name]) for name in ("secrets", "tokens", "passwords") if name in verification)


def walked(
    case: dict[str, Any], name: str, asked: Callable[[list[Reply]], Call | None], begun: Iterable[Reply] = ()
) -> list[Reply]:
    """The answers of the recorded steps: each is asked for in its turn, and no further one."""
    replies = list(begun)
    for step in case.get(name, []):
        call = asked(replies)
        assert call is not None
        assert (call.method, call.url) == (step.get("method", "GET"), step["url"])
        assert "body" not in step or json.loads(call.body) == step["body"]
        assert not call.once
        replies.append(reply_of(step["reply"]))
    assert asked(replies) is None
    return replies
