"""The thirteen: what happens, what names it, what cures it."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any

import orjson

from bridge.signatures import standard_webhooks_signature
from bridge.twins.faults import EventFault, Fault
from tests.full_server import Small
from tests.harness import KEY, eventually
from tests.nights.night import TICKET, Night, On
from tests.nights.signs import AUTHORIZED

if TYPE_CHECKING:
    from collections.abc import Mapping

WRONG = "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc="
PATH = "/webhooks/helpdesks/standard-webhooks/scripts"
RETRIED = ("/api/accounts/standard-webhooks/scripts/retry", "/api/accounts/zendesk/acme/retry")


async def deliver(on: On, ticket: str = TICKET, *, key: str = KEY, off_s: int = 0) -> int:
    """A ticket of the scripted sender, as one that may have the wrong secret or clock; the answer's status."""
    told = {"ticket": {"id": ticket}, "requester": {"phone": f"+593987{sum(map(ord, ticket)):06d}"}}
    raw = orjson.dumps({"type": "ticket.created", "data": told})
    now_s, name = int(time.time()) + off_s, f"msg-{ticket}-{off_s}-{key[:4]}"
    signature = standard_webhooks_signature(base64.b64decode(key), name, now_s, raw)
    headers = {"webhook-id": name, "webhook-timestamp": str(now_s), "webhook-signature": signature}
    return (await on.scene.bridge.post(PATH, raw, headers))[0]


async def post(on: On, path: str, body: Mapping[str, Any] | None = None) -> None:
    """A question to the API, as an operator's."""
    url = on.scene.bridge.url + path
    async with on.scene.bridge.session.post(url, json=body or {}, headers=AUTHORIZED) as answer:
        assert answer.status < 400, await answer.text()


async def retried(on: On) -> None:
    """``bridge accounts retry``."""
    for path in RETRIED:
        await post(on, path)


# --- the other sides -------------------------------------------------------------------------------------------------


async def jelou_down(on: On) -> None:
    """Nothing listens there."""
    await on.scene.jelou.stop()
    await deliver(on)


async def jelou_up(on: On) -> None:
    """At the same address."""
    port = on.scene.bridge.app.bridge.jelou["soporte"].base_url.port
    assert port
    await on.scene.jelou.start(port)
    await retried(on)


async def key_revoked(on: On) -> None:
    """Jelou has another."""
    on.scene.jelou.settings.api_key, kept = "another", on.scene.jelou.settings.api_key
    on.scene.jelou.kept = kept  # type: ignore[attr-defined]
    await deliver(on)


async def key_restored(on: On) -> None:
    """The old one is valid again."""
    on.scene.jelou.settings.api_key = on.scene.jelou.kept  # type: ignore[attr-defined]
    await retried(on)


async def token_revoked(on: On) -> None:
    """Zendesk has another."""
    on.scene.zendesk.settings.api_token = "another"
    ticket = on.scene.zendesk.open_ticket("broken", "+593991234567")
    on.ticket = f"zendesk/acme/{ticket.id}"
    await on.scene.zendesk.settle()


async def token_restored(on: On) -> None:
    """The one that the bridge has."""
    access = on.scene.bridge.app.bridge.helpdesks["zendesk"]["acme"].access
    on.scene.zendesk.settings.api_token = access.api_token.get_secret_value()
    await retried(on)


async def answer_lost(on: On) -> None:
    """A start is worked, its answer and its event are lost."""
    on.scene.jelou.faults.next_start(Fault.named("reset_after_accepting"))
    on.scene.jelou.faults.next_event(EventFault.named("dropped"))
    await deliver(on)


async def decided(on: On) -> None:
    """A person looks at Jelou and takes the letter off."""
    async with on.scene.bridge.session.get(on.scene.bridge.url + "/api/dead-letters", headers=AUTHORIZED) as answer:
        told = await answer.json()
    [letter] = next(value for value in told.values() if isinstance(value, list))
    await post(on, f"/api/dead-letters/{letter['id']}/replay")


# --- senders ---------------------------------------------------------------------------------------------------------


