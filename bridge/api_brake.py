"""``/api/accounts/…/pause``, ``/api/pause``, ``/api/start-limit``: the brake on starts, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bridge.account_states import OLD_WORKERS, PAUSED
from bridge.api_shapes import WHO, By, Line, PauseTold, Shape
from bridge.asking import Row
from bridge.brake import Pause, StartLimit, moment

if TYPE_CHECKING:
    from bridge.asking import Question


class PauseAsked(Shape):
    """Who holds starts back, and why; shown to whoever looks."""

    by: By = WHO
    why: Line = Field(default="", description="Why; shown to whoever looks.")


class LimitAsked(PauseAsked):
    """So many starts a minute."""

    per_minute: int = Field(ge=1, le=60_000, description="Starts a minute, all accounts together.")
    for_s: int = Field(default=86_400, ge=1, le=30 * 86_400, description="For so many seconds.")


class AccountWaits(Shape):
    """How many starts of an account wait now."""

    account: str
    waiting: int


class BrakeTold(Shape):
    """What was done, and what waits now."""

    says: str
    waiting: list[AccountWaits]


async def pause(question: Question) -> PauseTold:
    """Hold back the starts of an account."""
    account, app = question.account, question.app
    await app.store.brake.pause(account, await _pause(question))
    return PauseTold(account=account, paused=True, says=PAUSED, waiting=await _waiting(question, account))


async def resume(question: Question) -> PauseTold:
    """Let the starts of an account go on; not where all accounts are paused."""
    account, brake = question.account, question.app.store.brake
    waiting = await _waiting(question, account)
    await _wake(question, await brake.resume(account))
    held = bool((await brake.brakes()).of(account))
    says = "it is not paused by name any more, but all accounts are" if held else GOES_ON
    return PauseTold(account=account, paused=held, says=says, waiting=waiting)


GOES_ON = "its starts go on, beginning with those that waited"


async def pause_all(question: Question) -> BrakeTold:
    """Hold back the starts of all accounts, those included that are configured later."""
    await question.app.store.brake.pause_all(_names(question), await _pause(question))
    return await _told(question, PAUSED)


async def resume_all(question: Question) -> BrakeTold:
    """Let the starts go on of all accounts that are not paused by name."""
    told = await _told(question, "the starts of all accounts go on that are not paused by name")
    await _wake(question, await question.app.store.brake.resume_all())
    return told


async def limit(question: Question) -> BrakeTold:
    """Start at most so many conversations a minute, all accounts together."""
    asked, now = question.asked, await question.app.store.brake.now_ms()
    until = now + asked.for_s * 1_000
    told = StartLimit(asked.per_minute, until, now, question.desk.by, asked.why)
    await _wake(question, await question.app.store.brake.limit(told))
    return await _told(question, f"at most {asked.per_minute} starts a minute until {moment(until)}. {OLD_WORKERS}")


async def no_limit(question: Question) -> BrakeTold:
    """End the limit of starts a minute."""
    told = await _told(question, "starts are limited by the pace and each account's starts_per_hour alone")
    await _wake(question, await question.app.store.brake.no_limit())
    return told


async def _pause(question: Question) -> Pause:
    return Pause(await question.app.store.brake.now_ms(), question.desk.by, question.asked.why)


def _names(question: Question) -> list[str]:
    return [f"{kind}/{name}" for kind, named in question.app.bridge.helpdesks.items() for name in named]


async def _wake(question: Question, lanes: list[str]) -> None:
    for lane in lanes:
        await question.app.queue.wake(lane)


async def _counts(question: Question) -> dict[str, int]:
    waiting, _ = await question.app.store.brake.waiting()
    return {name: sum(one.count for one in waiting if one.account == name) for name in {one.account for one in waiting}}


async def _waiting(question: Question, account: str) -> int:
    return (await _counts(question)).get(account, 0)


async def _told(question: Question, says: str) -> BrakeTold:
    counts = sorted((await _counts(question)).items())
    return BrakeTold(says=says, waiting=[AccountWaits(account=name, waiting=count) for name, count in counts])


BRAKE: tuple[Row, ...] = (
    Row("POST", "/api/accounts/{kind}/{account}/pause", pause, PauseTold, body=PauseAsked, refuses=(404,)),
    Row("POST", "/api/accounts/{kind}/{account}/resume", resume, PauseTold, refuses=(404,)),
    Row("POST", "/api/pause", pause_all, BrakeTold, body=PauseAsked),
    Row("POST", "/api/resume", resume_all, BrakeTold),
    Row("POST", "/api/start-limit", limit, BrakeTold, body=LimitAsked),
    Row("POST", "/api/start-limit/off", no_limit, BrakeTold),
)
