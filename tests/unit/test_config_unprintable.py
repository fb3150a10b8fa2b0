"""A secret that no header can hold is a mistake of the file, told where it stands, before any call is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from config.load import check
from config.references import References
from tests.config_files import ENVIRON, GOOD, ToyAccount

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.errors import Mistake

SECRET = "sk-live-0123456789"
PLACES = {
    "jelou.soporte.api_key": "api_key: ${KEY}",
    "jelou.soporte.signing_secrets[0]": "      - ${SIGNING}",
    "api.tokens[0]": "api:\n  tokens:\n    - ${TOKEN}",
}
SPOILT = {
    "a line break": f"{SECRET}\nX",
    "a return": f"{SECRET}\rX",
    "two line ends": f"{SECRET}\n\n",
    "NUL": f"{SECRET}\x00",
    "a tab": f"{SECRET}\t",
    "DEL": f"{SECRET}\x7f",
    "a separator of lines": f"{SECRET}\u2028X",
    "nothing that is seen": f"\u200b{SECRET}",
    "a mark of byte order": f"{SECRET}\ufeff",
    "bytes that are not UTF-8": f"{SECRET}\udcff",
}


def mistakes(text: str, folder: Path, **environ: str) -> list[Mistake]:
    """What is wrong with this file."""
    return check(text, {"toy": ToyAccount}, References({**ENVIRON, **environ}, folder))[1]


def swapped(place: str, reference: str) -> tuple[str, int]:
    """The good file with another reference at this place, and the line where it stands."""
    old = PLACES[place]
    assert old in GOOD
    text = GOOD.replace(old, old[: old.rindex("${")] + reference)
    return text, next(number for number, line in enumerate(text.split("\n"), 1) if reference in line)


@pytest.mark.parametrize("what", SPOILT)
@pytest.mark.parametrize("place", PLACES)
def test_a_spoilt_secret_of_the_environment_is_told(tmp_path: Path, place: str, what: str) -> None:
    """With the key, the line and the variable; nothing of the secret."""
    text, line = swapped(place, "${SPOILT}")
    [found] = mistakes(text, tmp_path, SPOILT=SPOILT[what])
    assert (found.key, found.line) == (place, line)
    assert "SPOILT" in found.problem
    assert SECRET not in str(found)


@pytest.mark.parametrize("what", [name for name in SPOILT if name != "bytes that are not UTF-8"])
@pytest.mark.parametrize("place", PLACES)
def test_a_spoilt_secret_of_a_file_is_told(tmp_path: Path, place: str, what: str) -> None:
    """With the key, the line and the file."""
    (tmp_path / "secret").write_bytes(SPOILT[what].encode())
    text, line = swapped(place, "file:secret")
    [found] = mistakes(text, tmp_path)
    assert (found.key, found.line) == (place, line)
    assert str(tmp_path / "secret") in found.problem
    assert SECRET not in str(found)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("secret", [SECRET, "contraseña de ñandú", "パスワード", "a b"])
def test_a_good_secret_is_taken_with_the_end_of_its_line(tmp_path: Path, secret: str, end: str) -> None:
    """Files end in a line break that belongs to no secret; a password may be of any letters."""
    (tmp_path / "secret").write_bytes(f"{secret}{end}".encode())
    text, _ = swapped("jelou.soporte.api_key", "file:secret")
    bridge, found = check(text, {"toy": ToyAccount}, References(ENVIRON, tmp_path))
    assert found == []
    assert bridge is not None
    assert bridge.jelou["soporte"].api_key.get_secret_value() == secret


@pytest.mark.parametrize("what", SPOILT)
def test_a_spoilt_user_name_is_told(tmp_path: Path, what: str) -> None:
    """It goes out in the same header as its password."""
    text = GOOD.replace("bot_id: bot-7", 'bot_id: b\n    basic: {username: "${SPOILT}", password: "${KEY}"}')
    [found] = mistakes(text, tmp_path, SPOILT=SPOILT[what])
    assert found.key == "jelou.soporte.basic.username"
    assert found.line == next(number for number, line in enumerate(text.split("\n"), 1) if "SPOILT" in line)
    assert SECRET not in str(found)


def test_a_text_for_people_may_have_lines(tmp_path: Path) -> None:
    """Only what goes out in a header may not."""
    text = GOOD.replace('"Hola {{ requester.name }}"', "${HELLO}")
    known: Any = mistakes(text, tmp_path, HELLO="Hola\nbuenas")
    assert known == []
