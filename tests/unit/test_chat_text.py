"""What agents write becomes plain chat text: every word and address, and nothing else; in messages a chat takes."""

from __future__ import annotations

import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.chat_text import READERS, parts, plain, tidy

MARKUPS = ["text", *READERS, "unheard of"]

HTML = [
    ("<p>Hola <b>Ana</b>,&nbsp;&iquest;qu&eacute; tal?</p>", "Hola Ana, ¿qué tal?"),
    ("<p>one</p><p>two</p>\n\n<p></p><p>three", "one\n\ntwo\n\nthree"),
    ("<div>a</div><div><br></div><div>b<br>c</div>", "a\n\nb\nc"),
    ("a\n  b\t c", "a b c"),
    ("x<!-- no --><script>no()</script><style>p{}</style><title>no</title>y", "xy"),
    ("<a href='https://x.co/a?b=1&amp;c=2'>here</a>", "here (https://x.co/a?b=1&c=2)"),
    ('<a href="https://x.co/">x.co</a> <a href="http://www.x.co">http://x.co</a>', "x.co http://x.co"),
    ('<a href="mailto:a@x.co">a@x.co</a>, <a href="tel:+593">call</a>', "a@x.co, call (+593)"),
    ('<a href="javascript:alert(1)">click</a><a name="top">!</a>', "click!"),
    ('<a href="https://x.co"><img src="https://x.co/i.png"></a>', "https://x.co/i.png (https://x.co)"),
    ('<a href="https://x.co">open', "open (https://x.co)"),
    ('<img src="https://x.co/i.png"> <img src="cid:1" alt="a photo">', "https://x.co/i.png a photo"),
    ('<img src="https://x.co/i.png" alt="Step 1">', "Step 1 (https://x.co/i.png)"),
    ('ok <img src="https://x.co/e.png" alt="👍"><img src="https://t.co/p.gif" width="1" height="1">', "ok 👍"),
    ("<ul><li>one<ul><li>in</li></ul></li><li><p>two</p></li></ul>after", "- one\n  - in\n- two\n\nafter"),
    ("<ol start=9><li>nine<li>ten</ol><ol><li>one</ol>", "9. nine\n10. ten\n\n1. one"),
    ("<ol start='²'><li>x</ol><li>loose</li>", "1. x\n\n- loose"),
    ("new<blockquote><p>old</p><blockquote>older</blockquote></blockquote>end", "new\n\n> old\n>\n> > older\n\nend"),
    (
        'a <video src="https://x.co/v.mp4">no</video><iframe src="https://t.co" width="1"></iframe>',
        "a https://x.co/v.mp4",
    ),
    ("<svg><video src='https://x.co'></video></svg>a", "a"),
    ("<pre>def f():\n    x\n\n\n\ny</pre>", "def f():\n    x\n\ny"),
    ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td><b>2</b></td></tr></table>", "A | B\n1 | 2"),
    ("a<hr>b", "a\n\n---\n\nb"),
    ("5 < 6 & 7 > 2 &lt;b&gt; &bogus; &#x1F600;", "5 < 6 & 7 > 2 <b> &bogus; 😀"),
    ("<![if !mso]>a<![endif]><?php b ?>", "a"),
    ("</p></ul></blockquote></pre></script>a", "a"),
]
"""HTML and the chat text it is."""

MARKDOWN = [
    ("# Hola\n\nlínea uno\nlínea **dos**", "Hola\n\nlínea uno\nlínea dos"),
    ("[ver](https://x.co/a_b_c) <https://y.co>", "ver (https://x.co/a_b_c) https://y.co"),
    ("![](https://x.co/i.png)", "https://x.co/i.png"),
    ("- a\n- b\n  1. c\n", "- a\n- b\n  1. c"),
    ("> antes\n\nahora", "> antes\n\nahora"),
    ("```\nx < y\n  z\n```", "x < y\n  z"),
    ("| A | B |\n|---|---|\n| 1 | 2 |", "A | B\n1 | 2"),
    ("a <script>no()</script> snake_case 2 * 3 * 4 ~~old~~", "a  snake_case 2 * 3 * 4 old".replace("  ", " ")),
]
"""Markdown and the chat text it is."""

