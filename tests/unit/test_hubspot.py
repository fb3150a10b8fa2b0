"""HubSpot's events: thin, in lists, stages instead of statuses, a signature over a URL that a proxy hides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from bridge.domain import (
    AgentReplied,
    TicketEvent,
    TicketOpened,
    TicketReopened,
    TicketSolved,
    Unrecognised,
)
from bridge.errors import SignatureRejected, Unreadable
from bridge.helpdesks import hubspot_events
from bridge.helpdesks.hubspot_account import signed
from bridge.signatures import verify
from tests.helpdesk_recordings import recordings_of
from tests.hubspot_accounts import ACCOUNT, HUBSPOT, URL, account
from tests.senders import NOW_MS, delivered, prove

README = Path(__file__).parents[2] / "README.md"


def event(**values: Any) -> dict[str, Any]:
    """An entry of a list, of ticket 7."""
    told = {
        "eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": NOW_MS, "attemptNumber": 0,
        "subscriptionType": "ticket.propertyChange", "objectId": 7, "changeSource": "CRM_UI", "sourceId": "userId:5",
    }  # fmt: skip
    return {**told, **values}


def changed(name: str, value: object, **values: Any) -> dict[str, Any]:
    """A property of ticket 7 that changed."""
    return event(propertyName=name, propertyValue=value, **values)


def read(*entries: object, of: Any = ACCOUNT, raw: bytes = b"") -> list[TicketEvent]:
    """The events of a list."""
    proof = signed(of.verification)
    delivery = delivered(raw or orjson.dumps(entries))
    return HUBSPOT.read(verify(prove(delivery, proof).on(delivery), proof, NOW_MS), of, "main")


def one(*entries: object, of: Any = ACCOUNT) -> TicketEvent:
    """The only event of a list."""
    (found,) = read(*entries, of=of)
    return found


# --- the signature ---------------------------------------------------------------------------------------------------

CLIENT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
CREATED = (
    '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":'
    '"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)
EXAMPLE = '{"example_field":"example_value"}'
PUBLISHED = [
    ("v1", CREATED, "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
    ("v2", EXAMPLE, "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"),
    ("v3", EXAMPLE.replace('"', "'"), "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
]
"""Of HubSpot's documentation, and of the tests of its own client (v3)."""
SIGNED_MS = 1_693_657_560_000


@pytest.mark.parametrize(("version", "body", "signature"), PUBLISHED, ids=[one[0] for one in PUBLISHED])
def test_a_published_signature_is_accepted(version: str, body: str, signature: str) -> None:
    """Whatever address the request came to behind a proxy: the configured URL is what was signed."""
    section = {"secrets": [CLIENT_SECRET], "public_url": "https://www.example.com/webhook_uri", "version": version}
    proof = signed(account(verification=section).verification)
    headers = {"x-hubspot-signature": signature, "x-hubspot-signature-v3": signature}
    headers["x-hubspot-request-timestamp"] = str(SIGNED_MS)
    told = delivered(body.encode(), headers=headers, url="http://10.0.0.7:8080/webhook_uri")
    assert verify(told, proof, SIGNED_MS + 1_000).delivery is told
    with pytest.raises(SignatureRejected):
        verify(delivered(body.encode() + b" ", headers=headers), proof, SIGNED_MS)


def test_a_signature_over_another_url_is_rejected() -> None:
    """A delivery for another bridge, or another account, is not for this one."""
    ours = signed(ACCOUNT.verification)
    theirs = signed(account(verification={"public_url": URL + "-2"}).verification)
    told = delivered(b"[]")
    with pytest.raises(SignatureRejected):
        verify(prove(told, theirs).on(told), ours, NOW_MS)


def test_what_hubspot_decodes_in_the_url_is_decoded_and_nothing_else() -> None:
    """Twelve characters; a blank, an ampersand and a percent sign stay as they are written."""
    written = "https://x.example/a%3a%2F%3F%40%21%24%27%28%29%2A%2C%3B?b=%20%26%253A"
    assert (
        ":/?@!$'()*,;?b=%20%26%253A{body}" in signed(account(verification={"public_url": written}).verification).signed
    )


@pytest.mark.parametrize(
    "url", ["", "bridge.example.com", "https://x.example/{body}", "https://x.example/#a", "https://a b"]
)
def test_the_url_must_be_one(url: str) -> None:
    """Nothing that would change what is signed."""
    with pytest.raises(ValidationError, match="public_url"):
        account(verification={"public_url": url})


# --- lists of events -------------------------------------------------------------------------------------------------


def test_a_list_sent_again_tells_the_same_facts() -> None:
    """HubSpot sends the whole list again, with the number of its attempt counted up, and under no id of its own."""
    told = [event(subscriptionType="ticket.creation"), changed("hs_pipeline_stage", "4"), changed("subject", "x")]
    again = [{**entry, "attemptNumber": 3} for entry in told]
    assert [found.fact for found in read(*told)] == [found.fact for found in read(*again)]
    assert HUBSPOT.delivery_id(delivered(orjson.dumps(told)), recordings_of("hubspot").account) == ""


def test_event_ids_are_not_unique() -> None:
    """Two events with the same id are two, by subscription and by time."""
    told = [
        changed("subject", "x"),
        changed("subject", "x", occurredAt=NOW_MS + 1),
        changed("subject", "x", subscriptionId=9),
    ]
    assert len({found.fact for found in read(*told)}) == len(told)


@pytest.mark.parametrize(
    "odd", [1, None, "x", [], {}, {"objectId": 7}, event(objectId=None), event(objectId={}), event(objectId="..")]
)
def test_an_odd_entry_stops_no_other(odd: object) -> None:
    """A refused list would be sent again ten times, and then its good events are lost."""
    found = read(odd, event(subscriptionType="ticket.creation"))
    assert isinstance(found[-1], TicketOpened)
    assert all(isinstance(other, Unrecognised) and other.fact for other in found[:-1])


