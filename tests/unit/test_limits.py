"""The worker's numbers must fit together: a lease over every call, a wait over both, a take-over in time."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.accounts import Account, Bridge
from bridge.errors import ConfigError
from bridge.protocol import Leases
from config.settings import Settings
from workers.__main__ import limits_of
from workers.limits import TAKE_OVER_S, Limits, check


def configured(*, start_timeout_s: float = 6.0, **account: Any) -> Bridge:
    """A bridge with one project and one account."""
    project = {
        "project_id": "p-1",
        "bot_id": "b-1",
        "api_key": "key",
        "signing_secrets": ["secret"],
        "start_timeout_s": start_timeout_s,
    }
    accounts = {"zendesk": {"acme": Account.model_validate({"project": "soporte", **account})}}
    return Bridge.model_validate({"jelou": {"soporte": project}, "helpdesks": accounts})


def mistakes(bridge: Bridge, limits: Limits = Limits(), leases: Leases = Leases()) -> list[str]:
    """What is wrong with these numbers, one text each."""
    with pytest.raises(ConfigError) as caught:
        check(limits, leases, bridge)
    return str(caught.value).split("\n")


def test_the_numbers_as_shipped_fit_together() -> None:
    """With the defaults of the configuration as well."""
    check(Limits(), Leases(), configured())


def test_a_worker_process_reconciles_by_itself() -> None:
    """Every ten seconds it is looked whose time has come; a test's worker does so when it is asked to."""
    assert limits_of(Settings.model_construct(worker_slots=3, drain_s=5.0)) == Limits(
        slots=3, drain_s=5.0, reconcile_at_s=frozenset({0, 10, 20, 30, 40, 50})
    )
    assert Limits().reconcile_at_s == frozenset()


def test_the_numbers_as_shipped_keep_the_promised_take_over() -> None:
    """Lease, heartbeat and sweep together stay under it."""
    limits, leases = Limits(), Leases()
    assert leases.ticket_ms / 1000 + limits.heartbeat_s + limits.sweep_s <= TAKE_OVER_S


def test_a_start_call_must_end_within_the_lease() -> None:
    """Else another worker could take the ticket while the call is out; the key to change is named."""
    [mistake] = mistakes(configured(start_timeout_s=8.0, unknown_start={"wait_s": 60}))
    assert mistake.startswith("jelou.soporte.start_timeout_s 8.0 must be under the lease")
    check(Limits(), Leases(), configured(start_timeout_s=7.9, unknown_start={"wait_s": 60}))


def test_no_call_may_outlive_the_lease() -> None:
    """Those to a helpdesk as well: their time is not configured, so the lease must fit it."""
    short = Limits(heartbeat_s=1.0)
    [mistake] = mistakes(configured(start_timeout_s=5.0), short, Leases(ticket_ms=6_000))
    assert mistake == "lease 6.0 s must be over the time of any call, 6.0 s"
    check(short, Leases(ticket_ms=6_001), configured(start_timeout_s=5.0))


def test_an_unknown_start_waits_longer_than_call_and_lease() -> None:
    """A worker that was only asleep must not send after the policy has decided."""
    [mistake] = mistakes(configured(unknown_start={"wait_s": 14.0}))
    assert mistake.startswith("helpdesks.zendesk.acme.unknown_start.wait_s 14.0 must be over")
    check(Limits(), Leases(), configured(unknown_start={"wait_s": 14.1}))


def test_a_heartbeat_may_fail_twice_within_a_lease() -> None:
    """Three of them fit into one."""
    [mistake] = mistakes(configured(), Limits(heartbeat_s=2.7))
    assert "heartbeat 2.7 s is too slow" in mistake
    check(Limits(heartbeat_s=2.6), Leases(), configured())


def test_a_take_over_that_is_too_slow_is_a_mistake() -> None:
    """Whether the lease or the sweep makes it so."""
    [mistake] = mistakes(configured(), Limits(sweep_s=5.1))
    assert "take-over slower than 15.0 s" in mistake
    [mistake] = mistakes(configured(unknown_start={"wait_s": 60}), leases=Leases(ticket_ms=12_100))
    assert "take-over slower than 15.0 s" in mistake


def test_every_mistake_is_told_at_once() -> None:
    """Nobody repairs a configuration one start at a time."""
    assert len(mistakes(configured(start_timeout_s=9.0, unknown_start={"wait_s": 1}), Limits(heartbeat_s=9.0))) == 4
