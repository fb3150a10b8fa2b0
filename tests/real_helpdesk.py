"""Whether there is a real helpdesk to test with."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from bridge.twins import django_process
from tests.request_tracker import RequestTrackerMissingError, installed

if TYPE_CHECKING:
    from pathlib import Path


def real_helpdesk_or_skip(request: pytest.FixtureRequest) -> Path:
    """django-helpdesk's interpreter. Fails where it is required; elsewhere skips with a line that no option hides."""
    try:
        return django_process.helpdesk_python()
    except django_process.HelpdeskMissingError as error:
        if os.environ.get("BRIDGE_REQUIRE_HELPDESK") == "1":
            pytest.fail(str(error))
        _skip(request, f"the real helpdesk is not tested: {error}")


def real_request_tracker_or_skip(request: pytest.FixtureRequest) -> None:
    """The same of Request Tracker, which Debian's packages install."""
    try:
        installed()
    except RequestTrackerMissingError as error:
        if os.environ.get("BRIDGE_REQUIRE_RT") == "1":
            pytest.fail(str(error))
        _skip(request, f"the real Request Tracker is not tested: {error}")


def _skip(request: pytest.FixtureRequest, why: str) -> NoReturn:
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        sys.stdout.write(f"\n{why}\n")
    pytest.skip(why)
