"""What the APIs of Freshdesk and Freshservice answer: a ticket, its conversations, the tickets that changed. Pure.

Freshdesk answers with the bare object or list, Freshservice with the same under its name; both are read. The next page
is named by the ``Link`` header. Conversations come oldest first, at most a hundred on a page.

A conversation that is ``incoming`` is the customer's, and so is what the requester wrote as an agent. A forwarded mail
is the agent's word to somebody else, and so is one to none of the requester's addresses: neither goes to the customer.
The requester is asked for only where a mail names addressees. What an agent quotes below a reply is cut off: the
customer knows it.

A ticket that changed is told in part: neither list tells the phone number. Its status is told under the fact of its
last change, and every ticket that is not done as opened: what is known already is a repeat.

Sources: "View a ticket", "List all tickets", "List all conversations of a ticket", "Pagination" on both developer
sites.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge import marks
from bridge.addressees import CALL, ELSEWHERE, addresses, withheld
from bridge.chat_markups import from_html
from bridge.domain import AgentReplied, Attachment, Changes, Ticket, TicketOpened, TicketRef, TicketSolved
from bridge.errors import Ambiguous, Gone
from bridge.helpdesks import labels, reading
from bridge.helpdesks.freshworks_product import PRIORITY, written
from bridge.helpdesks.labels import ENDED, TYPES, label
from bridge.helpdesks.reading import Json, section, text, told
from bridge.replies import reply_json, reply_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.accounts import Account
    from bridge.domain import Reply, TicketEvent
    from bridge.helpdesks.freshworks_product import Product

PAGE: Final = 100
"""The most that either product puts on a page."""

WITHIN_MS: Final = 3_600_000
"""A full page of new tickets that spans less may have pushed the one that is looked for off the page."""

MAIL, FORWARDED, PHONED = "0", "8", "9"
"""The source of a conversation: a mail, one that was forwarded or answers a forwarded one, the record of a call.

Notes have addressees as well, the agents who are told of them, and are no mails.
"""

ADDRESSES: Final = (
    *("email", "primary_email", "other_emails", "secondary_emails"),
    *("mobile", "phone", "mobile_phone_number", "work_phone_number"),
)
"""Where a requester, a contact or an agent says how they can be reached."""

_NEXT: Final = re.compile(r'<[^<>]{0,2000}[?&]page=([0-9]{1,6})(?:&[^<>]{0,2000})?>\s*;\s*rel="?next"?')
_QUOTED: Final = re.compile(r"<(?:div|blockquote)[^<>]{0,500}\bfreshdesk_quote\b.*", re.DOTALL)


def one(reply: Reply, name: str) -> Json:
    """The object of an answer, bare or under its name. Raises Ambiguous where there is none."""
    found = reply_object(reply)
    return section(found, name) or found


def many(reply: Reply, name: str) -> list[Json]:
    """The objects of an answer, a bare list or one under this name. Raises Ambiguous where there is none."""
    found = reply_json(reply)
    listed = found.get(name) if isinstance(found, dict) else found
    if not isinstance(listed, list):
        msg = f"answered {reply.status} without a list of {name}"
        raise Ambiguous(msg, status=reply.status)
    return [each for each in listed if isinstance(each, dict)]


def next_page(reply: Reply) -> str:
    """The number of the next page; empty at the last."""
    found = _NEXT.search(reply.headers.get("link", "")[:10_000])
    return found.group(1) if found else ""


def parted(replies: Sequence[Reply]) -> tuple[Sequence[Reply], Sequence[Reply]]:
    """The pages of a list, and the answers behind the last of them."""
    last = next((at for at, one in enumerate(replies) if not next_page(one)), len(replies) - 1)
    return replies[: last + 1], replies[last + 1 :]


# --- a ticket --------------------------------------------------------------------------------------------------------


def detail_of(reply: Reply) -> Json:
    """The ticket in an answer. Raises Gone for one in the trash or marked as spam, Ambiguous where there is none."""
    detail = one(reply, "ticket")
    if not reading.usable_id(detail, "id"):
        msg = f"answered {reply.status} without a ticket"
        raise Ambiguous(msg, status=reply.status)
    for name in ("deleted", "spam"):
        if reading.flag(detail, name):
            msg = f"answered {reply.status}: the ticket is {'marked as spam' if name == 'spam' else 'deleted'}"
            raise Gone(msg, status=reply.status)
    return detail


def requester_id(reply: Reply) -> str:
    """The id of the ticket's requester; empty where it is not told."""
    return text(one(reply, "ticket"), "requester_id")


