"""Texts that are nothing but beginnings of markup: read, or taken as they are, and never looked through again."""

from __future__ import annotations

import unicodedata

import pytest

from bridge.chat_markups import BRACKETS_MOST, LEAVES_MOST, MARKDOWN_MOST, NODES_MOST, TAGS_MOST
from bridge.chat_text import JOINERS_MOST, parts, plain, tidy
from bridge.chat_wiki import WIKI_MOST, from_wiki
from tests.bench.markup import BEGUN, NODES, document, of

MEGABYTE = 1_000_000


@pytest.mark.parametrize("begun", BEGUN[::4], ids=ascii)
@pytest.mark.parametrize("markup", ["text", "html", "markdown", "wiki", "adf"])
def test_a_megabyte_of_beginnings_is_read(markup: str, begun: str) -> None:
    """In parts that a chat takes; what was quadratic would not end while anybody waits."""
    assert all(len(part) <= 4096 for part in parts(plain(of(begun, MEGABYTE), markup)))


def test_markdown_of_many_links_begun_is_taken_as_it_is() -> None:
    """The library would look for the end of each."""
    assert plain("**a** " + "[" * BRACKETS_MOST, "markdown").startswith("a [")
    assert plain("**a** " + "[" * (BRACKETS_MOST + 1), "markdown").startswith("**a**")
    assert plain("**a** " + "b" * MARKDOWN_MOST, "markdown").startswith("**a**")


def test_wiki_markup_beyond_what_jira_takes_is_taken_as_it_is() -> None:
    """Nobody wrote it by hand."""
    assert plain("*a* " + "b" * (WIKI_MOST - 4), "wiki").startswith("a b")
    assert plain("*a* " + "b" * (WIKI_MOST - 3), "wiki").startswith("*a*")


def test_html_of_more_tags_than_anybody_writes_is_its_words() -> None:
    """No tag is left, lines stay lines, and what is not for a reader is not said."""
    told = plain("<style>x{}</style><p>uno &amp; dos</p><b>tres</b>" + "<i>" * (TAGS_MOST + 1), "html")
    assert told == "uno & dos\ntres"


def test_a_style_or_an_image_within_its_tag_costs_nothing() -> None:
    """Mail programs write a kilobyte of style for a word; the words, the links and the lists stay."""
    page = (
        f"<p style='{'x' * 5000}'>uno <a href='https://a.example'>dos</a></p><ol start=3 class=c><li class=d>tres</ol>"
    )
    assert plain(page, "html") == "uno dos (https://a.example)\n\n3. tres"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (r"\{color:red\}a\{color\}", "{color:red}a{color}"),
        (r"\[a|https://a.example\]", "[a|https://a.example]"),
        (r"\!a.png\!", "!a.png!"),
        (r"\*a\* \_b\_", "*a* _b_"),
        (r"\{code}*a*", "{code}a"),
    ],
)
def test_an_escaped_mark_of_wiki_markup_is_a_letter(written: str, shown: str) -> None:
    """As Jira shows it."""
    assert from_wiki(written) == shown


def test_a_numbered_list_counts_line_after_line() -> None:
    """Another line between begins anew."""
    assert from_wiki("# a\n# b\n\n# c\nd\n# e\n## f") == "1. a\n2. b\n\n1. c\nd\n1. e\n2. f"


@pytest.mark.parametrize(("begin", "end"), NODES, ids=lambda one: one[:40] or "-")
def test_a_megabyte_of_nodes_is_read_so_far_as_anybody_writes(begin: str, end: str) -> None:
    """Wide or deep; what was begun is told, and that something is missing where the rest is not looked at."""
    told = plain(document(begin, end, MEGABYTE), "adf")
    assert all(len(part) <= 4096 for part in parts(told))
    assert told.count("a") <= NODES_MOST + LEAVES_MOST


def test_a_document_of_more_nodes_than_anybody_writes_is_its_words() -> None:
    """Behind the bound without lists and links; beyond Jira's own length nothing is read, and it says so."""
    node = {"type": "text", "text": "a"}
    many = [{"type": "bulletList", "content": [{"type": "listItem", "content": [node]}]}] * NODES_MOST
    told = plain({"type": "doc", "content": [{"type": "text", "text": "begin"}, *many, node | {"text": "end"}]}, "adf")
    assert (told.startswith("begin\n\n- a\n\n- a\n"), told.endswith("a a end"), told.count("a")) == (
        True,
        True,
        NODES_MOST,
    )
    assert plain({"content": [node] * (NODES_MOST + LEAVES_MOST)}, "adf").endswith("a a ...")


def test_a_link_is_looked_for_among_as_many_marks_as_there_are() -> None:
    """A text has eight kinds of marks; a hundred thousand are no reason to look through them for each text."""
    link = {"type": "link", "attrs": {"href": "https://a.example"}}

    def marked(before: int) -> str:
        marks = [{"type": "strong"}] * before + [link]
        return plain({"content": [{"type": "text", "text": "a", "marks": marks}]}, "adf")

    assert (marked(7), marked(100_000)) == ("a (https://a.example)", "a")


def test_entities_without_number_are_read_where_they_are_frequent() -> None:
    """The others stay as they are typed."""
    assert plain("&lt;&amp;lt;&nbsp;&#39;" + "&#x41;" * (TAGS_MOST + 1), "html").startswith("<&lt; '&#x41;")


def test_joiners_beyond_any_text_join_nothing() -> None:
    """In the words of a person they stay."""
    assert tidy("é\u200dé" * 100) == "é\u200dé" * 100
    assert tidy("é\u200dé" * (JOINERS_MOST + 1)) == "éé" * (JOINERS_MOST + 1)


def test_what_unicode_calls_invisible_goes_in_ascii_and_beside_it() -> None:
    """The classes are written out as a pattern: looking up each letter of a long text takes too long."""
    hidden = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs"}]
    lost = [one for one in hidden if one not in "\n\t\r\v\f\x1c\x1d\x1e\x85\u200c\u200d"]
    assert [ascii(one) for one in lost if tidy(f"a{one}b") != "ab" or tidy(f"é{one}b") != "éb"] == []
    assert tidy(f"é{'é'.join(lost)}é") == "é" * (len(lost) + 1)
