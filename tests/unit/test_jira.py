"""Jira Service Management: what its webhooks leave out, tell twice, or tell in words of the site's own."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.chat_text import plain
from bridge.domain import AgentReplied, TicketReopened, TicketSolved, Unrecognised
from bridge.helpdesks import jira_listing, jira_reading
from bridge.helpdesks.jira_account import site_of
from tests.jira_bodies import (
    AGENT,
    BRIDGE,
    MARK,
    RECORDED,
    REF,
    account,
    commented,
    created,
    deaf,
    item,
    only,
    opened,
    read,
    replied,
    status,
    updated,
)
from tests.senders import NOW_MS

# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "name", "category"),
    [
        ("new", "To Do", "new"),
        ("new", "Recién llegado", "new"),
        ("open", "Waiting for support", "new"),
        ("open", "Investigando", "indeterminate"),
        ("pending", "Waiting for customer", "indeterminate"),
        ("pending", "Esperando por el cliente", "indeterminate"),
        ("pending", "Aguardando pelo cliente", "indeterminate"),
        ("solved", "Resolved", "done"),
        ("solved", "Atendido", "done"),
        ("solved", "Esperando al cliente", "done"),
        ("closed", "Closed", "done"),
        ("closed", "Fechado", "done"),
        ("closed", "Canceled", "done"),
        ("open", "Done", "indeterminate"),
        ("solved", "Resuelto", ""),
        ("nadie sabe", "Nadie sabe", ""),
    ],
)
def test_a_status_is_told_by_its_category_and_its_name(ours: str, name: str, category: str) -> None:
    """The category knows no language and decides what is done; between the ends the name says more."""
    assert jira_reading.status(account(), status(name, category)) == ours


def test_an_accounts_own_word_for_a_status_comes_first() -> None:
    """Even where the category says otherwise."""
    own = account(labels={"status": {"Falta la pieza": "pending", "Listo para retirar": "open"}})
    assert jira_reading.status(own, status("falta la pieza ", "indeterminate")) == "pending"
    assert jira_reading.status(own, status("Listo para retirar", "done")) == "open"


# --- issues ----------------------------------------------------------------------------------------------------------


def test_the_changelog_names_the_fact() -> None:
    """Bulk edits and post functions send one change several times, each with another time and delivery."""
    moved = item("status", ("3", "In Progress"), ("5", "Resolved"))
    body = updated(status("Resolved", "done", "5"), moved)
    again = {**body, "timestamp": NOW_MS + 900}
    assert read(body, delivery_id="a") == read(again, delivery_id="b")
    later = updated(status("Resolved", "done", "5"), moved, changelog="20999")
    assert read(later)[0].fact != read(body)[0].fact


def test_a_change_without_a_changelog_id_is_told_by_its_time() -> None:
    """So that its redelivery is a repeat, and the next one is not."""
    body = updated(status("Resolved", "done", "5"), item("status", ("3", "Open"), ("5", "Resolved")))
    del body["changelog"]["id"]
    assert only(body).fact == f"status:{NOW_MS}"
    assert only({**body, "timestamp": NOW_MS + 1}).fact == f"status:{NOW_MS + 1}"


def test_only_the_status_among_many_items_is_acted_upon() -> None:
    """Wherever it stands in the list, whatever the words around it; an item may name its field alone."""
    moved = item("status", ("3", "In Progress"), ("5", "Resolved"))
    del moved["fieldId"]
    items = [item("assignee", ("", ""), ("x", "Ana")), moved, item("resolution", ("", ""), ("1", "Done"))]
    event = only(updated(status("Resolved", "done", "5"), *items))
    assert (type(event), event.fact) == (TicketSolved, "status:20477")


def test_a_custom_field_called_status_is_no_status() -> None:
    """A field of the site's own may have any name: its id tells it apart."""
    odd = {**item("status", ("1", "Rojo"), ("2", "Resolved")), "fieldId": "customfield_10077"}
    assert isinstance(only(updated(status("In Progress", "indeterminate"), odd)), Unrecognised)


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ([item("status", ("5", "Resolved"), ("3", "In Progress"))], TicketReopened),
        ([item("status", ("5", "Cerrado"), ("3", "En curso"))], TicketReopened),
        ([item("status", ("5", "Concluído"), ("3", "Em andamento"))], TicketReopened),
        ([item("status", ("5", "Listo para retirar"), ("3", "In Progress"))], TicketReopened),
        ([item("resolution", ("1", "Done"), ("", "")), item("status", ("5", "Atendido"), ("3", "x"))], TicketReopened),
        ([item("status", ("5", "Atendido"), ("3", "In Progress"))], Unrecognised),
        ([item("status", ("4", "Waiting for support"), ("3", "In Progress"))], Unrecognised),
        ([item("resolution", ("", ""), ("1", "Done")), item("status", ("4", "Open"), ("3", "x"))], Unrecognised),
    ],
)
def test_a_reopened_ticket_is_known_by_the_status_before(items: list[dict[str, Any]], kind: type) -> None:
    """By its name in three languages, the account's own label, or a resolution that the same change took away."""
    own = account(labels={"status": {"Listo para retirar": "solved"}})
    assert type(only(updated(status("In Progress", "indeterminate", "3"), *items), own)) is kind


