"""What a change does to a ticket, what its audit says, and which native events tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.twins.ledger import now_ms
from bridge.twins.zendesk_bodies import invalid
from bridge.twins.zendesk_desk import Audit, Comment, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.twins.zendesk_desk import Desk, User

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One native event to come: its type after ``zen:event-type:ticket.`` and what stands in its ``event``."""

    type: str
    event: Json


def upper(value: Any) -> Any:
    """Write an enumeration as native events do."""
    return value.upper() if isinstance(value, str) else value


def text(value: Any) -> Any:
    """Write an id as native events do: as text."""
    return str(value) if isinstance(value, int) else value


CHANGED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "status": ("status_changed", upper),
    "priority": ("priority_changed", upper),
    "type": ("type_changed", upper),
    "subject": ("subject_changed", text),
    "external_id": ("external_id_changed", text),
    "group_id": ("group_assignment_changed", text),
    "assignee_id": ("agent_assignment_changed", text),
    "organization_id": ("organization_changed", text),
    "requester_id": ("requester_changed", text),
    "custom_status_id": ("custom_status_changed", text),
    "ticket_form_id": ("form_changed", text),
    "brand_id": ("brand_changed", text),
}
"""Attribute to event type and to how its values are written there."""


def create(desk: Desk, values: Json, actor: User) -> tuple[Ticket, list[Change]]:
    """Make a ticket of valid attributes. Raises the refusal where it has no comment or an unknown requester."""
    if "comment" not in values:
        raise invalid(comment="Comment: cannot be blank")
    requester = _requester(desk, values, actor)
    comment = values["comment"]["body"]
    subject = values.get("subject") or comment[:50]
    ticket = Ticket(desk.new_ticket_id(), subject, comment, requester.id, values.get("submitter_id", actor.id))
    apply(desk, ticket, {"comment": {"author_id": requester.id, **values["comment"]}, **_plain(values)}, actor)
    desk.tickets[ticket.id] = ticket
    return ticket, [Change("created", {})]


def _requester(desk: Desk, values: Json, actor: User) -> User:
    asked = values.get("requester")
    if asked is not None:
        return desk.requester(asked["name"], asked.get("email", ""), asked.get("phone"))
    requester = desk.users.get(values.get("requester_id", actor.id))
    if requester is None:
        raise invalid(requester="Requester: is invalid")
    return requester


def _plain(values: Json) -> Json:
    return {key: value for key, value in values.items() if key not in {"comment", "requester", "submitter_id"}}


def apply(desk: Desk, ticket: Ticket, values: Json, actor: User) -> tuple[Audit, list[Change]]:
    """Change a ticket by valid attributes: all of them or, where a refusal is raised, none."""
    if ticket.status == "closed":
        raise invalid(status="Status closed prevents ticket update")
    comment = values.get("comment")
    if comment is not None and comment.get("author_id", actor.id) not in desk.users:
        raise invalid(author="Author: is invalid")
    audit = Audit(desk.new_id(), ticket.id, actor.id, [])
    changes = [_commented(desk, ticket, comment, actor, audit)] if comment is not None else []
    changes += [_set(ticket, name, value, audit) for name, value in values.items() if _differs(ticket, name, value)]
    changes += _tagged(ticket, values["tags"], audit) if "tags" in values else []
    changes += _fields_set(ticket, values.get("custom_fields", ()), audit)
    ticket.audits.append(audit)
    ticket.updated_ms = now_ms()
    return audit, changes


def _commented(desk: Desk, ticket: Ticket, asked: Json, actor: User, audit: Audit) -> Change:
    author = desk.users[asked.get("author_id", actor.id)]
    files, html = asked.get("attachments", ()), asked.get("html_body", "")
    made = Comment(desk.new_id(), author.id, asked["body"], asked.get("public", True), audit.id, html, files)
    ticket.comments.append(made)
    audit.events.append({"id": made.id, "type": "Comment", "body": made.body, "public": made.public})
    staff = author.role != "end-user"
    told = {"id": str(author.id), "is_staff": staff, "name": author.name}
    return Change(
        "comment_added",
        {"comment": {"id": str(made.id), "body": made.body, "is_public": made.public, "author": told}},
    )


def _differs(ticket: Ticket, name: str, value: Any) -> bool:
    return name in CHANGED and getattr(ticket, name) != value


def _set(ticket: Ticket, name: str, value: Any, audit: Audit) -> Change:
    previous = getattr(ticket, name)
    setattr(ticket, name, value)
    audit.events.append({"type": "Change", "field_name": name, "value": value, "previous_value": previous})
    event_type, written = CHANGED[name]
    return Change(event_type, {"current": written(value), "previous": written(previous)})


def _tagged(ticket: Ticket, tags: list[str], audit: Audit) -> list[Change]:
    added = [tag for tag in dict.fromkeys(tags) if tag not in ticket.tags]
    removed = [tag for tag in ticket.tags if tag not in tags]
    if not added and not removed:
        return []
    previous, ticket.tags = ticket.tags, sorted(set(tags))
    audit.events.append({"type": "Change", "field_name": "tags", "value": ticket.tags, "previous_value": previous})
    return [Change("tags_changed", {"tags_added": added, "tags_removed": removed})]


def _fields_set(ticket: Ticket, asked: list[Json], audit: Audit) -> list[Change]:
    changes = []
    for key, value in ((entry["id"], entry["value"]) for entry in asked):
        previous = ticket.custom_fields.get(key)
        if previous == value:
            continue
        ticket.custom_fields[key] = value
        audit.events.append({"type": "Change", "field_name": str(key), "value": value, "previous_value": previous})
        told = {"id": str(key), "title": f"Field {key}", "type": "text"}
        changes.append(Change("custom_field_changed", {"custom_field": told, "current": value, "previous": previous}))
    return changes
