"""Forward: from a ticket to a start: whose phone, which words, and why there can be none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from bridge.accounts import Account, Project, UserId
from bridge.domain import Assignment, Ticket, TicketRef
from bridge.errors import Unstartable
from bridge.phones import phone
from bridge.translate import INITIAL_MESSAGE_MOST, again, compiled, initial_message, start_conversation, user_id

REF = TicketRef("zendesk", "acme", "7")
PROJECT = Project.model_validate({"project_id": "p", "bot_id": "bot-1", "api_key": "k", "signing_secrets": ["s"]})


def ticket(requester: Any = None, **fields: Any) -> Ticket:
    """A ticket of Ana's."""
    person = {"name": "Ana", "phone": "+593 98 765 4321"} if requester is None else requester
    return Ticket(REF, {"id": "7", "subject": "No puedo entrar", "tags": ["vip"], "requester": person, **fields})


def account(**changes: Any) -> Account:
    """An account that starts every ticket."""
    return Account.model_validate({"project": "soporte", "start_when": [{}], **changes})


def refused(wanted: UserId, told: Ticket) -> str:
    """Why no user id is found."""
    with pytest.raises(Unstartable) as caught:
        user_id(wanted, told)
    return str(caught.value)


def rendered(template: str, **fields: Any) -> str:
    """The first message of a ticket."""
    return initial_message(template, ticket(**fields))


# --- phones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+593 98 765 4321", None, "593987654321"),
        ("+593 (0)98-765-4321", None, "593987654321"),
        ("098 765 4321", "EC", "593987654321"),
        ("00593987654321", "EC", "593987654321"),
        ("593987654321", "EC", "593987654321"),
        ("300 123 4567", "CO", "573001234567"),
        ("55 1234 5678", "MX", "525512345678"),
        ("(11) 91234-5678", "BR", "5511912345678"),
        ("+1 212 555 0100", "EC", "12125550100"),
        ("tel:+593987654321", None, "593987654321"),
    ],
)
def test_a_number_becomes_international_without_its_plus(text: str, region: str | None, number: str) -> None:
    """However people write it; a number without a country is read in the account's region."""
    assert phone(text, region) == number


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", None),
        ("ninguno", "EC"),
        ("098 765 4321", None),
        ("593987654321", None),
        ("00593987654321", None),
        ("+593 98", None),
        ("+593 98 765 4321 000 000 000", None),
        ("+999 123 456 789", None),
        ("9" * 300, "EC"),
        ("+", "EC"),
        ("\x00", "EC"),
    ],
)
def test_what_is_no_number_is_none(text: str, region: str | None) -> None:
    """Too short, too long, without a country anywhere, or no number at all."""
    assert phone(text, region) == ""


@given(text=st.text(), region=st.sampled_from([None, "EC", "CO", "ZZ"]))
def test_no_text_makes_a_phone_fail(text: str, region: str | None) -> None:
    """A field that people fill in by hand is digits or nothing in the end."""
    assert phone(text, region) == "" or phone(text, region).isdigit()


def test_the_first_field_with_a_usable_number_is_used() -> None:
    """An empty or unusable one is passed over; a number is taken as the text it is."""
    wanted = UserId(fields=["custom.whatsapp", "requester.phone"], region="EC")
    assert user_id(wanted, ticket(custom={"whatsapp": "pregunte"})) == "593987654321"
    assert user_id(wanted, ticket(custom={"whatsapp": 987111222})) == "593987111222"


def test_an_opaque_id_is_taken_as_it_is() -> None:
    """An id without any digits, or with letters before them, is as good as a phone."""
    wanted = UserId(fields=["requester.external_id"], format="text")
    for given_id in ("EC.abc123", "CO.13491208655302741918", "ana@example.com", "user 7"):
        assert user_id(wanted, ticket({"external_id": f" {given_id} "})) == given_id
    assert user_id(wanted, ticket({"external_id": 77})) == "77"


def test_without_a_number_the_agent_is_told_where_it_was_looked_for() -> None:
    """The words name the fields of the ticket and none of its values."""
    assert refused(UserId(), ticket({"phone": "12"})) == ("the ticket has no usable phone number in requester.phone")
    wanted = UserId(fields=["custom.a", "custom.b"], format="text")
    assert refused(wanted, ticket()).endswith("has no user id in custom.a, custom.b")


LISTED = UserId.model_validate(
    {
        "region": "EC",
        "sources": [
            "requester.phone",
            {"field": "custom.co", "region": "CO"},
            {"field": "custom.bsuid", "format": "business_id"},
            {"field": "requester.external_id", "format": "text"},
        ],
    }
)


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ({"requester": {"phone": "0987654321"}, "custom": {"bsuid": "EC.1A2b"}}, "593987654321"),
        ({"requester": {"phone": "12"}, "custom": {"co": "3001234567"}}, "573001234567"),
        ({"custom": {"bsuid": "EC.1A2b3C"}}, "EC.1A2b3C"),
        ({"custom": {"bsuid": "none yet"}, "requester": {"external_id": "u-7"}}, "u-7"),
        ({"requester": {"phone": 593987654321.0}}, "593987654321"),
        ({"requester": {"phone": ["12", "0987654321"]}}, "593987654321"),
        ({"requester": {"phone": "5215512345678@s.whatsapp.net"}}, "5215512345678"),
    ],
)
def test_sources_are_tried_in_order_each_in_its_form(told: dict[str, Any], sent: str) -> None:
    """For each ticket: a customer without a number is reached by the id that WhatsApp gives a business."""
    assert user_id(LISTED, Ticket(REF, told)) == sent


