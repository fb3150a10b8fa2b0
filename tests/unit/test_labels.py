"""Labels: an account's own come first, for every helpdesk; one that is in no table is told of, once."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from bridge.admission import admitted, reconciled, unmapped
from bridge.domain import (
    AgentReplied,
    Reply,
    Ticket,
    TicketEvent,
    TicketOpened,
    TicketRef,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.helpdesks import REGISTRY, labels
from tests.helpdesk_recordings import KINDS, Recordings, named
from tests.senders import NOW_MS, verified

REF = TicketRef("zendesk", "main", "7")
OWN = {"status": {"Entregado": "solved", "9": "solved"}, "priority": {"Muy Alta": "urgent", "9": "urgent"}}
FACT = "label:status:esperando"
ENTRY = {"at": 1, "what": "warning", "label": "status 'esperando' is in no table: map it under labels.status"}


def native(name: str, change: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """A body of Zendesk's own."""
    return {"type": f"zen:event-type:{name}", "detail": {"id": "7", **detail}, "event": change}


def trigger(event: str, **told: Any) -> dict[str, Any]:
    """A body that a trigger of Zendesk's prints."""
    return {"event": event, "ticket_id": "7", **told}


def scripted(name: str, **ticket: Any) -> dict[str, Any]:
    """A body of a scripted sender."""
    return {"type": name, "data": {"ticket": {"id": "7", **ticket}}}


def followed(**told: Any) -> dict[str, Any]:
    """A follow-up of django-helpdesk."""
    return {"ticket": {"id": 7, "followup_set": [{"id": 3, "user": 5, **told}]}, "followup_id": 3}


def recordings_of(kind: str) -> Recordings:
    """The recordings of this kind."""
    return next(one for one in KINDS if one.kind == kind)


def read(kind: str, body: dict[str, Any], own: dict[str, Any]) -> list[TicketEvent]:
    """The events in a body, for an account with labels of its own."""
    dialect, section = REGISTRY[kind], recordings_of(kind).section
    account = dialect.settings.model_validate(section | {"labels": own})
    return list(dialect.read(verified(orjson.dumps(body), dialect.verification(account)), account, "main"))


CREATED = [
    ("zendesk", native("ticket.created", {}, status="ENTREGADO", priority="muy alta")),
    ("zendesk", trigger("ticket.created", status="Entregado", priority="Muy alta")),
    ("standard-webhooks", scripted("ticket.created", status="entregado", priority=" Muy Alta ")),
    ("django-helpdesk", {"ticket": {"id": 7, "status": 9, "priority": 9}, "queue_slug": "x"}),
    ("zammad", {"ticket": {"id": 7, "state": "Entregado", "priority": "muy alta"}, "event": "created"}),
]


@pytest.mark.parametrize(("kind", "body"), CREATED)
def test_an_opened_ticket_has_the_accounts_own_words(kind: str, body: dict[str, Any]) -> None:
    """What an admin calls a status or a priority is what rules see of it."""
    (event,) = read(kind, body, OWN)
    assert isinstance(event, TicketOpened)
    assert (event.ticket.fields["status"], event.ticket.fields["priority"]) == ("solved", "urgent")


@pytest.mark.parametrize(("kind", "body"), CREATED)
def test_a_label_in_no_table_is_taken_as_it_is(kind: str, body: dict[str, Any]) -> None:
    """A rule can name it, and the timeline says where to map it."""
    (event,) = read(kind, body, {})
    assert len(unmapped(event)) == (1 if kind == "zammad" else 2)


CHANGED = [
    ("zendesk", native("ticket.status_changed", {"current": "ENTREGADO", "previous": "OPEN"})),
    ("zendesk", trigger("ticket.status_changed", status="Entregado")),
    ("standard-webhooks", scripted("ticket.updated", status="Entregado")),
    ("django-helpdesk", followed(new_status=9)),
    ("zammad", {"ticket": {"id": 7, "state": "Entregado", "article_count": 2}}),
]


@pytest.mark.parametrize(("kind", "body"), CHANGED)
def test_a_mapped_status_solves(kind: str, body: dict[str, Any]) -> None:
    """An end is an end, whatever it is called."""
    (event,) = read(kind, body, OWN)
    assert isinstance(event, TicketSolved)
    assert event.status == "solved"


