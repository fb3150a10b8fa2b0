"""When Jelou is to be asked whether a conversation is still open: after a quiet while, then at doubled times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import Doubted, SayToCustomer
from bridge.doubting import FIRST_MS

if TYPE_CHECKING:
    from bridge.links import Link
    from workers.work import Work

SAID = frozenset({SayToCustomer.type, "send.template"})
ASKED = frozenset({"get.conversation"})


def active_ms(work: Work) -> int:
    """When something was last heard or said in the conversation, this claim included."""
    return work.app.now_ms() if _active(work) else work.link.active_ms


def next_look(work: Work, link: Link) -> tuple[int, int, bool]:
    """In how many ms: as long as it has been quiet, so the times double. At most how many after the last look.

    And whether this holds instead of what was set before: something was heard or said, or Jelou has answered.
    """
    now = work.app.now_ms()
    quiet_ms = now - (link.active_ms or link.opened_ms or now)
    most_ms = int(work.pair.project.look_every_s * 1000)
    return max(FIRST_MS, quiet_ms), most_ms, _active(work) or _done(work, ASKED)


def _active(work: Work) -> bool:
    """Whether an event came that tells of more than our own doubt, or something was said."""
    heard = any(not isinstance(received.event, Doubted) for received in work.evidence)
    return heard or work.news or _done(work, SAID)


def _done(work: Work, actions: frozenset[str]) -> bool:
    return any(one["action"] in actions and one["outcome"] == "done" for one in work.actions)