def test_a_customer_whom_no_source_tells_is_said_with_all_of_them() -> None:
    """So that somebody can add one."""
    told = Ticket(REF, {"requester": {"phone": True}, "custom": {"bsuid": {"a": 1}}})
    assert refused(LISTED, told) == (
        "the ticket has no user id in requester.phone, custom.co, custom.bsuid, requester.external_id"
    )


@pytest.mark.parametrize(
    "short",
    ["requester.mobile", ["requester.mobile"], {"fields": ["requester.mobile"]}, [{"field": "requester.mobile"}]],
)
def test_one_field_may_be_written_in_short(short: Any) -> None:
    """A text, a list, or the section as before: the same."""
    account = Account.model_validate({"project": "p", "user_id": short})
    assert [(one.field, one.format) for one in account.user_id.ordered()] == [("requester.mobile", "phone")]


def test_fields_beside_sources_come_after_them() -> None:
    """Where they are written; by themselves sources stand instead of the field that else holds."""
    both = UserId.model_validate({"sources": ["custom.a"], "fields": ["custom.b"], "format": "text"})
    assert [(one.field, one.format) for one in both.ordered()] == [("custom.a", "phone"), ("custom.b", "text")]
    assert [one.field for one in UserId.model_validate({"sources": ["custom.a"]}).ordered()] == ["custom.a"]


# --- first messages --------------------------------------------------------------------------------------------------


def test_a_message_is_made_of_the_tickets_fields() -> None:
    """``ticket``, ``requester`` and ``custom`` are at hand, and blanks around it are cut off."""
    template = " Hola {{ requester.name }}: {{ ticket.subject }} ({{ custom.plan or 'sin plan' }}) \n"
    assert rendered(template) == "Hola Ana: No puedo entrar (sin plan)"
    assert rendered(template, custom={"plan": "oro"}) == "Hola Ana: No puedo entrar (oro)"
    assert rendered("{{ requester.name }}", requester={}) == ""
    assert rendered("") == ""


def test_what_a_customer_writes_is_never_a_template() -> None:
    """Braces in a subject stay braces, and nothing is escaped for HTML."""
    assert rendered("{{ ticket.subject }}", subject="{{ 7 * 7 }} <b>&") == "{{ 7 * 7 }} <b>&"


def test_a_long_message_is_cut() -> None:
    """WhatsApp takes no longer text."""
    assert len(rendered("{{ ticket.subject }}", subject="x" * 9000)) == INITIAL_MESSAGE_MOST


@pytest.mark.parametrize(
    "template",
    [
        "{{ ticket.__class__.__mro__[1].__subclasses__() }}",
        "{{ ticket['__class__'].x }}",
        "{{ (ticket.items)['__func__'].x }}",
        "{{ ticket.update({'subject': 'x'}) }}",
        "{{ ticket.tags.append('x') }}",
        "{{ self._TemplateReference__context.x.y }}",
        "{{ lipsum() }}",
        "{{ range(9)|join }}",
        "{{ namespace() }}",
        "{{ joiner() }}",
        "{% include 'etc/passwd' %}",
        "{% import 'os' as os %}{{ os }}",
        "{{ ticket.nothing.deeper }}",
        "{{ 1 / 0 }}",
        "{{ 'a' + 1 }}",
        "{{ ticket.subject | nosuchfilter }}",
        "{{ unclosed",
        "{% for x in 5 %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_starts_nothing(template: str) -> None:
    """Attribute tricks, changes, globals, other files and plain mistakes all end in the same words for an agent."""
    told = ticket()
    with pytest.raises(Unstartable, match=r"^initial_message cannot be made \(\w+\)$"):
        initial_message(template, told)
    assert told == ticket()


@pytest.mark.parametrize(
    "expression",
    [
        "ticket.__class__",
        "''.__class__",
        "'{0.__class__}'.format(ticket)",
        "'%s' | format(ticket.__init__)",
        "ticket | attr('__class__')",
        "ticket.items.__self__.__class__",
    ],
)
def test_what_a_template_may_not_see_is_empty(expression: str) -> None:
    """Python's own attributes are undefined in the sandbox: they print as nothing."""
    assert rendered("{{ " + expression + " }}") == ""


def test_a_template_sees_no_globals() -> None:
    """What is not of the ticket is undefined; nothing of the process is at hand."""
    names = ("range", "lipsum", "dict", "cycler", "joiner", "namespace", "config", "os", "__builtins__")
    assert [name for name in names if rendered("{{ " + name + " is defined }}") != "False"] == []


def test_a_broken_template_can_be_found_before_a_ticket_is() -> None:
    """The configuration's check compiles it."""
    with pytest.raises(TemplateError):
        compiled("{{ unclosed")


# --- the whole -------------------------------------------------------------------------------------------------------


def test_a_start_holds_everything_jelou_is_to_know() -> None:
    """Bot, user, message, metadata and the assignment with the rule that decided it."""
    rules = [{"name": "vip", "when": {"tags": "vip"}, "to": {"type": "queue", "target": "VIP"}}]
    found = start_conversation(REF, ticket(), account(assignment=rules, initial_message="Hola"), PROJECT, 1)
    assert (found.bot_id, found.user_id, found.initial_message) == ("bot-1", "593987654321", "Hola")
    assert (found.assignment, found.rule) == (Assignment("queue", "VIP"), "vip")
    assert found.metadata["bridgeTicket"] == str(REF)


def test_another_try_differs_in_its_number_alone() -> None:
    """A frozen start is repeated as it was, so that a repeat can be told from it and from nothing else."""
    first = start_conversation(REF, ticket(), account(), PROJECT, 1)
    second = again(first, REF, 1, 2)
    assert second.metadata == {**first.metadata, "bridgeAttempt": "2"}
    assert again(second, REF, 1, 1) == first
