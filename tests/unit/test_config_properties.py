"""Whatever the file holds, loading it ends in a configuration or in a ConfigError, and no secret gets out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.accounts import Bridge
from bridge.errors import ConfigError
from config.load import load
from config.report import bad, good
from tests.config_files import ENVIRON, GOOD, KINDS, checked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from config.tree import Key

DOCUMENT = yaml.safe_load(GOOD)
WORDS = st.sampled_from(
    ["jelou", "helpdesks", "toy", "soporte", "acme", "project", "type", "<<", "", "${KEY}", "file:x"]
)
TEXTS = WORDS | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(max_size=4) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def keys_of(value: Any, key: Key = ()) -> Iterator[Key]:
    """The key of every value in a document."""
    yield key
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in entries:
        yield from keys_of(inner, (*key, part))


def replaced(value: Any, key: Key, new: Any) -> Any:
    """The document with another value at one key."""
    if not key:
        return new
    copy: Any = value.copy()
    copy[key[0]] = replaced(value[key[0]], key[1:], new)
    return copy


def assert_one_or_the_other(text: str) -> None:
    """A text is a configuration or has mistakes, each on one line."""
    bridge, mistakes = checked(text)
    assert isinstance(bridge, Bridge) != bool(mistakes)
    assert all(len(str(mistake).splitlines()) == 1 for mistake in mistakes)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to write into."""
    return tmp_path_factory.mktemp("config") / "bridge.yaml"


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_configuration_or_a_config_error(path: Path, content: bytes) -> None:
    """No other exception escapes, and the report of the error can be made."""
    path.write_bytes(content)
    try:
        report = good(str(path), load(path, KINDS, ENVIRON))
    except ConfigError as error:
        report = bad(str(path), error)
    assert len(report.as_lines()) > len(report.mistakes)


@given(text=st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@#?,\n\t $<~0"), max_size=60))
def test_any_punctuation_is_answered(text: str) -> None:
    """YAML's own signs in any order are read or told as mistakes."""
    assert_one_or_the_other(text.encode("utf-8", "replace").decode())


@given(key=st.sampled_from(sorted(keys_of(DOCUMENT), key=str)), value=VALUES)
def test_any_value_anywhere_is_answered(key: Key, value: Any) -> None:
    """A good document with anything in any place is read or told as mistakes."""
    assert_one_or_the_other(yaml.safe_dump(replaced(DOCUMENT, key, value), allow_unicode=True))


@given(name=TEXTS, value=VALUES, key=st.sampled_from(sorted(keys_of(DOCUMENT), key=str)))
def test_any_further_key_is_answered(name: str, value: Any, key: Key) -> None:
    """A good document with one key more, in any section, is read or told as mistakes."""
    section = DOCUMENT
    for part in key:
        section = section[part]
    if isinstance(section, dict):
        assert_one_or_the_other(yaml.safe_dump(replaced(DOCUMENT, key, {**section, name: value})))


SECRET_KEYS: list[Key] = [
    ("jelou", "soporte", "api_key"),
    ("jelou", "soporte", "signing_secrets", 0),
    ("helpdesks", "toy", "acme", "verification", "tokens", 0),
    ("api", "tokens", 0),
    ("api", "tokens"),
    ("jelou", "soporte", "project_id"),
    ("helpdesks", "toy", "acme", "project"),
    ("helpdesks", "toy", "acme", "verification", "type"),
    ("helpdesks", "toy", "acme", "user_id", "region"),
    ("helpdesks", "toy", "acme", "start_when", 0, "max_age_s"),
]


@given(
    key=st.sampled_from(SECRET_KEYS),
    sign=st.sampled_from(["", "*", "&", "!", "{", "[", "@", "- ", "'", '"', "%", "|", ": "]),
)
def test_a_secret_pasted_anywhere_is_not_repeated(key: Key, sign: str) -> None:
    """Neither a clear secret in its field, nor one in a wrong field, nor one that breaks the YAML shows in a text."""
    text = yaml.safe_dump(replaced(DOCUMENT, key, "SECRET")).replace("SECRET", f"{sign}hunter2-live-9f8e7d")
    assert "hunter2" not in " ".join(map(str, checked(text)[1]))
