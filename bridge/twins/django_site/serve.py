"""Serves the helpdesk on 127.0.0.1 until SIGTERM: `HELPDESK_PORT=8100 HELPDESK_DATA_DIR=... python serve.py`.

Runs in the helpdesk's virtual environment, where nothing of the bridge can be imported.
"""

import ctypes
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import database
import django
import seed
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application
from waitress.server import create_server

HOST = "127.0.0.1"
THREADS = 8
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Prints `ready URL` once it accepts connections, and returns when it is told to stop."""
    end_with_parent()
    signal.signal(signal.SIGTERM, stop)
    port = int(os.environ["HELPDESK_PORT"])
    prepare(f"{HOST}:{port}")
    serve(port)


def end_with_parent() -> None:
    """Ends this process with the one that started it, also when that one is killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have died before the kernel knew of the wish above.
    parent = os.environ.get("HELPDESK_PARENT_PID")
    if parent and os.getppid() != int(parent):
        sys.exit("the process that wanted this helpdesk is gone")


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leaves the server's loop, which lets the requests under way finish."""
    sys.exit(0)


def prepare(address: str) -> None:
    """Brings the data folder to the state the helpdesk needs."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    database.copy_template()
    django.setup()
    database.migrate()
    seed.plant(address)


def serve(port: int) -> None:
    """Answers with the helpdesk's pages, API and static files."""
    application = StaticFilesHandler(get_wsgi_application())
    server = create_server(application, host=HOST, port=port, threads=THREADS, ident=None)
    sys.stdout.write(f"ready http://{HOST}:{port}\n")
    sys.stdout.flush()
    # Nobody reads the standard output after that line, so it must never fill.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server.run()


if __name__ == "__main__":
    main()