async def wrong_secret(on: On) -> None:
    """The helpdesk signs with another."""
    await deliver(on, key=WRONG)


async def wrong_clock(on: On) -> None:
    """The helpdesk's clock is an hour behind ours."""
    await deliver(on, off_s=-3_600)


async def mended(on: On) -> None:
    """It delivers as it should."""
    await deliver(on)


async def jelou_secret(on: On) -> None:
    """Jelou signs its events with another."""
    assert on.scene.jelou.integration
    on.scene.jelou.integration.secret = "another"
    await deliver(on)


async def jelou_secret_restored(on: On) -> None:
    """The one that the bridge has."""
    assert on.scene.jelou.integration
    [secret] = on.scene.bridge.app.bridge.jelou["soporte"].signing_secrets
    on.scene.jelou.integration.secret = secret.get_secret_value()


async def flood(on: On) -> None:
    """More tickets than may start in an hour."""
    for number in range(6):
        await deliver(on, f"F-{number}")
    await deliver(on)


# --- Redis -----------------------------------------------------------------------------------------------------------


async def stopped(on: On) -> None:
    """Killed."""
    on.server.kill()


async def started(on: On) -> None:
    """On its folder and port."""
    await on.server.start()


async def full(on: On) -> None:
    """Starts wait, and deliveries are refused."""
    small = Small(on.server.url, on.redis)
    await small.fill(0.88)
    await on.scene.bridge.app.store.generations.tick()
    await deliver(on)
    await small.fill(0.96)


async def emptied(on: On) -> None:
    """Somebody else's keys go."""
    await Small(on.server.url, on.redis).empty()


async def read_only(on: On) -> None:
    """A replica of nobody."""
    await deliver(on)
    await on.redis.execute_command("REPLICAOF", "127.0.0.1", "1")


async def primary(on: On) -> None:
    """Again."""
    await on.redis.execute_command("REPLICAOF", "NO", "ONE")


async def disk_full(on: On) -> None:
    """Its file cannot be written: a folder has its name."""
    await on.redis.config_set("save", "3600 1")
    (on.server.folder / "dump.rdb").unlink(missing_ok=True)
    (on.server.folder / "dump.rdb" / "in-the-way").mkdir(parents=True)
    await saved(on)


async def disk_free(on: On) -> None:
    """It can be."""
    (on.server.folder / "dump.rdb" / "in-the-way").rmdir()
    (on.server.folder / "dump.rdb").rmdir()
    await saved(on)


async def saved(on: On) -> None:
    """It has tried."""
    await on.redis.bgsave()

    async def tried() -> bool:
        return not (await on.redis.info("persistence"))["rdb_bgsave_in_progress"]

    await eventually(tried)


async def nothing(on: On) -> None:
    """Only a ticket."""
    await deliver(on)


AWAY = r'"redis (still )?unavailable"'
PARKED = r"start call has no answer"

