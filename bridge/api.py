"""``/api/``: what people and programs ask of the bridge and decide, behind the bearer tokens of ``api.tokens``.

Every route is a row of ``ROUTES``, with the models of what it takes and answers. The rows make the routes, so that none
of them can leave out the token, and ``/openapi.json``, so that it is true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bridge import api_shapes as shapes
from bridge.answering import json_answer
from bridge.api_accounts import ACCOUNTS, RECONCILE, RETRY
from bridge.api_brake import BRAKE
from bridge.api_deliveries import DELIVERIES
from bridge.api_forget import FORGET
from bridge.api_ticket import TicketTold
from bridge.asking import Row, route
from bridge.desk import Wanted
from bridge.domain import TicketRef
from bridge.letters import Replay
from bridge.lost import LostAndFound
from bridge.openapi import document
from bridge.tokens import Tokens
from bridge.trace import trace_of
from bridge.unasked import KIND

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.asking import Question
    from bridge.desk import Desk
    from bridge.letters import Letter
    from bridge.wiring import App


def asked(app: App) -> list[web.RouteDef]:
    """The routes, and the document about them."""
    tokens = Tokens([one.get_secret_value().encode() for one in app.bridge.api.tokens])
    told = document(ROUTES)

    async def openapi(_: web.Request) -> web.Response:
        return json_answer(200, told)

    return [*(route(row, tokens) for row in ROUTES), web.get("/openapi.json", openapi)]


# --- tickets and accounts --------------------------------------------------------------------------------------------


async def ticket(question: Question) -> web.Response:
    """Where a ticket is, and why."""
    app = question.app
    told = await trace_of(app.store, app.bridge, _traced(question), question.path["id"])
    return json_answer(200 if told["known"] else 404, told)


async def decide(question: Question) -> shapes.ReplayTold:
    """Say what becomes of replies that wait since the ticket's requester was changed: same-person, or end."""
    ref = TicketRef(question.path["kind"], question.path["account"], question.path["id"])
    return shapes.ReplayTold.of(await question.desk.decide(str(ref), question.asked.decision), done=True)


def _traced(question: Question) -> str:
    """The account in the path; a project, for a conversation that no ticket asked for."""
    project = question.path["account"] if question.path["kind"] == KIND else ""
    return f"{KIND}/{project}" if project in question.app.bridge.jelou else question.account


# --- dead letters ----------------------------------------------------------------------------------------------------


async def dead_letters(question: Question) -> shapes.LettersTold:
    """What was given up or waits for a person."""
    of = question.asked
    wanted = Wanted(of.account, of.ticket, of.reason_has)
    page = await question.desk.dead_letters(wanted, after=of.after, most=of.limit)
    return shapes.LettersTold(dead_letters=list(map(shapes.LetterTold.of, page.items)), next=page.after)


async def dead_letter(question: Question) -> shapes.LetterShown:
    """One dead letter, and what a replay of it would do now."""
    letter = await question.desk.letter(question.path["id"])
    would = shapes.ReplayTold.of(await question.desk.preview(letter), done=False)
    return shapes.LetterShown(**shapes.LetterTold.of(letter).model_dump(), replay=would)


async def replay(question: Question) -> shapes.ReplayTold:
    """Do one dead letter again. Pressed twice, it says that there is nothing to do."""
    desk, preview = question.desk, question.asked.preview
    letter = await desk.found(question.path["id"], question.asked.at_ms)
    if isinstance(letter, str):
        return shapes.ReplayTold(does="nothing", says=letter, done=False)
    told = await (desk.preview(letter) if preview else desk.replay(letter))
    return shapes.ReplayTold.of(told, done=not preview)


async def discard(question: Question) -> shapes.ReplayTold:
    """Take one dead letter from the list for good. The reason is kept."""
    desk = question.desk
    letter = await desk.found(question.path["id"], question.asked.at_ms)
    if isinstance(letter, str):
        return shapes.ReplayTold(does="nothing", says=letter, done=False)
    return shapes.ReplayTold.of(await desk.discard(letter, question.asked.reason), done=True)


async def replay_many(question: Question) -> shapes.ManyTold:
    """Do many dead letters again, or say of each what that would do."""
    desk = question.desk
    return await _many(question, desk, desk.preview if question.asked.preview else desk.replay)