WIKI = [
    ("h2. Hola\n*negrita* _cursiva_ {{código}} +más+", "Hola\nnegrita cursiva código más"),
    (
        "[ver|https://x.co/_a_] [https://y.co] [mailto:a@x.co] [~ana] [^a.pdf]",
        "ver (https://x.co/_a_) https://y.co a@x.co @ana a.pdf",
    ),
    ("[no link] a [b|c", "[no link] a [b|c"),
    ("* a\n** b\n# one\n# two\n\n# one", "- a\n  - b\n1. one\n2. two\n\n1. one"),
    ("{quote}antes\nmás{quote}ahora\nbq. dijo", "> antes\n> más\nahora\n> dijo"),
    ("{code:java}\na *b* [c|https://d.co]\n{code}\n{noformat}# x{noformat}", "a *b* [c|https://d.co]\n# x"),
    ("||A||B||\n|1|[x|https://x.co]|\nno|table", "A | B\n1 | x (https://x.co)\nno|table"),
    ("!foto.png|thumbnail! !https://x.co/i.png! ¡Hola! a != b!", "foto.png https://x.co/i.png ¡Hola! a != b!"),
    ("{color:red}rojo{color} snake_case_x 2*3*4 \\*as is\\* a\\\\ b", "rojo snake_case_x 2*3*4 *as is* a\n b"),
    ("----", "---"),
    ("{code}never ended *x*", "never ended *x*"),
]
"""Jira's wiki markup and the chat text it is."""


def adf(*content: Any) -> str:
    """A document of Atlassian's with this in it."""
    return orjson.dumps({"type": "doc", "version": 1, "content": list(content)}).decode()


def node(kind: str, *content: Any, **attributes: Any) -> dict[str, Any]:
    """A node with attributes; texts in it become text nodes."""
    inside = [{"type": "text", "text": one} if isinstance(one, str) else one for one in content]
    return {"type": kind, "attrs": attributes, "content": inside}


LINKED = {
    "type": "text",
    "text": "ver",
    "marks": [{"type": "strong"}, {"type": "link", "attrs": {"href": "https://x.co"}}],
}

ADF = [
    (
        adf(node("paragraph", "Hola ", LINKED), node("paragraph", "a", node("hardBreak"), "b")),
        "Hola ver (https://x.co)\n\na\nb",
    ),
    (adf(node("bulletList", node("listItem", node("paragraph", "a")), node("listItem", "b"))), "- a\n- b"),
    (adf(node("orderedList", node("listItem", node("paragraph", "c")), order=3)), "3. c"),
    (adf(node("codeBlock", "a\n  b", language="sh"), node("blockquote", node("paragraph", "q"))), "a\n  b\n\n> q"),
    (adf(node("mention", text="@Ana", id="7"), " ", node("emoji", shortName=":x:", text="😀")), "@Ana😀"),
    (
        adf(node("paragraph", node("inlineCard", url="https://x.co"), " ", node("status", text="LISTO"))),
        "https://x.co LISTO",
    ),
    (adf(node("date", timestamp="1776133797000")), "2026-04-14"),
    (adf(node("mediaSingle", node("media", type="external", url="https://x.co/i.png"))), "https://x.co/i.png"),
    (adf(node("mediaSingle", node("media", type="file", id="7", alt="foto.png"))), "foto.png"),
    (adf(node("table", node("tableRow", node("tableHeader", "A"), node("tableCell", "B")))), "A | B"),
    (
        adf(node("expand", node("paragraph", "x"), title="Más"), node("rule"), node("newKind", "kept")),
        "Más\n\nx\n\n---\n\nkept",
    ),
    ("no document", "no document"),
    ("[1]", "[1]"),
]
"""Atlassian's documents and the chat text they are."""

CASES = [
    *(("html", *case) for case in HTML),
    *(("markdown", *case) for case in MARKDOWN),
    *(("wiki", *case) for case in WIKI),
    *(("adf", *case) for case in ADF),
    ("text", "<b>as</b> *is*  \r\n\r\n\r\n\x00x", "<b>as</b> *is*\n\nx"),
    ("unheard of", "<b>", "<b>"),
]


@pytest.mark.parametrize(("markup", "text", "chat"), CASES)
def test_a_markup_becomes_chat_text(markup: str, text: str, chat: str) -> None:
    """Words, addresses, bullets, numbers and quotes stay; what is not for a reader goes."""
    assert plain(text, markup) == chat


def test_a_document_may_come_as_an_object() -> None:
    """Helpdesks hand it over inside their JSON."""
    assert plain(node("doc", node("paragraph", "Hola")), "adf") == "Hola"


PIECES = st.lists(
    st.sampled_from(
        ["<", ">", "<p>", "<li>", "<ul>", "</ul>", "<ol start=2>", "<pre>", "<blockquote>", "<a href='https://x.co'>",
         "</a>", "<script>", "<![x", "<!--", "&#x0;", "&#xd800;", "{code}", "{quote}", "[a|", "]", "|", "**", "_", "# ",
         "> ", "`", "!", "\\", "\n", "\r", " ", "\u200b", "\u200d", "\ud83d", "😀", "ñ", "x"]
    )
).map("".join)  # fmt: skip
NODES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5) | st.sampled_from(["text", "listItem", "link"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "attrs", "marks", "text", "href", "timestamp"]), inner)
    ),
    max_leaves=20,
).map(lambda told: orjson.dumps(told).decode())


