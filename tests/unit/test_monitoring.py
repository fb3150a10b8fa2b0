"""The alerts of deploy/monitoring: what they look at is counted, what they say has an entry, and they ring and rest."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from bridge.metrics import Metrics
from bridge.refusals import Reason
from bridge.start_waits import Cause

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RUNBOOK = ROOT / "deploy" / "README.md"
INSTALLED = ROOT / ".cache" / "prometheus" / "usr" / "bin" / "promtool"
"""Where ``make monitoring`` puts it."""

WORDS = {"cause": {*Cause, "parked", "note"}, "reason": set(Reason)}
"""What a label may say, where it is a word of ours."""

SELECTED = re.compile(r"\b(bridge_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')


def alerts() -> list[dict[str, Any]]:
    """All of them."""
    told = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    return [rule for group in told["groups"] for rule in group["rules"]]


def counted() -> dict[str, set[str]]:
    """What a process can show: the labels by the name."""
    metrics = Metrics()
    found = [one for of in (metrics, metrics.gauges) for one in vars(of).values() if isinstance(one, MetricWrapperBase)]
    return {
        one._name + ("_total" if one._type == "counter" else ""): set(one._labelnames)  # noqa: SLF001 - it has no other way
        for one in found
    }


def entries() -> dict[str, str]:
    """The runbook's entries by their alert."""
    section = re.split(r"^## Alerts$", RUNBOOK.read_text(), flags=re.MULTILINE)[1]
    parts = re.split(r"^### (.+)$", re.split(r"^## ", section, flags=re.MULTILINE)[0], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def problems(alert: dict[str, Any], known: dict[str, set[str]]) -> list[str]:
    """What an alert looks at that no process shows."""
    expression, found = str(alert["expr"]), []
    labels: set[str] = set()
    for name, matchers in SELECTED.findall(expression):
        labels |= known.get(name, set())
        found += [] if name in known else [f"no metric {name}"]
        for label, value in MATCHER.findall(matchers):
            found += [] if label in known.get(name, ()) else [f"{name} has no label {label}"]
            strange = set(value.split("|")) - WORDS.get(label, set(value.split("|")))
            found += [f"{label} is never {one}" for one in strange]
    named = {label for group in re.findall(r"by \(([^)]+)\)", expression) for label in re.split(r"[, ]+", group)}
    shown = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    return found + [f"no label {one}" for one in (named - labels) | (shown - named)]


def test_every_alert_looks_at_what_a_process_shows() -> None:
    """Names, labels, and the words in labels; each has a severity and a sentence."""
    known = counted()
    assert len(alerts()) > 12
    for alert in alerts():
        assert problems(alert, known) == [], alert["alert"]
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["annotations"]["summary"]


@pytest.mark.parametrize(
    "expr",
    [
        "bridge_nothing > 0",
        'bridge_silent{account="a"} > 0',
        'bridge_starts_waiting{cause="whim"} > 0',
        "max by (account) (bridge_silent) > 0",
    ],
)
def test_one_that_looks_at_nothing_is_found(expr: str) -> None:
    """The check above can fail."""
    assert problems({"expr": expr, "annotations": {}}, counted())


def test_every_alert_has_its_entry_and_every_entry_its_alert() -> None:
    """Each says what it means, where to look, what to do; the link in the alert leads there."""
    named, told = {alert["alert"]: alert["annotations"]["runbook"] for alert in alerts()}, entries()
    assert named.keys() == told.keys()
    assert len(named) == len(alerts())
    for name, entry in told.items():
        assert named[name] == f"deploy/README.md#{name.lower()}"
        assert re.findall(r"^- \*\*(.+?)\*\*: \S", entry, re.MULTILINE) == ["Means", "Look at", "Do"], name


def test_the_runbook_names_metrics_that_exist() -> None:
    """And causes, in backquotes."""
    text = "".join(entries().values())
    assert set(re.findall(r"`(bridge_\w+?)`", text)) - {"bridge_fault"} <= counted().keys()


def test_what_matters_at_night_is_critical_and_tested() -> None:
    """Each critical alert has a case in which it rings, and one in which it rests."""
    told = yaml.safe_load((MONITORING / "rules_test.yaml").read_text())
    cases = [case for test in told["tests"] for case in test["alert_rule_test"]]
    rung = {case["alertname"] for case in cases if case.get("exp_alerts")}
    rested = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    critical = {alert["alert"] for alert in alerts() if alert["labels"]["severity"] == "critical"}
    assert critical <= rung & rested


def test_promtool_agrees(request: pytest.FixtureRequest) -> None:
    """Syntax, templates, and the cases of rules_test.yaml."""
    promtool = shutil.which("promtool") or (str(INSTALLED) if INSTALLED.exists() else "")
    if not promtool:
        why = "NOT CHECKED, deploy/monitoring: there is no promtool here (make monitoring)"
        if terminal := request.config.pluginmanager.get_plugin("terminalreporter"):
            terminal.write_line(f"\n{why}", red=True)
        pytest.skip(why)
    for arguments in (("check", "rules", "rules.yaml"), ("test", "rules", "rules_test.yaml")):
        command = [promtool, *arguments]
        ran = subprocess.run(command, cwd=MONITORING, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
        assert ran.returncode == 0, ran.stdout + ran.stderr
