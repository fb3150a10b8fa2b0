"""What a soak runs: how large, which accounts and projects, and the file that a person would write for them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from bridge.correlate import lane_name
from bridge.domain import TicketRef
from bridge.twins.jelou_rest import BASES, SEND_PATH
from tests.harness import API_TOKEN, STANDARD_SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICIES = ("park", "retry")
BOT = "bot-1"
API_KEY = "key-of-the-soak"
SIGNING_SECRET = "signing-secret-of-the-soak"
ZENDESK_SECRET = "secret-of-the-soak"
ZENDESK_TOKEN = "token-of-the-soak"
ZENDESK_EMAIL = "bridge@example.com"
SCRIPTS = "scripts"
"""The receiver of what is written back to scripted senders."""

SECRETS = {
    "JELOU_API_KEY": API_KEY,
    "JELOU_SIGNING_SECRET": SIGNING_SECRET,
    "SCRIPT_SECRET": STANDARD_SECRET,
    "ZENDESK_SECRET": ZENDESK_SECRET,
    "ZENDESK_TOKEN": ZENDESK_TOKEN,
    "API_TOKEN": API_TOKEN,
}


START_FAULTS: Mapping[str, float] = {
    "hang_after_accepting": 0.01,
    "reset_after_accepting": 0.01,
    "error_after_accepting": 0.01,
    "unreadable_after_accepting": 0.01,
    "not_json": 0.01,
    "throttled": 0.005,
    "slow": 0.02,
}
EVENT_FAULTS: Mapping[str, float] = {"early": 0.05, "late": 0.05, "twice": 0.05, "dropped": 0.02, "out_of_order": 0.02}
MESSAGE_FAULTS: Mapping[str, float] = {"twice": 0.05, "late": 0.05, "dropped": 0.02}
CLOSE_FAULTS: Mapping[str, float] = {"twice": 0.1, "late": 0.05}
CALL_FAULTS: Mapping[str, float] = {"reset_after_accepting": 0.02, "error_after_accepting": 0.02, "throttled": 0.01}
NOTE_FAULTS: Mapping[str, float] = {"reset_after_accepting": 0.02, "error_after_accepting": 0.02, "throttled": 0.01}
"""Fault of a twin and its share of the starts, of the events of each kind, of the other calls to Jelou, of the updates
of a ticket in Zendesk."""

MERGE_S = 0.5
"""What a customer writes within this time is one update."""


@dataclass(frozen=True)
class Setup:
    """One soak. Times in seconds; ``faults_s`` is how long faults strike, ``settle_s`` how long settling may take.

    ``later_s`` is when a ticket is told again, from and to; ``pause_between_s`` is the same between two messages, and
    ``conversation_s`` how long agent and customer wait for a conversation to talk in. ``worker`` is the module that the
    worker processes run, ``repeat_ids`` what Jelou does with a message whose id it has.
    """

    seed: int
    tickets: int = 5_000
    faults_s: float = 180.0
    settle_s: float = 150.0
    pause_s: float = 3.5
    wave_s: float = 1.5
    later_s: tuple[float, float] = (1.0, 4.0)
    pause_between_s: tuple[float, float] = (0.1, 1.5)
    conversation_s: float = 20.0
    projects: tuple[str, ...] = ("norte", "sur", "lento")
    hangs: str = "lento"
    hang_share: float = 0.6
    scripted: int = 10
    zendesks: tuple[str, ...] = ("acme", "beta")
    slots: int = 4
    start_timeout_s: float = 4.0
    confirm_wait_s: float = 8.0
    start_faults: Mapping[str, float] = field(default_factory=lambda: START_FAULTS)
    event_faults: Mapping[str, float] = field(default_factory=lambda: EVENT_FAULTS)
    message_faults: Mapping[str, float] = field(default_factory=lambda: MESSAGE_FAULTS)
    close_faults: Mapping[str, float] = field(default_factory=lambda: CLOSE_FAULTS)
    call_faults: Mapping[str, float] = field(default_factory=lambda: CALL_FAULTS)
    repeat_ids: str = "dropped"
    note_faults: Mapping[str, float] = field(default_factory=lambda: NOTE_FAULTS)
    worker: tuple[str, ...] = ("workers",)
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def wait_s(self) -> float:
        """How long an unknown start waits: a little over the least that the worker takes."""
        return self.start_timeout_s + 8.5

    @property
    def hang_s(self) -> float:
        """How long the hanging Jelou hangs: its breaker must have time to close again."""
        return self.faults_s * self.hang_share

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """Every account by its name, ``kind/name``."""
        scripted = [("standard-webhooks", f"s{number:02d}") for number in range(self.scripted)]
        first, *others = (("zendesk", name) for name in self.zendesks)
        named = [first, *scripted, *others]
        return {f"{kind}/{name}": self._account(index, kind, name) for index, (kind, name) in enumerate(named)}

    def _account(self, index: int, kind: str, name: str) -> Account:
        # Each project has accounts of both policies.
        project = self.projects[index // 2 % len(self.projects)]
        return Account(kind, name, project, POLICIES[index % 2])

    @property
    def targets(self) -> dict[str, list[str]]:
        """What faults can strike, by the names of ``plan.KINDS``."""
        return {
            "worker": ["worker 1", "worker 2"],
            "web": ["web"],
            "redis": ["redis"],
            "jelou": [name for name in self.projects if name != self.hangs],
            "helpdesk": [*self.zendesks, SCRIPTS],
            "webhooks": ["webhooks"],
        }


@dataclass(frozen=True, slots=True)
class Account:
    """One helpdesk account of a soak, and what becomes of its unknown starts."""

    kind: str
    name: str
    project: str
    policy: str

    @property
    def path(self) -> str:
        """``kind/name``."""
        return f"{self.kind}/{self.name}"

    @property
    def lane(self) -> str:
        """Its lane."""
        return lane_name(TicketRef(self.kind, self.name, ""), self.project)


def configuration(setup: Setup, ports: Mapping[str, int]) -> str:
    """The YAML file. ``ports`` are those of the proxies, by what they lead to."""
    helpdesks: dict[str, dict[str, Any]] = {}
    for account in setup.accounts.values():
        section = SECTIONS[account.kind](account, ports)
        helpdesks.setdefault(account.kind, {})[account.name] = _account(setup, account) | section
    told = {
        "jelou": {name: _project(setup, name, ports[name]) for name in setup.projects},
        "helpdesks": helpdesks,
        "api": {"tokens": ["${API_TOKEN}"]},
    }
    return yaml.safe_dump(told, sort_keys=False)


def _project(setup: Setup, name: str, port: int) -> dict[str, Any]:
    return {
        "project_id": name,
        "bot_id": BOT,
        "base_url": f"http://127.0.0.1:{port}{BASES[1]}",
        "send_url": f"http://127.0.0.1:{port}{SEND_PATH}",
        "api_key": "${JELOU_API_KEY}",
        "signing_secrets": ["${JELOU_SIGNING_SECRET}"],
        "start_timeout_s": setup.start_timeout_s,
        "calls_per_s": 200.0,
    }


def _account(setup: Setup, account: Account) -> dict[str, Any]:
    return {
        "project": account.project,
        "start_when": [{"name": "every new ticket"}],
        "starts_per_hour": 1_000_000,
        "initial_message": "Hola: {{ ticket.subject }}",
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
        "unknown_start": {"wait_s": setup.wait_s, "then": account.policy},
        "confirm_wait_s": setup.confirm_wait_s,
        "messages": {"merge_s": MERGE_S},
        "calls_per_minute": 60_000,
    }


def _scripted(account: Account, ports: Mapping[str, int]) -> dict[str, Any]:
    return {
        "verification": {"secrets": ["${SCRIPT_SECRET}"]},
        "access": {
            "write_back_url": f"http://127.0.0.1:{ports[SCRIPTS]}/notes/{account.name}",
            "secret": "${SCRIPT_SECRET}",
        },
    }


def _zendesk(account: Account, ports: Mapping[str, int]) -> dict[str, Any]:
    url = f"http://127.0.0.1:{ports[account.name]}"
    return {
        "verification": {"secrets": ["${ZENDESK_SECRET}"]},
        "access": {"base_url": url, "email": ZENDESK_EMAIL, "api_token": "${ZENDESK_TOKEN}"},
        "write_back": {"field": "external_id"},
    }


SECTIONS = {"standard-webhooks": _scripted, "zendesk": _zendesk}


def jelou_arguments(name: str, port: int, web_port: int) -> tuple[str, ...]:
    """The Jelou twin of a project, as a module with its options."""
    webhook = f"http://127.0.0.1:{web_port}/webhooks/jelou/{name}"
    options = {"port": port, "project": name, "bot": BOT, "api-key": API_KEY, "webhook": webhook}
    return _options("bridge.twins.jelou", options | {"secret": SIGNING_SECRET})


def zendesk_arguments(name: str, port: int, web_port: int) -> tuple[str, ...]:
    """The Zendesk twin of an account, as a module with its options. It waits a tenth of the time before it retries."""
    webhook = f"http://127.0.0.1:{web_port}/webhooks/helpdesks/zendesk/{name}"
    options = {"port": port, "email": ZENDESK_EMAIL, "api-token": ZENDESK_TOKEN, "webhook": webhook}
    return _options("bridge.twins.zendesk", options | {"secret": ZENDESK_SECRET, "time-scale": 0.1})


def _options(module: str, options: Mapping[str, object]) -> tuple[str, ...]:
    return (module, *(part for name, value in options.items() for part in (f"--{name}", str(value))))
