"""What an issue of Jira tells, written by webhooks and by both versions of its API with the same names. Pure.

A status is a word of the site's own; its category (``new``, ``indeterminate``, ``done``) is Jira's and in no language,
so the category decides what is done, after the account's own labels. Only what stands between is told by the word.

Traps. A webhook's texts are wiki markup, those of the API's version 3 documents of Atlassian's (ADF). Custom fields are
told by their ids, ``customfield_10061``; an option is an object around its word, a number may be ``593987654321.0``.
The request type stands in a custom field of its own, whose id differs per site: it is known by its shape. A customer's
mail address is mostly hidden, and no phone number is told: it is a custom field of the request form.

Sources: "Issues", "Issue comments", "Customer request" on Atlassian's developer site; "Webhooks" there for the bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from bridge.chat_markups import from_adf
from bridge.domain import Ticket
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.labels import ENDED
from bridge.helpdesks.reading import Json, section, text, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.accounts import Account
    from bridge.domain import TicketRef

KIND: Final = "jira"
PROPERTY: Final = "jelou.bridge"
"""An issue's property of ours: it needs no custom field, and no screen that shows it."""

CUSTOM: Final = "customfield_"
CUSTOMER: Final = "customer"
SYSTEM: Final = "[system] "
"""Begins the name of an issue type that came with a service project's template."""

_WHOLE_MOST: Final = 2.0**63

DROPPED: Final = frozenset(
    {"canceled", "cancelled", "declined", "rejected", "cancelado", "cancelada", "rechazado", "rejeitado", "recusado"}
)
"""Ends in which nobody was helped."""

STATUSES: Final[Mapping[str, str]] = {
    **labels.STATUSES,
    **dict.fromkeys(("to do", "por hacer", "tareas por hacer", "a fazer", "itens pendentes"), "new"),
    **dict.fromkeys(("in progress", "work in progress", "en curso", "em andamento"), "open"),
    **dict.fromkeys(
        ("waiting for support", "esperando por soporte", "esperando soporte", "aguardando suporte"), "open"
    ),
    **dict.fromkeys(("reopened", "reabierto", "reaberto", "escalated"), "open"),
    **dict.fromkeys(("waiting for customer", "esperando por el cliente", "esperando al cliente"), "pending"),
    **dict.fromkeys(("aguardando pelo cliente", "aguardando cliente", "waiting for approval"), "pending"),
    **dict.fromkeys(("done", "listo", "hecho", "finalizado", "feito", "concluído", "completed"), "solved"),
    **dict.fromkeys(DROPPED, "closed"),
}
"""The names of service projects' own workflows."""

CATEGORIES: Final[Mapping[str, str]] = {"new": "new", "indeterminate": "open", "done": "solved"}
"""Jira's category of a status to the word where the name tells nothing better."""

PRIORITIES: Final[Mapping[str, str]] = {
    **labels.PRIORITIES,
    **dict.fromkeys(("highest", "blocker", "más alta", "muy alta", "mais alta", "altíssima"), "urgent"),
    **dict.fromkeys(("lowest", "minor", "trivial", "más baja", "muy baja", "mais baixa", "baixíssima"), "low"),
    "major": "high",
}

TYPES: Final[Mapping[str, str]] = {
    **labels.TYPES,
    **dict.fromkeys(("service request", "solicitud de servicio", "solicitação de serviço"), "task"),
}


class Site(NamedTuple):
    """What is known of an account: its labels, the field with the phone number, the bridge's user (or empty)."""

    account: Account
    account_name: str
    phone_field: str = ""
    bridge_user: str = ""
    readable: bool = False


def status(account: Account, record: Json) -> str:
    """The bridge's word for a status as Jira tells it; empty where none is told."""
    name = text(record, "name")
    word = name.strip().casefold()
    known = STATUSES.get(word, "")
    category = text(section(record, "statusCategory"), "key")
    meant = CATEGORIES.get(category, known or word)
    # Of two words that agree about the end, the name's is the better one.
    meant = known if known and (known in ENDED) is (meant in ENDED) else meant
    return labels.status(account, name, {word: meant})


def ended(account: Account, said: str) -> bool:
    """Whether a status of this name is one in which a ticket is done; a webhook tells no category of the one before."""
    return labels.status(account, said, STATUSES) in ENDED


