"""How many files and connections the process may have open: the soft limit is raised to what is configured.

A shell's soft limit is often 1,024, and a connection that finds none left is not refused: it waits, unanswered, and so
does Redis. Raising it up to the hard limit needs no privilege.
"""

from __future__ import annotations

import resource
from typing import Final

RESERVE: Final = 256
"""Beside the connections that come in: to Redis, to the other sides, files and the log."""


def raise_limit(connections: int) -> str:
    """Make room for so many connections that come in. Says what to do where the hard limit is lower; else nothing."""
    wanted = connections + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _holds(soft, wanted):
        return ""
    allowed = wanted if _holds(hard, wanted) else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed == wanted:
        return ""
    return (
        f"{connections} connections need {wanted} open files and {hard} are allowed: raise the hard limit "
        f"(ulimit -Hn, LimitNOFILE=), or lower max_connections to {max(hard - RESERVE, 16)}"
    )


def _holds(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
