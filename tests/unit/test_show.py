"""A trace on a terminal: where the ticket is, why, and how it came there, in words."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from bridge import domain, show
from bridge.domain import (
    CloseConversation,
    ConversationEvent,
    OpenTicket,
    SayToCustomer,
    StartConversation,
    TicketEvent,
    TicketRef,
    WriteBack,
)

ACTIONS = (*WriteBack.__args__, SayToCustomer, CloseConversation, OpenTicket)
AT = 1_795_184_405_123
HOUR_MS = 3_600_000


def clock(at_ms: int) -> str:
    """The time of day where the reader is."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%H:%M:%S")


def line(what: str, **detail: Any) -> str:
    """One entry as it is printed, without its time."""
    return show.line({"at": AT, "what": what, **detail}).plain.removeprefix(f"{clock(AT)}.123  ").rstrip()


def told(**changes: Any) -> dict[str, Any]:
    """A trace of an open ticket."""
    facts = dict.fromkeys(show.FACTS, "")
    return {
        **facts,
        "ticket": "zendesk/acme/7",
        "says": "a conversation is open",
        "due_in_s": None,
        "timeline": [],
    } | changes


def printed(**changes: Any) -> str:
    """What a person sees of a trace."""
    screen = Console(file=io.StringIO(), width=200, soft_wrap=True)
    show.trace(screen, told(**changes))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_line_says_when_and_what_in_words() -> None:
    """The time is the reader's own, to the millisecond."""
    found = show.line({"at": AT, "what": "received", "event": "ticket.opened"}).plain
    assert found.startswith(f"{clock(AT)}.123  received   webhook: the ticket was opened")


@pytest.mark.parametrize(
    ("what", "detail", "shown"),
    [
        ("received", {"event": "conversation.start", "by": "our metadata"}, "start event from Jelou  by our metadata"),
        ("sending", {"action": "start.conversation", "attempt": 1}, "start call to Jelou  attempt 1"),
        ("answered", {"action": "add.note", "id": "n-1", "key": "1:note:x"}, "note on the ticket (x)  id n-1"),
        ("answered", {"action": "get.room", "ms": 3}, "get.room  ms 3"),
        ("answered", {"action": "add.note", "key": "2:note:package"}, "note on the ticket (how it went)"),
        ("answered", {"action": "add.reply", "key": "message:m-1"}, "the customer's words on the ticket"),
        ("answered", {"action": "set.field", "key": "1:field"}, "field of the ticket"),
        ("answered", {"action": "set.field", "key": "1:tag"}, "field of the ticket (the tag)"),
        ("answered", {"action": "set.status", "key": "1:closed"}, "status of the ticket (the conversation has ended)"),
        ("sending", {"action": "say.to.customer", "message": "m", "type": "text", "try": 1}, "message to the customer"),
        (
            "sending",
            {"action": "say.to.customer", "type": "image", "try": 2},
            "message to the customer  type image, try 2",
        ),
        ("buried", {"action": "say.to.customer 6a83", "reason": "r"}, "message to the customer  reason r"),
        ("buried", {"action": "add.note 1:note:fuse:17", "reason": "r"}, "note on the ticket (the fuse)  reason r"),
        (
            "tripped",
            {"reason": "r"},
            "the fuse: nothing is carried until its time is over, or an agent lets it go on  reason r",
        ),
        ("moved", {"phase": "open"}, "phase open"),
        ("waiting", {"reason": "Jelou asks to wait"}, "reason Jelou asks to wait"),
        ("waiting", {"until": AT}, f"until {clock(AT)}"),
        ("waiting", {"reason": "no, attempt 4", "until": AT}, f"reason no, attempt 4, next at {clock(AT)}"),
        ("invented", {}, ""),
    ],
)
def test_a_line_tells_the_details_that_its_words_do_not(what: str, detail: dict[str, Any], shown: str) -> None:
    """Keys and delivery ids are left to ``--json``; an unknown entry is shown all the same."""
    assert line(what, **detail) == f"{what:<10} {shown}".rstrip()


@pytest.mark.parametrize("kind", [*TicketEvent.__args__, *ConversationEvent.__args__])
def test_every_event_a_timeline_can_hold_has_words(kind: type[Any]) -> None:
    """A conversation event of an unknown kind reaches no ticket."""
    assert kind is domain.UnrecognisedConversation or show.EVENTS[kind.type]


@pytest.mark.parametrize("kind", [*ACTIONS, StartConversation])
def test_every_action_a_timeline_can_hold_has_words(kind: type[Any]) -> None:
    """In both directions."""
    assert show.ACTIONS[kind.type]


