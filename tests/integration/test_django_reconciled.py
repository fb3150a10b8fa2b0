"""The reconciler with a real django-helpdesk whose webhooks go nowhere: its list tells what was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bridge.embedded import free_port
from bridge.reconcile_once import reconcile_once
from bridge.twins import django_process
from bridge.twins.django_process import HelpdeskClient, HelpdeskSetup
from tests.harness import PROJECT, configuration, jelou_twin, project, running
from tests.outcomes import told
from tests.real_helpdesk import real_helpdesk_or_skip

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.helpdesk

ACCOUNT = "django-helpdesk/main"
PHONE = "+593987654321"


def account(helpdesk: django_process.DjangoHelpdesk) -> dict[str, Any]:
    """An account on it that starts every new ticket, and is not looked at by the workers themselves."""
    bot = helpdesk.bot
    return {
        "project": PROJECT,
        "verification": {"type": "basic", "username": "jelou", "passwords": ["made-up"]},
        "access": {"base_url": helpdesk.url, "username": bot.name, "password": bot.password, "bridge_user_id": bot.id},
        "start_when": [{"name": "all new"}],
        "calls_per_minute": 60_000,
        "reconcile": {"enabled": False},
    }


async def test_what_no_webhook_brought_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str, prefix: str
) -> None:
    """A ticket is started once; then an agent's reply is fed, once, and neither the description nor our note is."""
    python, port = real_helpdesk_or_skip(request), free_port()
    setup = HelpdeskSetup(tmp_path, free_port(), [], [], python=python)
    async with (
        django_process.running(setup) as helpdesk,
        aiohttp.ClientSession() as session,
        jelou_twin(f"http://127.0.0.1:{port}/webhooks/jelou/{PROJECT}") as jelou,
        running(
            configuration(project(jelou), {"django-helpdesk": {"main": account(helpdesk)}}),
            redis_url,
            prefix,
            port=port,
        ) as on,
    ):
        agent = HelpdeskClient(session, helpdesk, helpdesk.admin)
        ticket = str(
            (await agent.create_ticket("Order 1042", "Where is it?", submitter_email="ana@example.com", phone=PHONE))[
                "id"
            ]
        )
        looked = (await reconcile_once(on.app, ACCOUNT, 3_600, dry_run=False)).looked
        assert (looked.fed, looked.complete, looked.problem) == (1, True, "")
        await on.traced("django-helpdesk", "main", ticket, lambda one: one["phase"] == "open" and not one["to_write"])
        await agent.add_followup(int(ticket), "It leaves today.", public=True)
        looked = (await reconcile_once(on.app, ACCOUNT, 3_600, dry_run=False)).looked
        assert [(one.event, one.done) for one in looked.missed] == [("agent.replied", "fed")]
        assert (await reconcile_once(on.app, ACCOUNT, 3_600, dry_run=False)).looked.fed == 0
        trace = await on.trace("django-helpdesk", "main", ticket)
        assert len(told(trace, "received", event="agent.replied")) == 1
        assert len(jelou.ledger.conversations) == 1
