"""What Zammad's webhooks tell: its own body, and those an admin writes in the same shape. Pure.

Zammad's own body is ``{"ticket": {...}, "article": {...}}``, made when the job is run, not when the trigger fired: it
shows the ticket as it is by then. What happened is not in it, so it is told by these, in this order:

1. the article is the ticket's first, or there is none and the ticket has not been touched since: opened.
2. another article: a reply of its writer.
3. the ticket is done, and this is no article of the bridge's: solved, also beside a reply.
4. the trigger says ``reopened``, the ticket is not done and was closed once: reopened. The status before is not told.
5. else nothing the bridge acts upon.

What a trigger says is the last word of its name, which comes in a header: ``created``, ``article``, ``solved``,
``reopened``. It fills gaps (a status that is in no table, a body without ``article_ids``) and never contradicts what
the body tells. A body of the admin's own may tell it as ``event`` instead.

Such a body prints times without fractions, so that its status is not known as the list's repeat. It is read again.

A solved ticket is never taken for the bridge's own doing: ``updated_by`` is whoever wrote last when the job was run,
and an agent's closing must not be lost for a note of ours. Closing what is closed does nothing.

An article of the type ``email`` that is to none of the customer's addresses is a forward: private, though Zammad calls
it public. One of the type ``phone`` records a call. All other types have one reader.

Tags are in no webhook, so an opened ticket is partial.

Sources: "Webhooks" and "Triggers" of the admin documentation; ``trigger_webhook_job.rb``, ``record_payload``,
``custom_payload`` in Zammad's source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.addressees import UNKNOWN
from bridge.domain import TicketOpened, TicketRef, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import labels, reading
from bridge.helpdesks import zammad_reading as reader
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section
from bridge.helpdesks.zammad_reading import KIND, SENDERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

HINTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("created", "opened", "creado", "criado"), "created"),
    **dict.fromkeys(("solved", "closed", "resuelto", "cerrado", "resolvido", "fechado"), "solved"),
    **dict.fromkeys(("reopened", "reabierto", "reaberto"), "reopened"),
}
"""The last word of a trigger's name. ``article`` says nothing that the body does not."""

UNTOUCHED_MS: Final = 2_000
"""Zammad saves a new ticket more than once, so that it is changed a little after it was created."""


@dataclass(frozen=True, slots=True)
class Told:
    """A body and what stands around it. ``bridge_user`` is Zammad's id or login of the bridge, empty if not known.

    ``readable`` says that the bridge can read the ticket's articles, where a webhook tells too little of one.
    """

    body: bytes
    account_name: str
    delivery_id: str
    trigger: str
    bridge_user: str
    readable: bool = False


def events(delivered: Told, account: Account) -> list[TicketEvent]:
    """The one or two events in a body. Raises Unreadable."""
    body = reader.cleaned(reading.decoded(delivered.body))
    ticket_id = reading.ticket_id(section(body, "ticket"), "id", "ticket.id")
    return _Message(TicketRef(KIND, delivered.account_name, ticket_id), body, delivered, account).events()


@dataclass(frozen=True, slots=True)
class _Message:
    """A delivery about one ticket."""

    ref: TicketRef
    body: Json
    told: Told
    account: Account

    @property
    def ticket(self) -> Json:
        """The ticket as it was when the job was run."""
        return section(self.body, "ticket")

    @property
    def article(self) -> Json:
        """The article that the trigger fired for; empty where there was none."""
        return section(self.body, "article")

    @property
    def status(self) -> str:
        """The ticket's status in the bridge's words."""
        return reader.status_of(self.ticket, self.account)

    @property
    def hint(self) -> str:
        """What the trigger, or the body of the admin's own, says happened; empty where it does not."""
        said = reading.text(self.body, "event") or self.told.trigger
        return HINTS.get(next(iter(re.findall(r"[a-z]+", said.lower())[-1:]), ""), "")

    def events(self) -> list[TicketEvent]:
        """What happened."""
        first = _is_first(self.ticket, self.article, self.status)
        if first or (first is None and self.hint == "created"):
            return [self._opened()]
        replied = self._replied()
        changed = [] if any(one.by_bridge for one in replied) else self._changed()
        return [*replied, *changed] or [self._unrecognised()]

    def _opened(self) -> TicketEvent:
        about, bridge_user = self.ticket, self.told.bridge_user
        ours = reader.opened_by_bridge(self.article, bridge_user)
        opened = reader.ticket(
            self.ref, about, section(about, "customer"), self.account, bridge_user, partial=True, by_bridge=ours
        )
        return TicketOpened(self.ref, "opened", opened, opened.by_bridge)

    def _replied(self) -> list[TicketEvent]:
        if not self.article:
            return []
        delivered, article = self.told, self.article
        found = reader.reply(self.ref, article, delivered.bridge_user, self._version(), readable=delivered.readable)
        customer = section(self.ticket, "customer")
        customer_id = reading.text(self.ticket, "customer_id") or reading.text(customer, "id")
        if found.by_bridge or reader.by_agent(article, customer_id):
            kept = reader.for_customer(found, article, customer, self.account)
            # Where the body tells too little of the customer they are read.
            unknown = kept.withheld == UNKNOWN and delivered.readable
            return [replace(kept, partial=True, public=True) if unknown else kept]
        sender = SENDERS.get(reader.name_of(article, "sender"), "customer article")
        return [Unrecognised(self.ref, found.fact, sender)]

    def _changed(self) -> list[TicketEvent]:
        known = self.status in labels.WORDS["status"]
        if self.status in ENDED or (self.hint == "solved" and not known):
            status = self.status if known else "solved"
            return [TicketSolved(self.ref, f"status:{status}:{self._version()}", status)]
        if self.hint == "reopened" and _was_closed(self.ticket):
            status = self.status if known else "open"
            ours = reader.is_bridge(self.ticket, "updated_by", self.told.bridge_user)
            return [TicketReopened(self.ref, f"status:{status}:{self._version()}", status, ours)]
        return []

    def _unrecognised(self) -> TicketEvent:
        status = labels.unknown(self.status)
        return Unrecognised(self.ref, f"told:ticket:{self._version()}", "ticket updated", status=status)

    def _version(self) -> str:
        return str(reader.moment_ms(self.ticket, "updated_at") or self.told.delivery_id)


def _is_first(about: Json, article: Json, status: str) -> bool | None:
    """Whether this is how the ticket began; None where the body does not tell."""
    article_id, count = reading.text(article, "id"), reading.count(about, "article_count")
    found = about.get("article_ids")
    ids = [one for one in found if isinstance(one, int)] if isinstance(found, list) else []
    if not article_id:
        return not (ids or count) and _untouched(about, status)
    if ids:
        return article_id == str(min(ids))
    return count == 1 if count else None


def _untouched(about: Json, status: str) -> bool | None:
    created_ms, updated_ms = reader.moment_ms(about, "created_at"), reader.moment_ms(about, "updated_at")
    if not created_ms or not updated_ms:
        return None
    return status not in ENDED and updated_ms - created_ms <= UNTOUCHED_MS


def _was_closed(about: Json) -> bool:
    """Whether it may have been closed before; Zammad's own body tells when it was for the first time."""
    return "close_at" not in about or about["close_at"] is not None