def ticket(product: Product, account: Account, ref: TicketRef, detail: Json, person: Json, *, partial: bool) -> Ticket:
    """The ticket in the bridge's own words. ``person`` is what the product tells of the requester by their id."""
    fields = told(
        id=ref.id,
        subject=text(detail, "subject"),
        status=product.status(account, text(detail, "status")),
        priority=labels.priority(account, text(detail, "priority"), PRIORITY),
        type=label(TYPES, text(detail, "type")),
        group=text(detail, "group_id"),
        brand=text(detail, "product_id") or text(detail, "workspace_id"),
        channel=label(product.channels, text(detail, "source")),
        tags=tags(detail),
        created_at=text(detail, "created_at"),
        requester=_requester(detail, person),
        custom=told(**section(detail, "custom_fields")),
    )
    return Ticket(ref, fields, reading.moment_ms(detail, "created_at"), partial, is_marked(detail))


def tags(detail: Json) -> list[str]:
    """The ticket's tags, as they are."""
    found = detail.get("tags")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def is_marked(detail: Json) -> bool:
    """Whether the bridge opened the ticket."""
    words = text(detail, "description") or text(detail, "description_text")
    return reading.marked("\n".join(tags(detail))) or reading.opened_by_mark(words, "html")


def _written(detail: Json) -> tuple[str, ...]:
    return written(tags(detail), text(detail, "description"), text(detail, "description_text"))


def _requester(detail: Json, person: Json) -> Json:
    """A customer of a chat is more likely found at the mobile number than at the other."""
    beside = section(detail, "requester")

    def said(*names: str) -> str:
        return next((found for name in names for each in (beside, person) if (found := text(each, name))), "")

    return told(
        id=text(detail, "requester_id") or text(beside, "id"),
        name=said("name") or f"{text(person, 'first_name')} {text(person, 'last_name')}".strip(),
        email=said("email", "primary_email"),
        phone=said("mobile", "mobile_phone_number", "phone", "work_phone_number"),
        external_id=said("unique_external_id", "external_id"),
    )


# --- conversations ---------------------------------------------------------------------------------------------------


def marked_comment(marker: str, reply: Reply) -> str:
    """The comment with this mark, as lines of text; empty where there is none. Raises Ambiguous on a page of several.

    The newest comments stand on the last page, and this is the first.
    """
    for each in many(reply, "conversations"):
        if marker in text(each, "body"):
            return from_html(text(each, "body"))
        if marker in text(each, "body_text"):
            return text(each, "body_text")
    if next_page(reply):
        msg = "the ticket has more comments than a page shows"
        raise Ambiguous(msg, status=reply.status)
    return ""


def replies(
    account: Account, ref: TicketRef, pages: list[Json], bridge_user: str, detail: Json, person: Json
) -> list[AgentReplied]:
    """The agents' comments, and the bridge's own, oldest first.

    ``detail`` is the ticket with its requester, ``person`` what more is known of them; empty where not asked for.
    """
    known = addresses_of(detail, person)
    found = (_reply(ref, each, bridge_user) for each in pages)
    told = [(each, reply) for reply, each in zip(found, pages, strict=True)]
    kept = [(each, reply) for each, reply in told if reply.by_bridge or not _by_customer(each, detail)]
    return [_for_customer(account, reply, each, known) for each, reply in kept]


def _by_customer(comment: Json, detail: Json) -> bool:
    """The requester's own words are no agent's, also where they are one on other tickets."""
    requester = text(detail, "requester_id")
    return reading.flag(comment, "incoming") is True or (requester != "" and requester == text(comment, "user_id"))


