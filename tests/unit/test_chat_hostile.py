"""Texts that are nothing but beginnings of markup: read, or taken as they are, and never looked through again."""

from __future__ import annotations

import pytest

from bridge.chat_markups import BRACKETS_MOST, MARKDOWN_MOST, TAGS_MOST
from bridge.chat_text import parts, plain
from bridge.chat_wiki import WIKI_MOST, from_wiki
from tests.bench.markup import BEGUN, of

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
