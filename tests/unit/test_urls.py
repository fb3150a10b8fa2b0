"""An address with what cannot stand in one is percent-encoded, never dropped; what is none of the web stays none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat_text import is_address, plain
from bridge.customer_text import line_of
from bridge.domain import AgentReplied, Attachment, CustomerWrote, TicketRef
from bridge.say import messages_of
from bridge.urls import encoded

REF = TicketRef("zendesk", "acme", "7")
ENCODED = [
    ("https://x.example/mi contrato.pdf", "https://x.example/mi%20contrato.pdf"),
    (" https://x.example/a.pdf\n", "https://x.example/a.pdf"),
    ("https://x.example/a\tb\r\nc.pdf", "https://x.example/abc.pdf"),
    ("HTTPS://X.example/a.pdf", "https://X.example/a.pdf"),
    ("https://x.example/Canción.pdf", "https://x.example/Canci%C3%B3n.pdf"),
    ("https://x.example/a?name=mi foto.png&s=%2B", "https://x.example/a?name=mi%20foto.png&s=%2B"),
    ("https://x.example/100%.pdf", "https://x.example/100%25.pdf"),
    ("https://x.example/a%20b c", "https://x.example/a%20b%20c"),
    ('https://x.example/"a"<b>{c}|^`\\d', "https://x.example/%22a%22%3Cb%3E%7Bc%7D%7C%5E%60%5Cd"),
    ("https://x.example/\ud83d", "https://x.example/%EF%BF%BD"),
    ("https://x.example/a\u200bb", "https://x.example/a%E2%80%8Bb"),
    ("https://compañía.example:8443/a b", "https://xn--compaa-7va5a.example:8443/a%20b"),
    ("https://[::1]:8443/a b", "https://[::1]:8443/a%20b"),
    ("https://x.example?q=a b", "https://x.example?q=a%20b"),
]
NONE = [
    "",
    "a.pdf",
    "/media/a b.pdf",
    "javascript:alert(1)",
    "file:///a b",
    "https:///a b",
    "https://x y.example/a",
    "https://good.example\\@evil.example/a b",
    "https://x.example:99999/a b",
    "https://[::1/a b",
    "https://evil.example\uff0fgood.example/a b",
    "https://evil\uff20good.example/a b",
]


@pytest.mark.parametrize(("told", "right"), ENCODED)
def test_what_cannot_stand_in_an_address_is_encoded(told: str, right: str) -> None:
    """Once: what is encoded already stays, as a signature may be over it."""
    assert encoded(told) == right
    assert encoded(right) == right


@pytest.mark.parametrize("told", NONE)
def test_what_is_no_address_of_the_web_stays_none(told: str) -> None:
    """No encoding makes another host of it, or a host where there is none."""
    assert encoded(told) == ""


@given(st.text() | st.text().map("https://x.example/".__add__) | st.text().map("https://".__add__))
def test_whatever_comes_of_it_can_stand_alone(told: str) -> None:
    """Plain ASCII without blanks, the same when it is encoded again, and never a failure."""
    made = encoded(told)
    assert made == "" or (made.isascii() and is_address(made) and encoded(made) == made)


@pytest.mark.parametrize(("told", "right"), ENCODED)
def test_a_file_goes_to_the_customer_under_its_encoded_address(told: str, right: str) -> None:
    """As a file, not as a line of text, and not at all as nothing."""
    event = AgentReplied(REF, "comment:9", "9", "", public=True, attachments=(Attachment(told, "a.pdf"),))
    assert [(one.message_type, one.content["url"]) for one in messages_of(event, REF, 1)] == [("document", right)]


@pytest.mark.parametrize(("told", "right"), ENCODED)
def test_a_customers_file_is_on_the_ticket_under_its_encoded_address(told: str, right: str) -> None:
    """The agent can open it."""
    content = {"url": told, "filename": "a.pdf"}
    event = CustomerWrote("p", "f", "c", "r", "b", "u", 1, "m", "document", content)
    assert line_of(event, "en") == f"Document a.pdf: {right}"


@pytest.mark.parametrize(
    ("text", "markup", "right"),
    [
        ('<a href="https://x.example/a b.pdf">Manual</a>', "html", "Manual (https://x.example/a%20b.pdf)"),
        ('<img src="https://x.example/a b.png">', "html", "https://x.example/a%20b.png"),
        ("[Manual](<https://x.example/a b.pdf>)", "markdown", "Manual (https://x.example/a%20b.pdf)"),
        ("[Manual|https://x.example/a b.pdf]", "wiki", "Manual (https://x.example/a%20b.pdf)"),
        ('{"type": "inlineCard", "attrs": {"url": "https://x.example/a b"}}', "adf", "https://x.example/a%20b"),
        ('<a href="https://x.example/Canción">Canción</a>', "html", "Canción (https://x.example/Canción)"),
        ('<a href="mailto:ana@x.example">Ana</a>', "html", "Ana (ana@x.example)"),
        ('<a href="javascript:x y">Ana</a>', "html", "Ana"),
    ],
)
def test_a_link_in_a_text_keeps_its_address(text: str, markup: str, right: str) -> None:
    """Whole, so that the chat makes a link of all of it; what is readable as it is stays readable."""
    assert plain(text, markup) == right