def test_an_issue_further_on_than_its_event_is_told_as_the_event() -> None:
    """The webhook may show the issue in a later status than the one its changelog is about."""
    body = updated(status("In Progress", "indeterminate", "3"), item("status", ("3", "x"), ("5", "Resolved")))
    assert isinstance(only(body), TicketSolved)


def test_a_comment_on_the_way_of_a_transition_is_the_fact_of_its_own_event() -> None:
    """The comment comes first, and is worked once, however many events tell it."""
    note = commented("Listo", jsdPublic=True)
    both = updated(
        status("Resolved", "done", "5"), item("status", ("3", "x"), ("5", "Resolved")), comment=note["comment"]
    )
    told = read(both)
    assert [type(one) for one in told] == [AgentReplied, TicketSolved]
    assert told[0] == only(note)


def test_what_the_bridges_user_did_is_its_own() -> None:
    """A status that the bridge set comes back with its user."""
    moved = item("status", ("3", "x"), ("5", "Resolved"))
    body = updated(status("Resolved", "done", "5"), moved, user={"accountId": BRIDGE})
    assert only(body).by_bridge
    assert not only({**body, "user": {"accountId": AGENT}}).by_bridge
    assert not only(body, account(access={**RECORDED.section["access"], "bridge_user_id": ""})).by_bridge


def test_a_moved_issue_stays_the_same_ticket() -> None:
    """Its key changes with the project, its number never does."""
    body = updated(status("Open", "new"), {**item("Key", ("", "SD-142"), ("", "HR-9")), "fieldId": ""})
    body["issue"]["key"] = "HR-9"
    assert only(body).ref == REF


def test_an_event_of_something_else_names_no_ticket() -> None:
    """Projects and users have events too."""
    assert only({"webhookEvent": "user_created", "user": {"id": "9"}}).ref is None


# --- tickets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["+593987654321", 593987654321, 593987654321.0])
def test_the_phone_number_comes_from_the_configured_field(told: object) -> None:
    """A field for numbers tells it with a decimal point."""
    phone = opened(created(customfield_10061=told)).ticket.fields["requester"]["phone"]
    assert phone.lstrip("+") == "593987654321"


def test_an_issue_without_a_phone_number_is_read_again() -> None:
    """The request's own fields may be filled in after the webhook was made. Who cannot read takes it as it is."""
    assert opened(created(customfield_10061=None)).ticket.partial
    assert not opened(created(customfield_10061="+593987654321")).ticket.partial
    assert not opened(created(), deaf()).ticket.partial


def test_fields_are_told_as_a_rule_names_them() -> None:
    """Options by their word, several as a list, documents as text; nothing of what is no word."""
    fields = opened(
        created(
            customfield_1={"value": "Gold", "id": "7"},
            customfield_2=[{"value": "VPN"}, {"name": "Mail"}, None, {"id": "9"}, [1]],
            customfield_3={
                "type": "doc",
                "content": [{"type": "paragraph", "content": [{"type": "text", "text": "a"}]}],
            },
            customfield_4={"ongoingCycle": {"breached": False}},
            customfield_5=2.5,
            customfield_6="",
            customfield_7=False,
        )
    ).ticket.fields
    assert fields["custom"] == {
        "customfield_1": "Gold",
        "customfield_2": ["VPN", "Mail"],
        "customfield_3": "a",
        "customfield_5": 2.5,
        "customfield_7": False,
    }


