"""Whom a text is for: addresses are compared as the same person's, however a helpdesk writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.addressees import CALL, ELSEWHERE, OWN_USER, REASONS, TOLD, UNKNOWN, addresses, withheld
from bridge.wording import TEXTS
from tests.helpdesk_recordings import recordings_of

ACCOUNT = recordings_of("zammad").account
ANA, OTHER = "ana@example.com", "proveedor@partner.example"
TOLD_ANYHOW = st.recursive(
    st.none() | st.integers() | st.booleans() | st.text(max_size=40) | st.sampled_from([ANA, f"<{ANA}>", "<@>", "@"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (ANA, {ANA}),
        ("ANA@Example.com", {ANA}),
        (f"Ana <{ANA}>", {ANA}),
        (f'"Ejemplo, Ana" <{ANA}>; otra@acme.example', {ANA, "otra@acme.example"}),
        (f"{ANA}, {OTHER}\n'{OTHER}'", {ANA, OTHER}),
        (f"{ANA} <{OTHER}>", {OTHER}),
        (f'"{ANA}" <{OTHER}>', {OTHER}),
        (f"mailto:{ANA}", {ANA}),
        ([[ANA], None, {"x": OTHER}, f"({OTHER})"], {ANA, OTHER}),
        ("+593 98-765 (4321)", {"593987654321"}),
        (593987654321, {"593987654321"}),
        ("V-2190", {"v-2190"}),
        ("", set()),
        (" , ;", set()),
        (None, set()),
        (True, set()),
    ],
)
def test_an_address_is_found_however_it_is_written(told: Any, found: set[str]) -> None:
    """Of a name with an address behind it the address alone: a name may look like somebody else's address."""
    assert addresses(told) == found


@pytest.mark.parametrize("mail", [True, None])
def test_a_mail_is_for_the_customer_where_one_addressee_is_theirs(mail: bool | None) -> None:
    """Among copies too, and by any of their addresses; to nobody in particular it is for the requester."""
    for to in ([ANA], f"{OTHER}, Ana <{ANA.upper()}>", ["ana@casa.example", OTHER], [], None, ""):
        assert withheld(ACCOUNT, to, [ANA, ["ana@casa.example"]], mail=mail) == ""
    assert withheld(ACCOUNT, [OTHER], [ANA], mail=mail) == ELSEWHERE
    assert withheld(ACCOUNT, [OTHER], ["+593987654321", None, "8"], mail=mail) == UNKNOWN


def test_where_nobody_reads_along_addressees_are_not_asked() -> None:
    """A chat, a portal, WhatsApp; and an account may switch it off."""
    assert withheld(ACCOUNT, [OTHER], [ANA], mail=False) == ""
    assert withheld(ACCOUNT, ["+1 415 555 0100"], ["+593987654321"]) == ""
    off = ACCOUNT.model_copy(update={"addressees": "off"})
    assert withheld(off, [OTHER], [ANA], mail=True) == ""


def test_each_reason_is_told_where_an_agent_may_have_meant_the_customer() -> None:
    """In the trace all of them, on the ticket those with words for it."""
    assert {ELSEWHERE, UNKNOWN, OWN_USER} == TOLD
    assert {ELSEWHERE, UNKNOWN, CALL, OWN_USER} == REASONS.keys()
    assert {f"withheld.{one}" for one in TOLD} <= TEXTS.keys()


@given(TOLD_ANYHOW, TOLD_ANYHOW, st.sampled_from([True, False, None]))
def test_anything_may_stand_where_addresses_should(to: Any, customer: Any, mail: bool | None) -> None:
    """It is then none, and no error; and whoever is written to by their own address is never held back from."""
    assert withheld(ACCOUNT, to, customer, mail=mail) in {"", ELSEWHERE, UNKNOWN}
    assert withheld(ACCOUNT, [to, ANA], [customer, ANA], mail=mail) == ""


def test_lists_that_nest_without_end_are_none() -> None:
    """JSON may nest deeper than a program can follow."""
    told: list[Any] = [ANA]
    for _ in range(5_000):
        told = [told]
    assert addresses(told) == frozenset()
    assert addresses([[[[ANA]]]]) == {ANA}


def test_a_long_list_takes_no_long_time() -> None:
    """Each character is looked at a fixed number of times."""
    for one in ("<" * 200_000, "@" * 200_000, "<a@" * 100_000, "a@b," * 100_000, " " * 200_000, "<" + "@a" * 100_000):
        assert isinstance(addresses(one), frozenset)
