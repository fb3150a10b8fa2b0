"""Zammad's tickets and articles in the bridge's words, as its webhooks and its API write them alike. Pure.

A state or priority is its name in a webhook's own body and in the API, an object in one of an admin's making. A person
is an object, or a login beside an id. What stands in a ticket beside Zammad's own attributes is the account's.

Files are told by name alone: their addresses want a login of Zammad's, so that neither Jelou nor the customer could
fetch them.

A variable without a value is printed as ``#{name / no such method}``: it is taken as missing.

Sources: "Webhooks" of the admin documentation, "Ticket", "Articles" of the API documentation; ``record_payload``,
``custom_payload``, ``ticket/article.rb`` and the seeds of states and priorities in Zammad's source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge import marks
from bridge.addressees import CALL, addresses, withheld
from bridge.domain import AgentReplied, Attachment, Ticket
from bridge.helpdesks import labels, reading, writing
from bridge.helpdesks.labels import CHANNELS, label
from bridge.helpdesks.reading import Json, section, told
from bridge.timestamps import iso8601

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.accounts import Account
    from bridge.domain import TicketRef

KIND: Final = "zammad"

STATES: Final[Mapping[str, str]] = {
    **labels.STATUSES,
    **dict.fromkeys(("neu",), "new"),
    **dict.fromkeys(("offen",), "open"),
    **dict.fromkeys(("pending reminder", "warten auf erinnerung", "recordatorio pendiente"), "pending"),
    **dict.fromkeys(("pendiente de recordatorio", "lembrete pendente", "pendente de lembrete"), "pending"),
    **dict.fromkeys(("pending close", "warten auf schließen", "warten auf schliessen"), "pending"),
    **dict.fromkeys(("cierre pendiente", "pendiente de cierre"), "pending"),
    **dict.fromkeys(("fechamento pendente", "pendente de fechamento"), "pending"),
    **dict.fromkeys(("geschlossen", "removed", "entfernt"), "closed"),
    **dict.fromkeys(("merged", "zusammengefasst", "zusammengeführt", "zusammengefügt"), "closed"),
    **dict.fromkeys(("fusionado", "combinado", "unido", "mesclado", "agrupado"), "closed"),
}
"""Zammad's own states, in the languages of its console. What waits for its closing is not closed yet."""

_PRIORITIES: Final[Mapping[str, str]] = {
    **labels.PRIORITIES,
    **dict.fromkeys(("niedrig",), "low"),
    **dict.fromkeys(("mittel",), "normal"),
    **dict.fromkeys(("hoch",), "high"),
    **dict.fromkeys(("very high", "sehr hoch", "muy alta", "muito alta", "dringend"), "urgent"),
}

PRIORITIES: Final[Mapping[str, str]] = {
    **_PRIORITIES,
    **{f"{rank} {word}": meant for rank in range(1, 6) for word, meant in _PRIORITIES.items()},
}
"""Zammad puts a rank before the word: ``2 normal``."""

AGENT: Final = "Agent"
MAIL, PHONE = "email", "phone"
"""Types of an article: the one that is sent to its addressees, and the one that records a call."""
SENDERS: Final[Mapping[str, str]] = {"System": "system article"}
"""Mails that Zammad's triggers send are articles of the system. All others that are no agent's are the customer's."""

_BUILT_IN: Final = """
    id number title note type state state_id priority priority_id group group_id organization organization_id owner
    owner_id customer customer_id created_by created_by_id updated_by updated_by_id created_at updated_at close_at
    last_close_at last_contact_at last_contact_agent_at last_contact_customer_at last_owner_update_at
    first_response_at first_response_escalation_at first_response_in_min first_response_diff_in_min
    close_escalation_at close_in_min close_diff_in_min update_escalation_at update_in_min update_diff_in_min
    escalation_at pending_time time_unit preferences article article_count article_ids create_article_type
    create_article_type_id create_article_sender create_article_sender_id ticket_time_accounting
    ticket_time_accounting_ids checklist_id checklist mentions mention_ids tags ai_agent_running
    referencing_checklist_tickets referencing_checklist_ticket_ids
"""
BUILT_IN: Final = frozenset(_BUILT_IN.split())
"""The attributes of every ticket; what stands beside them is the account's own."""

_UNPRINTED: Final = "#{"


# --- tickets ---------------------------------------------------------------------------------------------------------


def ticket(
    ref: TicketRef,
    about: Json,
    customer: Json,
    account: Account,
    bridge_user: str,
    *,
    partial: bool = False,
    by_bridge: bool = False,
) -> Ticket:
    """The ticket as webhooks and API tell it; ``customer`` is the person, empty where only the id is told."""
    created_at = _moment(reading.text(about, "created_at"))
    fields = told(
        id=ref.id,
        subject=reading.text(about, "title"),
        status=status_of(about, account),
        priority=labels.priority(account, name_of(about, "priority"), PRIORITIES),
        type=reading.text(about, "type").lower(),
        group=name_of(about, "group"),
        channel=label(CHANNELS, reading.text(about, "create_article_type")),
        tags=reading.words(about, "tags"),
        created_at=created_at,
        requester=_requester(customer, reading.text(about, "customer_id")),
        custom=_custom(about),
    )
    ours = reading.text(about, "note").startswith(writing.MARK_ID)
    by_bridge = by_bridge or ours or is_bridge(about, "created_by", bridge_user)
    return Ticket(ref, fields, iso8601(created_at) or 0, partial, by_bridge)


def status_of(about: Json, account: Account) -> str:
    """The ticket's status in the bridge's words; one that is in no table in lower case."""
    return labels.status(account, name_of(about, "state"), STATES)


