"""The plan of a soak: the same seed is the same run, and a run has everything that it is to have."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tests.soak.chaos import ACTIONS
from tests.soak.plan import AWAY, GATEWAY, HANG, KINDS, TALKS, THEN, Step, faults, outages, steady, tickets
from tests.soak.setup import CALLS_PER_S, Setup
from tests.soak.talk import STEPS

SETUP = Setup(seed=1)
ACCOUNTS = list(SETUP.accounts)


def planned(seed: int = 1, duration_s: float = 180.0) -> list[Step]:
    """The faults of a run."""
    return faults(seed, duration_s, SETUP.targets, pause_s=SETUP.pause_s)


def test_a_seed_repeats_its_plan() -> None:
    """And another seed is another plan, of faults as of tickets."""
    assert planned(1) == planned(1) != planned(2)
    one, again, other = (tickets(seed, 100, 60.0, ACCOUNTS, wave_s=1.5) for seed in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize("seed", range(5))
def test_a_full_run_has_faults_of_every_kind(seed: int) -> None:
    """Whatever the seed."""
    assert {step.kind for step in planned(seed)} == KINDS.keys()


@pytest.mark.parametrize("seed", range(5))
def test_one_worker_is_always_left_alone(seed: int) -> None:
    """Nobody takes over where nobody works."""
    strikes = [step for step in planned(seed, 600.0) if KINDS[step.kind].strikes == "worker"]
    assert {step.target for step in strikes} == set(SETUP.targets["worker"])
    assert all(after.at_s >= before.at_s + before.for_s for before, after in pairwise(strikes))


def test_a_stopped_worker_sleeps_longer_than_its_lease() -> None:
    """Else nothing would have to fence it off."""
    assert KINDS["stop worker"].shortest_s > 8.0


def test_every_kind_of_fault_can_be_carried_out() -> None:
    """The table of the plan and that of the acts name the same."""
    assert ACTIONS.keys() == KINDS.keys() | {HANG, AWAY, GATEWAY}


def test_tickets_come_in_waves_over_all_accounts_with_duplicates_and_shared_phones() -> None:
    """As helpdesks and people are."""
    found = tickets(1, 5_000, 150.0, ACCOUNTS, wave_s=1.5)
    phones = Counter(one.phone for one in found)
    again = Counter(way for one in found for way in one.again)
    at_once = Counter((int(one.at_s / 1.5), one.account) for one in found)
    assert [one.at_s for one in found] == sorted(one.at_s for one in found)
    assert {one.account for one in found} == set(ACCOUNTS)
    assert max(phones.values()) > 5
    assert again["same"] > 500
    assert again["other"] > 300
    assert max(at_once.values()) > 20


def test_the_paced_project_has_two_long_outages_and_no_others() -> None:
    """One after the other, so that it is seen to begin again after each."""
    away, gateway = outages(90.0, "medido", 25.0, 20.0)
    assert away.at_s + away.for_s < gateway.at_s < gateway.at_s + gateway.for_s < 90.0
    assert "medido" not in SETUP.targets["jelou"]
    assert SETUP.paced_zendesk not in SETUP.targets["helpdesk"]


def test_the_paced_projects_tickets_wait_most_of_the_time_and_can_be_started_in_time() -> None:
    """All accounts have some; with both outages they take longer than the faults, and no longer than settling may."""
    run = Setup(seed=1, faults_s=90.0)
    found = steady(1, run.paced_tickets, 76.5, run.weights, after=1_000)
    assert {one.account for one in found} == run.weights.keys()
    assert ([one.number for one in found], found[-1].at_s < 76.5) == ([*range(1_000, 1_000 + len(found))], True)
    lasts_s = len(found) / CALLS_PER_S + run.away_s + run.gateway_s
    assert run.faults_s < lasts_s < run.faults_s + run.settle_s


def test_the_setup_has_more_accounts_than_slots_and_both_policies_on_each_project() -> None:
    """Lanes must share slots, and each rule is tried at each Jelou."""
    policies = {(one.project, one.policy) for one in SETUP.accounts.values()}
    assert len(SETUP.accounts) > SETUP.slots
    assert policies == {(project, policy) for project in SETUP.projects for policy in ("park", "retry")}


def test_every_talk_is_held_and_all_its_steps_can_be_done() -> None:
    """The tables of the plan and that of the acts name the same; a run of middling length has every talk."""
    assert THEN.keys() == TALKS.keys() == {one.then for one in tickets(1, 600, 60.0, ACCOUNTS, wave_s=1.5)}
    assert {step.partition(" ")[0] for steps in TALKS.values() for step in steps} == STEPS.keys()
