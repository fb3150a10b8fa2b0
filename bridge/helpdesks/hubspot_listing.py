"""What HubSpot's API shows: a ticket and its contact, the messages of its threads, the tickets that changed. Pure.

A ticket's properties are texts or null, and only those that are asked for. The phone number is the contact's: of the
properties that the account names, the first that holds something.

A thread is read only where it says itself that it is the ticket's: were the filter not understood, the list would be
of all customers. Its messages are of agents where they go out, or are comments, which are private, and an agent or an
app wrote them. A mail is the ticket's contact's where it is to them: by HubSpot's own number of a recipient, or by an
address from which they wrote. What a bot or HubSpot itself wrote is nobody's reply. Of an email only the newest words
are told, without the mail that they answer. A long text is cut off, which the message says: it is read by itself. A
file is told only where it has an address.

The list of changed tickets is a search: it shows no contacts, so its tickets are told in part. A search ends after
10,000 results, so each page is asked for behind the last ticket's number, and not behind so many results. A ticket
that is closed is told under the fact that the change of its ``closed_date`` has.

Sources: "Tickets", "Contacts", "Search", "Conversations inbox & messages" on HubSpot's developer site.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from bridge import marks
from bridge.addressees import withheld
from bridge.domain import AgentReplied, Attachment, Changes, Ticket, TicketOpened, TicketRef, TicketSolved
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.hubspot_events import KIND, STAGES
from bridge.helpdesks.labels import CHANNELS, ENDED, STATUSES, label
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.accounts import Account
    from bridge.domain import TicketEvent

READ: Final = (
    "subject",
    "content",
    "hs_pipeline",
    "hs_pipeline_stage",
    "hs_ticket_priority",
    "hs_ticket_category",
    "source_type",
    "hubspot_owner_id",
    "createdate",
    "closed_date",
    "hs_lastmodifieddate",
)
"""The ticket's properties that are always asked for."""

LONG: Final = "content"
"""What the customer wrote at length: it is looked at, and no rule sees it."""

THREADS_MOST: Final = 2
"""So many threads of a ticket are read, those with the newest messages."""

_WORDS: Final = frozenset(STATUSES.values())
_STAFF: Final = ("A-", "I-")
"""Actors that are agents and apps; V- is a visitor, B- a bot, S- HubSpot itself."""

TRUNCATED: Final = "TRUNCATED"
"""The text of a message was cut off in the list. ``TRUNCATED_TO_MOST_RECENT_REPLY`` lacks nothing of its own words."""

WHOLE_MOST: Final = 5
"""So many texts that were cut off are read whole: each is a call, and the newest are what an event speaks of."""

VISITOR: Final = "V-"
MAIL: Final = "1002"
"""HubSpot's number of the channel of mails."""

_KINDS: Final = {"MESSAGE": True, "COMMENT": False}
"""What was said, and whether it is public. A thread also lists its assignments and statuses."""


class Site(NamedTuple):
    """What is known of an account: where phone numbers stand, what keeps our mark, and our app's number."""

    account: Account
    phones: Sequence[str] = ()
    mark: str = ""
    app: str = ""


def ticket(ref: TicketRef, detail: Json, contact: Json, site: Site, *, partial: bool = False) -> Ticket:
    """The ticket, with its contact as the requester; custom fields by the names of their properties."""
    properties = section(detail, "properties")
    created = text(properties, "createdate") or text(detail, "createdAt")
    fields = told(
        id=ref.id,
        subject=text(properties, "subject"),
        status=status(properties, site.account),
        priority=labels.priority(site.account, text(properties, "hs_ticket_priority")),
        type=text(properties, "hs_ticket_category").lower(),
        group=text(properties, "hs_pipeline"),
        channel=label(CHANNELS, text(properties, "source_type")),
        created_at=created,
        requester=_requester(contact, site),
        custom=told(**{name: value for name, value in properties.items() if name != LONG}),
    )
    ours = text(properties, site.mark).startswith(writing.MARK_ID) or reading.opened_by_mark(text(properties, LONG))
    return Ticket(ref, fields, reading.moment_ms({"": created}, ""), partial, ours)


def status(properties: Json, account: Account) -> str:
    """The bridge's word for the stage, by its number where it is known, else by whether the ticket is closed."""
    stage = text(properties, "hs_pipeline_stage")
    word = labels.status(account, stage, STAGES)
    if word in _WORDS:
        return word
    closed = "solved" if text(properties, "closed_date") else "open"
    return closed if stage else ""


