"""Which credential a destination had refused, so that another one is tried at once: as a salted hash, never itself."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import BaseModel, SecretStr

from bridge.destinations import destinations
from bridge.protocol import shown

if TYPE_CHECKING:
    from bridge.accounts import Bridge
    from bridge.protocol import Outcome
    from bridge.wiring import App

DENIED: Final = "denied"
SALT_BYTES: Final = 16
ROUNDS: Final = 2**12
"""Some 10 ms: a password that can be guessed is not to be guessed from what stands in Redis."""


def with_credential(bridge: Bridge, outcome: Outcome) -> Outcome:
    """The same outcome; one of a refused credential says which one that was."""
    if outcome.kind != DENIED:
        return outcome
    text = _configured(bridge, outcome.destination)
    return replace(outcome, credential=_of_this_process(text) if text else "")


async def try_repaired(app: App) -> None:
    """Have every destination asked at once that refused another credential than this process has.

    Raises StoreUnavailable.
    """
    refused = await app.store.refused_credentials(destinations(app.bridge))
    other = [name for name, digest in refused.items() if not _same(_configured(app.bridge, name), digest)]
    for name in other:
        await app.store.retry(name)
        app.log.info("credential changed", destination=shown(name), says="it is tried at once")


def _same(text: str, digest: str) -> bool:
    salt, _, _ = digest.partition(":")
    # Two hashes of our own: nobody else can ask, so how long it takes tells nothing.
    return bool(salt) and _digest(text, salt) == digest


@lru_cache(maxsize=64)
def _of_this_process(text: str) -> str:
    return _digest(text, os.urandom(SALT_BYTES).hex())


def _digest(text: str, salt: str) -> str:
    hashed = hashlib.scrypt(text.encode(), salt=salt.encode(), n=ROUNDS, r=8, p=1, dklen=SALT_BYTES)
    return f"{salt}:{hashed.hex()}"


def _configured(bridge: Bridge, destination: str) -> str:
    """The destination's credential and where it goes, as text; empty where it is not configured here."""
    side, _, name = destination.partition(":")
    if side == "jelou":
        project = bridge.jelou.get(name)
        return _text(project and [project.project_id, project.base_url, project.api_key, project.basic])
    kind, _, account_name = name.partition("/")
    return _text(getattr(bridge.account(kind, account_name), "access", None))


def _text(value: Any) -> str:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS).decode() if value else ""


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return dict(value) if isinstance(value, BaseModel) else str(value)
