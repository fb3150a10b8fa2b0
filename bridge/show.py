"""A ticket's timeline for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from bridge.timeline import ATTEMPT, folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

EVENTS = {
    "ticket.opened": "webhook: the ticket was opened",
    "agent.replied": "webhook: a comment was added",
    "ticket.solved": "webhook: the ticket was solved",
    "ticket.reopened": "webhook: the ticket was reopened",
    "unrecognised": "webhook: something else about the ticket",
    "conversation.start": "start event from Jelou",
    "conversation.close": "close event from Jelou",
    "customer.wrote": "message event from Jelou: the customer wrote",
    "start.answered": "a worker's own word of a start call's answer",
    "start.sent": "a worker's own word of a start call that went out",
    "end.asked": "a worker's own word that the ticket was solved and its conversation to be ended",
    "conversation.doubted": "a doubt whether the conversation is still open",
}
ACTIONS = {
    "start.conversation": "start call to Jelou",
    "say.to.customer": "message to the customer",
    "send.template": "template to the customer, who is asked to write",
    "close.conversation": "close call to Jelou",
    "get.conversation": "question to Jelou about the conversation",
    "fetch": "question to the helpdesk about the ticket",
    "add.note": "note on the ticket",
    "add.reply": "the customer's words on the ticket",
    "set.field": "field of the ticket",
    "set.status": "status of the ticket",
    "open.ticket": "new ticket for the conversation",
    "fuse": "the fuse of the ticket",
    "parked": "start call to Jelou of unknown fate",
}
HAPPENED = {
    "fetched": "the ticket, read from the helpdesk",
    "tripped": "the fuse: nothing is carried until its time is over, or an agent lets it go on",
    "resumed": "the fuse lets go: what has waited is carried",
    "gone": "the ticket takes no more writes",
    "left open": "the conversation: another ticket has one with the same person",
    "doubted": "is the conversation still open? Jelou is asked",
    "extra": "a second conversation for the ticket",
    "given": "a conversation that no ticket had asked for",
    "looked": "after a loss of data: the ticket, asked for its conversation",
    "claimed": "by a person: the conversation is this ticket's",
}
"""What happened, where neither an event nor an action says it."""

STYLES = {
    "refused": "red",
    "unanswered": "yellow",
    "buried": "bold red",
    "tripped": "bold red",
    "gone": "red",
    "left open": "yellow",
    "warning": "yellow",
    "answered": "green",
    "waiting": "dim",
    "ignored": "dim",
}
TOLD = {"at", "what", "event", "action", "delivery", "key", "message", "times", "last"}
"""Names that the line's words already say, or that only ``--json`` needs."""

NOT_CALLED = "is not called just now"

USUAL = {("try", 1), ("type", "text")}
"""What is so nearly always, and needs no word."""

THINGS = {
    "field": "",
    "tag": "the tag",
    "status": "where its conversation stands",
    "closed": "the conversation has ended",
    "started": "the conversation has started",
    "package": "how it went",
    "undelivered": "a message did not reach the customer",
    "unshown": "a reply is not shown by the helpdesk",
    "unsure": "whether a message reached the customer is not known",
    "asked": "the customer is asked to write",
    "not-closed": "the conversation could not be closed",
    "left-open": "another ticket shares the conversation",
    "extra": "a second conversation",
    "fuse": "the fuse",
}
"""What a write-back is about, by its key; see ``bridge.notes``."""


