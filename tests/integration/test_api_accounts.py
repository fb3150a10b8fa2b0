"""``/api/accounts`` and ``bridge reconcile``: how accounts do, and what no webhook brought, for programs and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bridge.cli_reconcile import seconds
from bridge.domain import TicketRef
from bridge.silence import BUCKET_MS, DAY
from bridge.wiring import wall_clock_ms
from tests.api_calls import Api
from tests.command_line import Ran, run_process
from tests.harness import KEY, PROJECT, Scene, project, scene, zendesk_account
from tests.listed import ACCOUNT, PHONE, is_open, lost

if TYPE_CHECKING:
    from pathlib import Path

QUIET = {"reconcile": {"enabled": False}}


async def account(on: Scene, name: str = ACCOUNT) -> dict[str, Any]:
    """What is told of one account."""
    told = (await Api(on.bridge).get("accounts")).json["accounts"]
    return dict(next(one for one in told if one["account"] == name))


async def test_each_account_tells_how_it_does(redis_url: str, redis: Any, prefix: str) -> None:
    """Paused, heard, silent, reconciled and called; each as it is now."""
    async with scene(redis_url, prefix, zendesk=QUIET, work=False) as on:
        api = Api(on.bridge)
        fresh = await account(on)
        assert fresh == {
            "account": ACCOUNT,
            "project": PROJECT,
            "paused": False,
            "pause": None,
            "starts": {"this_hour": 0, "cap": 200, "waiting": []},
            "jelou_not_called": None,
            "last_webhook_ms": 0,
            "usual": 0,
            "silent": None,
            "reconciled_until_ms": 0,
            "not_called": None,
        }
        before = wall_clock_ms()
        on.zendesk.open_ticket("Hola", PHONE)
        await on.zendesk.settle()
        await api.post(f"accounts/{ACCOUNT}/pause")
        await api.post(f"accounts/{ACCOUNT}/reconcile", since_s=3_600)
        until = {"until": before + 60_000, "reason": "it fails", "kind": "fail"}
        await redis.hset(f"{prefix}:breaker:helpdesk:{ACCOUNT}", mapping=until)
        told = await account(on)
        assert told["paused"] is True
        assert before <= told["last_webhook_ms"] <= wall_clock_ms()
        assert told["reconciled_until_ms"] == 0
        assert told["not_called"]["reason"] == "it fails"
        assert not (await account(on, "standard-webhooks/scripts"))["paused"]


async def test_a_silent_account_tells_since_when(redis_url: str, redis: Any, prefix: str) -> None:
    """And how many webhooks would have come; a look tells it too."""
    now = wall_clock_ms() // BUCKET_MS
    await redis.hset(f"{prefix}:heard:{ACCOUNT}", mapping=dict.fromkeys(range(now - 8 * DAY, now - 3), 20))
    async with scene(redis_url, prefix, zendesk=QUIET) as on:
        told = (await Api(on.bridge).post(f"accounts/{ACCOUNT}/reconcile")).json
        assert told["silence"]["usual"] >= 40
        assert told["silence"]["for_s"] >= 1_200
        assert (await account(on))["usual"] == 40


async def test_a_program_looks_for_what_no_webhook_brought(redis_url: str, prefix: str) -> None:
    """First what would be done, then it is done, then there is nothing more."""
    async with scene(redis_url, prefix, zendesk=QUIET) as on:
        api, ticket = Api(on.bridge), await lost(on)
        would = (await api.post(f"accounts/{ACCOUNT}/reconcile", dry_run=True)).json
        assert (would["dry_run"], would["fed"], would["complete"], would["problem"]) == (True, 1, True, "")
        assert would["missed"] == [{"ticket": f"{ACCOUNT}/{ticket}", "event": "ticket.opened", "done": "would be fed"}]
        assert not (await on.bridge.trace("zendesk", "acme", str(ticket)))["known"]
        assert (await api.post(f"accounts/{ACCOUNT}/reconcile", since_s=7_200)).json["fed"] == 1
        await is_open(on, ticket)
        again = (await api.post(f"accounts/{ACCOUNT}/reconcile")).json
        assert (again["fed"], again["known"]) == (0, 1)


async def test_a_question_that_cannot_be_asked_is_refused(redis_url: str, prefix: str) -> None:
    """The account is named."""
    async with scene(redis_url, prefix, work=False) as on:
        api = Api(on.bridge)
        refused = await api.post("accounts/standard-webhooks/scripts/reconcile")
        assert (refused.status, refused.json["field"]) == (400, "account")
        assert "there is no list of changed tickets" in refused.json["error"]
        assert (await api.post("accounts/zendesk/other/reconcile")).status == 404
        assert (await api.post(f"accounts/{ACCOUNT}/reconcile", since_s=0)).status == 400


# --- the command line ------------------------------------------------------------------------------------------------


def configured(on: Scene, folder: Path) -> str:
    """The scene's configuration as a file."""
    sender = {"project": PROJECT, "verification": {"secrets": ["${SCRIPT}"]}}
    desk = zendesk_account(on.zendesk, **QUIET)
    desk["verification"] = {"secrets": ["${ZENDESK}"]}
    desk["access"]["api_token"] = "${TOKEN}"
    jelou = {**project(on.jelou), "api_key": "${TOKEN}", "signing_secrets": ["${ZENDESK}"]}
    told = {
        "jelou": {PROJECT: jelou},
        "helpdesks": {"zendesk": {"acme": desk}, "standard-webhooks": {"scripts": sender}},
    }
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    return str(path)


