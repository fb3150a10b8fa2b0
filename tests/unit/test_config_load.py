"""Reading bridge.yaml: what is taken, what is no YAML, what the fields say of each other, what no text may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.protocol import Leases
from config.load import LEASE_S, load
from tests.config_files import (
    ENVIRON,
    GOOD,
    KINDS,
    ToyAccount,
    assert_told,
    bridge_in,
    checked,
    edited,
    error_of,
    only_mistake,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path


ACME = "helpdesks.toy.acme"

# --- what is taken ---------------------------------------------------------------------------------------------------


def test_good_file_becomes_models_of_its_kind(tmp_path: Path) -> None:
    """An account is an instance of its kind's model, with its secrets resolved."""
    bridge = load(written(tmp_path), KINDS, ENVIRON)
    account = bridge.account("toy", "acme")
    assert isinstance(account, ToyAccount)
    assert bridge.jelou["soporte"].api_key.get_secret_value() == ENVIRON["KEY"]


@pytest.mark.parametrize(
    ("written_id", "read_id"),
    [
        ("0042", "0042"),
        ("42", "42"),
        ("+593", "+593"),
        ("1.10", "1.10"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("true", "true"),
    ],
)
def test_text_is_read_as_written(written_id: str, read_id: str) -> None:
    """An id without quotes keeps its zeros, its plus and its dots; NO is Norway."""
    assert bridge_in(edited("0042", written_id)).jelou["soporte"].project_id == read_id


def test_condition_keeps_numbers_and_truth_values() -> None:
    """A rule compares numbers and truth values as such."""
    text = edited("priority: [high, urgent]", "{custom.vip: true, custom.level: 3, custom.plan: gold}")
    rule = bridge_in(text).helpdesks["toy"]["acme"].start_when[0]
    assert rule.when == {"custom.vip": True, "custom.level": 3, "custom.plan": "gold"}


def test_any_value_may_come_from_the_environment() -> None:
    """A number, a default and a part of a text are filled in; a doubled dollar stands for itself."""
    text = edited("max_age_s: 600", 'max_age_s: ${SLOW}\n          name: "${NOPE:-all} $${KEY} ${EMPTY:-x}"')
    rule = bridge_in(text).helpdesks["toy"]["acme"].start_when[0]
    assert (rule.max_age_s, rule.name) == (45.0, "all ${KEY} x")


def test_jinja_is_not_taken_for_a_reference() -> None:
    """A dollar before a template's braces is money."""
    text = edited("Hola {{ requester.name }}", "${{ custom.total }}")
    assert bridge_in(text).helpdesks["toy"]["acme"].initial_message == "${{ custom.total }}"


def test_environment_secret_loses_its_line_break() -> None:
    """A variable that was filled from a file ends in a line break that no sender signs with."""
    bridge = bridge_in(environ={**ENVIRON, "KEY": "abc\n"})
    assert bridge.jelou["soporte"].api_key.get_secret_value() == "abc"


def test_anchors_and_merge_keys_share_settings() -> None:
    """A second account takes over what the first has, and its own keys win."""
    text = edited("    acme:\n", "    acme: &acme\n").replace(
        "api:\n", "    beta:\n      <<: *acme\n      starts_per_hour: 7\napi:\n"
    )
    accounts = bridge_in(text).helpdesks["toy"]
    assert accounts["beta"].start_when == accounts["acme"].start_when
    assert (accounts["beta"].starts_per_hour, accounts["acme"].starts_per_hour) == (7, 200)


def test_demo_may_write_literal_secrets() -> None:
    """Where literal secrets are allowed, a clear one is taken and an empty one is still a mistake."""
    text = edited("${KEY}", "clear")
    assert bridge_in(text, allow_literal_secrets=True).jelou["soporte"].api_key.get_secret_value() == "clear"
    assert "empty" in only_mistake(edited("${KEY}", '""'), allow_literal_secrets=True).problem


# --- text that is no configuration -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n", "word", "42"])
def test_file_without_sections_says_how_to_begin(text: str) -> None:
    """An empty file, a list or a word is answered with the two sections that are needed."""
    assert "jelou: and helpdesks:" in only_mistake(text).fix


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("jelou:\n\tsoporte: 1\n", 2, "spaces, not with tabs"),
        ("jelou:\n  a: Hola: mundo\n", 2, "quotes"),
        ("jelou:\n  a: @b\n", 2, "quotes"),
        ("jelou:\n  a: [${KEY}]\n", 2, '"${NAME}" in quotes'),
        ("jelou: [1, 2\n", 2, "indentation"),
        ("a: 1\n---\nb: 2\n", 2, "remove the ---"),
        ("a: 1\nb: \x07\n", 2, "control character"),
        ('a: "\\Uffffffff"\n', 1, "quotes"),
    ],
)
def test_yaml_that_cannot_be_read_is_the_only_mistake(text: str, line: int, fix: str) -> None:
    """A broken file is told by its line and the usual remedy, and nothing else is said of it."""
    found = only_mistake(text)
    assert found.line == line
    assert fix in found.fix


@pytest.mark.parametrize(
    "text", ["a: *hunter2-secret\n", "a: &hunter2-secret 1\nb: &hunter2-secret 2\n", "a: !h!hunter2 x\n"]
)
def test_yaml_mistake_does_not_quote_the_text(text: str) -> None:
    """A password that begins with an asterisk is an alias to YAML; its text is not repeated."""
    assert not any("hunter2" in str(mistake) for mistake in checked(text)[1])


