"""Whether a conversation's words are still for the ticket's requester."""

from __future__ import annotations

import pytest

from bridge.requesters import Change, changed, id_of, identity

ANA, MEX = "593987654321", "5215512345678"

CASES = {
    "the same requester": ("id:7", (ANA,), "id:7", ANA, Change.NONE),
    "the same id, and no number is told": ("id:7", (ANA,), "id:7", "", Change.NONE),
    "the same id, another number": ("id:7", (ANA,), "id:7", "593987654322", Change.NUMBER),
    "the same id, the number in another spelling": ("id:7", (MEX,), "id:7", "525512345678", Change.NONE),
    "another id, the same number: merged": ("id:7", (ANA,), "id:8", ANA, Change.MERGED),
    "another id, the number in another spelling": ("id:7", (MEX,), "id:8", "525512345678", Change.MERGED),
    "another id, the contact id at Jelou": ("id:7", (ANA, "EC.1A2b"), "id:8", "EC.1A2b", Change.MERGED),
    "another id, another number": ("id:7", (ANA,), "id:8", "593987654322", Change.OTHER),
    "another id, and no number is told": ("id:7", (ANA,), "id:8", "", Change.OTHER),
    "another mail": ("email:ana@example.com", (ANA,), "email:ben@example.com", "", Change.OTHER),
    "no requester was known": ("", (ANA,), "id:8", "593987654322", Change.NONE),
    "no requester is told": ("id:7", (ANA,), "", "", Change.NONE),
    "told by another kind of id": ("id:7", (ANA,), "email:ana@example.com", "593987654322", Change.NONE),
}


@pytest.mark.parametrize(("known", "users", "now", "user", "change"), CASES.values(), ids=CASES.keys())
def test_the_requester_is_compared_by_id_then_by_number(
    known: str, users: tuple[str, ...], now: str, user: str, change: Change
) -> None:
    """Only another person holds replies back."""
    assert changed(known, users, now, user) is change


def test_a_requester_is_known_by_the_surest_id_told() -> None:
    """Mail without case; nothing where nothing is told."""
    assert identity({"id": 7, "email": "a@example.com"}) == "id:7"
    assert identity({"external_id": "u-7", "email": "a@example.com"}) == "external_id:u-7"
    assert identity({"email": " Ana@Example.com"}) == "email:ana@example.com"
    assert identity({"name": "Ana"}) == identity(None) == ""
    assert (id_of("id:7"), id_of("email:a@example.com")) == ("7", "")