def _for_customer(account: Account, reply: AgentReplied, comment: Json, known: list[object]) -> AgentReplied:
    if reply.by_bridge or not reply.public:
        return reply
    why = CALL if text(comment, "source") == PHONED else withheld(account, _to(comment), known, mail=_is_mail(comment))
    why = ELSEWHERE if text(comment, "source") == FORWARDED else why
    return replace(reply, public=not why, withheld=why)


def _is_mail(comment: Json) -> bool:
    return text(comment, "source") == MAIL


def _to(comment: Json) -> list[object]:
    return [comment.get(name) for name in ("to_emails", "cc_emails", "bcc_emails")]


def addresses_of(detail: Json, person: Json) -> list[object]:
    """All that is told of where the requester can be reached."""
    beside = section(detail, "requester")
    return [detail.get("requester_id"), *(each.get(name) for each in (beside, person) for name in ADDRESSES)]


def asks_for_requester(pages: list[Json], known: list[object]) -> bool:
    """Whether a mail of an agent's is to none of these addresses."""
    mails = [each for each in pages if _is_mail(each) and not reading.flag(each, "incoming")]
    public = [addresses(_to(each)) for each in mails if reading.flag(each, "private") is False]
    return any(to and not to & addresses(known) for to in public)


def _reply(ref: TicketRef, comment: Json, bridge_user: str) -> AgentReplied:
    comment_id, html, plain = text(comment, "id"), text(comment, "body"), text(comment, "body_text")
    acted = bridge_user != "" and text(comment, "user_id") == bridge_user
    return AgentReplied(
        ref,
        f"comment:{comment_id}",
        comment_id,
        _QUOTED.sub("", html) or plain,
        reading.flag(comment, "private") is False,
        acted or reading.marked(html or plain, "html" if html else "text"),
        markup="html" if html else "text",
        attachments=tuple(_attachments(comment)),
        at_ms=reading.moment_ms(comment, "created_at"),
        echo=marks.USER if acted else "",
    )


def _attachments(comment: Json) -> Iterator[Attachment]:
    for each in reading.records(comment, "attachments"):
        url = text(each, "attachment_url")
        if url:
            told = (url, text(each, "name"), text(each, "content_type"), reading.count(each, "size"))
            yield Attachment(*told, id=text(each, "id"))


# --- lists of tickets ------------------------------------------------------------------------------------------------


def with_mark(marker: str, reply: Reply) -> str:
    """The id of the ticket with this mark, among the newest. Raises Ambiguous where they are too many to be sure."""
    found = many(reply, "tickets")
    same = (each for each in found if any(marker in said for said in _written(each)))
    ticket_id = next((reading.usable_id(each, "id") for each in same), "")
    if not ticket_id and len(found) >= PAGE and _span_ms(found) < WITHIN_MS:
        msg = "more new tickets than a page shows"
        raise Ambiguous(msg, status=reply.status)
    return ticket_id


def _span_ms(found: list[Json]) -> int:
    moments = [reading.moment_ms(each, "created_at") for each in found]
    return max(moments) - min(moments)


def changes(product: Product, account: Account, account_name: str, reply: Reply) -> Changes:
    """One page of the tickets that changed."""
    known = [each for each in many(reply, "tickets") if reading.usable_id(each, "id")]
    about = [(TicketRef(product.kind, account_name, reading.usable_id(each, "id")), each) for each in known]
    return Changes(
        events=tuple(_event(product, account, ref, each) for ref, each in about),
        tickets=tuple(ref for ref, _ in about),
        after=next_page(reply),
        changed_ms={ref: reading.changed_ms(each, "updated_at") for ref, each in about},
    )


def _event(product: Product, account: Account, ref: TicketRef, detail: Json) -> TicketEvent:
    status = product.status(account, text(detail, "status"))
    if status in ENDED:
        return TicketSolved(ref, f"status:{status}:{reading.moment_ms(detail, 'updated_at')}", status)
    opened = ticket(product, account, ref, detail, {}, partial=True)
    return TicketOpened(ref, "opened", opened, opened.by_bridge)
