"""The status field of the ticket: one field that always says where its conversation stands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import notes
from bridge.domain import SetField
from bridge.owed import Side, Todo

if TYPE_CHECKING:
    from workers.work import Work

SHOWN_AFTER_MS = 30_000
"""A wait shorter than this is over before an agent has read of it, and would cost two updates of the ticket."""


async def show_status(work: Work) -> bool:
    """Plan the field's new text where it has changed; one that is not written yet is replaced. False where it holds."""
    account, link = work.pair.account, work.link
    if not account.write_back.status_field or link.gone:
        return False
    wait = work.waits.get(Side.JELOU)
    waits_for = wait.reason if wait and wait.due_in_ms >= SHOWN_AFTER_MS else ""
    text = notes.status_text(link, account, work.pair.project, waits_for)
    if not text or text == link.shown:
        return False
    others = tuple(todo for todo in link.todo if todo.key != notes.STATUS)
    todo = Todo(notes.STATUS, SetField.type, text, field=account.write_back.status_field)
    work.link = replace(link, todo=(*others, todo), shown=text)
    return True
