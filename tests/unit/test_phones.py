"""Numbers as people, spreadsheets and WhatsApp write them: what is sent, and who is the same person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.phones import person_key, phone, spellings

SENT = [
    # A WhatsApp id stays as it is.
    ("+5215512345678", "EC", "5215512345678"),
    ("5215512345678", "EC", "5215512345678"),
    ("5215512345678", "MX", "5215512345678"),
    ("5215512345678@s.whatsapp.net", "EC", "5215512345678"),
    ("593987654321@c.us", None, "593987654321"),
    ("5215512345678:12@s.whatsapp.net", None, "5215512345678"),
    ("+551187654321", "EC", "551187654321"),
    ("+5491123456789", None, "5491123456789"),
    ("+22997123456", None, "22997123456"),
    # Anything else becomes international, without what was dialled within the country.
    ("+525512345678", "EC", "525512345678"),
    ("55 1234 5678", "MX", "525512345678"),
    ("044 55 1234 5678", "MX", "525512345678"),
    ("1 55 1234 5678", "MX", "525512345678"),
    ("+54 11 15 2345 6789", None, "5491123456789"),
    ("+54 9 11 15 2345-6789", None, "5491123456789"),
    ("011 15 2345-6789", "AR", "5491123456789"),
    ("(11) 8765-4321", "BR", "5511987654321"),
    ("011 98765-4321", "BR", "5511987654321"),
    # Spreadsheets.
    ("593987654321.0", "EC", "593987654321"),
    ("593987654321,00", "EC", "593987654321"),
    ("+593987654321.0", None, "593987654321"),
    ("0987654321.0", "EC", "593987654321"),
    ("5.93987654321E+11", "EC", "593987654321"),
    ("5,93987654321e11", "EC", "593987654321"),
    # Several: the first that can be used.
    ("0987654321 / 0991112222", "EC", "593987654321"),
    ("0987654321/0991112222", "EC", "593987654321"),
    ("0987654321; 0991112222", "EC", "593987654321"),
    ("no / 0991112222", "EC", "593991112222"),
    ("0987654321 o 0991112222", "EC", "593987654321"),
    # Without +: of the region where it is valid there, else another country's.
    ("0987654321", "EC", "593987654321"),
    ("593987654321", "EC", "593987654321"),
    ("00593987654321", "EC", "593987654321"),
    ("573001234567", "EC", "573001234567"),
    ("51987654321", "BR", "5551987654321"),
    ("51987654321", "EC", "51987654321"),
]

UNUSABLE = [
    ("2345678", "EC"),  # local only
    ("5.93988E+11", "EC"),  # its last digits are lost
    ("15 2345 6789", "AR"),  # without its area
    ("120363041234567890@g.us", "EC"),  # a group
    ("12345678901234@lid", "EC"),
    ("ana@example.com", "EC"),
    ("0987654321", None),
    ("51987654321", None),
    ("", "EC"),
    ("unknown", "EC"),
]

SAME = [
    ("525512345678", ["5215512345678", "+52 1 55 1234 5678", "5215512345678@s.whatsapp.net", "525512345678@c.us"]),
    ("5491123456789", ["541123456789", "+54 11 2345-6789", "5491123456789@s.whatsapp.net"]),
    ("5511987654321", ["551187654321", "+55 11 8765-4321", "551187654321@s.whatsapp.net"]),
    ("2290197123456", ["22997123456"]),
    ("593987654321", ["+593987654321", "593987654321@s.whatsapp.net", "wa:593987654321"]),
]


@pytest.mark.parametrize(("text", "region", "sent"), SENT)
def test_a_number_is_sent_as_the_person_is_known_at_whatsapp(text: str, region: str | None, sent: str) -> None:
    """A given id as it is, else international; never another person's number."""
    assert phone(text, region) == sent


@pytest.mark.parametrize(("text", "region"), UNUSABLE)
def test_what_nobody_can_call_is_no_number(text: str, region: str | None) -> None:
    """Better none, with its reason, than a stranger's."""
    assert phone(text, region) == ""


@pytest.mark.parametrize(("key", "others"), SAME)
def test_all_spellings_of_a_number_are_one_person(key: str, others: list[str]) -> None:
    """Whatever WhatsApp or an old plan adds."""
    assert person_key(key) == key
    assert {person_key(other) for other in others} == {key}


@pytest.mark.parametrize(
    "other", ["525512345679", "551133334444", "EC.A1b2C3", "541523456789", "u-17", "5551187654321"]
)
def test_another_person_stays_another(other: str) -> None:
    """A landline has no ninth digit, and what is no number is opaque."""
    assert person_key(other) == other


def test_the_older_spellings_of_a_key_are_told() -> None:
    """What an older version has stored is found by the person's new id, and the other way round."""
    assert spellings("525512345678") == ("525512345678", "5215512345678")
    assert spellings("5215512345678") == ("525512345678", "5215512345678")
    assert spellings("551187654321") == ("5511987654321", "551187654321")
    assert spellings("541123456789") == ("5491123456789", "541123456789")
    assert spellings("593987654321") == ("593987654321",)
    assert spellings("EC.A1b2C3") == ("EC.A1b2C3",)
    assert spellings("") == ()


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    """Whatever a field holds; and what is sent is digits."""
    found = phone(text, "EC")
    assert found == "" or (found.isascii() and found.isdigit())
    assert person_key(person_key(text)) == person_key(text)
    assert all(person_key(one) == person_key(text) for one in spellings(text))
