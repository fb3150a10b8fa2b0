"""A file that waited has its address read again before it is sent; gone or private meanwhile, it is not sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import file_links, notes, renewing, wording
from bridge.domain import Fetch, SayToCustomer
from bridge.errors import CallError, Denied
from bridge.owed import Side
from bridge.renewing import GONE, PATIENCE_MS, REASONS
from workers.reading import comments_now, read_again_later
from workers.waiting import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.domain import AgentReplied, Attachment
    from bridge.owed import Say
    from workers.work import Work

FILES = "files"
"""The wait for a helpdesk that tells no address now."""


def serving(work: Work) -> Callable[[Attachment], Attachment]:
    """Where the customer gets the account's files."""
    pair, app = work.pair, work.app
    name = f"{work.ref.kind}/{work.ref.account}"
    return file_links.server(pair.dialect, pair.account, name, app.bridge.files, app.now_ms())


def to_be_renewed(work: Work) -> bool:
    """Whether the next message is a file whose address is old, of a helpdesk that tells it again."""
    link, pair = work.link, work.pair
    stale = bool(link.says) and renewing.is_stale(link, link.says[0], work.app.now_ms())
    return stale and pair.dialect.fetch_comments(pair.account, work.ref) is not None


async def renew(work: Work) -> bool:
    """Read the addresses of all files that wait. False where the helpdesk has to be waited for."""
    say, now = work.link.says[0], work.app.now_ms()
    told = renewing.known(work.link, say)
    begun = told.stale_ms or now
    _note(work, say, stale_ms=begun)
    if now - begun >= PATIENCE_MS:
        work.tell("skipped", action=Fetch.type, message=say.id, reason="the file's address could not be read again")
        _note(work, say, read_ms=now, stale_ms=0)
        return True
    work.wait_for(FILES, Wait("the file's address is read again", begun + PATIENCE_MS - now), known=True)
    if work.holding(Side.HELPDESK):
        return False
    try:
        found = await comments_now(work)
    except CallError as error:
        return _unread(work, say, error)
    work.waits.pop(FILES, None)
    _renewed(work, found or ())
    return True


def _note(work: Work, say: Say, *, read_ms: int | None = None, stale_ms: int) -> None:
    told = renewing.known(work.link, say)
    told = replace(told, read_ms=told.read_ms if read_ms is None else read_ms, stale_ms=stale_ms)
    work.link = replace(work.link, files={**work.link.files, say.id: told})


def _unread(work: Work, say: Say, error: CallError) -> bool:
    """One that certainly cannot be read any more is gone, as is its file; a refused credential is repaired."""
    if error.certain and not error.again and not isinstance(error, Denied):
        work.waits.pop(FILES, None)
        _withdraw(work, say, GONE)
        return True
    read_again_later(work, error, f"the file's address could not be read again: {error.reason}")
    return False


def _renewed(work: Work, found: Sequence[AgentReplied]) -> None:
    """All that wait, in one reading; what may be out keeps its address."""
    now, serve = work.app.now_ms(), serving(work)
    for say in [one for one in work.link.says if renewing.is_stale(work.link, one, now)]:
        fresh, why = renewing.renewed(work.link, say, found, serve)
        if why:
            _withdraw(work, say, why)
            continue
        says = tuple(fresh if one.id == say.id else one for one in work.link.says)
        work.link = replace(work.link, says=says)
        _note(work, fresh, read_ms=now, stale_ms=0)
    work.tell("fetched", reason="the addresses of files that waited")


def _withdraw(work: Work, say: Say, why: str) -> None:
    """Told in the trace for each file, and once on the ticket for the files of a comment."""
    work.tell("refused", action=SayToCustomer.type, message=say.id, reason=REASONS[why])
    fact = renewing.known(work.link, say).fact
    work.link = replace(work.link, says=tuple(one for one in work.link.says if one.id != say.id))
    account = work.pair.account
    reason = wording.say(account.language, why)
    work.add(notes.told(work.link, f"withdrawn:{fact}", account, "unsent.file", reason=reason))
