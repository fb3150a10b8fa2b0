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
    from collections.abc import Iterator, Mapping

POLICIES = ("park", "retry")
WEIGHTS = {"zendesk": 1, "standard-webhooks": 3}
BOT = "bot-1"
CALLS_PER_S = 5.0
"""The default pace of a Jelou project."""

DESK_CALLS = {"zendesk": 100, "standard-webhooks": 6_000}
"""The default pace of a helpdesk account, calls a minute."""

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

    ``paced`` is the project that runs at the defaults, with accounts of its own and peers as slow as real ones; its
    tickets take ``paced_load`` of what it may start while faults strike. It goes away for ``away_s``, a gateway answers
    for it for ``gateway_s``; a talk there waits ``paced_conversation_s``, and so many agents answer ``together``.
    A stranger sends ``bombs_per_s`` packed bodies.

    ``code`` is the folder of the bridge's code where it is not this one.
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
    paced_conversation_s: float = 90.0
    projects: tuple[str, ...] = ("norte", "sur", "lento", "medido")
    paced: str = "medido"
    paced_load: float = 0.7
    away_s: float = 25.0
    gateway_s: float = 20.0
    together: int = 15
    hangs: str = "lento"
    hang_share: float = 0.6
    scripted: int = 10
    zendesks: tuple[str, ...] = ("acme", "beta")
    paced_zendesk: str = "gama"
    paced_scripted: int = 3
    slots: int = 4
    bombs_per_s: float = 2.0
    start_timeout_s: float = 4.0
    confirm_wait_s: float = 8.0
    paced_timeout_s: float = 6.0
    start_faults: Mapping[str, float] = field(default_factory=lambda: START_FAULTS)
    event_faults: Mapping[str, float] = field(default_factory=lambda: EVENT_FAULTS)
    message_faults: Mapping[str, float] = field(default_factory=lambda: MESSAGE_FAULTS)
    close_faults: Mapping[str, float] = field(default_factory=lambda: CLOSE_FAULTS)
    call_faults: Mapping[str, float] = field(default_factory=lambda: CALL_FAULTS)
    repeat_ids: str = "dropped"
    note_faults: Mapping[str, float] = field(default_factory=lambda: NOTE_FAULTS)
    worker: tuple[str, ...] = ("workers",)
    environ: Mapping[str, str] = field(default_factory=dict)
    code: str = ""

    def timeout_s(self, project: str) -> float:
        """How long a start call may take there."""
        return self.paced_timeout_s if project == self.paced else self.start_timeout_s

    def wait_s(self, project: str) -> float:
        """How long an unknown start waits: a little over the least that the worker takes."""
        return self.timeout_s(project) + 8.5

    @property
    def hang_s(self) -> float:
        """How long the hanging Jelou hangs: its breaker must have time to close again."""
        return self.faults_s * self.hang_share

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """Every account by its name, ``kind/name``."""
        scripted = [("standard-webhooks", f"s{number:02d}") for number in range(self.scripted)]
        first, *others = (("zendesk", name) for name in self.zendesks)
        named = [self._account(*one) for one in enumerate([first, *scripted, *others])]
        return {one.path: one for one in (*named, *self._paced_accounts())}

    def _account(self, index: int, named: tuple[str, str]) -> Account:
        # Each project has accounts of both policies.
        fast = [name for name in self.projects if name != self.paced]
        return Account(*named, fast[index // 2 % len(fast)], POLICIES[index % 2])

    def _paced_accounts(self) -> Iterator[Account]:
        named = [("standard-webhooks", f"p{number:02d}") for number in range(self.paced_scripted)]
        for index, (kind, name) in enumerate([("zendesk", self.paced_zendesk), *named]):
            yield Account(kind, name, self.paced, POLICIES[index % 2])

    @property
    def all_zendesks(self) -> tuple[str, ...]:
        """Those with a pace and those without."""
        return (*self.zendesks, self.paced_zendesk)

    @property
    def paced_tickets(self) -> int:
        """So many of the tickets are of the paced project."""
        return int(CALLS_PER_S * self.faults_s * self.paced_load)

    @property
    def weights(self) -> dict[str, int]:
        """How many tickets each paced account gets: what each costs at its helpdesk must not hold back its starts."""
        return {one.path: WEIGHTS[one.kind] for one in self.accounts.values() if self.paces(one)}

    def paces(self, account: Account) -> bool:
        """Whether it is of the paced project."""
        return account.project == self.paced

    @property
    def targets(self) -> dict[str, list[str]]:
        """What faults can strike, by the names of ``plan.KINDS``."""
        return {
            "worker": ["worker 1", "worker 2"],
            "web": ["web"],
            "redis": ["redis"],
            "jelou": [name for name in self.projects if name not in {self.hangs, self.paced}],
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
        "start_timeout_s": setup.timeout_s(name),
        **({} if name == setup.paced else {"calls_per_s": 200.0}),
    }


def _account(setup: Setup, account: Account) -> dict[str, Any]:
    return {
        "project": account.project,
        "start_when": [{"name": "every new ticket"}],
        "starts_per_hour": 1_000_000,
        "initial_message": "Hola: {{ ticket.subject }}",
        "default_assignment": {"type": "queue", "target": "SOPORTE"},
        "unknown_start": {"wait_s": setup.wait_s(account.project), "then": account.policy},
        "confirm_wait_s": setup.confirm_wait_s,
        **({} if setup.paces(account) else {"messages": {"merge_s": MERGE_S}, "calls_per_minute": 60_000}),
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


def jelou_arguments(setup: Setup, name: str, port: int, web_port: int) -> tuple[str, ...]:
    """The Jelou twin of a project, as a module with its options; of the paced one as a peer."""
    webhook = f"http://127.0.0.1:{web_port}/webhooks/jelou/{name}"
    options = {"port": port, "project": name, "bot": BOT, "api-key": API_KEY, "webhook": webhook}
    return _options(_module(setup, "jelou", name), options | {"secret": SIGNING_SECRET})


def zendesk_arguments(setup: Setup, name: str, port: int, web_port: int) -> tuple[str, ...]:
    """The Zendesk twin of an account, the same. It waits a tenth of the time before it retries."""
    webhook = f"http://127.0.0.1:{web_port}/webhooks/helpdesks/zendesk/{name}"
    options = {"port": port, "email": ZENDESK_EMAIL, "api-token": ZENDESK_TOKEN, "webhook": webhook}
    return _options(_module(setup, "zendesk", name), options | {"secret": ZENDESK_SECRET, "time-scale": 0.1})


def _module(setup: Setup, twin: str, name: str) -> tuple[str, ...]:
    if name in {setup.paced, setup.paced_zendesk}:
        return ("tests.soak.peer", twin, str(setup.seed))
    return (f"bridge.twins.{twin}",)


def _options(module: tuple[str, ...], options: Mapping[str, object]) -> tuple[str, ...]:
    return (*module, *(part for name, value in options.items() for part in (f"--{name}", str(value))))
