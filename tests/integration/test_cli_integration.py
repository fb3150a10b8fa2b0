"""``bridge integration`` against Jelou's twin: what Jelou has afterwards, where the secret is, what is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.twins.faults import Fault
from tests.first_day import ADDRESS, BEFORE, FILE, FILES, KEY, WEBHOOK, Desk, first_day
from tests.harness import PROJECT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(params=["enveloped", "flat"])
async def desk(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> AsyncIterator[Desk]:
    """The first day, once for each of the two forms in which Jelou's pages show its answers."""
    async with first_day(monkeypatch, capsys, tmp_path, integration_answers=request.param) as desk:
        yield desk


# --- create ----------------------------------------------------------------------------------------------------------


async def test_create_is_the_first_command_of_all(desk: Desk) -> None:
    """No helpdesk is configured, no secret set, no Redis there: the secret is shown once, with where it goes."""
    ran = await desk.type("create", "--url", f"{ADDRESS}/")
    assert (ran.code, ran.err) == (0, "")
    assert desk.jelou.integration is not None
    assert (desk.jelou.integration.webhook_url, desk.jelou.integration.auth_type) == (WEBHOOK, "no_auth")
    assert "put it into the environment variable JELOU_SIGNING_SECRET" in ran.out
    assert ran.out.count(desk.secret) == 1


async def test_create_puts_the_secret_into_its_file(desk: Desk) -> None:
    """For its owner alone, in a folder that it makes; and it is not shown."""
    desk.configure(**FILES)
    ran = await desk.type("create", "--url", ADDRESS)
    assert (ran.code, desk.file(FILE), desk.file(BEFORE)) == (0, desk.secret, "")
    assert (desk.folder / FILE).stat().st_mode & 0o777 == 0o600
    assert list((desk.folder / "secrets").iterdir()) == [desk.folder / FILE]
    assert desk.secret not in ran.out


@pytest.mark.parametrize(
    ("auth", "presented"),
    [
        ({"type": "bearer", "token": "${JELOU_API_KEY}"}, ("bearer", KEY)),
        ({"type": "api_key", "key": "${JELOU_API_KEY}"}, ("api_key", KEY)),
        ({"type": "basic", "username": "jelou", "password": "${JELOU_API_KEY}"}, ("basic", f"jelou:{KEY}")),
    ],
)
async def test_create_and_update_have_jelou_present_what_the_configuration_wants(
    desk: Desk, auth: dict[str, str], presented: tuple[str, str]
) -> None:
    """The credential of ``webhook_auth`` is told to Jelou, and shown to nobody."""
    desk.configure(webhook_auth=auth)
    await desk.type("create", "--url", ADDRESS)
    made = desk.jelou.integration
    assert made is not None
    assert (made.auth_type, made.authorization) == presented
    desk.configure()
    assert (await desk.type("update", "--auth")).code == 0
    assert made.auth_type == "no_auth"
    desk.configure(webhook_auth=auth)
    ran = await desk.type("update", "--auth", "--json")
    assert (made.auth_type, made.authorization) == presented
    assert KEY not in ran.out


async def test_a_program_gets_the_secret_as_json(desk: Desk) -> None:
    """Where it could not be written to a file; else where it was written."""
    told = (await desk.type("create", "--url", ADDRESS, "--json")).json
    assert (told["secret"], told["secret_is_in"], told["webhook_url"]) == (desk.secret, None, WEBHOOK)
    desk.configure(**FILES)
    told = (await desk.type("rotate-secret", "--offline", "--json")).json
    assert (told["secret"], Path(told["secret_is_in"])) == (None, desk.folder / FILE)
    assert desk.file(FILE) == desk.secret


async def test_a_second_create_says_that_there_is_one(desk: Desk) -> None:
    """And which commands there are for it; the secret stays what it was."""
    await desk.type("create", "--url", ADDRESS)
    before = desk.secret
    ran = await desk.type("create", "--url", ADDRESS)
    assert (ran.code, desk.secret) == (1, before)
    assert "has an integration already: bridge integration show tells it" in ran.err


@pytest.mark.parametrize("url", ["bridge.example.com", "http://bridge.example.com", "https://", f"{ADDRESS}?a=b"])
async def test_an_address_that_jelou_cannot_use_is_not_sent(desk: Desk, url: str) -> None:
    """Code 2, and what one looks like."""
    ran = await desk.type("create", "--url", url)
    assert (ran.code, desk.jelou.integration) == (2, None)
    assert "https://bridge.example.com" in ran.err


async def test_a_file_that_cannot_be_written_is_found_before_there_is_a_secret(desk: Desk) -> None:
    """Nothing was asked of Jelou; with ``--print`` it is done, and shown."""
    (desk.folder / "secrets").write_text("a file where the folder should be")
    desk.configure(**FILES)
    ran = await desk.type("create", "--url", ADDRESS)
    assert (ran.code, desk.jelou.integration) == (1, None)
    assert "cannot be written" in ran.err
    assert "--print" in ran.err
    ran = await desk.type("create", "--url", ADDRESS, "--print")
    assert (ran.code, desk.secret in ran.out) == (0, True)