@pytest.mark.parametrize(("kind", "body"), CHANGED)
def test_an_unmapped_status_is_told(kind: str, body: dict[str, Any]) -> None:
    """It may have been an end, so that nothing is closed and the ticket says why."""
    (event,) = read(kind, body, {})
    assert isinstance(event, Unrecognised)
    assert event.status in {"entregado", "9"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("zendesk", native("ticket.status_changed", {"current": "PENDING", "previous": "OPEN"})),
        ("standard-webhooks", scripted("ticket.updated", status="pending")),
        ("standard-webhooks", scripted("ticket.updated")),
        ("django-helpdesk", followed(title="x")),
        ("zammad", {"ticket": {"id": 7, "state": "pending close", "article_count": 2}}),
    ],
)
def test_a_known_status_is_no_news(kind: str, body: dict[str, Any]) -> None:
    """Nor is one that was not told."""
    (event,) = read(kind, body, {})
    assert (event.type, unmapped(event)) == ("unrecognised", {})


def test_a_reply_with_an_unmapped_status_is_both() -> None:
    """An agent may write and change the status at once in django-helpdesk: neither hides the other."""
    replied, changed = read("django-helpdesk", followed(new_status=9, comment="Hola", public=True), {})
    assert isinstance(replied, AgentReplied)
    assert list(unmapped(changed)) == ["label:status:9"]


def test_a_deleted_ticket_of_zendesk_is_closed_whatever_the_labels() -> None:
    """That word is Zendesk's own for a list, and no status an admin could have named."""
    page = orjson.dumps({"tickets": [{"id": 7, "status": "deleted"}]})
    zendesk = recordings_of("zendesk")
    account = zendesk.dialect.settings.model_validate(zendesk.section | {"labels": {"status": {"deleted": "open"}}})
    (event,) = zendesk.dialect.changes(account, "main", Reply(200, {}, page)).events
    assert isinstance(event, TicketSolved)


def test_a_reopened_ticket_has_the_mapped_status() -> None:
    """A trigger of Zendesk's says that it was reopened, and the label what it is now."""
    (event,) = read("zendesk", trigger("ticket.reopened", status="En curso"), {"status": {"En curso": "pending"}})
    assert isinstance(event, TicketReopened)
    assert event.status == "pending"


def test_a_label_is_mapped_once() -> None:
    """The word that a label stands for may be a label of its own, with another meaning."""
    own = {"status": {"Cerrado": "pending", "pending": "solved"}}
    (event,) = read("zendesk", trigger("ticket.status_changed", status="Cerrado"), own)
    assert isinstance(event, Unrecognised)


# --- the warning -----------------------------------------------------------------------------------------------------


def opened(**fields: Any) -> TicketOpened:
    """A ticket with these fields."""
    return TicketOpened(REF, "opened", Ticket(REF, fields))


@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_a_warning_says_the_label_and_where_to_map_it(recordings: Recordings) -> None:
    """By a fact of its own, so that a ticket is told of it once."""
    for event in (Unrecognised(REF, "told:x", "x", status="esperando"), opened(status="esperando", priority="high")):
        (warning,) = admitted(event, "d", 1, recordings.account).warnings
        assert (warning[0], json.loads(warning[1])) == (FACT, ENTRY)


def test_what_is_known_or_not_told_warns_of_nothing() -> None:
    """The bridge's own words, and none at all."""
    known: list[TicketEvent] = [opened(status=word) for word in labels.WORDS["status"]]
    known += [opened(priority=word) for word in labels.WORDS["priority"]]
    events: list[TicketEvent] = [
        *known,
        opened(),
        opened(status=""),
        TicketSolved(REF, "f", "solved"),
        Unrecognised(REF, "f", "x"),
    ]
    assert all(unmapped(event) == {} for event in events)


def test_all_words_of_the_tables_are_known() -> None:
    """No table says a word that would be warned of."""
    assert set(labels.STATUSES.values()) == labels.WORDS["status"]
    assert set(labels.PRIORITIES.values()) == labels.WORDS["priority"]


def test_a_label_is_cut_and_stands_on_one_line() -> None:
    """Whatever a sender calls a status, it fills no screen."""
    (said,) = unmapped(opened(status="a\n b" + "x" * 500)).values()
    assert said == f"status 'a b{'x' * 57}' is in no table: map it under labels.status"


@pytest.mark.parametrize("value", [7, 1.5, True, ["x"], {"a": 1}])
def test_a_label_of_any_type_breaks_nothing(value: Any) -> None:
    """A dialect may hand on what it was told."""
    assert len(unmapped(opened(status=value))) == 1


def test_what_the_reconciler_finds_warns_too() -> None:
    """At the time it was found, whenever it had happened."""
    found = reconciled(opened(status="esperando"), "d", recordings_of("zendesk").account, NOW_MS, 1)
    assert json.loads(found.warnings[0][1]) == ENTRY | {"at": NOW_MS}
