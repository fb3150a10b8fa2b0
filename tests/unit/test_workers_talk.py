"""Messages in a worker's hands: none is said twice, what may be out does not grow, what failed is told truly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.domain import AgentReplied, CustomerWrote, Phase, Reply
from bridge.errors import Ambiguous, NotSent, Throttled
from bridge.links import ASKED, WANTED, Link
from bridge.owed import Say, Side, Todo
from tests.claims import NOW_MS, REF, USER, answer, claim, conversation_is, ticket_is
from tests.harness import PROJECT
from workers.waiting import Wait

SAID = answer({"success": True})
SENDING = {"/send": SAID, "/tickets/1": ticket_is("open")}


def link(**known: Any) -> Link:
    """A ticket with an open conversation."""
    told: dict[str, Any] = {
        "phase": Phase.OPEN, "conversation": "c-1", "room": "r-1", "bot": "bot-1", "user": USER, "confirmed": True,
        "opened_ms": NOW_MS - 600_000, "born_ms": NOW_MS - 600_000,
    }  # fmt: skip
    return Link(**(told | known))


# --- an agent's replies ----------------------------------------------------------------------------------------------


async def test_a_reply_that_is_told_again_after_forty_nine_others_is_not_said_again() -> None:
    """A trigger tells no id and the reconciler tells the same comment again, from the oldest on."""
    facts = [f"comment:{number}" for number in range(50)]
    replies = [AgentReplied(REF, fact, fact[8:], f"Reply number {fact[8:]}", public=True) for fact in facts]
    begun = link(carried=tuple(facts[:49]))
    done = await claim(begun, replies[49], *replies, sides=SENDING).go()
    assert (done.called("/send"), done.told("ignored")) == (1, ["it was said already"] * 50)


async def test_a_reply_of_the_episode_before_is_not_said_again() -> None:
    """Told again after the reopening, without the id by which its delivery would be known."""
    begun = replace(link(phase=Phase.CLOSED, carried=("comment:1",)).next_episode(), phase=Phase.OPEN, room="r-2")
    old, new = (AgentReplied(REF, f"comment:{one}", str(one), f"Hello {one}", public=True) for one in (1, 2))
    done = await claim(begun, old, new, sides=SENDING).go()
    assert (done.called("/send"), done.told("ignored")) == (1, ["it was said already"])


# --- what a customer writes ------------------------------------------------------------------------------------------


def wrote(text: str) -> CustomerWrote:
    """A message of the customer's."""
    return CustomerWrote(PROJECT, f"message:{text}", "c-1", "r-1", "bot-1", USER, NOW_MS, text, "text", {"text": text})


@pytest.mark.parametrize(("sent", "updates"), [(True, ["first", "second"]), (False, ["first\nsecond"])])
async def test_what_may_be_on_the_ticket_takes_no_more(sent: bool, updates: list[str]) -> None:
    """A helpdesk that knows an update by its id would drop the later words; what is not sent yet takes them."""
    todo = Todo("message:first", "add.note", "first", sent=sent, due_ms=NOW_MS + 60_000)
    held = claim(link(todo=(todo,)), wrote("second"), account={"messages": {"merge_s": 60}})
    held.work.hold(Side.HELPDESK, Wait("the helpdesk's pace", 5_000, firm=True))
    await held.go()
    assert [one.text for one in held.link.todo] == updates


# --- what goes wrong -------------------------------------------------------------------------------------------------

SAY = Say("m-1", "text", {"text": "Hola"}, "31")


async def again(begun: Link, times: int, sides: dict[str, Any]) -> tuple[Link, list[str]]:
    """The link after so many claims, each of which comes when the wait before is over; what was given up."""
    buried: list[str] = []
    for _ in range(times):
        done = await claim(replace(begun, holds={}), sides=sides).go()
        begun = done.link
        buried += done.told("buried")
    return begun, buried


async def test_a_look_for_the_room_that_nobody_answers_is_no_doubt_about_the_message() -> None:
    """It never went out: it is sent when Jelou tells the room, and no agent is told that it may have arrived."""
    link_now, buried = await again(link(room="", says=(SAY,)), 20, {"/conversations/c-1": Ambiguous("no answer")})
    assert (buried, [one.doubts for one in link_now.says]) == ([], [0])
    done = await claim(
        replace(link_now, holds={}), sides={"/conversations/c-1": conversation_is("ACTIVE"), "/send": SAID}
    ).go()
    assert (done.called("/send"), done.link.says) == (1, ())


async def test_a_message_that_nobody_answers_is_given_up_as_unsure() -> None:
    """After so many tries as the account allows, since each of them may have arrived."""
    begun = link(says=(SAY,))
    end, buried = await again(begun, 20, {"/send": Ambiguous("no answer")})
    assert (end.says, buried) == ((), ["it is not known whether it arrived"])


@pytest.mark.parametrize("error", [NotSent("no connection"), Throttled("busy", retry_after_s=3.0)])
async def test_a_message_that_certainly_did_not_arrive_is_no_doubt(error: Exception) -> None:
    """It waits, however often."""
    end, buried = await again(link(says=(SAY,)), 9, {"/send": error})
    assert (buried, [(one.doubts, one.tries, one.sent) for one in end.says]) == ([], [(0, 9, False)])


async def test_a_message_that_is_refused_is_given_up_at_once() -> None:
    """Sending it again cannot help; what stands behind it goes on."""
    other = replace(SAY, id="m-2")
    sides = {"/send": [answer({"message": "bad"}, 400), SAID]}
    done = await claim(link(says=(SAY, other)), sides=sides).go()
    assert (len(done.told("buried")), done.called("/send"), done.link.says) == (1, 2, ())


async def test_messages_of_a_conversation_that_has_ended_are_not_sent() -> None:
    """The timeline says how many."""
    done = await claim(link(phase=Phase.CLOSED, packaged=True, says=(SAY, replace(SAY, id="m-2")))).go()
    assert (done.link.says, done.told("refused")) == ((), ["the conversation is closed"])


# --- the closed window -----------------------------------------------------------------------------------------------

TEMPLATE = {"template": {"name": "back", "language": "es"}}
BASIC: dict[str, Any] = {"basic": {"username": "u", "password": "p"}}


async def templated(*answers: Any) -> Any:
    """What becomes of a wanted template; a message waits behind it."""
    sides = {"POST": list(answers)}
    return await claim(link(window=WANTED, says=(SAY,)), sides=sides, account=TEMPLATE, **BASIC).go()


async def test_a_template_of_unknown_fate_is_taken_as_gone() -> None:
    """The customer is not asked twice; the message waits for the answer."""
    done = await templated(Ambiguous("reset"))
    assert (done.link.window, done.link.says, len(done.line.calls)) == (ASKED, (SAY,), 1)


async def test_a_template_that_did_not_go_is_tried_again() -> None:
    """Later: the message still waits."""
    done = await templated(NotSent("no connection"))
    assert (done.link.window, done.link.says, len(done.line.calls)) == (WANTED, (SAY,), 1)


async def test_a_template_that_is_refused_gives_the_message_up() -> None:
    """Nothing else may be sent, so a person must look."""
    done = await templated(Reply(400, {}, b'{"message": "no such template"}'))
    assert (done.link.window, done.link.says, len(done.told("buried"))) == ("", (), 1)
