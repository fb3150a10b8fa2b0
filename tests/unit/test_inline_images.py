"""An image that stands in the text and among the files of a reply goes to the customer once, as a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import AgentReplied, Attachment, TicketRef
from bridge.say import messages_of

REF = TicketRef("zendesk", "acme", "7")
URL = "https://acme.zendesk.com/attachments/token/Vn3kq8sPzT1xLm9/?name=foto.png"
SIGNED = "https://files.example/i/o/123456/a1b2c3/foto.png?expires=1&signature=x"
AGAIN = SIGNED.replace("expires=1&signature=x", "expires=2&signature=y")
PHOTO = Attachment(URL, "foto.png", "image/png", 900)
INLINE = [
    ("html", f'<p>Mire:</p><img src="{URL}">', URL),
    ("html", f"<p>Mire:</p><IMG alt='foto' class=x SRC='{URL}' />", URL),
    ("html", f'<p>Mire:</p><a href="{URL}"><img src="{URL}" alt="foto"></a>', URL),
    ("html", f'<p>Mire:</p><img src="{SIGNED.replace("&", "&amp;")}">', AGAIN),
    ("html", f'<p>Mire:</p><img src="{URL.replace("acme.zendesk.com", "ayuda.acme.example")}">', URL),
    ("html", '<p>Mire:</p><img src="https://files.example/i/mi foto.png">', "https://files.example/i/mi%20foto.png"),
    ("html", f'<p>Mire:</p><img data-x="a>b" src="{URL}">', URL),
    ("markdown", f"Mire:\n\n![foto]({URL})", URL),
    ("markdown", f'Mire:\n\n![foto](<{URL}> "la foto")', URL),
    ("wiki", f"Mire:\n!{URL}!", URL),
    ("text", f"Mire:\n{URL}", URL),
]


def told(markup: str, text: str, *files: Attachment) -> list[tuple[str, str]]:
    """Type and words or address of each message."""
    event = AgentReplied(REF, "comment:9", "9", text, public=True, markup=markup, attachments=files)
    return [(one.message_type, one.content.get("body", "") or one.content["url"]) for one in messages_of(event, REF, 1)]


@pytest.mark.parametrize(("markup", "text", "url"), INLINE)
def test_an_inline_image_goes_as_the_file_alone(markup: str, text: str, url: str) -> None:
    """Its address does not stand in the text as well, however the text is written and the address signed."""
    assert told(markup, text, Attachment(url, "foto.png", "image/png", 900)) == [("text", "Mire:"), ("image", url)]


@pytest.mark.parametrize(("markup", "text", "url"), INLINE)
def test_an_inline_image_that_is_no_file_keeps_its_address(markup: str, text: str, url: str) -> None:
    """Nothing else would show it: of other files of the reply it is not one."""
    body = told(markup, text, Attachment("https://files.example/otro.pdf", "otro.pdf"))[0][1]
    assert "https://" in body
    assert url.partition("?")[0].rpartition("/")[2] in body


def test_a_file_that_is_told_twice_goes_once() -> None:
    """Some helpdesks list an inline image among the files again."""
    assert told("html", "Hola", PHOTO, PHOTO) == [("text", "Hola"), ("image", URL)]


def test_an_image_of_a_file_that_can_only_be_a_line_is_one_line() -> None:
    """Too large for WhatsApp: its name and address, once."""
    large = Attachment(URL, "foto.png", "image/png", 200_000_000)
    assert told("html", f'Mire <img src="{URL}">', large) == [("text", f"Mire\nfoto.png: {URL}")]


def test_a_link_that_an_agent_wrote_stays() -> None:
    """What has words of its own is no image, whatever it leads to."""
    text = f'Vea <a href="{URL}">la foto</a> y <a href="https://acme.example/foto.png">la tienda</a>'
    body = f"Vea la foto ({URL}) y la tienda (https://acme.example/foto.png)"
    assert told("html", text, PHOTO) == [("text", body), ("image", URL)]


def test_another_image_of_the_same_name_is_another() -> None:
    """Only the same place of the same file is the same file."""
    other = "https://acme.example/static/foto.png"
    assert told("html", f'<img src="{other}">', PHOTO) == [("text", other), ("image", URL)]


@given(st.text(alphabet="<img src=\"'>ax!|[]()&; ") | st.text(), st.sampled_from(["html", "markdown", "wiki", "text"]))
def test_no_text_makes_it_fail(text: str, markup: str) -> None:
    """And the file goes."""
    assert told(markup, text, PHOTO)[-1] == ("image", URL)
