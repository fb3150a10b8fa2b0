"""One project of the file alone: what of it must be there, where its secret goes, and how it is written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import ConfigError
from config.project import ProjectAlone, load_project, why_not_written, write_secret

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"KEY": "key-of-the-project", "NOW": "signing-secret"}
TEXT = """\
jelou:
  soporte:
    project_id: 0042
    bot_id: bot-7
    api_key: ${KEY}
    signing_secrets: ["${NOW}", "file:secrets/before"]
"""


def read(folder: Path, text: str = TEXT, name: str = "") -> ProjectAlone:
    """The project in a text."""
    path = folder / "bridge.yaml"
    path.write_text(text)
    return load_project(path, name, ENVIRON)


def mistake(folder: Path, text: str, name: str = "") -> str:
    """The one mistake of a text, without the file's path."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, name)
    [told] = str(caught.value).splitlines()
    return told.removeprefix(f"{folder / 'bridge.yaml'}:")


def test_secrets_that_are_not_there_yet_are_places(tmp_path: Path) -> None:
    """The project has those that are."""
    alone = read(tmp_path)
    assert (alone.name, alone.project.project_id) == ("soporte", "0042")
    assert [one.get_secret_value() for one in alone.project.signing_secrets] == ["signing-secret"]
    assert [(one.key, one.where) for one in alone.places] == [
        ("jelou.soporte.signing_secrets[0]", "NOW"),
        ("jelou.soporte.signing_secrets[1]", tmp_path / "secrets/before"),
    ]
    assert str(alone.places[0]) == "the environment variable NOW"
    assert "signing-secret" not in repr(alone)


def test_mistakes_elsewhere_are_not_this_commands_business(tmp_path: Path) -> None:
    """A helpdesk that is half written, another project whose key is not set."""
    text = f"{TEXT}  ventas:\n    api_key: ${{UNSET}}\nhelpdesks:\n  zendesk: soon\n"
    assert read(tmp_path, text, "soporte").name == "soporte"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("${KEY}", "${UNSET}", "5: jelou.soporte.api_key: the environment variable UNSET is not set"),
        ("bot_id", "bot", "4: jelou.soporte.bot: unknown key; did you mean bot_id?"),
        ('"${NOW}"', "in-clear-text", "6: jelou.soporte.signing_secrets[0]: is no place for a secret"),
        ('"${NOW}"', '"${NOW:-x}"', "6: jelou.soporte.signing_secrets[0]: is no place for a secret"),
        ("file:secrets/before", "file:", "6: jelou.soporte.signing_secrets[1]: is no place for a secret"),
        ('["${NOW}", "file:secrets/before"]', "${NOW}", "6: jelou.soporte.signing_secrets: names no place"),
        ('signing_secrets: ["${NOW}", "file:secrets/before"]', "", "2: jelou.soporte.signing_secrets: names no place"),
        ("soporte:\n", "soporte: x\n", "not YAML"),
        ("jelou:", "jeluo:", "1: jelou: missing"),
    ],
)
def test_mistakes_of_the_project_are_named_with_their_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Key, line, problem; a secret in clear text is not repeated."""
    text = TEXT.replace(old, new)
    assert text != TEXT
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert told in str(caught.value)
    assert "in-clear-text" not in str(caught.value)


def test_which_project_must_be_clear(tmp_path: Path) -> None:
    """Of several one is named; one that is not there is close to another."""
    assert (
        mistake(tmp_path, f"{TEXT}  ventas: {{}}\n") == "1: jelou: has several projects; add --project: soporte, ventas"
    )
    assert mistake(tmp_path, TEXT, "soprte") == "1: jelou.soprte: no such project; did you mean soporte?"
    assert mistake(tmp_path, "jelou:\n  a: 1\n") == "2: jelou.a: is no section; add its keys, indented under it"


# --- writing ---------------------------------------------------------------------------------------------------------


def test_a_secret_replaces_what_was_there_for_its_owner_alone(tmp_path: Path) -> None:
    """Whole, with a line's end, and nothing is left beside it."""
    path = tmp_path / "secret"
    path.write_text("before")
    path.chmod(0o644)
    write_secret(path, "now")
    assert (path.read_text(), path.stat().st_mode & 0o777, list(tmp_path.iterdir())) == ("now\n", 0o600, [path])


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is replaced."""
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("before")
    link.symlink_to(there)
    assert why_not_written(link) == ""
    write_secret(link, "now")
    assert (link.is_symlink(), there.read_text()) == (True, "now\n")


def test_what_cannot_be_written_says_why(tmp_path: Path) -> None:
    """A folder in its place, a file where its folder should be; a folder that is missing is made."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    assert why_not_written(tmp_path / "folder") == "not a regular file"
    assert why_not_written(tmp_path / "file" / "secret") in {"Not a directory", "File exists"}
    assert why_not_written(tmp_path / "new" / "deeper" / "secret") == ""
    with pytest.raises(OSError, match="directory"):
        write_secret(tmp_path / "folder", "now")
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
