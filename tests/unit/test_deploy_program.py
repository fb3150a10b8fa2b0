"""The manifests and the image against the program they start: what they rely on is really there."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import typer

from bridge import cli
from bridge.accounts import Api
from bridge.helpdesks import REGISTRY
from bridge.listening import CUT_S
from bridge.observe import observed
from bridge.serving import FINISH_S
from bridge.web import application
from config.load import load
from config.settings import PREFIX, Settings
from tests.deploy_checks import PUBLIC_PATHS
from tests.deploy_pod_checks import COMMANDS, DRAIN, ROUTES
from tests.deploy_render import DEPLOY, ROOT, example_secrets
from tests.unit.test_dockerfile import environment
from workers.limits import Limits

if TYPE_CHECKING:
    from bridge.wiring import App

# What the routes are made from: none of them looks further before it is asked.
APP = cast("App", SimpleNamespace(bridge=SimpleNamespace(max_body_bytes=1, api=Api(), trusted_proxies=())))


def test_the_configuration_is_valid() -> None:
    """The base's bridge.yaml is accepted with nothing in the environment but the example's secrets."""
    kinds = {kind: dialect.settings for kind, dialect in REGISTRY.items()}
    assert load(DEPLOY / "base" / "bridge.yaml", kinds, example_secrets()).helpdesks


def named_commands() -> set[str]:
    """Return each command that the manifests, the image or the guide name."""
    texts = [(DEPLOY / "README.md").read_text(), (ROOT / "Dockerfile").read_text().replace('", "', " ")]
    told = {command for text in texts for command in re.findall(r"(?:[`\"]|-- )bridge ([a-z-]+)", text)}
    return told | {command for (command,) in COMMANDS.values()}


@pytest.mark.parametrize("command", sorted(named_commands()))
def test_the_commands_exist(command: str) -> None:
    """Each command that is named is one of the program's."""
    group = typer.main.get_command(cli.app)
    assert command in getattr(group, "commands", {})


def test_the_probes_and_prometheus_ask_for_real_routes() -> None:
    """The routes that the manifests may use are those that both processes have."""
    assert {route.path for route in observed(APP) if hasattr(route, "path")} == ROUTES


def test_the_public_paths_lead_somewhere() -> None:
    """Each path that an Ingress may open is the beginning of a route of the web."""
    routes = [resource.canonical for resource in application(APP).router.resources()]
    assert {path for path in PUBLIC_PATHS if not any(route.startswith(f"{path}/") for route in routes)} == set()


def test_no_process_takes_longer_to_stop_than_the_manifests_allow_for() -> None:
    """The grace periods are reckoned from draining times at least as long as the program's."""
    assert DRAIN["web"] >= Settings.model_fields["linger_s"].default + FINISH_S + 2 * CUT_S
    assert DRAIN["worker"] >= max(Limits().drain_s, Settings.model_fields["drain_s"].default)


def test_the_image_sets_real_settings() -> None:
    """Each BRIDGE_ variable of the image is one that the program reads."""
    names = {name.removeprefix(PREFIX).lower() for name in environment() if name.startswith(PREFIX)}
    assert names <= Settings.model_fields.keys()
