"""A ticket's next episode: the same person at the same bot, and nothing that those before owe or knew is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.accounts import Account, Project
from bridge.domain import Assignment, Phase, Ticket, TicketRef
from bridge.links import Link
from bridge.owed import Todo
from bridge.translate import next_start

REF = TicketRef("zendesk", "acme", "7")
ANA, LUZ = "593987654321", "593987654322"


def project(bot: str) -> Project:
    """A project whose configuration names this bot."""
    return Project.model_validate({"project_id": "p", "bot_id": bot, "api_key": "k", "signing_secrets": ["s"]})


def ticket(phone: str) -> Ticket:
    """The ticket as it is read when it is reopened."""
    return Ticket(REF, {"id": "7", "requester": {"name": "Ana", "phone": f"+{phone}"}})


ACCOUNT = Account.model_validate({"project": "soporte", "start_when": [{}]})


def episode(**known: Any) -> Link:
    """A conversation of Ana's at the first bot that has ended."""
    told: dict[str, Any] = {"phase": Phase.CLOSED, "bot": "bot-1", "user": ANA, "conversation": "c-1", "attempt": 1}
    return Link(**(told | known))


def ended(link: Link, conversation: str) -> Link:
    """The same when its present conversation has ended."""
    return replace(link, phase=Phase.CLOSED, conversation=conversation, attempt=3)


# --- who is written to -----------------------------------------------------------------------------------------------


def test_a_reopened_ticket_stays_at_the_bot_that_knows_the_person() -> None:
    """Also after the configuration names another one."""
    start = next_start(REF, ticket(ANA), episode().next_episode(), ACCOUNT, project("bot-2"))
    assert start.bot_id == "bot-1"


def test_a_ticket_that_had_no_bot_takes_the_projects() -> None:
    """A link of an older version, or one whose start never went out."""
    start = next_start(REF, ticket(ANA), episode(bot="").next_episode(), ACCOUNT, project("bot-2"))
    assert start.bot_id == "bot-2"


def test_a_reopened_ticket_writes_to_the_same_person() -> None:
    """Also after their phone was changed in the helpdesk: the conversation goes on where it was."""
    start = next_start(REF, ticket(LUZ), episode().next_episode(), ACCOUNT, project("bot-1"))
    assert start.user_id == ANA


def test_a_reopened_ticket_whose_person_is_not_known_asks_the_ticket() -> None:
    """Nothing else tells whom to write to."""
    start = next_start(REF, ticket(LUZ), episode(user="").next_episode(), ACCOUNT, project("bot-1"))
    assert start.user_id == LUZ


def test_each_episode_counts_its_own_tries() -> None:
    """The first start of the second episode is its first attempt, and says so to Jelou; a next one its second."""
    link = episode(attempt=2).next_episode()
    said = [
        next_start(REF, ticket(ANA), one, ACCOUNT, project("bot-1")).metadata
        for one in (link, replace(link, attempt=1))
    ]
    assert [(one["bridgeEpisode"], one["bridgeAttempt"]) for one in said] == [("2", "1"), ("2", "2")]


def test_three_lives_of_a_ticket_stay_with_one_person_at_one_bot() -> None:
    """Phone and bot are changed between them, and the assignment of a ticket that nobody can read stays."""
    link, starts = episode(assignment=Assignment("queue", "VIP")), []
    for name, told in (("c-2", ticket(LUZ)), ("c-3", None)):
        begun = link.next_episode()
        starts.append(next_start(REF, told, begun, ACCOUNT, project("bot-9")))
        link = ended(begun, name)
    assert [(one.bot_id, one.user_id) for one in starts] == [("bot-1", ANA)] * 2
    assert starts[1].assignment == Assignment("queue", "VIP")


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_every_conversation_of_a_ticket_is_known_as_past() -> None:
    """A late event of the first of three changes nothing any more."""
    link = ended(episode().next_episode(), "c-2").next_episode()
    assert [link.knew(one) for one in ("c-1", "c-2", "c-3")] == [True, True, False]
    assert [one.episode for one in link.past] == [1, 2]


def test_what_was_said_is_known_in_the_next_episode() -> None:
    """A helpdesk that tells a reply again after the reopening has nothing said again."""
    assert episode(carried=("comment:1", "comment:2")).next_episode().carried == ("comment:1", "comment:2")


def test_a_close_package_that_is_due_is_owed_after_a_reopening() -> None:
    """And one that is on its way is not owed twice."""
    assert [episode(packaged=done).next_episode().packaged for done in (False, True)] == [False, True]


def test_what_is_to_be_written_is_owed_after_a_reopening() -> None:
    """A note of the first episode that the helpdesk has not taken yet is still written in the third."""
    owed = (Todo("1:note:closed", "add.note", "Closed"),)
    assert ended(episode(todo=owed).next_episode(), "c-2").next_episode().todo == owed