def test_a_trace_tells_the_episodes_before_it() -> None:
    """Which conversation of the ticket this is, and how the ones before it ended."""
    before = {"episode": 1, "conversation": "c-1", "opened": None, "closed": AT, "reason": "the ticket is solved"}
    first, second, *_ = printed(episode=2, past=[before]).splitlines()
    assert first.endswith("a conversation is open (episode 2)")
    day = datetime.fromtimestamp(AT / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert second.split() == f"before it episode 1, conversation c-1 until {day}: the ticket is solved".split()


@pytest.mark.parametrize(
    ("fact", "value", "shown"),
    [
        ("fuse", "13 messages each way in 60 s", "the fuse has tripped  13 messages each way in 60 s"),
        ("gone", "the ticket is deleted", "takes no more writes  the ticket is deleted"),
        ("to_say", 2, "still to say          2 messages to the customer"),
        ("ending", "the ticket is solved", "is to be closed       the ticket is solved"),
    ],
)
def test_a_trace_tells_what_stands_in_the_way(fact: str, value: Any, shown: str) -> None:
    """A fact is a line."""
    assert f"  {shown}\n" in printed(**{fact: value})


def test_a_trace_begins_with_where_the_ticket_is() -> None:
    """Facts that there are none of take no line."""
    assert printed() == "zendesk/acme/7: a conversation is open\n"


def test_a_trace_tells_the_facts_and_then_the_way() -> None:
    """Several of a kind stand in one line, and the time left is said beside what is waited for."""
    found = printed(
        conversation="c-1",
        extra_conversations=["c-2", "c-3"],
        waits_for="Jelou's start event",
        due_at=AT + 12_400,
        due_in_s=12.4,
        timeline=[{"at": AT, "what": "moved", "phase": "open"}],
    ).splitlines()
    assert [text.split() for text in found[1:4]] == [
        ["conversation", "c-1"],
        ["extra", "conversations", "c-2,", "c-3"],
        ["waits", "for", "Jelou's", "start", "event,", "until", clock(AT + 12_400), "at", "most"],
    ]
    assert found[5].endswith("moved      phase open")


def test_a_wait_whose_end_nobody_knows_has_no_time() -> None:
    """Nothing is said of a moment at which the bridge only looks again."""
    assert printed(waits_for="a person's decision", due_at=None, due_in_s=3_594.0).splitlines()[-1].endswith("decision")


@pytest.mark.parametrize("later_ms", [90_000, 36 * HOUR_MS])
def test_a_next_try_is_told_with_its_time(later_ms: int) -> None:
    """And with its date, where that is not today's."""
    why = "cannot connect to gateway.jelou.ai:443 (connection refused), attempt 4"
    found = printed(waits_for=why, due_at=AT + later_ms, due_in_s=later_ms / 1000)
    at = datetime.fromtimestamp((AT + later_ms) / 1000, UTC).astimezone()
    form = "%H:%M:%S" if later_ms < HOUR_MS else "%Y-%m-%d %H:%M:%S"
    assert f"{why}, next at {at.strftime(form)}\n" in found


def test_what_is_tried_again_says_when_it_is_given_up() -> None:
    """Then a person will find it among the dead letters."""
    why = "cannot connect to gateway.jelou.ai:443 (connection refused), attempt 4"
    found = printed(waits_for=why, due_at=AT, due_in_s=1.0, given_up_at=AT + 48 * HOUR_MS)
    assert f"; given up on {day(AT + 48 * HOUR_MS)} at {clock(AT + 48 * HOUR_MS)[:5]}\n" in found


def day(at_ms: int) -> str:
    """The date where the reader is."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d")


def test_a_timeline_tells_the_date_where_it_changes() -> None:
    """A time of day alone says nothing of a ticket that is days old."""
    times = [AT, AT + 1, AT + 48 * HOUR_MS]
    lines = printed(timeline=[{"at": at, "what": "moved", "phase": "open"} for at in times]).splitlines()
    assert [lines[1], lines[4]] == [day(AT), day(AT + 48 * HOUR_MS)]
    assert len(lines) == 6


def cycle(at: int, reason: str = "no answer") -> list[dict[str, Any]]:
    """One failed try of a start, as a timeline holds it."""
    return [
        {"at": at, "what": "sending", "action": "start.conversation", "attempt": 1},
        {"at": at + 1, "what": "refused", "action": "start.conversation", "reason": reason},
        {"at": at + 1, "what": "moved", "phase": "new", "reason": reason},
        {"at": at + 1, "what": "waiting", "reason": f"{reason}, attempt 2", "until": at + 1_000},
    ]


def test_tries_that_failed_alike_stand_in_one_line() -> None:
    """With how many they were and when the last was; what came before and after them stays."""
    entries = [{"at": AT, "what": "received", "event": "ticket.opened"}]
    for number in range(40):
        entries += cycle(AT + 1_000 * number)
    entries.append({"at": AT + 90_000, "what": "answered", "action": "start.conversation"})
    found = printed(timeline=entries).splitlines()[2:]
    assert [text.split()[1] for text in found] == ["received", "sending", "refused", "moved", "waiting", "answered"]
    assert found[2].endswith(f"40 times, last at {clock(AT + 39_001)}")


@pytest.mark.parametrize(
    "entries",
    [
        [*cycle(AT), *cycle(AT)],
        [*cycle(AT), *cycle(AT, "another reason"), *cycle(AT)],
        [*cycle(AT), {"at": AT, "what": "received", "event": "agent.replied"}, *cycle(AT), *cycle(AT)],
    ],
    ids=["two", "reasons", "something between"],
)
def test_tries_that_did_not_fail_alike_are_each_told(entries: list[dict[str, Any]]) -> None:
    """Nothing is folded away that is not a repetition."""
    assert len(printed(timeline=entries).splitlines()) == 2 + len(entries)


def test_what_others_wrote_is_printed_as_it_is() -> None:
    """Brackets in an id or a reason are no orders to the terminal."""
    ref = str(TicketRef("zendesk", "acme", "[bold]7[/]"))
    found = printed(ticket=ref, reason="[red]x[/red]", conversation="[/]", timeline=[])
    assert ref in found
    assert "[red]x[/red]" in found
    assert line("refused", reason="[/] [link=x]") == "refused    reason [/] [link=x]"
