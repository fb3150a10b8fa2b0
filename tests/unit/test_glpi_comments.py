"""GLPI: follow-ups, solutions and lists, with their traps."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.domain import (
    AgentReplied,
    TicketSolved,
)
from bridge.errors import Ambiguous
from tests.glpi_helpdesk import (
    GLPI,
    MARK,
    OPEN,
    REF,
    account,
    body,
    comment,
    deaf,
    ok,
    read,
    url,
)
from tests.senders import NOW_MS

# --- follow-ups and solutions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_private", "public"), [(False, True), (True, False), (None, False), ("0", True), ("1", False), ([], False)]
)
def test_a_followup_that_does_not_say_that_it_is_public_is_private(*, is_private: Any, public: bool) -> None:
    """What may be private never leaves the helpdesk; templates print numbers."""
    assert comment(is_private=is_private).public is public


def test_the_ticket_of_a_followup_is_not_the_followups_number() -> None:
    """``itemtype`` is the type of what it belongs to. A thin one is known by its ticket."""
    assert comment().ref == comment(items_id=None).ref == REF


def test_what_the_requester_writes_in_glpi_is_not_said_to_the_requester() -> None:
    """Where authors are told; an agent who asks in their own ticket is an agent."""
    [event] = read(body("followup-new.json", user={"id": 42, "name": "mlopez"}))
    assert (event.type, event.fact) == ("unrecognised", "comment:918")
    both = body("followup-new.json", user={"id": 7})
    both["parent_item"]["team"] += [{"id": 7, "type": "User", "role": "requester"}]
    assert isinstance(read(both)[0], AgentReplied)


def test_without_an_author_every_followup_is_an_agents() -> None:
    """The first versions of the API tell none."""
    assert not comment().by_bridge


@pytest.mark.parametrize(
    "item",
    [
        {"request_type": {"id": 9, "name": "Otra"}},
        {"request_type": {"id": 3, "name": "JELOU Bridge "}},
        {"user": {"id": 21}},
        {"content": f"<p>x<br>{MARK}</p>"},
    ],
)
def test_the_bridges_own_are_known_in_each_of_four_ways(item: dict[str, Any]) -> None:
    """By the request source's id, by its name, by the author and by the mark."""
    assert comment(**item).by_bridge


def test_no_setting_is_no_match() -> None:
    """An empty id of the bridge is not the empty author of an old version, nor an empty source."""
    bare = account(bridge_user_id="", request_type_id="", request_type="")
    assert not comment(bare, request_type={"id": None, "name": ""}, user={"id": None}).by_bridge
    assert not comment(deaf(), request_type=None).by_bridge


def test_a_comment_is_read_again_where_it_can_be() -> None:
    """It may have become private meanwhile."""
    assert comment().partial
    assert not comment(deaf()).partial


def test_a_solution_says_its_text_and_then_that_the_ticket_is_solved() -> None:
    """As the ticket's own update does, under the same fact."""
    said, solved = read(body("composed/solution-new.json"))
    assert isinstance(said, AgentReplied)
    assert (said.public, said.comment_id) == (True, "solution-61")
    assert read(body("ticket-update.json"))[-1] == solved


def test_an_update_to_solved_tells_the_newest_comment_first() -> None:
    """The solution's own webhook comes after it, and its text would find the conversation closed."""
    newest, solved = read(body("ticket-update.json"))
    assert isinstance(newest, AgentReplied)
    assert (newest.comment_id, newest.public, newest.partial) == ("", True, True)
    assert read(body("ticket-update.json"), deaf()) == [solved]


@pytest.mark.parametrize(("number", "status"), [(5, "solved"), (6, "closed"), (2, "solved")])
def test_a_solution_solves_whatever_the_ticket_says_yet(number: int, status: str) -> None:
    """Some entities close at once; a payload may be older than its own effect."""
    told = body("composed/solution-new.json")
    told["parent_item"]["status"]["id"] = number
    assert [event.status for event in read(told) if isinstance(event, TicketSolved)] == [status]


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_timeline_without_authors_asks_for_no_ticket() -> None:
    """The requesters would tell nothing."""
    old = ok([{"type": "Followup", "item": body("followup-new.json")["item"]}])
    assert GLPI.comments_more(account(), REF, [old]) is None
    assert [one.comment_id for one in GLPI.fetched_comments(account(), REF, old)] == ["918"]


def test_comments_come_oldest_first_and_tasks_not_at_all() -> None:
    """GLPI sorts a timeline by type. A solution of an old version tells no time."""
    later, sooner = (
        {"type": "Followup", "item": {"id": number, "is_private": False, "content": "x", "date_creation": at}}
        for number, at in ((1, "2026-11-20T15:00:00+00:00"), (2, "2026-11-20T14:00:00+00:00"))
    )
    solution, task = ({"type": kind, "item": {"id": 3, "content": "x"}} for kind in ("Solution", "Task"))
    found = GLPI.fetched_comments(account(), REF, ok([solution, task, later, sooner]))
    assert [one.comment_id for one in found] == ["2", "1", "solution-3"]


def test_a_zone_that_is_not_told_costs_a_longer_list() -> None:
    """GLPI compares the time of its own clock, without a zone: no zone is further behind than twelve hours."""
    assert "date_mod%3Dge%3D2026-11-20%2002%3A20%3A05" in url(GLPI.changed(account(timezone=None), NOW_MS, ""))
    assert "date_mod%3Dge%3D2026-11-20%2015%3A20%3A05" in url(
        GLPI.changed(account(timezone="Europe/Madrid"), NOW_MS, "")
    )


@pytest.mark.parametrize(("status", "number", "after"), [(206, 3, "3"), (200, 3, ""), (200, 100, "100"), (206, 0, "")])
def test_a_page_goes_on_where_it_is_cut(status: int, number: int, after: str) -> None:
    """By the code, or because it is full: a server may take a smaller limit than was asked for."""
    page = ok([{"id": one + 1, "status": {"id": 2}} for one in range(number)], status)
    assert GLPI.changes(account(), "main", page).after == after


def test_a_filter_that_glpi_leaves_out_finds_nothing() -> None:
    """It answers with all tickets then: the external id is compared here too, and a cut list is no answer."""
    others = [{"id": 1, "external_id": None}, {"id": 2, "external_id": "jelou-bridge:ffffffffffffffff"}]
    assert GLPI.found_opened(account(), OPEN, ok(others)) == ""
    with pytest.raises(Ambiguous):
        GLPI.found_opened(account(), OPEN, ok(others, 206))