def test_the_request_type_is_known_by_its_shape() -> None:
    """The id of its field differs from site to site; while it is not filled in yet nothing is told."""
    request = {"requestType": {"id": "31", "name": "Acceso"}, "currentStatus": {}}
    fields = opened(created(customfield_10999=request)).ticket.fields
    assert (fields["group"], fields["custom"]) == ("31", {"request_type": "Acceso"})
    assert "group" not in opened(created(customfield_10999=None)).ticket.fields


@pytest.mark.parametrize(
    ("name", "ours"),
    [("Highest", "urgent"), ("Más alta", "urgent"), ("Medium", "normal"), ("Média", "normal"), ("Lowest", "low")],
)
def test_a_priority_is_told_in_one_word(name: str, ours: str) -> None:
    """In English, Spanish and Portuguese."""
    assert opened(created(priority={"name": name})).ticket.fields["priority"] == ours


def test_nobody_is_written_for_in_their_name() -> None:
    """No id of the requester is told, so what a customer wrote is headed by who it is; the bridge is no customer."""
    fields = opened(created(reporter={"accountId": "qm:1", "displayName": "Ana"})).ticket.fields
    assert fields["requester"] == {"name": "Ana", "external_id": "qm:1"}
    stands_in = opened(created(reporter={"accountId": BRIDGE, "displayName": "Jelou"}, customfield_10061="+593987"))
    assert stands_in.ticket.fields["requester"] == {"phone": "+593987"}


# --- comments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "public"),
    [
        ({"jsdPublic": True}, True),
        ({"jsdPublic": False}, False),
        ({"jsdPublic": True, "visibility": {"type": "role", "value": "Service Desk Team"}}, False),
        ({"jsdPublic": None}, False),
        ({}, False),
    ],
)
def test_a_comment_is_public_only_where_jira_says_so(values: dict[str, Any], public: bool) -> None:
    """What nobody told to be public, or what a role alone may see, does not leave."""
    assert replied(commented(**values), deaf()).public is public
    told = {"id": "33012", "author": {"accountId": AGENT}, "body": "Hola", **values}
    [found] = jira_listing.replies(REF, {"comments": [told]}, {}, site_of(account()))
    assert found.public is public


def test_a_comment_that_tells_too_little_is_read_before_it_is_judged() -> None:
    """A private one is never read again, so one that may be public has to look public until then."""
    untold = replied(commented())
    assert (untold.public, untold.partial) == (True, True)


@pytest.mark.parametrize("kind", ["customer", "atlassian"])
def test_what_the_reporter_writes_is_no_agents_reply(kind: str) -> None:
    """An account of the portal is known at once; an employee who asked, once the issue was read beside it."""
    body = commented(author="asks", kind=kind, jsdPublic=True)
    assert isinstance(only(body), Unrecognised if kind == "customer" else AgentReplied)
    issue = {"fields": {"reporter": {"accountId": "asks"}}}
    assert jira_listing.replies(REF, {"comments": [body["comment"]]}, issue, site_of(account())) == []
    body["issue"]["fields"] |= issue["fields"]
    assert isinstance(only(body), Unrecognised)


def test_a_webhook_writes_wiki_markup_and_the_api_documents() -> None:
    """Both become the same words in a chat."""
    wiki = replied(commented("Vea *la guía*: [aquí|https://acme.example/g]", jsdPublic=True))
    text = [
        {"type": "text", "text": "Vea "},
        {"type": "text", "text": "la guía", "marks": [{"type": "strong"}]},
        {"type": "text", "text": ": "},
        {"type": "text", "text": "aquí", "marks": [{"type": "link", "attrs": {"href": "https://acme.example/g"}}]},
    ]
    document = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": text}]}
    told = {"id": "33012", "author": {"accountId": AGENT}, "body": document, "jsdPublic": True}
    [whole] = jira_listing.replies(REF, {"comments": [told]}, {}, site_of(account()))
    assert (wiki.markup, whole.markup) == ("wiki", "adf")
    assert (
        plain(wiki.text, wiki.markup) == plain(whole.text, whole.markup) == "Vea la guía: aquí (https://acme.example/g)"
    )


@pytest.mark.parametrize("body", [f"Hola\n{MARK}", "Hola\n\\[jelou-bridge:0123456789abcdef\\]"])
def test_our_mark_is_known_whoever_is_told_to_have_written_it(body: str) -> None:
    """Jira escapes the brackets of a document that it tells as wiki markup."""
    assert replied(commented(body, jsdPublic=True)).by_bridge
