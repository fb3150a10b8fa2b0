"""The mark under what the bridge writes: by which key it was made, and where it proves an echo. Pure.

``[jelou-bridge:0123456789abcdef]`` names the write and is looked for before that is done again. Behind it, where
``mark_keys`` are set, stands a signature over the ticket and that name. So a mark that was copied from another ticket
proves nothing, and a key may change while a write is under way.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.addressees import OWN_USER
from bridge.chat_history import unquoted
from bridge.domain import MARK, AgentReplied
from bridge.signatures import same

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pydantic import SecretStr

    from bridge.domain import TicketEvent

USER: Final = "user"
"""The bridge's own user wrote it, or a person who works as that user."""
APP: Final = "app"
"""The helpdesk keeps with it that the bridge wrote it."""
PROVEN: Final = "proven"
"""By a mark that one of our keys made, or by what the helpdesk keeps with it."""
UNKEYED: Final = "unkeyed"
"""By a mark without a signature, as versions before wrote them: it counts on tickets of theirs."""
UNKEYED_USER: Final = "unkeyed, user"
"""Both: the bridge's own user wrote it, with such a mark."""

NAME: Final = MARK.strip("[")
_LINE: Final = re.compile(
    rf"[ \t]*\\?\[?(?P<name>{NAME}[0-9a-z-]{{1,60}})\\?\]?(?: (?P<signature>[0-9a-f]{{16}}))?[ \t]*", re.ASCII
)
"""Where brackets are markup, a helpdesk may not show them."""


TEXT_MOST: Final = 200_000
"""Characters. Nothing that the bridge writes comes back longer, and whoever takes a delivery has no time for more."""


def line(mark: str, scope: str, keys: Sequence[SecretStr]) -> str:
    """The mark as it stands in a text: with a signature of the newest key, where there is one."""
    return f"{mark} {_signature(mark, scope, keys[0])}" if keys else mark


def _signature(mark: str, scope: str, key: SecretStr) -> str:
    return hmac.new(key.get_secret_value().encode(), f"{scope}|{mark}".encode(), "sha256").hexdigest()[:16]


def proof(text: str | Mapping[str, Any], markup: str, scope: str, keys: Sequence[SecretStr]) -> str:
    """What a mark alone on a line, outside of what is quoted, proves of this text: PROVEN, UNKEYED, or nothing."""
    found = _marks(text, markup)
    if any(_made(mark, signature, scope, keys) for mark, signature in found):
        return PROVEN
    return (UNKEYED if keys else PROVEN) if any(not signature for _, signature in found) else ""


def _made(mark: str, signature: str, scope: str, keys: Sequence[SecretStr]) -> bool:
    return bool(signature) and any(same(signature.encode(), _signature(mark, scope, key).encode()) for key in keys)


def stands(text: str | Mapping[str, Any], markup: str = "text") -> bool:
    """Whether a mark, whoever made it, stands alone on a line outside of what is quoted."""
    return bool(_marks(text, markup))


def opens(text: str | Mapping[str, Any], markup: str = "text") -> bool:
    """Whether such a mark is that of an opened ticket: what is written on one is signed, its first words are not.

    So whoever begins a ticket by quoting the bridge has not been opened by it.
    """
    return any(not signature for _, signature in _marks(text, markup))


def _marks(text: str | Mapping[str, Any], markup: str) -> list[tuple[str, str]]:
    if isinstance(text, str) and (NAME not in text or len(text) > TEXT_MOST):
        return []
    lines = unquoted(text, markup).split("\n")
    return [(f"[{one['name']}]", one["signature"] or "") for one in map(_LINE.fullmatch, lines) if one]


def without(text: str) -> str:
    """The text without marks, wherever they stand: no customer reads one."""
    return _ANYWHERE.sub("", text) if NAME in text else text


_ANYWHERE: Final = re.compile(rf"(?:> ?)*\\?\[?{NAME}[0-9a-z-]{{1,60}}\\?\]?(?: [0-9a-f]{{16}}\b)?")


def judged(event: TicketEvent, keys: Sequence[SecretStr]) -> TicketEvent:
    """The event with what proves that the bridge wrote it; that its user did is no proof."""
    return judged_reply(event, keys) if isinstance(event, AgentReplied) else event


def judged_reply(event: AgentReplied, keys: Sequence[SecretStr]) -> AgentReplied:
    """The same of a reply."""
    if event.echo not in {"", USER, APP}:
        return event
    found = PROVEN if event.echo == APP else proof(event.text, event.markup, str(event.ref), keys)
    if event.echo == USER or (event.by_bridge and not event.echo and not stands(event.text, event.markup)):
        found = {"": USER, UNKEYED: UNKEYED_USER}.get(found, found)
    return replace(event, echo=found, by_bridge=bool(found))


def resolved(event: AgentReplied, *, keyed: bool, written: Collection[str]) -> AgentReplied:
    """What becomes of a judged reply on its ticket: an echo, a person's words, or words that nobody can prove.

    ``keyed`` says that all marks on it have signatures, ``written`` holds the ids of what the bridge wrote there.
    """
    if not event.echo or event.echo == PROVEN:
        return event
    if event.comment_id in written or (not keyed and event.echo in {UNKEYED, UNKEYED_USER}):
        return replace(event, by_bridge=True)
    if event.echo == UNKEYED:
        return replace(event, by_bridge=False)
    return replace(event, by_bridge=False, public=False, withheld=OWN_USER) if event.public else event


def undecided(event: AgentReplied) -> bool:
    """Whether what is known of its ticket decides if the bridge wrote it. Private words go nowhere in any case."""
    return event.public and event.echo in {USER, UNKEYED, UNKEYED_USER}