def _requester(contact: Json, site: Site) -> Json:
    properties = section(contact, "properties")
    phones = (text(properties, name).strip() for name in site.phones)
    name = f"{text(properties, 'firstname')} {text(properties, 'lastname')}".strip()
    phone = next((one for one in phones if one), "")
    return told(id=text(contact, "id"), name=name, email=text(properties, "email"), phone=phone)


def contact_of(detail: Json) -> str:
    """The id of the first contact of a ticket; empty where there is none."""
    found = reading.records(section(section(detail, "associations"), "contacts"), "results")
    return next((one for one in (reading.usable_id(each, "id") for each in found) if one), "")


def contact_with(page: Json, phone: str, names: Sequence[str]) -> str:
    """The id of the contact on the page whose number this is, however it is written; empty where there is none."""
    found = (one for one in reading.records(page, "results") if _digits(phone) in _numbers(one, names))
    return next((reading.usable_id(one, "id") for one in found), "")


def _numbers(contact: Json, names: Sequence[str]) -> set[str]:
    return {_digits(text(section(contact, "properties"), name)) for name in names}


def _digits(phone: str) -> str:
    return "".join(one for one in phone if one.isdecimal())


# --- comments --------------------------------------------------------------------------------------------------------


def threads(page: Json, ref_id: str) -> list[str]:
    """The ids of the threads to read: only those that say they are this ticket's."""
    mine = [one for one in reading.records(page, "results") if _ticket_of(one) == ref_id]
    found = sorted(mine, key=_newest_ms, reverse=True)
    return [one for one in (reading.usable_id(each, "id") for each in found) if one][:THREADS_MOST]


def _ticket_of(thread: Json) -> str:
    return text(section(thread, "threadAssociations"), "associatedTicketId")


def _newest_ms(thread: Json) -> int:
    return reading.moment_ms(thread, "latestMessageTimestamp")


def contacts(page: Json, ref_id: str) -> dict[str, str]:
    """The contact of each thread of this ticket, empty where that is not told."""
    mine = [one for one in reading.records(page, "results") if _ticket_of(one) == ref_id]
    return {reading.usable_id(one, "id"): text(one, "associatedContactId") for one in mine}


def truncated(pages: Sequence[tuple[str, Json]]) -> list[str]:
    """What of these threads' pages is to be read whole, as thread/messages/message: of agents, the newest first.

    Of a mail that tells its newest words alone nothing is missing: what it leaves out is what it answers.
    """
    found = [(thread, one) for thread, page in pages for one in reading.records(page, "results") if _is_cut(one)]
    newest = sorted(found, key=lambda each: reading.moment_ms(each[1], "createdAt"), reverse=True)[:WHOLE_MOST]
    return [f"{quote(thread, safe='')}/messages/{quote(text(one, 'id'), safe='')}" for thread, one in newest]


def _is_cut(message: Json) -> bool:
    public = _KINDS.get(text(message, "type")) is True and not reading.flag(message, "archived")
    return public and _by_staff(message) and reading.usable_id(message, "id") != "" and _says_cut(message)


def _says_cut(message: Json) -> bool:
    return text(message, "truncationStatus") == TRUNCATED


def completed(pages: Sequence[tuple[str, Json]], whole: Sequence[Json]) -> list[Json]:
    """The pages with these whole texts, in the order of ``truncated``; one that is not there leaves its message."""
    found = dict(zip(truncated(pages), whole, strict=False))
    return [
        {**page, "results": [_complete(thread, one, found) for one in reading.records(page, "results")]}
        for thread, page in pages
    ]


def _complete(thread: str, message: Json, whole: Mapping[str, Json]) -> Json:
    path = f"{quote(thread, safe='')}/messages/{quote(text(message, 'id'), safe='')}"
    told = whole.get(path, {}) if _is_cut(message) else {}
    words = {name: text(told, name) for name in ("text", "richText")}
    return {**message, **words} if any(words.values()) else message


def replies(
    ref: TicketRef, pages: Sequence[Json], site: Site, contacts: Sequence[str] = (), customer: str = ""
) -> list[AgentReplied]:
    """What agents wrote in these threads, oldest first.

    ``contacts`` are those of the threads, in their order, and ``customer`` is the ticket's, where the threads of one
    ticket are with several people: else the thread's own.
    """
    found = []
    for at, page in enumerate(pages):
        said = reading.records(page, "results")
        known = _customers(said, customer or (contacts[at] if at < len(contacts) else ""))
        found += [_for_customer(_reply(ref, one, site), one, site, known) for one in said if _by_staff(one)]
    return sorted(found, key=lambda one: one.at_ms)


