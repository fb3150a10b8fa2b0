"""What a customer wrote reads well on a ticket, whatever type Jelou says it is and whatever stands in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.customer_text import READERS, line_of, merged
from bridge.domain import CustomerWrote
from tests.twin_callers import RECORDINGS, recording

URL = "https://media.example/a.png"


def wrote(message_type: str, content: Any) -> CustomerWrote:
    """A message of the customer."""
    return CustomerWrote("soporte", "message:1", "c-1", "r-1", "b-1", "u-1", 1, "1", message_type, content)


@pytest.mark.parametrize(
    ("message_type", "content", "line"),
    [
        ("text", {"body": "Hola\nsigo aquí \u200b"}, "Hola\nsigo aquí"),
        ("text", {"text": "Hola"}, "Hola"),
        ("text", {"body": ""}, "Mensaje vacío"),
        ("text", {}, "Mensaje vacío"),
        ("image", {"url": URL, "mime_type": "image/png"}, f"Imagen: {URL}"),
        ("image", {"url": URL, "caption": "Mi caja"}, f"Imagen: {URL}\nMi caja"),
        ("image", {"mediaUrl": URL}, f"Imagen: {URL}"),
        ("image", {"url": "javascript:alert(1)"}, "Imagen: (no informado)"),
        ("image", {}, "Imagen: (no informado)"),
        ("video", {"url": URL}, f"Video: {URL}"),
        ("audio", {"url": URL}, f"Audio: {URL}"),
        ("document", {"url": URL, "filename": "contrato\n.pdf"}, f"Documento contrato .pdf: {URL}"),
        ("file", {"mediaUrl": URL}, f"Archivo: {URL}"),
        ("sticker", {"url": URL}, f"Sticker: {URL}"),
        ("location", {"latitude": -0.18, "longitude": "-78.46"}, "Ubicación: https://maps.google.com/?q=-0.18,-78.46"),
        (
            "location",
            {"location": {"lat": 1, "lng": 2, "name": "Casa"}},
            "Ubicación: Casa https://maps.google.com/?q=1,2",
        ),
        ("location", {"lat": "1&x=", "lng": 2, "address": "Quito"}, "Ubicación: Quito"),
        ("location", {}, "Ubicación: (no informado)"),
        (
            "contacts",
            {"contacts": [{"name": {"formatted_name": "Luis"}, "phones": [{"phone": "+593 9"}, {"wa_id": "5939"}]}]},
            "Contacto: Luis +593 9 5939",
        ),
        ("contacts", {"name": "Luis", "phone": "099"}, "Contacto: Luis 099"),
        ("contacts", {}, "Contacto: (no informado)"),
        ("reaction", {"emoji": "👍", "message_id": "m"}, "Reaccionó con 👍"),
        ("reaction", {"emoji": ""}, "Quitó una reacción"),
        ("button", {"text": "Sí", "payload": "YES"}, "Eligió: Sí"),
        (
            "interactive",
            {"type": "x", "list_reply": {"id": "1", "title": "Pagos", "description": "Mes"}},
            "Eligió: Pagos\nMes",
        ),
        ("interactive", {"interactive": {"button_reply": {"id": "1", "title": "Sí"}}}, "Eligió: Sí"),
        ("button", {}, "Mensaje vacío"),
        ("order", {"secret": "x", "items": [1]}, "Mensaje de tipo order, que no se puede mostrar aquí"),
        (
            "poll",
            {"body": "¿Cuál?", "url": URL, "token": "x"},
            f"Mensaje de tipo poll, que no se puede mostrar aquí\n¿Cuál?\n{URL}",
        ),
        ("", {}, "Mensaje de tipo (no informado), que no se puede mostrar aquí"),
    ],
)
def test_a_message_reads_well(message_type: str, content: Any, line: str) -> None:
    """Captions, names and addresses are kept; of an unknown type, what is plainly text or address."""
    assert line_of(wrote(message_type, content), "es") == line


@pytest.mark.parametrize("name", sorted(path.stem for path in (RECORDINGS / "jelou").glob("webhook.message.*")))
def test_every_recorded_message_is_read(name: str) -> None:
    """All that it says to a reader stands in the text."""
    value = recording(name)["value"]
    line = line_of(wrote(value["type"], value["content"]), "en")
    wanted = [one for key, one in value["content"].items() if key in {"body", "url", "caption", "filename"}]
    assert line
    assert [one for one in wanted if one not in line] == []


def test_an_address_is_shown_whole() -> None:
    """However long: half of one leads nowhere."""
    long = f"{URL}?{'x' * 3_000}"
    assert line_of(wrote("image", {"url": long}), "en") == f"Image: {long}"
    assert "file:" not in line_of(wrote("image", {"url": "file:///a"}), "en")


def test_several_messages_are_one_update() -> None:
    """Headed once by whose they are, in the order they came."""
    assert merged(["Hola", "", "¿Están?"], "Ana\nPérez", "es") == "Ana Pérez (vía Jelou):\nHola\n¿Están?"
    assert merged(["Oi"], " ", "pt") == "Cliente (via Jelou):\nOi"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([URL, "http://[", "http://x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["body", "url", "name", "contacts", "phones", "phone", "location", "lat", "lng", "emoji", "interactive",
             "list_reply", "title", "reaction", "caption", "formatted_name"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    message_type=st.sampled_from(sorted(READERS)) | st.text(),
    content=JSON,
    language=st.sampled_from(["en", "es", "pt"]),
)
def test_no_json_makes_it_fail(message_type: str, content: Any, language: Any) -> None:
    """And none becomes nothing: a customer who wrote is seen."""
    line = line_of(wrote(message_type, content), language)
    line.encode()
    assert line.strip()


@given(message_type=st.text(alphabet="abc.\ud83d\u200b"), value=st.text(min_size=12, alphabet="zq"))
def test_an_unknown_type_shows_nothing_but_text(message_type: str, value: str) -> None:
    """What stands under another name may be a token."""
    line = line_of(wrote(f"?{message_type}", {"access": value, "inner": {"body": value}}), "en")
    line.encode()
    assert value not in line
