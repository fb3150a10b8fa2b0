"""A child process that ends when its parent does, however the parent ended: no orphan keeps a port or a file."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from signal import SIGTERM, Signals
from signal import signal as set_handler

PR_SET_PDEATHSIG = 1
"""From ``<linux/prctl.h>``; see prctl(2)."""

POLL_S = 0.5


def die_with_parent(signal: Signals = SIGTERM, parent: int = 0) -> bool:
    """Have the kernel send ``signal`` to this process when its parent dies, a killed parent included.

    Call it in the child, first thing in its main: nothing has to run between fork and exec. ``parent`` is the pid of
    the process that is meant; where it is given and already gone, this process ends at once (SystemExit), because the
    kernel only tells of a death still to come.

    The parent is, to the kernel, the *thread* that started the child: start children from a thread that lives.
    Returns whether the kernel took it: False anywhere but on Linux. Raises OSError where it refuses.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if parent and os.getppid() != parent:
        raise SystemExit(128 + signal)
    return True


def command(argv: list[str]) -> list[str]:
    """The command line that runs a program of somebody else's with this promise. Its parent is the calling process."""
    return [sys.executable, "-m", "bridge.lifeline", str(os.getpid()), *argv]


def main(parent: int, argv: list[str]) -> None:
    """Become ``argv``: the kernel keeps the promise over execve(2). Where it cannot, stay and watch the parent.

    What it writes is for its own user alone.
    """
    os.umask(0o077)
    if die_with_parent(parent=parent):
        os.execvp(argv[0], argv)  # noqa: S606 - the command is the caller's own
    child = subprocess.Popen(argv)  # noqa: S603 - the command is the caller's own
    set_handler(SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=_watch, args=(parent, child), daemon=True).start()
    sys.exit(child.wait())


def _watch(parent: int, child: subprocess.Popen[bytes]) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_S)
    child.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
