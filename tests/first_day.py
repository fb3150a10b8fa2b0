"""The first day: a person at a terminal, Jelou's section of the configuration alone, a Jelou, and no Redis yet."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from bridge.embedded import free_port
from bridge.twins.jelou import JelouTwin
from bridge.twins.jelou_settings import JelouSettings
from tests.command_line import CommandLine
from tests.harness import PROJECT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from tests.command_line import Ran

KEY = "key-of-the-project"
ADDRESS = "https://bridge.example.com"
WEBHOOK = f"{ADDRESS}/webhooks/jelou/{PROJECT}"
FILE, BEFORE = "secrets/jelou", "secrets/jelou-before"
FILES = {"signing_secrets": [f"file:{FILE}", f"file:{BEFORE}"]}


@dataclass
class Desk:
    """A person at a terminal, with a configuration file and a Jelou of its own. No Redis is there."""

    bridge: CommandLine
    jelou: JelouTwin
    folder: Path

    def configure(self, **changes: Any) -> None:
        """Write the file as it is on the first day: Jelou's section alone, and no secret there yet."""
        section = {
            "project_id": self.jelou.settings.project_id,
            "bot_id": "bot-1",
            "base_url": self.jelou.base_url,
            "api_key": "${JELOU_API_KEY}",
            "signing_secrets": ["${JELOU_SIGNING_SECRET}"],
        }
        (self.folder / "bridge.yaml").write_text(yaml.safe_dump({"jelou": {PROJECT: section | changes}}))

    async def type(self, *argv: str) -> Ran:
        """``bridge integration ...``."""
        return await asyncio.to_thread(self.bridge, "integration", *argv)

    def file(self, name: str) -> str:
        """What a file beside the configuration holds; empty where it is not there."""
        path = self.folder / name
        return path.read_text().rstrip("\n") if path.exists() else ""

    @property
    def secret(self) -> str:
        """What Jelou signs with."""
        assert self.jelou.integration is not None
        return self.jelou.integration.secret


@asynccontextmanager
async def first_day(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, **settings: Any
) -> AsyncIterator[Desk]:
    """The desk of that day; ``settings`` are those of Jelou's twin."""
    monkeypatch.setenv("BRIDGE_CONFIG", str(folder / "bridge.yaml"))
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("JELOU_API_KEY", KEY)
    monkeypatch.delenv("JELOU_SIGNING_SECRET", raising=False)
    async with JelouTwin(JelouSettings(api_key=KEY, **settings)) as twin:
        desk = Desk(CommandLine(monkeypatch, capsys), twin, folder)
        desk.configure()
        yield desk
