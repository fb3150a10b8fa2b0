"""The result of a check, for people and for programs: what is configured, what it does, or what is wrong. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import Mistake
from config.advice import ConfigWarning, warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.accounts import Account, Bridge, Condition, StartRule
    from bridge.errors import ConfigError

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """A Jelou project; ``webhook`` is the path to paste into its integration, after the bridge's own address."""

    name: str
    project_id: str
    bot_id: str
    webhook: str


@dataclass(frozen=True, slots=True)
class AccountReport:
    """A helpdesk's account; ``webhook`` is the path to paste into the helpdesk, ``starts`` its rules in words.

    ``limit`` says how many conversations are started at most.
    """

    kind: str
    name: str
    project: str
    webhook: str
    starts: tuple[str, ...]
    limit: str


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check. With mistakes there is nothing else to tell."""

    path: str
    projects: tuple[ProjectReport, ...] = ()
    accounts: tuple[AccountReport, ...] = ()
    warnings: tuple[ConfigWarning, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: lists and texts alone, ``ok`` first."""
        return {"ok": not self.mistakes, **_listed(asdict(self))}

    def as_lines(self) -> list[str]:
        """For a terminal."""
        return list(_mistake_lines(self) if self.mistakes else _lines(self))


def good(path: str, bridge: Bridge) -> Report:
    """The report of a configuration that can be used."""
    projects = tuple(
        ProjectReport(name, project.project_id, project.bot_id, f"/webhooks/jelou/{name}")
        for name, project in bridge.jelou.items()
    )
    accounts = tuple(
        AccountReport(
            kind,
            name,
            account.project,
            f"/webhooks/helpdesks/{kind}/{name}",
            tuple(_starts(account)),
            _limit(account, f"{kind}/{name}"),
        )
        for kind, named in bridge.helpdesks.items()
        for name, account in named.items()
    )
    return Report(path, projects, accounts, tuple(warnings(bridge)))


def bad(path: str, error: ConfigError) -> Report:
    """The report of a configuration that cannot be used; an error of another origin counts as one mistake."""
    return Report(path, mistakes=error.mistakes or (Mistake(path, 0, "", str(error), ""),))


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, tuple) else value


# --- lines -----------------------------------------------------------------------------------------------------------


def _mistake_lines(report: Report) -> Iterator[str]:
    yield from map(str, report.mistakes)
    count = len(report.mistakes)
    yield f"{report.path}: {count} mistake{'s' * (count > 1)}"


def _lines(report: Report) -> Iterator[str]:
    for project in report.projects:
        yield f"jelou {project.name}: project {project.project_id}, bot {project.bot_id}"
        yield f"  webhook: {project.webhook}"
    for account in report.accounts:
        yield f"{account.kind} {account.name}: to jelou {account.project}"
        yield f"  webhook: {account.webhook}"
        yield from (f"  starts: {rule}" for rule in account.starts or ("nothing",))
        yield from (f"  limit: {account.limit}" for _ in account.starts[:1])
    yield from (f"warning: {warning}" for warning in report.warnings)
    count = len(report.warnings)
    yield f"{report.path}: ok, {count or 'no'} warning{'s' * (count != 1)}"


# --- rules in words --------------------------------------------------------------------------------------------------


def _starts(account: Account) -> Iterator[str]:
    for rule in account.start_when:
        name = f"{rule.name}: " if rule.name else ""
        yield f"{name}{_which(rule)}, at most {_duration(rule.max_age_s)} old"


def _limit(account: Account, name: str) -> str:
    """What the hourly cap means to the ticket behind it."""
    cap = account.starts_per_hour
    many = "1 conversation" if cap == 1 else f"{cap} conversations"
    return (
        f"at most {many} an hour {'is' if cap == 1 else 'are'} started for {name}; "
        f"ticket {cap + 1} waits up to an hour (starts_per_hour)"
    )


def _which(rule: StartRule) -> str:
    return f"tickets where {_condition(rule.when)}" if rule.when else "every ticket"


def _condition(when: Condition) -> str:
    return " and ".join(f"{path} is {_either(value)}" for path, value in when.items())


def _either(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    return " or ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values) or "nothing"


def _duration(seconds: float) -> str:
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
