"""A ticket's timeline for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

EVENTS = {
    "ticket.opened": "webhook: the ticket was opened",
    "agent.replied": "webhook: a comment was added",
    "ticket.solved": "webhook: the ticket was solved",
    "ticket.reopened": "webhook: the ticket was reopened",
    "unrecognised": "webhook: something else about the ticket",
    "conversation.start": "start event from Jelou",
    "conversation.close": "close event from Jelou",
    "customer.wrote": "message event from Jelou",
    "start.answered": "a worker's own word of a start call's answer",
    "start.sent": "a worker's own word of a start call that went out",
}
ACTIONS = {
    "start.conversation": "start call to Jelou",
    "add.note": "note on the ticket",
    "set.field": "field of the ticket",
    "get.conversation": "question to Jelou about the conversation",
}
STYLES = {"refused": "red", "unanswered": "yellow", "buried": "bold red", "answered": "green", "waiting": "dim"}
TOLD = {"at", "what", "event", "action", "delivery", "key"}
"""Names that the line's words already say, or that only ``--json`` needs."""


def line(told: dict[str, Any]) -> Text:
    """One entry as a line."""
    at = datetime.fromtimestamp(told["at"] / 1000, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    subject = EVENTS.get(told.get("event", ""), "") or _action(told)
    detail = ", ".join(f"{name} {_value(name, value)}" for name, value in told.items() if name not in TOLD)
    text = Text(f"{at}  ", style="dim")
    text.append(f"{told['what']:<10} ", style=STYLES.get(told["what"], "bold"))
    text.append(subject)
    text.append(f"{'  ' if subject else ''}{detail}", style="dim" if subject else "")
    return text


def _action(told: dict[str, Any]) -> str:
    """The action in words, with which of its kind it is: ``1:note:started`` is the note about the start."""
    action = told.get("action", "")
    _, _, which = told.get("key", "").partition(":")
    which = which.removeprefix("note:")
    return str(ACTIONS.get(action, action)) + (f" ({which})" if which else "")


def _value(name: str, value: Any) -> str:
    if name == "until":
        return datetime.fromtimestamp(value / 1000, UTC).astimezone().strftime("%H:%M:%S")
    return str(value)


FACTS = {
    "reason": "reason",
    "conversation": "conversation",
    "assignment": "assigned to",
    "rule": "by assignment rule",
    "extra_conversations": "extra conversations",
    "shared_with": "shared with",
    "waits_for": "waits for",
    "to_write": "still to write",
}


def trace(console: Console, told: dict[str, Any]) -> None:
    """Where the ticket is, why, and how it came there."""
    console.print(f"[bold]{told['ticket']}[/]: {told['says']}", highlight=False)
    for name, words in FACTS.items():
        if told[name]:
            console.print(Text(f"  {words:<20}", style="dim"), Text(_fact(told, name)), sep="")
    for one in told["timeline"]:
        console.print(line(one))


def _fact(told: dict[str, Any], name: str) -> str:
    value = told[name]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if name == "waits_for" and (told["due_in_s"] or 0) > 0:
        return f"{text}, {told['due_in_s']:.0f} s more at most"
    return text