def _bomb(levels: int) -> str:
    lines = ["l0: &l0 [x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        _bomb(9),
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a\n  <<: *a\n",
        "[" * 5_000,
        "a: " * 3,
        "a: &x 1\nb: [" + "*x, " * 300 + "]",
    ],
    ids=["bomb", "list in itself", "section in itself", "merge of itself", "deep", "colons", "many aliases"],
)
def test_file_that_unfolds_without_bound_is_refused(text: str) -> None:
    """Aliases that multiply and nesting without end are a mistake, told at once."""
    bridge, mistakes = checked(text)
    assert bridge is None
    assert mistakes


def test_merge_of_a_list_takes_the_first() -> None:
    """Of several merged sections the first wins; something without keys cannot be merged."""
    text = edited("region: EC", "<<: [{region: EC}, {region: PE, format: text}]")
    user_id = bridge_in(text).helpdesks["toy"]["acme"].user_id
    assert (user_id.region, user_id.format) == ("EC", "text")
    assert_told(edited("region: EC", "<<: EC"), "<<: EC", f"{ACME}.user_id.<<", "without keys", "anchor")


# --- between the fields ----------------------------------------------------------------------------------------------


def test_default_wait_is_measured_against_a_long_start() -> None:
    """A start time-out that outlasts the default wait is told on the line of the time-out."""
    text = edited("bot_id: bot-7", "bot_id: bot-7\n    start_timeout_s: 30")
    assert_told(text, "start_timeout_s", f"{ACME}.unknown_start.wait_s", "20 is not longer than", "above 38")


def test_wait_of_no_number_is_one_mistake() -> None:
    """A wait that is no number is told as that, and compared with nothing."""
    text = edited("region: EC", "region: EC\n      unknown_start:\n        wait_s: long")
    assert_told(text, "wait_s: long", f"{ACME}.unknown_start.wait_s", "wrong type", "a number")


def test_lease_is_the_store_s(tmp_path: Path) -> None:
    """The lease that waits are measured against is the one that claims have; a longer one asks for a longer wait."""
    assert Leases().ticket_ms == LEASE_S * 1000
    assert "above 26" in error_of(written(tmp_path), lease_s=20.0).mistakes[0].fix


# --- all at once, and in which words ---------------------------------------------------------------------------------

MANY = """\
jelou:
  soporte:
    project_id: 0042
    api_key: sk-live-in-the-file
    signing_secrets: ["${NOPE}", file:missing/secret, "${EMPTY}"]
helpdesks:
  toy:
    acme:
      project: suporte
      initial_message: "{% if %}"
      starts_per_hour: many
      start_when:
        - max_age: 60
      verification: {type: header, header: X-Token, tokens: []}
  toyz: {}
"""


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Ten mistakes of all kinds are ten lines, in the order of the file."""
    error = error_of(written(tmp_path, MANY))
    assert [(one.line, one.key) for one in error.mistakes] == [
        (2, "jelou.soporte.bot_id"),
        (4, "jelou.soporte.api_key"),
        (5, "jelou.soporte.signing_secrets[0]"),
        (5, "jelou.soporte.signing_secrets[1]"),
        (5, "jelou.soporte.signing_secrets[2]"),
        (9, "helpdesks.toy.acme.project"),
        (10, "helpdesks.toy.acme.initial_message"),
        (11, "helpdesks.toy.acme.starts_per_hour"),
        (13, "helpdesks.toy.acme.start_when[0].max_age"),
        (14, "helpdesks.toy.acme.verification.tokens"),
        (15, "helpdesks.toyz"),
    ]
    assert str(error).splitlines() == [str(one) for one in error.mistakes]


def test_mistake_reads_file_line_key_problem_fix(tmp_path: Path) -> None:
    """A line of the text can be clicked in a terminal and acted upon."""
    path = written(tmp_path, edited("max_age_s", "max_age"))
    line = f"{path}:18: helpdesks.toy.acme.start_when[0].max_age: unknown key; did you mean max_age_s?"
    assert str(error_of(path)) == line


def test_mistake_stays_on_one_line(tmp_path: Path) -> None:
    """A key or a path with line breaks and without end does not spoil the list."""
    text = edited("${KEY}", '"file:a\\nb"') + f'"x\\n{"y" * 500}": 1\n'
    error = error_of(written(tmp_path, text))
    assert len(str(error).splitlines()) == len(error.mistakes) == 2
    assert max(map(len, str(error).splitlines())) < 400


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_secret_shows_nowhere(tmp_path: Path) -> None:
    """Neither the error, nor what it came from, nor the models hold a secret in text."""
    with_mistakes = GOOD.replace("X-Token", "X Token").replace("bot_id: bot-7", "bot_id: [1]")
    error = error_of(written(tmp_path, with_mistakes))
    shown = f"{error} {error!r} {error.mistakes} {error.__context__} {error.__cause__} {bridge_in()!r} {bridge_in()}"
    assert not any(secret in shown for secret in ENVIRON.values() if len(secret) > 2)


def test_clear_secret_shows_nowhere() -> None:
    """A secret that was pasted into the file is refused without being repeated."""
    text = GOOD.replace("${KEY}", "hunter2-a").replace("${SIGNING}", "hunter2-b").replace("bot-7", "[hunter2-c]")
    assert len(checked(text)[1]) == 3
    assert "hunter2" not in str(checked(text)[1])


def test_secret_in_a_dialect_s_own_words_is_cut_out() -> None:
    """A dialect's validator that quotes the secret does not bring it into the text."""
    access = "      access: {base_url: 'https://a.example', token: '${RUDE}'}\n"
    text = edited("      user_id:\n", f"{access}      user_id:\n")
    found = only_mistake(text, environ={**ENVIRON, "RUDE": "a-rude-secret"})
    assert (found.key, found.problem) == (f"{ACME}.access.token", "… is rude")