def requester_of(body: Json) -> Json:
    """Who a webhook says is the ticket's customer."""
    about = reading.section(cleaned(body), "ticket")
    return _requester(reading.section(about, "customer"), reading.text(about, "customer_id"))


def _requester(customer: Json, customer_id: str) -> Json:
    """The mobile number before the other one: it is the one that has WhatsApp."""
    names = (reading.text(customer, name).strip() for name in ("firstname", "lastname"))
    return told(
        id=reading.text(customer, "id") or customer_id,
        name=" ".join(filter(None, names)),
        email=reading.text(customer, "email"),
        phone=reading.text(customer, "mobile").strip() or reading.text(customer, "phone").strip(),
    )


def _custom(about: Json) -> Json:
    own = {name: value for name, value in about.items() if name not in BUILT_IN and not isinstance(value, dict)}
    return told(**own)


# --- articles --------------------------------------------------------------------------------------------------------


def reply(
    ref: TicketRef, article: Json, bridge_user: str, version: str = "", *, readable: bool = False
) -> AgentReplied:
    """The article as the reply of an agent. What does not say that it is public is private.

    One without its text, as an admin's own body may tell it, is partial where the bridge can read it (``readable``).
    ``version`` stands in for a missing id.
    """
    article_id = reading.usable_id(article, "id")
    return AgentReplied(
        ref,
        f"comment:{article_id or version}",
        article_id,
        reading.text(article, "body"),
        reading.flag(article, "internal") is False,
        written_by_bridge(article, bridge_user),
        markup=markup_of(article),
        attachments=tuple(_files(article)),
        partial=readable and "body" not in article,
        at_ms=moment_ms(article, "created_at"),
        echo=echo_of(article, bridge_user),
    )


def by_agent(article: Json, customer_id: str) -> bool:
    """Whether an agent wrote it. The customer is none, also where they are an agent of other tickets."""
    sender = name_of(article, "sender")
    writer = reading.text(article, "origin_by_id") or reading.text(article, "created_by_id")
    return sender in {AGENT, ""} and not (writer != "" and writer == customer_id)


def for_customer(found: AgentReplied, article: Json, customer: Json, account: Account) -> AgentReplied:
    """The reply, as private where it is a mail to somebody else than this customer, or the record of a call."""
    kind = name_of(article, "type").strip().lower()
    if found.by_bridge or not found.public:
        return found
    known = [customer.get(name) for name in ("email", "login", "mobile", "phone", "id")]
    # A group's name may stand where an address should: nobody was written to under it.
    to = [one for one in addresses([article.get("to"), article.get("cc")]) if "@" in one]
    why = withheld(account, to, known, mail=kind == MAIL if kind else None)
    why = CALL if kind == PHONE else why
    return replace(found, public=not why, withheld=why)


def asks_for_customer(articles: Sequence[Json], bridge_user: str) -> bool:
    """Whether it has to be known who the customer is: for a mail of an agent's, or where an agent may be the one."""
    agents = [one for one in articles[1:] if by_agent(one, "") and not written_by_bridge(one, bridge_user)]
    public = [one for one in agents if reading.flag(one, "internal") is False]
    mails = [one for one in public if name_of(one, "type").lower() == MAIL and (one.get("to") or one.get("cc"))]
    return bool(mails) or (bool(public) and by_agent(articles[0], ""))


def written_by_bridge(article: Json, bridge_user: str) -> bool:
    """Whether the bridge wrote it: by its user, by the message id that it gives, or by the mark in the text."""
    return reading.marked(reading.text(article, "body"), markup_of(article)) or echo_of(article, bridge_user) != ""


def opened_by_bridge(article: Json, bridge_user: str) -> bool:
    """The same of a ticket, by its first article."""
    marked = reading.opened_by_mark(reading.text(article, "body"), markup_of(article))
    return marked or echo_of(article, bridge_user) != ""


def markup_of(article: Json) -> str:
    """How its text is written."""
    return "html" if "html" in reading.text(article, "content_type").lower() else "text"


def echo_of(article: Json, bridge_user: str) -> str:
    """Whether it has a message id that the bridge gave, or is by its user."""
    if reading.text(article, "message_id").strip("<>").startswith(writing.MARK_ID):
        return marks.APP
    return marks.USER if is_bridge(article, "created_by", bridge_user) else ""


def is_bridge(record: Json, who: str, bridge_user: str) -> bool:
    """Whether ``who`` did it, told as a person or as a login beside an id, is the bridge's user."""
    person = section(record, who)
    names = {reading.text(record, f"{who}_id"), reading.text(record, who)}
    names |= {reading.text(person, "id"), reading.text(person, "login")}
    return bridge_user != "" and bridge_user.casefold() in {one.casefold() for one in names}


def _files(article: Json) -> Iterator[Attachment]:
    for one in reading.records(article, "attachments"):
        name, kind = reading.text(one, "filename"), section(one, "preferences")
        mime_type = reading.text(kind, "Content-Type") or reading.text(kind, "Mime-Type")
        if name:
            yield Attachment("", name, mime_type, reading.count(one, "size"), reading.text(one, "id"))


# --- the form --------------------------------------------------------------------------------------------------------


def cleaned(record: Json) -> Json:
    """The record without variables that had no value."""
    return {
        name: cleaned(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if not (isinstance(value, str) and value.startswith(_UNPRINTED))
    }


def moment_ms(record: Json, name: str) -> int:
    """The time under this name as Unix milliseconds, also as an admin's own body prints it; 0 where there is none."""
    return iso8601(_moment(reading.text(record, name))) or 0


def _moment(said: str) -> str:
    return f"{said.removesuffix(' UTC')}Z" if said.endswith(" UTC") else said


def name_of(record: Json, name: str) -> str:
    """The name of what stands here: a text, or an object with one."""
    return reading.text(record, name) or reading.text(section(record, name), "name")