def line(told: dict[str, Any]) -> Text:
    """One entry as a line."""
    at = datetime.fromtimestamp(told["at"] / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    subject = EVENTS.get(told.get("event", ""), "") or _action(told) or HAPPENED.get(told["what"], "")
    details = [f"{_label(told, name)} {_value(told, name)}" for name, value in told.items() if _worth(name, value)]
    detail = ", ".join([*details, *_times(told)])
    text = Text(f"{at}  ", style="dim")
    text.append(f"{told['what']:<10} ", style=STYLES.get(told["what"], "bold"))
    text.append(subject)
    text.append(f"  {detail}" if subject and detail else detail, style="dim" if subject else "")
    return text


def _times(told: dict[str, Any]) -> list[str]:
    """Of tries that are told in one line: how many, and when the last was."""
    return [f"{told['times']} times, last at {_clock(told['last'], told['at'])}"] if "times" in told else []


def _worth(name: str, value: Any) -> bool:
    return name not in TOLD and not (isinstance(value, str | int) and (name, value) in USUAL)


def _action(told: dict[str, Any]) -> str:
    """The action in words, with what it is about: a letter names both (``add.note 1:note:started``)."""
    action, _, named = told.get("action", "").partition(" ")
    about = _about(told.get("key", "") or (named if ":" in named else ""))
    return str(ACTIONS.get(action, action)) + (f" ({about})" if about else "")


def _about(key: str) -> str:
    """``1:note:started`` is the note about the start of the first episode."""
    words = [word for word in key.split(":") if word != "note" and not word.isdigit()]
    if not words or words[0] == "message":
        return ""
    return THINGS.get(words[0], words[0])


def _label(told: dict[str, Any], name: str) -> str:
    return "next at" if name == "until" and ATTEMPT in told.get("reason", "") else name


def _value(told: dict[str, Any], name: str) -> str:
    return _clock(told[name], told["at"]) if name == "until" else str(told[name])


def _clock(at_ms: int, now_ms: int) -> str:
    """A time of day where the reader is; with its date where that is another than now's."""
    at, now = (datetime.fromtimestamp(ms / 1000, UTC).astimezone() for ms in (at_ms, now_ms))
    return at.strftime("%H:%M:%S" if at.date() == now.date() else "%Y-%m-%d %H:%M:%S")


def _date(told: dict[str, Any]) -> str:
    return datetime.fromtimestamp(told["at"] / 1000, UTC).astimezone().strftime("%Y-%m-%d")


FACTS = {
    "reason": "reason",
    "conversation": "conversation",
    "assignment": "assigned to",
    "rule": "by assignment rule",
    "extra_conversations": "extra conversations",
    "shared_with": "shared with",
    "opened_at": "opened",
    "closed_at": "closed",
    "past": "before it",
    "waits_for": "waits for",
    "refused": "refused",
    "fuse": "the fuse has tripped",
    "gone": "takes no more writes",
    "window": "24-hour window",
    "ending": "is to be closed",
    "to_say": "still to say",
    "to_write": "still to write",
}


def trace(console: Console, told: dict[str, Any]) -> None:
    """Where the ticket is, why, and how it came there."""
    console.print(Text(told["ticket"], style="bold"), Text(f": {told['says']}{_which(told)}"), sep="")
    for name, words in FACTS.items():
        if told[name]:
            console.print(Text(f"  {words:<22}", style="dim"), Text(_fact(told, name)), sep="")
    day = ""
    for one in folded(told["timeline"]):
        if (date := _date(one)) != day:
            console.print(Text(day := date, style="dim"))
        console.print(line(one))


def _which(told: dict[str, Any]) -> str:
    return f" (episode {told['episode']})" if told["past"] else ""


def _fact(told: dict[str, Any], name: str) -> str:
    write = FACT_WORDS.get(name)
    value = told[name]
    if write:
        return write(value)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text + _due(told) if name == "waits_for" else text


def _due(told: dict[str, Any]) -> str:
    """When it goes on; nothing where nobody knows."""
    if told.get("due_at") is None:
        return ""
    at = _clock(told["due_at"], round(told["due_at"] - (told["due_in_s"] or 0) * 1000))
    tried = ATTEMPT in told["waits_for"] or NOT_CALLED in told["waits_for"]
    return f", next at {at}{_given_up(told)}" if tried else f", until {at} at most"


def _given_up(told: dict[str, Any]) -> str:
    at_ms = told.get("given_up_at")
    return f"; given up on {_day(at_ms)[:10]} at {_day(at_ms)[11:16]}" if at_ms else ""


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _past(episodes: list[dict[str, Any]]) -> str:
    return "; ".join(map(_episode, episodes))


def _episode(one: dict[str, Any]) -> str:
    ended = f" until {_day(one['closed'])}" if one["closed"] else ""
    return f"episode {one['episode']}, conversation {one['conversation']}{ended}: {one['reason'] or 'no reason told'}"


FACT_WORDS: dict[str, Callable[[Any], str]] = {
    "opened_at": _day,
    "closed_at": _day,
    "past": _past,
    "refused": "; ".join,
    "to_say": lambda count: f"{count} message{'s' * (count > 1)} to the customer",
}
"""How a fact is written that is no text."""
