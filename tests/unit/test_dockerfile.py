"""The image: what goes into it, how it starts and stops, and that the manifests mean the same image."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from fnmatch import fnmatch
from typing import TypeAlias

import pytest

from tests.deploy_pod_checks import COMMANDS, CONFIG_FILE, PORT
from tests.deploy_render import ROOT

Instruction: TypeAlias = tuple[str, str]

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, in order."""
    found: list[list[Instruction]] = []
    for keyword, argument in instructions():
        if keyword == "FROM":
            found.append([])
        if found:
            found[-1].append((keyword, argument))
    return found


def instructions() -> list[Instruction]:
    """Return every instruction and its argument, continued lines joined and comments left out."""
    text = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(keyword, argument) for keyword, _, argument in (line.partition(" ") for line in lines if line)]


def arguments(stage: list[Instruction], wanted: str) -> list[str]:
    """Return the arguments of each instruction of one keyword."""
    return [argument for keyword, argument in stage if keyword == wanted]


def copied() -> set[str]:
    """Return every path that is copied from the project into the image."""
    copies = [shlex.split(argument)[:-1] for stage in stages() for argument in arguments(stage, "COPY")]
    return {path.removeprefix("./") for paths in copies if not paths[0].startswith("--") for path in paths}


def environment() -> dict[str, str]:
    """Return the variables of the final image."""
    (variables,) = arguments(stages()[-1], "ENV")
    return dict(variable.split("=", 1) for variable in shlex.split(variables))


def admitted(path: str) -> bool:
    """Tell whether .dockerignore lets a path into the build; as in Docker, the last line that matches decides."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    decision = True
    for line in lines:
        if fnmatch(path.split("/", 1)[0], line.removeprefix("!")):
            decision = line.startswith("!")
    return decision


def test_the_build_sees_what_it_copies() -> None:
    """Each copied path exists, and .dockerignore admits it."""
    assert {path for path in copied() if not (ROOT / path).exists() or not admitted(path)} == set()


@pytest.mark.parametrize("path", [".env", "secrets.env", "bridge.yaml", ".git", ".venv", "data", "deploy", "tests"])
def test_nothing_else_reaches_a_layer(path: str) -> None:
    """Secrets, local data and what the program does not need stay out of the build."""
    assert not admitted(path)


def test_the_image_holds_every_package() -> None:
    """Each package of the project is copied, and whatever else its build reads."""
    packages = set(PROJECT["tool"]["uv"]["build-backend"]["module-name"])
    assert copied() == {*packages, "pyproject.toml", "README.md", "requirements.txt", "requirements-uv.txt"}


def test_every_installation_is_pinned() -> None:
    """Each pip or uv installation checks hashes, or is offline and adds only what was built here."""
    commands = [command for run in arguments(stages()[0], "RUN") for command in run.split("&&")]
    installations = [command for command in commands if " install " in command]
    assert [command for command in installations if not {"--require-hashes", "--offline"} & {*command.split()}] == []
    assert len(installations) == len(["uv", "dependencies", "project"])


def test_the_final_stage_runs_nothing() -> None:
    """The image is the base and the finished environment: no tool of the build is left in it."""
    final = stages()[-1]
    assert arguments(final, "RUN") == []
    assert arguments(final, "COPY") == ["--from=build /opt/bridge /opt/bridge"]


def test_both_stages_have_one_base() -> None:
    """The environment is made by the interpreter that runs it; the base names no registry host."""
    bases = [argument.removesuffix(" AS build") for argument in arguments(instructions(), "FROM")]
    assert bases == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert arguments(instructions(), "ARG") == ["PYTHON_IMAGE=python:3.13-slim"]


def test_the_builder_needs_no_frontend_image() -> None:
    """A syntax line would fetch one more image, and from one particular registry."""
    assert not DOCKERFILE.startswith("# syntax")


def test_the_user_is_a_number_that_is_not_root() -> None:
    """Kubernetes admits the image under runAsNonRoot, which it cannot decide for a name."""
    (user,) = arguments(stages()[-1], "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)


@pytest.mark.parametrize("keyword", ["ENTRYPOINT", "CMD"])
def test_no_shell_stands_before_the_program(keyword: str) -> None:
    """In exec form the program itself is process 1, and SIGTERM reaches it."""
    (argument,) = arguments(stages()[-1], keyword)
    assert isinstance(json.loads(argument), list)


def test_the_image_serves_by_default() -> None:
    """The entry point is the project's own command, and without arguments it is the web."""
    final = stages()[-1]
    (entry,) = json.loads(arguments(final, "ENTRYPOINT")[0])
    assert entry in PROJECT["project"]["scripts"]
    assert json.loads(arguments(final, "CMD")[0]) == COMMANDS["web"]
    assert arguments(final, "STOPSIGNAL") == ["SIGTERM"]


def test_the_health_check_asks_the_program_itself() -> None:
    """Health is the command's exit code, without a shell or a second tool."""
    (argument,) = arguments(stages()[-1], "HEALTHCHECK")
    assert json.loads(argument.partition(" CMD ")[2]) == ["bridge", "health"]


def test_the_manifests_mean_this_image() -> None:
    """The port and the configuration file are the ones that the manifests declare and mount."""
    variables = environment()
    assert (variables["BRIDGE_PORT"], variables["BRIDGE_CONFIG"]) == (str(PORT), CONFIG_FILE)
    assert arguments(stages()[-1], "EXPOSE") == [str(PORT)]
    assert variables["BRIDGE_HOST"] == "0.0.0.0"  # noqa: S104


def test_output_is_neither_held_back_nor_written_to_disk() -> None:
    """Log lines leave at once, and a read-only file system is no obstacle."""
    assert environment().items() >= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}.items()


def test_no_secret_is_baked_in() -> None:
    """No variable of the image is one that a Secret provides."""
    assert set(environment()).isdisjoint({"REDIS_URL", "REDIS_PASSWORD"})