def plain(body: Any) -> str:
    """The words of a text, which is wiki markup or a document; a document's lines are told apart."""
    if isinstance(body, str):
        return body
    return from_adf(body) if isinstance(body, dict) else ""


def document(body: Any) -> str:
    """A document as JSON text; a text as it is."""
    return body if isinstance(body, str) else orjson.dumps(body).decode() if isinstance(body, dict) else ""


def ours(body: Any, tags: list[str]) -> bool:
    """Whether it carries the mark of a ticket that the bridge opened."""
    said = reading.opened_by_mark(document(body), "wiki" if isinstance(body, str) else "adf")
    return said or any(tag.startswith(writing.MARK_ID) for tag in tags)


def account_id(record: Json, name: str) -> str:
    """The id of the person under this name."""
    return text(section(record, name), "accountId")


PERSON: Final = ("accountId", "key", "name")
"""What names a person: in the cloud the first, on a Data Center the key, which stays where the name is changed."""


def same_person(one: Json, other: Json) -> bool:
    """Whether both are the same person, by the first name that both of them tell."""
    both = ((text(one, name).casefold(), text(other, name).casefold()) for name in PERSON)
    return next((mine == theirs for mine, theirs in both if mine and theirs), False)


def ticket(ref: TicketRef, issue: Json, site: Site) -> Ticket:
    """The ticket in ``issue``; ``key`` is told as well, for texts that people read."""
    detail = section(issue, "fields")
    custom = dict(_custom(detail))
    request = _request_type(detail)
    tags = reading.words(detail, "labels")
    type_name = text(section(detail, "issuetype"), "name").casefold().removeprefix(SYSTEM)
    fields = told(
        id=ref.id,
        key=text(issue, "key"),
        subject=text(detail, "summary"),
        status=status(site.account, section(detail, "status")),
        priority=labels.priority(site.account, text(section(detail, "priority"), "name"), PRIORITIES),
        type=labels.label(TYPES, type_name),
        group=text(request, "id"),
        brand=text(section(detail, "project"), "key"),
        tags=tags,
        created_at=text(detail, "created"),
        external_id=text(section(section(issue, "properties"), PROPERTY), "conversation"),
        requester=_requester(detail, custom, site),
        custom=told(request_type=text(request, "name"), **custom),
    )
    by_bridge = acted(site, detail, "creator") or ours(detail.get("description"), tags)
    return Ticket(ref, fields, reading.moment_ms(detail, "created"), by_bridge=by_bridge)


def acted(site: Site, record: Json, name: str) -> bool:
    """Whether the person under this name is the bridge's user."""
    return site.bridge_user != "" and account_id(record, name) == site.bridge_user


def reporter(body: Json, site: Site) -> Json:
    """Who a webhook says is the reporter."""
    return _requester(section(section(body, "issue"), "fields"), {}, site)


def _requester(detail: Json, custom: Json, site: Site) -> Json:
    """No ``id``: nobody can be written for in their name here, so that what they wrote is headed by who it is.

    Where the bridge stands in as the reporter, the customer's name is not told.
    """
    reporter = {} if acted(site, detail, "reporter") else section(detail, "reporter")
    return told(
        name=text(reporter, "displayName"),
        email=text(reporter, "emailAddress"),
        phone=text(custom, site.phone_field),
        external_id=text(reporter, "accountId"),
    )


def _request_type(detail: Json) -> Json:
    found = (section(one, "requestType") for one in detail.values() if isinstance(one, dict))
    return next(filter(None, found), {})


def _custom(detail: Json) -> Iterator[tuple[str, Any]]:
    for name, value in detail.items():
        said = _value(value) if name.startswith(CUSTOM) else None
        if said not in (None, "", []):
            yield name, said


def _value(value: Any) -> Any:
    """A custom field's value as a rule would name it; None for an object that is no word."""
    match value:
        case list():
            return [said for one in value if not isinstance(one, list) and (said := _value(one)) not in (None, "")]
        case dict():
            return plain(value) if text(value, "type") == "doc" else text(value, "value") or text(value, "name") or None
        case float():
            # What is beyond 64 bits no JSON of ours could hold as digits.
            return int(value) if value.is_integer() and abs(value) < _WHOLE_MOST else value
    return value
