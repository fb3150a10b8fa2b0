"""The configuration as a file: not there, no file, too large, not text; and the files of its secrets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from config.load import FILE_BYTES_MOST, load
from tests.config_files import ENVIRON, GOOD, KINDS, edited, error_of, written

if TYPE_CHECKING:
    from pathlib import Path


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file is told by its path, with how to name another."""
    error = error_of(tmp_path / "other.yaml")
    assert str(error).startswith(f"{tmp_path / 'other.yaml'}: cannot be read (No such file or directory)")
    assert "BRIDGE_CONFIG" in str(error)


def test_device_and_folder_are_not_read(tmp_path: Path) -> None:
    """A pipe would never end, and a folder is no file: both are told, for the configuration and for a secret."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        assert "not a regular file" in str(error_of(path))
    for secret in (".", "pipe"):
        error = error_of(written(tmp_path, edited("${KEY}", f"file:{secret}")))
        assert "not a small regular file" in str(error)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 70_000, b"\xff\xfe"])
def test_secret_file_must_hold_a_secret(tmp_path: Path, content: bytes) -> None:
    """An empty, an endless and a binary file are told by their path."""
    (tmp_path / "key").write_bytes(content)
    error = error_of(written(tmp_path, edited("${KEY}", "file:key")))
    assert f"the file {tmp_path / 'key'} " in str(error)


@pytest.mark.parametrize("content", ["from-file", "from-file\n", "from-file\r\n", "\ufefffrom-file"])
def test_secret_file_loses_its_line_break(tmp_path: Path, content: str) -> None:
    """A secret's file is found from the configuration's folder; one line break at its end is none of the secret."""
    (tmp_path / "key").write_text(content, encoding="utf-8", newline="")
    bridge = load(written(tmp_path, edited("${KEY}", "file:key")), KINDS, ENVIRON)
    assert bridge.jelou["soporte"].api_key.get_secret_value() == "from-file"


def test_file_that_is_no_text_is_told_by_its_line(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are found by their line."""
    error = error_of(written(tmp_path, b"jelou:\n  a: caf\xe9\n"))
    assert (error.mistakes[0].line, error.mistakes[0].problem) == (2, "not UTF-8 text")


def test_file_too_large_is_refused(tmp_path: Path) -> None:
    """Nobody waits for an endless file to be parsed."""
    assert "larger than" in str(error_of(written(tmp_path, b"#" * (FILE_BYTES_MOST + 1))))


def test_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """A file saved by Windows is read."""
    assert load(written(tmp_path, b"\xef\xbb\xbf" + GOOD.encode()), KINDS, ENVIRON).jelou
