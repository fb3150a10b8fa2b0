"""Every kind of mistake in bridge.yaml is told with its key, its line and its fix."""

from __future__ import annotations

import pytest

from tests.config_files import assert_told, checked, edited, line_of

ACME = "helpdesks.toy.acme"
BOT, API_KEY, SIGNING = "jelou.soporte.bot_id", "jelou.soporte.api_key", "jelou.soporte.signing_secrets"
AGE, WHEN, MESSAGE = f"{ACME}.start_when[0].max_age_s", f"{ACME}.start_when[0].when", f"{ACME}.initial_message"
USER, PROOF = f"{ACME}.user_id", f"{ACME}.verification"
VENTAS = '{project_id: v, bot_id: b, api_key: "${KEY}", signing_secrets: ["${KEY}"], unasked: {account: toy/acme}}'

MISTAKES = {
    "unknown key": (
        "max_age_s: 600", "max_age: 600", f"{ACME}.start_when[0].max_age", "unknown key", "mean max_age_s?",
    ),
    "unknown key, nothing close": ("region: EC", "zzz: EC", f"{USER}.zzz", "unknown key", "known: fields"),
    "unknown key at the top": ("api:\n", "apis:\n", "apis", "unknown key", "did you mean api?"),
    "unknown key of a union's member": (
        "type: header\n", "type: header\n        heder: x\n", f"{PROOF}.heder", "unknown key", "mean header?",
    ),
    "number wanted": ("max_age_s: 600", "max_age_s: soon", AGE, "it is text", "a number"),
    "number wanted, true given": ("max_age_s: 600", "max_age_s: true", AGE, "true", "a number"),
    "finite number wanted": ("max_age_s: 600", "max_age_s: inf", AGE, "text", "finite"),
    "more than zero wanted": ("max_age_s: 600", "max_age_s: 0", AGE, "too small", "more than 0"),
    "text wanted": ("bot-7", "[bot-7]", BOT, "it is a list", "wanted text"),
    "section wanted": (
        "region: EC", "region: EC\n      fuse:\n        - EC", f"{ACME}.fuse", "it is a list", "wanted a section",
    ),
    "source in a list": (
        "user_id:\n        region: EC", "user_id:\n        - {field: a, fild: b}",
        f"{USER}[0].fild", "unknown key", "mean field?",
    ),
    "form in a list": (
        "user_id:\n        region: EC", "user_id:\n        - field: a\n          format: phon",
        f"{USER}[0].format", "not an allowed value", "mean phone?",
    ),
    "list wanted": ("secrets:\n      - ${SIGNING}", "secrets:\n      one: x", SIGNING, "a section", "wanted a list"),
    "no value": ("bot_id: bot-7", "bot_id:", BOT, "no value", "The bot that manages"),
    "no value in a list": ("      - ${SIGNING}\n", "      -\n", f"{SIGNING}[0]", "no value", "remove"),
    "short": ("bot_id: bot-7", 'bot_id: ""', BOT, "too short", "at least 1"),
    "choice": ("region: EC", "format: fone", f"{USER}.format", "not an allowed value", "did you mean phone?"),
    "choice, nothing close": ("region: EC", "format: 7", f"{USER}.format", "not an allowed", "known: phone, text"),
    "member of a union": ("type: header", "type: heading", f"{PROOF}.type", "not an allowed", "mean header?"),
    "pattern": ("region: EC", "region: Ecuador", f"{USER}.region", "as it must be", "two capital letters"),
    "pattern not put in words": ("X-Token", "X Token", f"{PROOF}.header", "as it must be", "must match ^["),
    "name": ("    acme:\n", "    Acme Inc:\n", "helpdesks.toy.Acme Inc", "not a usable name", "lower-case letters"),
    "path of a condition": ("priority:", "pri ority:", f"{WHEN}.pri ority", "usable name", "dotted"),
    "value of a condition": ("[high, urgent]", "{a: 1}", f"{WHEN}.priority", "a section", "wanted text"),
    "URL": (
        "bot_id: bot-7", "bot_id: b\n    base_url: here", "jelou.soporte.base_url", "not a URL", "https://host/path",
    ),
    "URL's scheme": (
        "bot_id: bot-7", "bot_id: b\n    send_url: ftp://a", "jelou.soporte.send_url", "web address", "https://",
    ),
    "unset variable": ("${KEY}", "${NOPE}", API_KEY, "variable NOPE is not set", "set NOPE"),
    "unset variables in a text": (
        "bot-7", "${ONE}-${TWO}", BOT, "variables ONE, TWO are not set", "set ONE, TWO",
    ),
    "reference broken": ("bot-7", "${bot 7}", BOT, "no reference", "write ${NAME}"),
    "default for a secret": ("${KEY}", "${KEY:-abc}", API_KEY, "a secret has no default", "write ${KEY}"),
    "empty variable": ("${KEY}", "${EMPTY}", API_KEY, "variable EMPTY is empty", "set EMPTY"),
    "empty secret": ("${KEY}", '""', API_KEY, "empty secret", "file:PATH"),
    "clear secret": ("${KEY}", "sk-live-123456", API_KEY, "in clear text", "file:PATH"),
    "clear number as a secret": ("${KEY}", "123456", API_KEY, "in clear text", "file:PATH"),
    "section as a secret": ("${KEY}", "{a: b}", API_KEY, "it is a section", "file:PATH"),
    "missing file": ("${KEY}", "file:keys/one", API_KEY, "nowhere/keys/one", "readable for the bridge"),
    "file with a zero byte": ("${KEY}", '"file:a\\0b"', API_KEY, "cannot be read", "create it"),
    "ticket opened nowhere": (
        "bot_id: bot-7", "bot_id: b\n    unasked: {then: open_ticket, account: toy/acne}",
        "jelou.soporte.unasked.account", "names no account", "mean toy/acme?",
    ),
    "ticket opened on another project": (
        "helpdesks:\n", f"  ventas: {VENTAS}\nhelpdesks:\n",
        "jelou.ventas.unasked.account", "of another project", "whose project is ventas",
    ),
    "subject that does not compile": (
        "bot_id: bot-7", 'bot_id: b\n    unasked: {subject: "{{ name"}',
        "jelou.soporte.unasked.subject", "does not compile", "Conversation with {{ name }}",
    ),
    "unknown project": ("project: soporte", "project: suporte", f"{ACME}.project", "names no project", "mean soporte?"),
    "unknown kind": (
        "  toy:\n", "  toys:\n", "helpdesks.toys", "unknown kind", "mean toy? known kinds: other-kind, toy",
    ),
    "template": ("name }}", "name }", MESSAGE, "does not compile, on its line 1", "{{ ticket.subject }}"),
    "template's filter": ("name }}", "name | shout }}", MESSAGE, "No filter named", "{{ ticket.subject }}"),
    "wait too short": (
        "region: EC", "region: EC\n      unknown_start:\n        wait_s: 14",
        f"{ACME}.unknown_start.wait_s", "14 is not longer than start_timeout_s 6", "above 14, or lower jelou.soporte.",
    ),
    "goodbye's template": (
        "region: EC", 'region: EC\n      goodbye: "{{ x"', f"{ACME}.goodbye", "does not compile", "ticket.subject",
    ),
    "account of unasked conversations": (
        "bot-7", "b\n    unasked:\n      account: toy/acmee", "jelou.soporte.unasked.account", "names no account",
        "mean toy/acme?",
    ),
    "where unasked conversations go": (
        "bot-7", "b\n    unasked:\n      then: open_ticket", "jelou.soporte.unasked", "needs account", "",
    ),
    "time of day": (
        "region: EC", "region: EC\n      quiet_hours:\n        from: 21\n        to: '07:00'\n        timezone: UTC",
        f"{ACME}.quiet_hours.from", "valid time format", "21:00",
    ),
    "given twice": ("bot_id: bot-7", "bot_id: bot-7\n    'bot_id': b", BOT, "twice, first on line 4", "remove"),
    "tag": ("bot-7", "!bot 7", BOT, "a tag that is not known", "!"),
    "key that is no text": ("bot-7", "{{ bot }}", BOT, "a key that is not text", "in quotes"),
    "half a character": ("bot-7", r'"\ud800"', BOT, "half a character", "itself"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "problem", "fix"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_is_told_with_key_line_and_fix(old: str, new: str, key: str, problem: str, fix: str) -> None:
    """One change makes one mistake, told by its key, on its line, with what to do."""
    text = edited(old, new)
    found = next(one for one in checked(text)[1] if one.key == key)
    assert line_of(text, new) <= found.line <= line_of(text, new) + new.count("\n")
    assert ("-" if key.endswith("]") else key.rsplit(".", 1)[-1]) in text.splitlines()[found.line - 1]
    assert problem in found.problem
    assert fix in found.fix


@pytest.mark.parametrize(
    ("gone", "parent", "key", "fix"),
    [
        ("    bot_id: bot-7\n", "  soporte:", "jelou.soporte.bot_id", "add bot_id: The bot that manages"),
        ("    api_key: ${KEY}\n", "  soporte:", "jelou.soporte.api_key", "add api_key as ${NAME} or file:PATH"),
        ("      project: soporte\n", "    acme:", f"{ACME}.project", "add project: The Jelou project"),
        ("        type: header\n", "      verification:", f"{ACME}.verification.type", "header or basic or url_token"),
        ("        header: X-Token\n", "      verification:", f"{ACME}.verification.header", "The header's name"),
    ],
)
def test_missing_key_is_told_on_the_line_of_its_section(gone: str, parent: str, key: str, fix: str) -> None:
    """What is not there has the line of the section it belongs into."""
    assert_told(edited(gone, ""), parent, key, "missing", fix)