NIGHTS = (
    Night(
        "Jelou down",
        jelou_down,
        {
            "log": r"breaker opened[^\n]*jelou/soporte|jelou/soporte[^\n]*breaker opened",
            "/ready": r"not_called.*jelou/soporte[^}]*cannot connect",
            "metric": r'\A(?!.*cause="credential").*breaker_open\{destination="jelou/soporte"\}',
            "trace": r"jelou/soporte.*cannot connect",
        },
        "nothing: it is tried again by itself",
        jelou_up,
    ),
    Night(
        "key revoked",
        key_revoked,
        {
            "log": r"credential refused[^\n]*jelou|jelou[^\n]*credential refused",
            "/ready": r"not_called.*jelou/soporte[^}]*(credential|api_key|401)",
            "metric": r'starts_waiting\{account="standard-webhooks/scripts",cause="credential"\}',
            "trace": r"jelou\.soporte\.api_key",
        },
        "a valid key in the setting that is named",
        key_restored,
    ),
    Night(
        "wrong secret at the helpdesk",
        wrong_secret,
        {
            "log": r"standard-webhooks/scripts[^\n]*wrong_signature[^\n]*refused delivery",
            "metric": r'refused_deliveries_total\{reason="wrong_signature",sender="standard-webhooks/scripts"\}',
            "trace": r"standard-webhooks/scripts was refused with 401[^\"]*signature",
        },
        "the secret of the helpdesk's webhook, in `verification`",
        mended,
    ),
    Night(
        "wrong secret at Jelou",
        jelou_secret,
        {
            "log": r"jelou/soporte[^\n]*wrong_signature[^\n]*refused delivery",
            "metric": r'refused_deliveries_total\{reason="wrong_signature",sender="jelou/soporte"\}',
        },
        "the secret of Jelou's integration, in `signing_secrets`",
        jelou_secret_restored,
        {"scripts": {"confirm_wait_s": 1.5}},
    ),
    Night(
        "Redis stopped",
        stopped,
        {
            "log": AWAY + r"[^\n]*not reached|not reached[^\n]*" + AWAY,
            "/ready": r"not reached|broke off",
            "metric": r'redis_errors_total\{reason="(refused|broken)"\}',
            "trace": r"not reached|broke off",
        },
        "start it, or the address in `REDIS_URL`",
        started,
        alone=True,
    ),
    Night(
        "Redis full",
        full,
        {"log": r"redis full", "/ready": r"9\d % full", "metric": r"redis_memory_used 0\.9", "trace": r"% full"},
        "`maxmemory`, or `retention`",
        emptied,
        alone=True,
    ),
    Night(
        "Redis read-only",
        read_only,
        {
            "log": r"is read-only",
            "/ready": r"is read-only",
            "metric": r'redis_errors_total\{reason="readonly"\}',
            "trace": r"is read-only",
        },
        "`REDIS_URL` of the primary",
        primary,
        alone=True,
    ),
    Night(
        "all workers dead",
        nothing,
        {"/ready": r"no worker is alive", "metric": r"bridge_workers_alive 0", "trace": r"no worker is alive"},
        "start a worker",
        None,
        {"work": False},
        {},
    ),
    Night(
        "token revoked",
        token_revoked,
        {
            "log": r"credential refused[^\n]*zendesk/acme|zendesk/acme[^\n]*credential refused",
            "/ready": r"not_called.*zendesk/acme[^}]*(credential|token|401)",
            "metric": r'breaker_open\{destination="zendesk/acme"\}',
            "trace": r"helpdesks\.zendesk\.acme\.access",
        },
        "a valid token in the setting that is named",
        token_restored,
    ),
    Night(
        "a lost answer",
        answer_lost,
        {"log": r'"parked"', "metric": r'dead_letters\{cause="parked"\}', "trace": PARKED, "letters": PARKED},
        "a person looks at Jelou and replays or discards",
        decided,
        {"scripts": {"unknown_start": {"wait_s": 0.5}}},
    ),
    Night(
        "a flood",
        flood,
        {
            "log": r"starts_per_hour reached",
            "metric": r'starts_waiting\{account="standard-webhooks/scripts",cause="starts_per_hour"\}',
            "trace": r"starts_per_hour|starts per hour|hour",
        },
        "`starts_per_hour`, or the rule that lets so many in",
        None,
        {"scripts": {"starts_per_hour": 2}},
        {"scripts": {"starts_per_hour": 500}},
        lasting={"metric": "with the next hour", "trace": "with the next hour"},
    ),
    Night(
        "a wrong clock",
        wrong_clock,
        {
            "log": r"standard-webhooks/scripts[^\n]*clock[^\n]*refused delivery",
            "metric": r'refused_deliveries_total\{reason="clock",sender="standard-webhooks/scripts"\}',
            "trace": r"standard-webhooks/scripts was refused with 401[^\"]*clock",
        },
        "the clock (NTP)",
        mended,
    ),
    Night(
        "a full disk",
        disk_full,
        {
            "log": r"cannot save them on its disk",
            "/ready": r"cannot save them on its disk",
            "metric": r'redis_errors_total\{reason="misconf"\}',
            "trace": r"cannot save them on its disk",
        },
        "room on the disk of Redis",
        disk_free,
        alone=True,
    ),
)
