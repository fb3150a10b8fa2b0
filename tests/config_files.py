"""Configuration files for tests: a good one of a made-up kind of helpdesk, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import HttpUrl, SecretStr, field_validator

from bridge.accounts import Account, UnsignedVerification
from bridge.errors import ConfigError
from bridge.policies import Model
from config.load import check, load
from config.references import References

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Bridge
    from bridge.errors import Mistake

ENVIRON: Mapping[str, str] = {
    "KEY": "key-of-the-project",
    "SIGNING": "signing-secret",
    "TOKEN": "token-of-the-helpdesk",
    "EMPTY": "",
    "MARK": "key-of-the-marks",
    "SLOW": "45",
}

GOOD = """\
jelou:
  soporte:
    project_id: 0042
    bot_id: bot-7
    api_key: ${KEY}
    signing_secrets:
      - ${SIGNING}
helpdesks:
  toy:
    acme:
      project: soporte
      initial_message: "Hola {{ requester.name }}"
      user_id:
        region: EC
      start_when:
        - when:
            priority: [high, urgent]
          max_age_s: 600
      verification:
        type: header
        header: X-Token
        tokens:
          - ${TOKEN}
api:
  tokens:
    - ${TOKEN}
mark_keys:
  - ${MARK}
"""


class ToyAccess(Model):
    """How the toy's API is called."""

    base_url: HttpUrl
    token: SecretStr

    @field_validator("token")
    @classmethod
    def _not_rude(cls, token: SecretStr) -> SecretStr:
        """A validator as careless as a dialect's may be: it quotes the secret."""
        if "rude" in token.get_secret_value():
            msg = f"{token.get_secret_value()} is rude"
            raise ValueError(msg)
        return token


class ToyAccount(Account):
    """An account of the toy helpdesk."""

    verification: UnsignedVerification
    access: ToyAccess | None = None


class OtherAccount(Account):
    """An account of another kind, told apart by its default wait."""


KINDS: Mapping[str, type[Account]] = {"toy": ToyAccount, "other-kind": OtherAccount}


def checked(
    text: str = GOOD,
    *,
    environ: Mapping[str, str] = ENVIRON,
    folder: Path = Path("nowhere"),
    allow_literal_secrets: bool = False,
) -> tuple[Bridge | None, list[Mistake]]:
    """The configuration in a text, and its mistakes."""
    return check(text, KINDS, References(environ, folder, allow_literal_secrets))


def bridge_in(text: str = GOOD, **how: Any) -> Bridge:
    """The configuration in a good text."""
    bridge, mistakes = checked(text, **how)
    assert bridge is not None, mistakes
    return bridge


def edited(old: str, new: str) -> str:
    """The good text with one thing changed."""
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good text"
    return GOOD.replace(old, new)


def line_of(text: str, part: str) -> int:
    """The line on which a part of the text stands, from 1."""
    return text[: text.index(part)].count("\n") + 1


def written(folder: Path, content: str | bytes = GOOD) -> Path:
    """A file with this content."""
    path = folder / "bridge.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def error_of(path: Path, **how: Any) -> ConfigError:
    """The error that loading this file ends in."""
    with pytest.raises(ConfigError) as caught:
        load(path, KINDS, ENVIRON, **how)
    return caught.value


def only_mistake(text: str, **how: Any) -> Mistake:
    """The one mistake in a text."""
    bridge, mistakes = checked(text, **how)
    assert bridge is None
    assert len(mistakes) == 1, mistakes
    return mistakes[0]


def assert_told(text: str, part: str, key: str, problem: str, fix: str, **how: Any) -> None:
    """The text has one mistake, on the line of ``part``, told by these words."""
    found = only_mistake(text, **how)
    assert (found.key, found.line) == (key, line_of(text, part))
    assert problem in found.problem
    assert fix in found.fix