async def typed(on: Scene, redis_url: str, prefix: str, folder: Path, *argv: str, token: str = "") -> Ran:
    """``bridge reconcile`` as somebody types it."""
    environ = {
        "REDIS_URL": redis_url,
        "BRIDGE_REDIS_PREFIX": prefix,
        "BRIDGE_CONFIG": configured(on, folder),
        "SCRIPT": f"whsec_{KEY}",
        "ZENDESK": on.zendesk.settings.secret,
        "TOKEN": token or on.zendesk.settings.api_token,
    }
    return await run_process("reconcile", *argv, environ=environ)


async def test_a_person_looks_for_what_no_webhook_brought(redis_url: str, prefix: str, tmp_path: Path) -> None:
    """A line for each, the counts at the end, code 0; the workers start it."""
    async with scene(redis_url, prefix, zendesk=QUIET) as on:
        ticket = await lost(on)
        where = (on, redis_url, prefix, tmp_path)
        would = await typed(*where, "--account", ACCOUNT, "--since", "2h", "--dry-run")
        assert (would.code, would.err) == (0, "")
        assert f"{ACCOUNT}/{ticket}" in would.out
        assert "1 tickets had changed, 1 events would be fed, 0 left, 0 known, 0 forgotten" in would.out
        done = await typed(*where, "--account", ACCOUNT, "--json")
        assert (done.code, done.json["looked"]["fed"]) == (0, 1)
        await is_open(on, ticket)
        assert str(TicketRef.parse(done.json["looked"]["missed"][0]["ticket"]).id) == str(ticket)


async def test_a_person_is_told_what_is_wrong(redis_url: str, prefix: str, tmp_path: Path) -> None:
    """In words: the account, the time, a sender without a list, a refused credential."""
    async with scene(redis_url, prefix, zendesk=QUIET, work=False) as on:
        where = (on, redis_url, prefix, tmp_path)
        refused = await typed(*where, "--account", "zendesk/other")
        assert (refused.code, "no account zendesk/other" in refused.err) == (2, True)
        assert "write 30m, 2h or 1d" in (await typed(*where, "--account", ACCOUNT, "--since", "soon")).err
        ran = await typed(*where, "--account", "standard-webhooks/scripts")
        assert (ran.code, "there is no list of changed tickets" in ran.err) == (1, True)
        ran = await typed(*where, "--account", ACCOUNT, token="wrong-token")
        assert ran.code == 1
        assert "not complete: the credential is refused, see helpdesks.zendesk.acme.access" in ran.out


@pytest.mark.parametrize(("text", "since_s"), [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1d", 86_400)])
def test_a_time_is_written_as_people_do(text: str, since_s: int) -> None:
    """A number and its unit."""
    assert seconds(text) == since_s
