"""What a customer typed is shown as it was typed, in every helpdesk whose texts are a markup of some kind."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest

from bridge.chat_markups import from_adf, from_markdown
from bridge.chat_text import tidy
from bridge.chat_wiki import from_wiki
from bridge.domain import AddNote, AddReply, OpenTicket
from bridge.helpdesks.generic_functions import Functions
from bridge.helpdesks.jira_wiki import escaped
from tests.helpdesk_recordings import KINDS, Recordings, named, ref_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.domain import Call

MARK: Final = "[jelou-bridge:0123456789abcdef]"
TYPED: Final = {
    "HTML": "<b>a</b> <img src=x onerror=alert(1)> </p><script>alert(1)</script> & &amp; \"q\" 'r'",
    "wiki macros": "{color:red}a{color} {html}<b>x</b>{html} {panel} {code}y{code} {noformat}",
    "wiki words": "[~admin] [a|https://evil.example] !https://evil.example/a.png! ||h|| |c| *b* _i_ +u+ ^s^ -d- ??q??",
    "wiki lines": "h1. a\nbq. b\n* c\n# d\n----\n- e",
    "ServiceNow": "[code]<b>x</b>[/code] [CODE]<i>y</i>[/Code] [cODe]",
    "Markdown": "**a** __b__ `c` ![i](https://evil.example/a.png) [t](https://evil.example) <https://e.example> ~~x~~",
    "Markdown's lines": "# a\n> b\n- c\n1. d\n+ e\n===",
    "templates": "{{ ticket }} {% raw %} ${x} #{y} %{z}",
    "addresses": "https://example.com/a_b-c~d?x=1&y=2 and *this*",
}


def texts(value: Any) -> Iterator[Any]:
    """Every text and every document in a body."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            if one.get("type") == "doc":
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def of_html(text: str) -> str:
    """HTML as a browser shows it: the only tags are ours, for lines and paragraphs."""
    bare = re.sub(r"</?(?:p|br|div)\s*/?>", lambda found: "\n" if "br" in found[0] else "", text)
    assert "<" not in bare
    return unescape(bare)


def _no_code(text: str) -> str:
    assert not re.search(r"\[/?code\]", text, re.IGNORECASE)
    return text


HTML: Final = {"freshdesk", "freshservice", "glpi", "hubspot", "intercom", "help-scout"}
SHOWN: Final[dict[str, Callable[[Any], str]]] = {
    **dict.fromkeys(HTML, of_html),
    "jira": lambda one: one if isinstance(one, str) else from_adf(one),
    "chatwoot": from_markdown,
    "servicenow": _no_code,
    "django-helpdesk": tidy,
}
"""How a helpdesk shows what is written to it; the others show a text as it is."""
PLAIN: Final = {("hubspot", "an opening"), ("intercom", "a reply"), ("intercom", "an opening")}
"""Properties, attributes and what a contact says are plain text there, unlike a note."""
WIKI: Final = {("jira", "an opening")}
"""What stands in a field of a request is wiki markup; a comment is a document."""


def words(text: str) -> list[str]:
    """The words, whatever stands between them. ServiceNow's brackets are other ones."""
    return re.sub(r"[\[(](/?code)[\])]", r"(\1)", tidy(text), flags=re.IGNORECASE).split()


def note(recordings: Recordings, typed: str) -> Call | None:
    """For agents."""
    return recordings.dialect.call(
        recordings.account, ref_of(recordings, "4711"), AddNote(typed, MARK), "key", now_ms=1
    )


def reply(recordings: Recordings, typed: str) -> Call | None:
    """For all who see the ticket; as its customer's where the helpdesk can."""
    action = AddReply(typed, MARK, AUTHOR, "7001")
    return recordings.dialect.call(recordings.account, ref_of(recordings, "4711"), action, "key", now_ms=1)


def named_reply(recordings: Recordings, typed: str) -> Call | None:
    """The same where only a name is known, which is a stranger's text as well."""
    action = AddReply(typed, MARK, "<b>Ana</b> Paz")
    return recordings.dialect.call(recordings.account, ref_of(recordings, "4711"), action, "key", now_ms=1)


def opening(recordings: Recordings, typed: str) -> Call | None:
    """The first words of a ticket."""
    action = OpenTicket("Ayuda", typed, MARK, "593987654321")
    return recordings.dialect.open_ticket(recordings.account, action, "key", now_ms=1)


AUTHOR: Final = "Ana Paz"
WRITES: Final = {"a note": note, "a reply": reply, "a reply by name": named_reply, "an opening": opening}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("recordings", KINDS, ids=named)
def test_what_is_written_shows_what_was_typed(recordings: Recordings, write: str) -> None:
    """Each mark of it is a letter like another: nobody writes in an agent's screen but with words."""
    kind = (recordings.name, write)
    show = str if kind in PLAIN else from_wiki if kind in WIKI else SHOWN.get(recordings.name, str)
    for typed in (f"{text}\n{MARK}" for text in TYPED.values()):
        call = WRITES[write](recordings, typed)
        if call is None or not call.body.startswith((b"{", b"[")):
            pytest.skip("it needs a read before, or is no JSON")
        shown = [words(show(one)) for one in texts(orjson.loads(call.body))]
        assert any(one[-len(words(typed)) :] == words(typed) for one in shown)


@pytest.mark.parametrize("what", TYPED)
def test_a_description_of_jiras_shows_what_was_typed(what: str) -> None:
    """It is wiki markup, and so are its marks in the eyes of whoever reads it."""
    written = escaped(TYPED[what])
    assert unescape(tidy(from_wiki(written))) == unescape(tidy(TYPED[what]))
    assert not re.search(r"(?<!\\)(?:\{(?:color|html|code|panel)|\[~|!https|\|\|)", written)


def test_jira_is_given_the_escaped_description() -> None:
    """A customer's first words open the ticket."""
    jira = next(one for one in KINDS if one.kind == "jira")
    action = OpenTicket("Ayuda", f"{{color:red}}x{{color}} [~admin]\n{MARK}", MARK, "593987654321")
    call = jira.dialect.open_ticket(jira.account, action, "key", now_ms=1)
    assert call is not None
    assert rb"\\{color:red\\}x\\{color\\} \\[~admin\\]".replace(b"~", rb"\\~") in call.body


@pytest.mark.parametrize("bracket", ["[code]", "[/code]", "[CODE]", "[/Code]", "[cOdE]"])
def test_servicenows_brackets_are_other_ones_in_any_case(bracket: str) -> None:
    """Between them it would show HTML."""
    written = Functions().call_function("code_escape", [f"a {bracket} b"])
    assert written == f"a ({bracket[1:-1]}) b"
