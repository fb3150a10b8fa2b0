"""Messages to the customer, in order, each with an id that is the same on every try."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import jelou_send, notes, wording
from bridge.domain import Phase, SayToCustomer
from bridge.errors import Ambiguous, CallError, WindowClosed
from bridge.links import LIVE, WANTED
from bridge.owed import Side
from bridge.protocol import CallClass
from workers.admit import admit, jelou_gate
from workers.closing import CLOSED, ended, transcribe
from workers.perform import perform
from workers.reading import conversation_now
from workers.renewing import renew, to_be_renewed
from workers.tripping import stopped
from workers.waiting import Wait, hopeless, try_again

if TYPE_CHECKING:
    from bridge.owed import Say
    from workers.work import Work

ROOM_MS = 30_000
"""How long until Jelou is asked again for a room that it did not tell."""

OVER = "the conversation is closed"
OUT = "that the message went out, not whether Jelou took it"


def in_doubt(say: Say) -> bool:
    """Whether a try of it may be with the customer: whatever is found out later does not make that one undone."""
    return say.sent or say.doubts > 0


async def say_next(work: Work) -> bool:
    """Say what is next. False where nothing is, or its conversation, its room or its side has to be waited for."""
    link = work.link
    if not link.says:
        return False
    if link.phase is Phase.CLOSED:
        too_late(work)
        return True
    # Without a room a started conversation waits for its event, or for what Jelou tells instead of it.
    if link.phase not in LIVE or (link.phase is Phase.STARTED and not link.room) or stopped(work):
        return False
    if link.window or work.holding(Side.JELOU):
        return False
    if link.room and to_be_renewed(work):
        return await renew(work)
    try:
        await (_say(work, link.says[0]) if link.room else _find_room(work))
    except CallError as error:
        _not_said(work, work.link.says[0], error)
    return True


def too_late(work: Work) -> None:
    """One note for what did not go out, and one for what may have: its answer is not coming any more."""
    why = wording.say(work.pair.account.language, "reason.closed_meanwhile")
    unsaid = [one for one in work.link.says if not in_doubt(one)]
    for say in filter(in_doubt, work.link.says):
        work.tell("refused", action=SayToCustomer.type, message=say.id, reason=OVER, known=OUT)
        _tell_agent(work, say, "unsent", reason=why)
    if unsaid:
        work.tell("refused", action=SayToCustomer.type, reason=OVER, messages=len(unsaid))
        _tell_agent(work, unsaid[0], "unsent", reason=why)
    work.link = replace(work.link, says=())


async def _find_room(work: Work) -> None:
    if await conversation_now(work) == CLOSED:
        ended(work, "it had ended at Jelou, and no event said so", by_jelou=True)
    elif not work.link.room:
        work.hold(Side.JELOU, Wait("Jelou tells no room for the conversation yet", ROOM_MS))


async def _say(work: Work, say: Say) -> None:
    """Marked before it goes out: whoever takes over knows that it may be with the customer already."""
    say = replace(say, doubts=say.doubts + say.sent, sent=False, first_ms=say.first_ms or work.app.now_ms())
    work.link = replace(work.link, says=(say, *work.link.says[1:]))
    if say.doubts >= work.pair.account.messages.tries:
        given_up(work, say, "it is not known whether it arrived", "unsure", tries=str(say.doubts))
        return
    link, gate = work.link, jelou_gate(work, CallClass.LIVE)
    action = SayToCustomer(say.id, link.room, link.bot, link.to, say.message_type, say.content)
    sent = replace(link, says=(replace(say, sent=True), *link.says[1:]))
    sending = {"action": action.type, "message": say.id, "type": say.message_type, "try": say.doubts + say.tries + 1}
    handed = await work.app.handover.known(work.pair.project_name)
    call = jelou_send.send_call(work.pair.project, action, *handed.secrets[:1])
    await admit(work, gate, sent, sending=sending)
    await perform(work, gate, action.type, call, jelou_send.sent)
    work.tell("answered", action=action.type, message=say.id)
    transcribe(work, work.app.now_ms(), "agent", _in_words(say))
    work.link = replace(work.link, says=work.link.says[1:])


def _in_words(say: Say) -> str:
    named = say.content.get("body") or say.content.get("caption") or say.content.get("filename")
    return named or say.content.get("url", "")


def _not_said(work: Work, say: Say, error: CallError) -> None:
    known = "" if error.certain else OUT
    what = "refused" if error.certain else "unanswered"
    work.tell(what, action=SayToCustomer.type, message=say.id, reason=error.reason, known=known)
    doubt = isinstance(error, Ambiguous) and say.sent
    say = replace(say, sent=False, doubts=say.doubts + doubt, tries=say.tries + (not doubt))
    work.link = replace(work.link, says=(say, *work.link.says[1:]))
    if isinstance(error, WindowClosed):
        _window_closed(work, say, error)
    elif not isinstance(error, Ambiguous) and hopeless(work, error, say.first_ms):
        given_up(work, say, error.reason, "unsent", reason=notes.reason(work.pair.account.language, error))
    else:
        reason = f"the message could not be sent: {error.reason}"
        try_again(work, Side.JELOU, error, reason, say.tries + say.doubts)


def given_up(work: Work, say: Say, because: str, key: str, **values: str) -> None:
    """Each message is a letter of its own; the agent is told once."""
    work.dead(because, f"{SayToCustomer.type} {say.id}", say=say)
    work.link = replace(work.link, says=work.link.says[1:])
    _tell_agent(work, say, key, **values)


def _tell_agent(work: Work, say: Say, key: str, **values: str) -> None:
    """What may have reached the customer is never told as unsent, for whichever reason it is not sent again."""
    key = "unsure.since" if key == "unsent" and in_doubt(say) else key
    name = "undelivered" if key == "unsent" else "unsure"
    work.add(notes.told(work.link, f"{name}:{say.id}", work.pair.account, key, **values))


def _window_closed(work: Work, say: Say, error: WindowClosed) -> None:
    """A template asks the customer to write, where the account names one; the messages wait for the answer."""
    if work.pair.account.template and work.pair.project.basic:
        work.link = replace(work.link, window=WANTED)
    else:
        given_up(work, say, error.reason, "unsent", reason=notes.reason(work.pair.account.language, error))