async def discard_many(question: Question) -> shapes.ManyTold:
    """Take many dead letters from the list, or show which ones. The reason is kept with each."""
    desk, asked = question.desk, question.asked

    async def would(_: Letter) -> Replay:
        return Replay("discard", "would be discarded")

    return await _many(question, desk, would if asked.preview else lambda letter: desk.discard(letter, asked.reason))


async def _many(question: Question, desk: Desk, step: Callable[[Letter], Awaitable[Replay]]) -> shapes.ManyTold:
    chosen, gone, after = await _chosen(desk, question.asked)
    done = not question.asked.preview
    results = [shapes.OneTold.about(one, done=done) for one in await desk.each(chosen, step)]
    return shapes.ManyTold(results=results, gone=gone, next=after)


async def _chosen(desk: Desk, of: shapes.ManyAsked) -> tuple[list[Letter], dict[str, str], str]:
    if not of.ids:
        wanted = Wanted(of.account, of.ticket, of.reason_has)
        page = await desk.dead_letters(wanted, after=of.after, most=of.limit)
        return page.items, {}, page.after
    letters, gone = await desk.sorted_out(of.ids)
    return letters, gone, ""


# --- orphans ---------------------------------------------------------------------------------------------------------


async def orphans(question: Question) -> shapes.OrphansTold:
    """Jelou's events that found no ticket."""
    of = question.asked
    page = await LostAndFound(question.desk).orphans(of.project, after=of.after, most=of.limit)
    return shapes.OrphansTold(orphans=list(map(shapes.OrphanTold.of, page.items)), next=page.after)


async def claim(question: Question) -> shapes.Said:
    """Say whose conversation it is: its events go to that ticket."""
    lost = LostAndFound(question.desk)
    orphan = await lost.orphan(question.path["id"])
    return shapes.Said(says=await lost.claim(orphan, question.asked.ticket))


async def discard_orphan(question: Question) -> shapes.Said:
    """Forget an orphan's events. The reason is kept."""
    lost = LostAndFound(question.desk)
    await lost.discard(await lost.orphan(question.path["id"]), question.asked.reason)
    return shapes.Said(says="discarded")


# --- decisions -------------------------------------------------------------------------------------------------------


async def decisions(question: Question) -> shapes.DecisionsTold:
    """What was replayed, discarded and claimed, by whom, and why."""
    of = question.asked
    page = await question.desk.decisions(thing=of.thing, after=of.after, most=of.limit)
    return shapes.DecisionsTold(decisions=list(map(shapes.DecisionTold.of, page.items)), next=page.after)


ROUTES: tuple[Row, ...] = (
    Row("GET", "/api/tickets/{kind}/{account}/{id}", ticket, TicketTold, refuses=(404,), absent=True),
    *BRAKE,
    Row(
        "POST",
        "/api/tickets/{kind}/{account}/{id}/decide",
        decide,
        shapes.ReplayTold,
        body=shapes.DecisionAsked,
        refuses=(404, 409),
    ),
    DELIVERIES,
    Row("GET", "/api/dead-letters", dead_letters, shapes.LettersTold, query=shapes.LettersAsked),
    Row("GET", "/api/dead-letters/{id}", dead_letter, shapes.LetterShown, refuses=(404,)),
    Row("POST", "/api/dead-letters/replay", replay_many, shapes.ManyTold, body=shapes.ManyReplayed),
    Row("POST", "/api/dead-letters/discard", discard_many, shapes.ManyTold, body=shapes.ManyDiscarded),
    Row(
        "POST", "/api/dead-letters/{id}/replay", replay, shapes.ReplayTold, body=shapes.ReplayAsked, refuses=(404, 409)
    ),
    Row(
        "POST",
        "/api/dead-letters/{id}/discard",
        discard,
        shapes.ReplayTold,
        body=shapes.LetterDiscarded,
        refuses=(404, 409),
    ),
    Row("GET", "/api/orphans", orphans, shapes.OrphansTold, query=shapes.OrphansAsked),
    Row("POST", "/api/orphans/{id}/claim", claim, shapes.Said, body=shapes.ClaimAsked, refuses=(404, 409)),
    Row("POST", "/api/orphans/{id}/discard", discard_orphan, shapes.Said, body=shapes.DiscardAsked, refuses=(404, 409)),
    Row("GET", "/api/decisions", decisions, shapes.DecisionsTold, query=shapes.DecisionsAsked),
    FORGET,
    ACCOUNTS,
    RECONCILE,
    RETRY,
)
