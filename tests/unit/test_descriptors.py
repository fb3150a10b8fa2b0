"""The soft limit of open files: raised to what the connections need, as far as the hard one allows."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from bridge.descriptors import RESERVE

RAISED = """
import resource
from bridge.descriptors import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(raise_limit({wanted}))
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
"""In a process of its own: a hard limit that was lowered stays so."""


def raised(soft: int, hard: int, wanted: int) -> tuple[str, int]:
    """What is said, and the soft limit after it."""
    code = RAISED.format(soft=soft, hard=hard, wanted=wanted)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    says, limits = out.splitlines()
    assert int(limits.split()[1]) == hard
    return says, int(limits.split()[0])


@pytest.mark.parametrize(
    ("soft", "wanted", "then"), [(300, 1_000, 1_000 + RESERVE), (300, 40, 300), (2_000, 1_000, 2_000)]
)
def test_the_soft_limit_becomes_what_is_needed(soft: int, wanted: int, then: int) -> None:
    """Never lower than it was, and nothing is said of it."""
    assert raised(soft, min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 2_048), wanted) == ("", then)


def test_where_the_hard_limit_is_lower_it_is_said() -> None:
    """With both numbers, and what would fit."""
    says, soft = raised(300, 600, 1_000)
    assert soft == 600
    assert says.startswith("1000 connections need 1256 open files and 600 are allowed: raise the hard limit")
    assert says.endswith("lower max_connections to 344")