UNFILLED = ["{{objectId}}", "{{ticket.id}}", "${id}", "<id>"]


@pytest.mark.parametrize("unfilled", UNFILLED)
def test_a_placeholder_is_refused_where_no_entry_tells_of_a_ticket(unfilled: str) -> None:
    """A workflow that fills in nothing tells so at once; beside a good event it is an odd entry as any other."""
    odd, good = event(objectId=unfilled, subscriptionType="ticket.creation"), event(subscriptionType="ticket.creation")
    for entries in ([odd], [odd, odd], [1, odd], [event(objectId=None), odd]):
        with pytest.raises(Unreadable, match="objectId: is a placeholder that nothing has filled in"):
            read(*entries)
    for entries in ([odd, good], [good, odd]):
        assert {type(found) for found in read(*entries)} == {Unrecognised, TicketOpened}


def test_a_hundred_events_are_read_and_a_single_object_too() -> None:
    """A list may be full; and an object that stands alone is a list of one."""
    assert len(read(*[event(objectId=at + 1, subscriptionType="ticket.creation") for at in range(100)])) == 100
    alone = b"\xef\xbb\xbf" + orjson.dumps(event(subscriptionType="ticket.creation"))
    assert [type(found) for found in read(raw=alone)] == [TicketOpened]


def test_another_portals_event_is_nobodys() -> None:
    """One app sends the events of all portals it is installed in, whose tickets have the same numbers."""
    ours = account(portal_id=3)
    assert isinstance(one(event(subscriptionType="ticket.creation"), of=ours), TicketOpened)
    foreign = one(event(subscriptionType="ticket.creation", portalId=4), of=ours)
    assert (type(foreign), foreign.ref) == (Unrecognised, None)


@pytest.mark.parametrize("object_id", [15830021177, "15830021177", " 15830021177 "])
def test_a_ticket_has_the_same_name_however_its_number_is_written(object_id: object) -> None:
    """As a number, as a text, with blanks around it."""
    found = one(event(subscriptionType="object.creation", objectTypeId="0-5", objectId=object_id))
    assert str(found.ref) == "hubspot/main/15830021177"


@pytest.mark.parametrize("told", [{"objectTypeId": "0-1"}, {"objectTypeId": None}, {}])
def test_the_newer_events_are_of_tickets_only_where_they_say_so(told: dict[str, Any]) -> None:
    """A contact's number is no ticket's."""
    assert one(event(subscriptionType="object.creation", **told)).ref is None


# --- what happened ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "kind"), [("4", TicketSolved), ("1", Unrecognised), ("954564780", TicketSolved), ("77", Unrecognised)]
)
def test_a_stage_is_known_by_the_default_pipeline_or_the_accounts_labels(stage: str, kind: type[TicketEvent]) -> None:
    """Numbers of other pipelines mean nothing by themselves."""
    labelled = account(labels={"status": {"954564780": "solved"}})
    assert isinstance(one(changed("hs_pipeline_stage", stage), of=labelled), kind)


@pytest.mark.parametrize("value", [str(NOW_MS), NOW_MS, "2026-11-20T14:20:05Z"])
def test_a_ticket_is_closed_by_its_date_in_any_pipeline(value: object) -> None:
    """The date's own value is the fact, so that the list of changed tickets tells the same."""
    found = one(changed("closed_date", value, occurredAt=NOW_MS + 77))
    assert isinstance(found, TicketSolved)
    assert found.fact == f"status:solved:{NOW_MS}"


@pytest.mark.parametrize("value", ["", None])
def test_a_date_that_is_emptied_reopens_the_ticket(value: object) -> None:
    """HubSpot clears the closing date; a reopening date is never cleared for good reason."""
    assert isinstance(one(changed("closed_date", value)), TicketReopened)
    assert isinstance(one(changed("hs_ticket_reopened_at", value)), Unrecognised)
    assert isinstance(one(changed("hs_last_message_sent_at", value)), Unrecognised)


def test_a_stage_between_open_ones_is_no_reopening() -> None:
    """Or a ticket whose conversation has ended would begin the next each time an agent moves it."""
    assert isinstance(one(changed("hs_pipeline_stage", "3")), Unrecognised)


def test_a_reply_is_told_by_its_time_and_read() -> None:
    """The event has no text; without access there is nothing to read it with."""
    told = changed("hs_last_message_sent_at", str(NOW_MS), changeSource="CONVERSATIONS")
    found, deaf = one(told), one(told, of=account().model_copy(update={"access": None}))
    assert isinstance(found, AgentReplied)
    assert isinstance(deaf, AgentReplied)
    assert (found.partial, found.at_ms, found.comment_id, deaf.partial) == (True, NOW_MS, "", False)


def test_the_bridge_is_known_by_the_number_of_its_app() -> None:
    """The app that sends the webhooks is ours, unless the account names another; an agent has no such number."""
    mine = event(subscriptionType="ticket.creation", changeSource="INTEGRATION", sourceId="4")
    assert one(mine).by_bridge
    assert not one({**mine, "changeSource": "CRM_UI"}).by_bridge
    assert not one({**mine, "sourceId": "5"}).by_bridge
    assert not one({**mine, "sourceId": "", "appId": None}).by_bridge
    other = account(access={"app_id": 5})
    assert (one(mine, of=other).by_bridge, one({**mine, "sourceId": "5"}, of=other).by_bridge) == (False, True)


def test_the_readme_names_what_to_subscribe_to() -> None:
    """An event that is not ticked is never told."""
    assert all(f"`{name}`" in README.read_text(encoding="utf-8") for name in hubspot_events.PROPERTIES)
