"""WhatsApp's 24-hour window: outside of it only a template may be sent, and the customer's answer opens it again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import jelou_send, notes, translate, wording
from bridge.errors import Ambiguous, CallError
from bridge.links import ASKED, LIVE, WANTED
from bridge.owed import Side
from bridge.protocol import CallClass
from workers.admit import admit, jelou_gate
from workers.perform import perform
from workers.reading import ticket_now
from workers.speaking import given_up
from workers.waiting import try_again

if TYPE_CHECKING:
    from bridge.policies import Template
    from workers.work import Work

ACTION = "send.template"


async def ask_to_write(work: Work) -> bool:
    """Send the account's template, once for each closed window. False where none is wanted, or its side waits."""
    template = work.pair.account.template
    if work.link.window != WANTED or template is None or work.link.phase not in LIVE:
        return False
    if work.holding(Side.JELOU) or work.holding(Side.HELPDESK):
        return False
    try:
        await _send(work, template)
    except CallError as error:
        _not_sent(work, error)
    return True


async def _send(work: Work, template: Template) -> None:
    """Marked as sent before it goes out: a customer is not asked twice."""
    ticket = await ticket_now(work) if template.parameters else None
    filled = [translate.rendered(one, ticket) for one in template.parameters]
    gate, link = jelou_gate(work, CallClass.LIVE), replace(work.link, window=ASKED)
    await admit(work, gate, link, sending={"action": ACTION, "template": template.name})
    call = jelou_send.template_call(work.pair.project, template.name, template.language, filled, work.link.to)
    await perform(work, gate, ACTION, call, jelou_send.template_sent)
    work.tell("answered", action=ACTION)
    asked = f"asked:{work.link.says[0].id}"
    work.add(notes.told(work.link, asked, work.pair.account, "asked", template=template.name))


def _not_sent(work: Work, error: CallError) -> None:
    """One that may have gone out is taken as gone."""
    work.tell("refused" if error.certain else "unanswered", action=ACTION, reason=error.reason)
    if isinstance(error, Ambiguous) and work.link.window == ASKED:
        return
    work.link = replace(work.link, window=WANTED)
    if error.again:
        try_again(work, Side.JELOU, error, f"the template could not be sent: {error.reason}", 1, counted=False)
        return
    work.link = replace(work.link, window="")
    why = wording.say(work.pair.account.language, "reason.window_closed")
    given_up(work, work.link.says[0], error.reason, "unsent", reason=why)
