"""Whether there is a real django-helpdesk to test with."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from bridge.twins import django_process

if TYPE_CHECKING:
    from pathlib import Path


def real_helpdesk_or_skip(request: pytest.FixtureRequest) -> Path:
    """Its interpreter. Fails where it is required; elsewhere skips with a line that no report option hides."""
    try:
        return django_process.helpdesk_python()
    except django_process.HelpdeskMissingError as error:
        if os.environ.get("BRIDGE_REQUIRE_HELPDESK") == "1":
            pytest.fail(str(error))
        capture = request.config.pluginmanager.getplugin("capturemanager")
        assert capture is not None
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\nthe real helpdesk is not tested: {error}\n")
        pytest.skip(str(error))
