"""``/api/accounts``: how each account does, and ``…/reconcile``: the same as ``bridge reconcile``, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bridge.account_states import account_states
from bridge.api_shapes import Shape
from bridge.asking import Row
from bridge.destinations import named
from bridge.errors import Unreadable
from bridge.hearing import told_of
from bridge.missed import Window
from bridge.protocol import helpdesk_destination
from bridge.reconcile_once import reconcile_once
from bridge.reconciling import NotListedError
from bridge.retrying import retried
from bridge.silence import expected, last_ms
from bridge.start_waits import WORDS

if TYPE_CHECKING:
    from bridge.account_states import AccountState, States
    from bridge.asking import Question
    from bridge.brake import Brakes
    from bridge.wiring import App


class ReconcileAsked(Shape):
    """How far to look back."""

    since_s: int = Field(default=7_200, ge=1, le=30 * 86_400, description="Changes of the last so many seconds.")
    dry_run: bool = Field(default=False, description="Ask and compare; write nothing.")


class MissedTold(Shape):
    """One event that no webhook had brought."""

    ticket: str
    event: str
    done: str = Field(description="fed, would be fed, or left and why.")


class SilenceTold(Shape):
    """How long no webhook has come, and how many normally come in that time."""

    for_s: int
    usual: int


class ReconcileTold(Shape):
    """What came of a look. ``missed`` shows the first 500 of ``fed`` and ``left``."""

    account: str
    since_ms: int
    dry_run: bool
    tickets: int = Field(description="Tickets that had changed.")
    known: int = Field(description="Events that had come already.")
    forgotten: int = Field(description="Events of tickets that were forgotten or removed: they stay so.")
    fed: int = Field(description="Events that no webhook had brought; with `dry_run`: that would be fed.")
    left: int = Field(description="Events that are missing and were left, each with its reason.")
    missed: list[MissedTold]
    complete: bool
    problem: str = Field(description="What stopped the look before its end; empty where nothing did.")
    doubted: list[str] = Field(description="Tickets whose open conversation Jelou is asked for.")
    silence: SilenceTold | None


class NotCalledTold(Shape):
    """Why the helpdesk is not called just now, and for how long still; 0 while a probe is awaited."""

    reason: str
    for_s: float


class PausedTold(Shape):
    """Since when starts are held back (Unix ms), by whom and why; ``all``: because those of all accounts are."""

    since_ms: int
    by: str
    why: str
    all: bool


class LimitTold(Shape):
    """So many starts a minute, of all accounts together, until then (Unix ms)."""

    per_minute: int
    until_ms: int
    since_ms: int
    by: str
    why: str


class WaitingTold(Shape):
    """Starts that wait for one cause: how many, how many for over two minutes, for how long the first."""

    cause: str = Field(description="Of bridge/start_waits.py; a label of bridge_starts_waiting.")
    says: str
    count: int
    late: int
    oldest_s: int


class StartsTold(Shape):
    """The starts of an account: how many of the hour's cap are used, and which wait."""

    this_hour: int
    cap: int
    waiting: list[WaitingTold]


class AccountTold(Shape):
    """How one account does. Times are Unix ms, 0 for never."""

    account: str
    project: str
    paused: bool
    pause: PausedTold | None
    starts: StartsTold
    jelou_not_called: NotCalledTold | None
    last_webhook_ms: int = Field(description="To the end of the ten minutes in which one came last.")
    usual: int = Field(description="How many webhooks normally come in the last `silence.silent_s`.")
    silent: SilenceTold | None
    reconciled_until_ms: int = Field(description="All changes until then were compared.")
    not_called: NotCalledTold | None


class AccountsTold(Shape):
    """All accounts, and what holds back the starts of all of them."""

    paused: PausedTold | None
    start_limit: LimitTold | None
    accounts: list[AccountTold]


async def reconcile(question: Question) -> ReconcileTold:
    """Look for what no webhook brought, and feed it."""
    asked = question.asked
    try:
        told = await reconcile_once(question.app, question.account, asked.since_s, dry_run=asked.dry_run)
    except NotListedError as error:
        raise Unreadable("account", str(error)) from None
    return ReconcileTold.model_validate({**asdict(told.looked), "doubted": told.doubted, "silence": told.silence})


async def accounts(question: Question) -> AccountsTold:
    """How each account does: paused, heard, silent, reconciled, called."""
    states = await account_states(question.app.store, question.app.bridge)
    every, limit = states.brakes.every, states.brakes.limit
    return AccountsTold(
        paused=PausedTold(**asdict(every) | {"all": True}) if every else None,
        start_limit=LimitTold(**asdict(limit)) if limit else None,
        accounts=[AccountTold.model_validate(one) for one in await accounts_of(question.app, states)],
    )


async def accounts_of(app: App, states: States) -> list[dict[str, Any]]:
    """The same as plain values. Raises StoreUnavailable."""
    rounds, now = app.store.rounds, app.now_ms()
    named = {f"{kind}/{name}": one for kind, accounts in app.bridge.helpdesks.items() for name, one in accounts.items()}
    heard, windows = await rounds.heard(list(named)), await rounds.windows()
    silent = told_of(await rounds.silent(), app.bridge)
    starts = {one.account: one for one in states.accounts}
    return [
        {
            "account": name,
            "project": account.project,
            "paused": starts[name].pause is not None,
            "pause": _paused(states.brakes, name),
            "starts": _starts(starts[name]),
            "jelou_not_called": _not_called(starts[name].jelou),
            "last_webhook_ms": min(last_ms(heard[name]), now),
            "usual": expected(heard[name], now, account.silence.silent_s),
            "silent": _silent(silent.get(name), now),
            "reconciled_until_ms": Window.load(windows.get(name, b"")).until_ms,
            "not_called": _not_called(starts[name].helpdesk),
        }
        for name, account in named.items()
    ]


def _paused(brakes: Brakes, account: str) -> dict[str, Any] | None:
    one = brakes.of(account)
    return asdict(one) | {"all": brakes.own(account) is None} if one else None


def _starts(one: AccountState) -> dict[str, Any]:
    waiting = [
        {
            "cause": each.cause,
            "says": WORDS[each.cause],
            "count": each.count,
            "late": each.late,
            "oldest_s": each.oldest_ms // 1_000,
        }
        for each in one.waiting
    ]
    return {"this_hour": one.started, "cap": one.cap, "waiting": waiting}


def _silent(told: dict[str, int] | None, now_ms: int) -> dict[str, int] | None:
    return {"for_s": (now_ms - told["since_ms"]) // 1000, "usual": told["missed"]} if told else None


def _not_called(one: Any) -> dict[str, Any] | None:
    return {"reason": one.reason, "for_s": one.for_ms / 1000} if one else None


RECONCILE = Row(
    "POST",
    "/api/accounts/{kind}/{account}/reconcile",
    reconcile,
    ReconcileTold,
    body=ReconcileAsked,
    refuses=(404,),
)


class RetriedTold(Shape):
    """What is done for each destination, for people."""

    says: list[str]


async def retry(question: Question) -> RetriedTold:
    """Ask a destination at once that is not called just now: ``jelou`` and a project, or a kind and an account."""
    name = f"{question.path['kind']}/{question.path['account']}"
    found = named(question.app.bridge, name)
    return RetriedTold(says=await retried(question.app.store, found or [helpdesk_destination(question.account)]))


RETRY = Row("POST", "/api/accounts/{kind}/{account}/retry", retry, RetriedTold, refuses=(404,))
ACCOUNTS = Row("GET", "/api/accounts", accounts, AccountsTold)
