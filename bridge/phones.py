"""Phone numbers and WhatsApp ids: what is sent to Jelou, and under what key two spellings are the same person. Pure.

WhatsApp and old numbering plans write some numbers with digits that the plan of today has not. What is sent stays as it
was given, for Jelou may know the person by exactly that; what is compared is folded, and never sent.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Plan(NamedTuple):
    """One country whose numbers have two spellings. ``today`` is how its plan writes what ``older`` matches."""

    older: str
    today: str
    newer: str
    before: str


PLANS: Final = (
    # Mexico: the 1 of mobile numbers ended in August 2019, and WhatsApp ids keep it.
    # https://developers.facebook.com/docs/whatsapp/cloud-api/reference/phone-numbers and libphonenumber's plan of MX.
    _Plan(r"521(\d{10})", r"52\1", r"52(\d{10})", r"521\1"),
    # Argentina: the 9 of mobile numbers stands in ids and calls from abroad. Both ways are the same line: no landline
    # and mobile share their digits. https://faq.whatsapp.com/1294841057948784 (549, without 15); libphonenumber, AR.
    _Plan(r"54([1-8]\d{9})", r"549\1", r"549(\d{10})", r"54\1"),
    # Brazil: the ninth digit of mobile numbers (2012 to 2016), which ids made before it lack. Landlines begin with 2
    # to 5. https://faq.whatsapp.com/1294841057948784 and Anatel's resolution 553/2010; libphonenumber, BR.
    _Plan(r"55(\d\d)([6-9]\d{7})", r"55\g<1>9\2", r"55(\d\d)9([6-9]\d{7})", r"55\1\2"),
    # Benin: 01 stands before each number since 30 November 2024. libphonenumber, BJ.
    _Plan(r"229([2-9]\d{7})", r"22901\1", r"22901(\d{8})", r"229\1"),
)

DIALLED: Final = (
    # Mexico's 044 and 045 (to mobiles) and 01, behind its code or not; with 15 behind Argentina's 9.
    (r"52(?:01|04[45])(\d{10})", r"52\1"),
    (r"549(\d{2,4}15\d{6,8})", r"54\1"),
)
"""What was dialled within a country and is no part of a number or of an id."""

_WHATSAPP: Final = re.compile(
    r"(?:wa:|whatsapp:)?\+?([0-9]{7,15})(?::[0-9]+)?(?:@s\.whatsapp\.net|@c\.us)?", re.IGNORECASE
)
_PUNCTUATED: Final = re.compile(r"\+[0-9 ().\-]+")
_FLOAT: Final = re.compile(r"(\+?[0-9]{7,})[.,]0+")
_SCIENTIFIC: Final = re.compile(r"([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})")
_SEVERAL: Final = re.compile(r"[;,|\n]|\s/\s|\s(?:o|ou|or|y|e|and)\s", re.IGNORECASE)
_ABROAD_LEAST: Final = 11
"""Digits of a number that is read with the country's code although no + says so; fewer are a local one's."""


@lru_cache(maxsize=4096)
def phone(text: str, region: str | None) -> str:
    """The number that Jelou is told, in digits; empty where it is none. Of several the first that can be used.

    A WhatsApp id stays as it is, anything else becomes international. Of a number with its country's code it is enough
    that it is possible, for numbering plans change faster than libraries; one without is of the region only if it is
    valid there, for it may as well be another country's.
    """
    text = text.strip()
    whole = () if _SEVERAL.search(text) and not _exact(text) else (text,)
    candidates = (*whole, *_SEVERAL.split(text), *text.split("/"))
    return next(filter(None, (_number(_exact(one.strip()) or one, region) for one in candidates)), "")


def _exact(text: str) -> str:
    """A number that a spreadsheet has made a float, as the number; empty for what was none."""
    found = _FLOAT.fullmatch(text)
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific and len(scientific[2].rstrip("0")) <= int(scientific[3]) <= len(scientific[2]):
        return scientific[1] + scientific[2][: int(scientific[3])]
    return found[1] if found else ""


def _number(text: str, region: str | None) -> str:
    if _SCIENTIFIC.fullmatch(text):
        return ""  # its last digits are lost
    if "@" in text:
        given = _WHATSAPP.fullmatch(text)
        return given[1] if given and _valid(_folded(given[1])) else ""
    digits = phonenumbers.normalize_digits_only(text)
    first = re.search(r"[+\uff0b]|\d", text)
    if first and first[0] in "+\uff0b":
        return _international(text, digits)
    return _bare(text, digits, region) if region else ""


def _international(text: str, digits: str) -> str:
    number = _parsed(text, None)
    if number and phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
        return _e164(number)
    return digits if _valid(_folded(digits)) else _undialled(digits)


def _bare(text: str, digits: str, region: str) -> str:
    """Of the region where it is valid there, after the folding; else with the country's code, or no number."""
    number = _parsed(text, region)
    at_home = _e164(number) if number else ""
    if _valid(at_home):
        return at_home
    if at_home and _valid(_folded(at_home)):
        return digits if digits == at_home else _folded(at_home)
    return _undialled(at_home) or _abroad(digits.removeprefix("00"))


def _abroad(digits: str) -> str:
    code = len(digits) >= _ABROAD_LEAST and not digits.startswith("0")
    return digits if code and _valid(_folded(digits)) else ""


def _undialled(digits: str) -> str:
    """Without what was dialled within its country; empty where that leaves no valid number."""
    for dialled, left in DIALLED:
        found = re.fullmatch(dialled, digits)
        number = _parsed(f"+{found.expand(left)}", None) if found else None
        if number and phonenumbers.is_valid_number(number):
            return _e164(number)
    return ""


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]


def _valid(digits: str) -> bool:
    number = _parsed(f"+{digits}", None) if digits else None
    return number is not None and phonenumbers.is_valid_number(number)


def _folded(digits: str) -> str:
    """As today's plan writes it; the same where that makes no valid number of it."""
    for plan in PLANS:
        found = re.fullmatch(plan.older, digits)
        if found and _valid(found.expand(plan.today)):
            return found.expand(plan.today)
    return digits


def is_business_id(text: str) -> bool:
    """Whether this is a business-scoped id of WhatsApp's, for customers who show no number: CC. and up to 128."""
    return re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}", text) is not None


def number_of(user_id: str) -> str:
    """The number of an id at Jelou as people dial it today, with ``+``; empty where the id is no number."""
    key = person_key(user_id)
    return f"+{key}" if key.isascii() and key.isdigit() else ""


@lru_cache(maxsize=4096)
def person_key(user_id: str) -> str:
    """Under what a person's id at Jelou is compared, and never sent: all spellings of one number have the same.

    What is no number is opaque and stays as it is.
    """
    text = user_id.strip()
    given = _WHATSAPP.fullmatch(re.sub(r"\D", "", text) if _PUNCTUATED.fullmatch(text) else text)
    return _folded(given[1]) if given else text


@lru_cache(maxsize=4096)
def spellings(user_id: str) -> tuple[str, ...]:
    """The person's key, and in what other ways the same id is written: what was stored by any of them is found."""
    return tuple(dict.fromkeys(one for one in (person_key(user_id), user_id, *_before(person_key(user_id))) if one))


def _before(key: str) -> Iterator[str]:
    for plan in PLANS:
        found = re.fullmatch(plan.newer, key)
        if found and _folded(found.expand(plan.before)) == key:
            yield found.expand(plan.before)
