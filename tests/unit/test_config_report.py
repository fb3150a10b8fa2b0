"""What a check tells: the paths to paste, what starts, what is seldom meant; or the mistakes."""

from __future__ import annotations

import json

import pytest

from bridge.errors import ConfigError, Mistake
from config.advice import warnings
from config.report import bad, good
from tests.config_files import GOOD, bridge_in, edited

ACME = "helpdesks.toy.acme"
LIMIT = "at most 200 conversations an hour are started for toy/acme; ticket 201 waits up to an hour (starts_per_hour)"


def told(text: str) -> dict[str, str]:
    """The warnings of a text by their key."""
    return {warning.key: warning.text for warning in warnings(bridge_in(text))}


def test_good_report_shows_paths_and_rules() -> None:
    """A person reads what to paste where, and which tickets start a conversation."""
    assert good("bridge.yaml", bridge_in()).as_lines() == [
        "jelou soporte: project 0042, bot bot-7",
        "  webhook: /webhooks/jelou/soporte",
        "toy acme: to jelou soporte",
        "  webhook: /webhooks/helpdesks/toy/acme",
        "  starts: tickets where priority is high or urgent, at most 10 min old",
        f"  limit: {LIMIT}",
        f"warning: {ACME}.access: not set.",
        "bridge.yaml: ok, 1 warning",
    ]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("max_age_s: 86400", "every ticket, at most 1 d old"),
        ("max_age_s: 7200", "every ticket, at most 2 h old"),
        ("max_age_s: 90", "every ticket, at most 90 s old"),
        ("{name: vip, when: {custom.vip: true, type: task}}", "vip: tickets where custom.vip is true and type is task"),
        ("{when: {tags: []}}", "tickets where tags is nothing"),
    ],
)
def test_rule_reads_as_a_sentence(rule: str, words: str) -> None:
    """A rule is told in words, its age in the unit that fits."""
    text = edited("when:\n            priority: [high, urgent]\n          max_age_s: 600", rule)
    (account,) = good("", bridge_in(text)).accounts
    assert words in account.starts[0]


def test_good_report_is_json_too() -> None:
    """A program reads the same."""
    report = json.loads(json.dumps(good("bridge.yaml", bridge_in()).as_dict()))
    assert report["ok"] is True
    assert report["projects"][0]["webhook"] == "/webhooks/jelou/soporte"
    assert report["accounts"][0]["starts"] == ["tickets where priority is high or urgent, at most 10 min old"]
    assert report["warnings"] == [{"key": f"{ACME}.access", "text": "not set."}]


def test_bad_report_shows_the_mistakes() -> None:
    """A person and a program read every mistake."""
    mistake = Mistake("bridge.yaml", 3, "jelou", "missing", "add it")
    report = bad("bridge.yaml", ConfigError(mistakes=(mistake,)))
    assert report.as_lines() == ["bridge.yaml:3: jelou: missing; add it", "bridge.yaml: 1 mistake"]
    assert report.as_dict()["ok"] is False
    assert report.as_dict()["mistakes"][0]["line"] == 3


def test_error_without_mistakes_keeps_its_text() -> None:
    """A ConfigError of another origin is reported by its text."""
    report = bad("bridge.yaml", ConfigError("the lease is too long"))
    assert report.as_lines()[0] == "bridge.yaml: the lease is too long"
    assert report.as_dict()["ok"] is False


SILENT = "      start_when:\n        - when:\n            priority: [high, urgent]\n          max_age_s: 600\n"


@pytest.mark.parametrize(
    ("old", "new", "key", "text"),
    [
        (SILENT, "", f"{ACME}.start_when", "starts nothing"),
        ("        region: EC\n", "        format: phone\n", f"{ACME}.user_id.region", "country's code"),
        ("api:\n  tokens:\n    - ${TOKEN}\n", "", "api.tokens", "401"),
        ("priority:", "priorty:", f"{ACME}.start_when[0].when.priorty", "did you mean priority?"),
        ("region: EC", "fields: [requester.phon]", f"{ACME}.user_id.fields[0]", "did you mean requester.phone?"),
        ("{{ requester.name }}", "{{ request.name }}", f"{ACME}.initial_message", "did you mean requester?"),
        ("region: EC", "region: EC\n      template:\n        name: back", f"{ACME}.template", "has no basic"),
        ("region: EC", "region: EC\n      goodbye: '{{ client.name }}'", f"{ACME}.goodbye", "always empty"),
        ("bot-7", "b\n    base_url: http://jelou.example", "jelou.soporte.base_url", "not https"),
        ("bot-7", "b\n    conversation_url: /{room}", "jelou.soporte.conversation_url", "did you mean {room_id}?"),
    ],
)
def test_what_is_seldom_meant_is_told(old: str, new: str, key: str, text: str) -> None:
    """A correct file that does something else than one thinks has a warning."""
    assert text in told(edited(old, new))[key]


def test_unused_project_and_empty_bridge_are_told() -> None:
    """A project without accounts and a bridge without helpdesks have a warning each."""
    text = GOOD[: GOOD.index("helpdesks:")] + "helpdesks: {}\n"
    assert {"jelou.soporte", "helpdesks"} <= told(text).keys()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("region: EC", "format: text"),
        ("priority:", "custom.anything:"),
        ("bot-7", "b\n    base_url: http://127.0.0.1:9000"),
        ("{{ requester.name }}", "{% for tag in ticket.tags %}{{ tag }}{% endfor %}"),
    ],
)
def test_what_is_meant_is_not_told(old: str, new: str) -> None:
    """Text ids need no region, custom fields are free, this machine needs no https, a template may have names."""
    assert set(told(edited(old, new))) == {f"{ACME}.access"}


def test_without_a_key_every_mark_counts() -> None:
    """It works on as before, and that is told."""
    assert "alone on a line" in told(edited("mark_keys:\n  - ${MARK}\n", ""))["mark_keys"]
    assert "mark_keys" not in told(edited("region: EC", "region: PE"))