# --- rotate-secret ---------------------------------------------------------------------------------------------------


async def test_the_old_secret_is_kept_beside_the_new_one(desk: Desk) -> None:
    """What stood in the first file stands in the second, so that a restarted process accepts both."""
    desk.configure(**FILES)
    await desk.type("create", "--url", ADDRESS)
    before = desk.secret
    ran = await desk.type("rotate-secret", "--offline")
    assert (ran.code, desk.secret != before) == (0, True)
    assert (desk.file(FILE), desk.file(BEFORE)) == (desk.secret, before)
    assert (before in ran.out, desk.secret in ran.out) == (False, False)


async def test_a_secret_of_the_environment_may_be_kept_in_a_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one is shown for its variable; what the variable held goes to the second place by itself."""
    desk.configure(signing_secrets=["${JELOU_SIGNING_SECRET}", f"file:{BEFORE}"])
    await desk.type("create", "--url", ADDRESS)
    before = desk.secret
    monkeypatch.setenv("JELOU_SIGNING_SECRET", before)
    ran = await desk.type("rotate-secret", "--offline")
    assert (ran.code, desk.secret in ran.out, desk.file(BEFORE)) == (0, True, before)


async def test_nothing_is_rotated_while_no_process_can_be_told(desk: Desk) -> None:
    """Redis is away: code 3 before Jelou is asked, since running processes would refuse all events."""
    await desk.type("create", "--url", ADDRESS)
    before = desk.secret
    ran = await desk.type("rotate-secret")
    assert (ran.code, desk.secret) == (3, before)
    assert "is not reached" in ran.err


async def test_a_rotation_whose_answer_was_lost_says_what_to_do(desk: Desk) -> None:
    """The old secret is dead and the new one unknown: only another rotation helps."""
    await desk.type("create", "--url", ADDRESS)
    desk.jelou.faults.next("regenerate", Fault.named("error_after_accepting"))
    ran = await desk.type("rotate-secret", "--offline")
    assert (ran.code, ran.out) == (1, "")
    assert "make another now with bridge integration rotate-secret" in ran.err


@pytest.mark.parametrize("grace", ["24", "0h", "h", "1w", "-1h", "1.5h"])
async def test_a_grace_time_that_is_none_is_refused(desk: Desk, grace: str) -> None:
    """Code 2, and how one is written."""
    ran = await desk.type("rotate-secret", "--offline", "--grace", grace)
    assert ran.code == 2


# --- show, update, delete --------------------------------------------------------------------------------------------


async def test_show_tells_what_jelou_has(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Redis it tells the rest, and that it could not be asked."""
    await desk.type("create", "--url", ADDRESS)
    monkeypatch.setenv("JELOU_SIGNING_SECRET", desk.secret)
    ran = await desk.type("show")
    assert (ran.code, f"webhook url: {WEBHOOK}" in ran.out) == (0, True)
    assert ran.out.count("warning") == 1
    assert "Redis does not answer" in ran.out
    assert (await desk.type("show", "--json")).json["webhook_url"] == WEBHOOK


async def test_show_warns_of_what_does_not_fit(desk: Desk) -> None:
    """Another place than ours, another header, a secret that nothing leads to."""
    desk.jelou.integrate("https://bridge.example.com/elsewhere", auth_type="bearer", authorization="t")
    warnings = (await desk.type("show", "--json")).json["warnings"]
    told = " ".join(warnings)
    assert "does not end in /webhooks/jelou/soporte" in told
    assert "signing_secrets leads to no secret yet" in told
    flat = desk.jelou.settings.integration_answers == "flat"
    assert ("Jelou presents bearer" in told) == flat


async def test_update_changes_the_address_and_nothing_else(desk: Desk) -> None:
    """The secret and what Jelou presents stay."""
    await desk.type("create", "--url", ADDRESS)
    before = desk.secret
    ran = await desk.type("update", "--url", "https://other.example.com/jelou")
    assert desk.jelou.integration is not None
    assert (ran.code, desk.secret) == (0, before)
    assert desk.jelou.integration.webhook_url == f"https://other.example.com/jelou/webhooks/jelou/{PROJECT}"


async def test_update_of_nothing_is_refused(desk: Desk) -> None:
    """Code 2: what is to change must be said."""
    assert (await desk.type("update")).code == 2


async def test_delete_asks_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a yes nothing is removed; ``--yes`` removes it, and a program must say so."""
    await desk.type("create", "--url", ADDRESS)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    asked, program = await desk.type("delete"), await desk.type("delete", "--json")
    assert (asked.code, program.code, desk.jelou.integration is None) == (1, 2, False)
    assert (await desk.type("delete", "--yes", "--json")).json == {"project": PROJECT, "deleted": True}
    assert desk.jelou.integration is None