@example(text="\u200b\u200d\u200b", markup="text")
@given(text=PIECES | st.text(st.characters()) | NODES, markup=st.sampled_from(MARKUPS))
def test_no_text_makes_it_fail(text: str, markup: str) -> None:
    """And what comes out can be sent, hides nothing, and has no blank where it is of no use."""
    chat = plain(text, markup)
    chat.encode()
    assert not [letter for letter in chat if unicodedata.category(letter) == "Cc" and letter not in "\n\t"]
    assert "\u200b" not in chat
    assert "\n\n\n" not in chat
    assert [line for line in chat.split("\n") if line != line.rstrip()] == []
    assert tidy(chat) == chat


@pytest.mark.parametrize(
    ("markup", "one"),
    [
        ("html", "<div><ul><blockquote>"),
        ("html", "<a href='https://x.co'>"),
        ("markdown", "> "),
        ("wiki", "{code:x}*a _b [c|"),
    ],
)
def test_no_depth_makes_it_fail(markup: str, one: str) -> None:
    """However often a text begins what it never ends."""
    assert plain(one * 5_000 + "end", markup).endswith(("end", "(https://x.co)"))


def test_a_longer_text_than_anybody_writes_is_taken_as_it_is() -> None:
    """No reader's time may grow with the square of a text's length."""
    assert plain("**a** " * 10_000, "markdown").startswith("**a**")
    assert plain("<a " * 300_000 + "<!--" * 100_000, "html").startswith("<a <a")


def test_a_deep_document_is_read() -> None:
    """Deeper than recursion could go."""
    deep: dict[str, Any] = node("paragraph", "end")
    for _ in range(5_000):
        deep = node("blockquote", deep)
    assert plain(deep, "adf") == "> " * 6 + "end"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u200bb\ufeffc\u00add\u202ee\x07f\ud83d", "abcdef"),
        ("👩\u200d👧 a\u200db \u200d", "👩\u200d👧 ab"),
        ("a\u00a0b\u202fc", "a b c"),
        ("a\u2028b\x0bc\r\nd\re", "a\nb\nc\nd\ne"),
        ("❤\ufe0f 🇪🇨", "❤\ufe0f 🇪🇨"),
    ],
)
def test_what_cannot_be_seen_goes(text: str, seen: str) -> None:
    """But for what makes an emoji one."""
    assert tidy(text) == seen


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("", 10, ()),
        (" \n ", 10, ()),
        ("short", 10, ("short",)),
        ("exactly 10", 10, ("exactly 10",)),
        ("aaaa bbb\n\ncc dd", 14, ("aaaa bbb", "cc dd")),
        ("aaaa bbb\ncc dd e", 14, ("aaaa bbb", "cc dd e")),
        ("Uno dos. Tres cuatro", 15, ("Uno dos.", "Tres cuatro")),
        ("a\n\nbbbb cccc dddd", 14, ("a\n\nbbbb cccc", "dddd")),
        ("ver https://x.co/a.b-c aqui", 18, ("ver", "https://x.co/a.b-c", "aqui")),
        ("abcdefghij", 4, ("abcd", "efgh", "ij")),
        ("ab👩\u200d👧x", 4, ("ab", "👩\u200d👧x")),
        ("abce\u0301x", 4, ("abc", "e\u0301x")),
        ("👍🏽👍🏽", 3, ("👍🏽", "👍🏽")),
        ("ab🇪🇨", 3, ("ab", "🇪🇨")),
        ("a" + "\u0301" * 7, 4, ("a" + "\u0301" * 3, "\u0301" * 4)),
        ("xy", 1, ("x", "y")),
    ],
)
def test_a_text_is_cut_where_a_reader_would(text: str, most: int, cut: tuple[str, ...]) -> None:
    """Paragraph, line, sentence, word; an address stays whole, and so does what looks like one letter."""
    assert parts(text, most) == cut


@given(text=st.text(st.sampled_from("ab .\n👍\u200d\u0301🇪")), most=st.integers(1, 30))
def test_no_part_is_too_long_and_no_letter_lost(text: str, most: int) -> None:
    """In the order of the text."""
    found = parts(text, most)
    assert all(0 < len(part) <= most for part in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(words=st.lists(st.text(st.sampled_from("abc.👍"), min_size=1, max_size=8)), most=st.integers(8, 30))
def test_no_word_that_fits_is_cut(words: list[str], most: int) -> None:
    """Each word stands whole in one part."""
    assert " ".join(parts(" ".join(words), most)).split() == words


def test_a_message_of_whatsapp_is_the_measure() -> None:
    """4,096 characters go in one."""
    assert [len(part) for part in parts("x" * 5_000)] == [4_096, 904]
