"""What ``bridge check`` says of a mapping: every mistake with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.helpdesks import REGISTRY
from bridge.helpdesks.generic_account import GenericAccount
from config.load import load
from tests.unit.test_generic import EXAMPLE, account, mapping


def mistakes(tmp_path: Path, *edits: tuple[str, str], section: str = "") -> list[str]:
    """What is said of the example's mapping after these edits of its text."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "desk.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "bridge.yaml").write_text(
        "jelou: {clinic: {project_id: p, bot_id: b, api_key: '${S}', signing_secrets: ['${S}']}}\n"
        "helpdesks:\n  generic:\n    desk:\n      project: clinic\n      mapping: file:desk.yaml\n"
        "      verification: {secrets: ['${S}']}\n" + section,
        encoding="utf-8",
    )
    try:
        load(tmp_path / "bridge.yaml", {kind: one.settings for kind, one in REGISTRY.items()}, {"S": "secret-value"})
    except ConfigError as error:
        return [f"{Path(one.path).name}:{one.line}: {one.key}: {one.problem}" for one in error.mistakes]
    return []


def line_of(text: str) -> int:
    """The line of the example on which this text first stands."""
    whole = EXAMPLE.read_text(encoding="utf-8")
    return whole[: whole.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("  subject: item.ticket.subject", "  subjet: item.ticket.subject", "ticket.subjet", "unknown key"),
        ("version: item.ticket.updated_at", "version: itm.ticket", "version", "asks for itm, which is not there"),
        ("  at: item.comment.created_at", "  at: lowr(item.x)", "comment.at", "calls lowr(), which is not a function"),
        (
            "    - path: /api/tickets/{id}/tags",
            "    - path: /api/{tickt}",
            "writes.tag[0].path",
            "asks for tickt, which",
        ),
    ],
)
def test_a_mistake_in_a_mapping_is_told_with_its_file_and_line(
    tmp_path: Path, old: str, new: str, key: str, problem: str
) -> None:
    """A field that is not there is found when the file is checked, not when a delivery comes."""
    said = mistakes(tmp_path, (old, new))
    wanted = f"desk.yaml:{line_of(old.rstrip())}: helpdesks.generic.desk.mapping.{key}: {problem}"
    assert any(one.startswith(wanted) for one in said), said


def test_a_step_asks_only_for_what_was_read(tmp_path: Path) -> None:
    """By an earlier step."""
    said = mistakes(tmp_path, ("/api/contacts/{read.ticket.requester_id}", "/api/contacts/{read.tickt.requester_id}"))
    assert any("the step contact asks for read.tickt, which no earlier step reads" in one for one in said), said


@pytest.mark.parametrize(
    ("edit", "section", "problem"),
    [
        (("settings.user", "settings.usr"), "", "asks for settings.usr, which is not among its settings"),
        (("    default: bridge\n", ""), "", "the mapping asks for user"),
        (("title", "title"), "      settings: {usr: x}\n", "the mapping asks for no usr; known: user"),
    ],
)
def test_settings_that_do_not_meet_are_told(tmp_path: Path, edit: tuple[str, str], section: str, problem: str) -> None:
    """What a mapping asks for and what the account gives."""
    assert any(problem in one for one in mistakes(tmp_path, edit, section=section))


def test_a_mapping_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    """With the closest name that is; and nothing is said of what would stand in it."""
    (tmp_path / "bridge.yaml").write_text(
        "jelou: {clinic: {project_id: p, bot_id: b, api_key: '${S}', signing_secrets: ['${S}']}}\n"
        "helpdesks:\n  generic:\n    desk:\n      project: clinic\n      mapping: request-traker\n"
        "      verification: {secrets: ['${S}']}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "bridge.yaml", {kind: one.settings for kind, one in REGISTRY.items()}, {"S": "secret-value"})
    assert [(one.line, one.problem, one.fix) for one in caught.value.mistakes] == [
        (6, "no mapping of that name is shipped", "did you mean request-tracker?; or write file:PATH")
    ]


def test_the_example_itself_is_without_a_mistake(tmp_path: Path) -> None:
    """The measure measures."""
    assert mistakes(tmp_path) == []


def test_the_mappings_pace_is_the_accounts_unless_it_has_its_own() -> None:
    """Both the account's calls and the writes on one ticket."""
    own = account()
    assert (own.calls_per_minute, own.ticket_pace and own.ticket_pace.calls) == (120, 30)
    section = {"project": "p", "mapping": mapping(), "verification": {"secrets": ["s"]}, "calls_per_minute": 7}
    assert GenericAccount.model_validate(section).calls_per_minute == 7