def _for_customer(reply: AgentReplied, message: Json, site: Site, known: list[str]) -> AgentReplied:
    """As private where it is a mail to others, or was taken away."""
    if reply.by_bridge or not reply.public:
        return reply
    to = [one for each in reading.records(message, "recipients") for one in _names(each)]
    channel = text(message, "channelId")
    why = withheld(site.account, to, known, mail=channel == MAIL if channel else None)
    return replace(reply, public=not why and not reading.flag(message, "archived"), withheld=why)


def _customers(messages: Sequence[Json], contact: str) -> list[str]:
    """The customer of a thread by all names: its contact, else who wrote in it, else whom its oldest message was to."""
    people = {one: names for message in messages for one, names in _people(message)}
    wrote = [_author(one) for one in messages if text(one, "direction") == "INCOMING"]
    begun = [one for one, _ in _people(messages[-1]) if one.startswith(VISITOR)] if messages else []
    actors = [VISITOR + contact] if contact else wrote or begun
    return [name for one in actors for name in (one, *people.get(one, []))]


def _people(message: Json) -> Iterator[tuple[str, list[str]]]:
    for one in (*reading.records(message, "senders"), *reading.records(message, "recipients")):
        yield text(one, "actorId"), _names(one)


def _names(person: Json) -> list[str]:
    """A person's actor and the address by which they were reached, of which there may be several."""
    told = [section(person, "deliveryIdentifier"), *reading.records(person, "deliveryIdentifiers")]
    return list(filter(None, (text(person, "actorId"), *(text(one, "value") for one in told))))


def _by_staff(message: Json) -> bool:
    public = _KINDS.get(text(message, "type"))
    said = public is False or (public is True and text(message, "direction") == "OUTGOING")
    return said and text(message, "id") != "" and _author(message).startswith(_STAFF)


def _author(message: Json) -> str:
    sender = next(iter(reading.records(message, "senders")), {})
    return text(sender, "actorId") or text(message, "createdBy")


def _reply(ref: TicketRef, message: Json, site: Site) -> AgentReplied:
    message_id, plain, rich = text(message, "id"), text(message, "text"), text(message, "richText")
    ours = site.app != "" and text(section(message, "client"), "integrationAppId") == site.app
    return AgentReplied(
        ref,
        f"comment:{message_id}",
        message_id,
        rich or plain,
        _KINDS[text(message, "type")],
        ours or reading.marked(rich or plain, "html" if rich else "text"),
        markup="html" if rich else "text",
        attachments=tuple(_attachments(message)),
        at_ms=reading.moment_ms(message, "createdAt"),
        echo=marks.APP if ours else "",
    )


def _attachments(message: Json) -> Iterator[Attachment]:
    for one in reading.records(message, "attachments"):
        if text(one, "url"):
            yield Attachment(text(one, "url"), text(one, "name"), id=text(one, "fileId"))


# --- changes ---------------------------------------------------------------------------------------------------------


def changes(account_name: str, page: Json, site: Site) -> Changes:
    """One page of the search: ``after`` is the number of its last ticket."""
    found = [(TicketRef(KIND, account_name, ref_id), one) for ref_id, one in _tickets(page)]
    more = text(section(section(page, "paging"), "next"), "after")
    return Changes(
        events=tuple(_event(ref, one, site) for ref, one in found),
        tickets=tuple(ref for ref, _ in found),
        after=found[-1][0].id if more and found else "",
        changed_ms={ref: reading.changed_ms(section(one, "properties"), "hs_lastmodifieddate") for ref, one in found},
    )


def _tickets(page: Json) -> Iterator[tuple[str, Json]]:
    for one in reading.records(page, "results"):
        ref_id = reading.usable_id(one, "id")
        if ref_id:
            yield ref_id, one


def _event(ref: TicketRef, detail: Json, site: Site) -> TicketEvent:
    properties = section(detail, "properties")
    word = status(properties, site.account)
    if word in ENDED:
        changed_ms = reading.moment_ms(properties, "closed_date") or reading.moment_ms(
            properties, "hs_lastmodifieddate"
        )
        return TicketSolved(ref, f"status:{word}:{changed_ms}", word)
    opened = ticket(ref, detail, {}, site, partial=True)
    return TicketOpened(ref, "opened", opened, opened.by_bridge)
