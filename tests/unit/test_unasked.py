"""What is opened for a conversation that no ticket asked for, and for which events something begins at all."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import unasked
from bridge.domain import MARK, Assignment, ConversationClosed, ConversationStarted, CustomerWrote, TicketRef
from bridge.events import Received
from bridge.links import Link
from bridge.policies import Unasked

REF = TicketRef(unasked.KIND, "soporte", "c-1")
OPENS = Unasked(then="open_ticket", account="zendesk/acme", groups={"VENTAS": "360007"})


def started(**changes: Any) -> ConversationStarted:
    """A start event without anything of ours."""
    known = {"project": "soporte", "fact": "start:c-1", "conversation_id": "c-1", "room_id": "r", "bot_id": "b"}
    return ConversationStarted(**{**known, "user_id": "593987654321", "at_ms": 5, **changes})


def wrote(text: str, **changes: Any) -> CustomerWrote:
    """A message of the customer's."""
    known = {"project": "soporte", "fact": "message:m", "conversation_id": "c-1", "room_id": "r", "bot_id": "b"}
    more = {"user_id": "593987654321", "at_ms": 6, "message_id": "m", "message_type": "text"}
    return CustomerWrote(**{**known, **more, "content": {"body": text}, **changes})


def opening(*events: Any, policy: Unasked = OPENS, earlier: str = "", **link: Any) -> Any:
    """What is opened, once these events came."""
    told = [Received(event, "d", 7) for event in events]
    return unasked.opening(REF, Link(**{"user": "593987654321", **link}), told, policy, "en", earlier)


def test_everything_that_is_known_stands_on_the_ticket() -> None:
    """Who, from which queue, with what; the queue's group, and the mark."""
    action = opening(started(assignment=Assignment("queue", "VENTAS")), wrote("Hola"), name="Ana", earlier="7")
    assert action.text.splitlines()[:-1] == [
        "This ticket was opened for a conversation in Jelou that had none.",
        "Customer: Ana +593987654321",
        "Queue: VENTAS",
        "First message: Hola",
        "The customer came back. Earlier ticket: 7",
    ]
    assert (action.subject, action.name, action.phone) == ("Conversation with Ana", "Ana", "+593987654321")
    assert (action.group, action.user_id) == ("360007", "593987654321")
    assert action.marker.startswith(MARK)
    assert action.text.endswith(action.marker)


def test_what_is_not_known_is_left_out() -> None:
    """No empty lines, no group; the number stands in for the name."""
    action = opening(started(assignment=Assignment("operator", "VENTAS")))
    assert [line.partition(":")[0] for line in action.text.splitlines()[1:-1]] == ["Customer"]
    assert (action.subject, action.group, action.name) == ("Conversation with +593987654321", "", "")


@pytest.mark.parametrize("user", ["", "web-5f", "\u0665\u0665"])
def test_an_id_that_is_no_number_is_no_phone(user: str) -> None:
    """The helpdesk would make a person of it that nobody can call."""
    assert (opening(user=user).phone, opening(user=user).user_id) == ("", user)


@pytest.mark.parametrize(("template", "subject"), [("{{ name.x.y }}", "Ana"), ("", "Ana"), ("{{ queue }}\n5", "5")])
def test_no_ticket_fails_for_its_subject(template: str, subject: str) -> None:
    """It is one line, and the customer's name where the template makes none."""
    assert opening(name="Ana", policy=Unasked(subject=template)).subject == subject


@given(name=st.text(), text=st.text(), template=st.sampled_from(["{{ message }}", "{{ name }}: {{ message }}"]))
def test_whatever_people_write_is_opened(name: str, text: str, template: str) -> None:
    """Always under the same mark, so that a look finds it; braces in their texts are no templates."""
    action = opening(wrote(text), name=name, policy=Unasked(subject=template))
    assert (action.marker, len(action.subject) <= 150) == (opening().marker, True)


def test_what_begins_names_the_conversation_and_its_person() -> None:
    """Under a name that is no helpdesk's, in a lane of the project's own."""
    [item] = unasked.begun(started(conversation_id="c/1"), OPENS, "d", 9)
    assert (item.ticket, item.lane) == ("jelou/soporte/c%2F1", "jelou/soporte~soporte")
    assert (item.person, orjson.loads(item.event)["event"]["conversation_id"]) == ("593987654321", "c/1")


def test_it_is_the_same_fact_for_each_event() -> None:
    """So it begins once."""
    assert len({unasked.begun(event, OPENS, "d", 9)[0].fact for event in (started(), wrote("Hola"))}) == 1


@pytest.mark.parametrize(
    ("event", "policy"),
    [
        (started(), Unasked()),
        (started(), Unasked(account="zendesk/acme")),
        (started(conversation_id=""), OPENS),
        (started(conversation_id=".."), OPENS),
        (ConversationClosed("soporte", "close:c-1", "c-1", "r", "b", "5", 9), OPENS),
    ],
)
def test_nothing_begins_for_the_others(event: Any, policy: Unasked) -> None:
    """Where it is to be parked; of an event that names no conversation, or only its end."""
    assert unasked.begun(event, policy, "d", 9) == ()
