"""``make bench ARGS=markup``: what a megabyte of a stranger's text costs, for each way in which texts are written.

Milliseconds of processor time: the inputs are what makes a reader of markup slow, begun and never ended. The worst
three of each are told. The event loop stands still for so long: each should stay under 100 ms on a machine of its own.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.chat_history import own_words
from bridge.chat_text import parts, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SIZE: Final = 1_000_000
LIMIT: Final = 50_000
"""Where Markdown and wiki markup are still read as such."""

WORST: Final = 3

BEGUN: Final = (
    "a", "a ", "\n", "a\n", " \n", "    ", "\t", "| a\n", "# a\n", "* a\n", "*a ", "*a", "_a *b +c ", "[a",
    "[a|", "[~a", "[^a", "[https://a", "!a.bb", "!a.bb|", "{{a", "{color:", "{color:a}", "{code}", "{quote}",
    "{quote}a\n", "\\", "\\\\ ", "https://a", "h1. a\n", "bq. a\n", "----", "<", "<a ", "<a href='", "<p>",
    "<p ", "<div><", "<!--", "<!-", "<!a", "<td>", "&", "&amp;", "<br>", "<blockquote>", "</p>",
    "<a href=https://a>", "<ul><li>", "<style>", "*", "_", "**", "`", "a|b\n", "- ", "> ", "![a](", "[a](",
    "~~a", "1. a\n", ".'", "a. ", "\r", "On 1 Jan 2026 9:30, a wrote:\n", "> a\n", "-- \n", "--\n", "El\n",
    "<blockquote type=cite>", "<p hidden>", "<div class=gmail_quote>", "<b style='font-size:0'>",
    "<hr id=zwchr>", "&lt;p&gt;", "\u2028", "\u200b", "\u200d", "\xe9\u200d", " \u2028",
    "a\u200da", "\xe9\u2028", "\xe9\u200b",
)  # fmt: skip


def of(beginning: str, size: int) -> str:
    """So many characters of it."""
    return (beginning * (size // len(beginning) + 1))[:size]


def cost_ms(work: Callable[[str], object], text: str) -> float:
    """Processor time of one call."""
    before = time.process_time()
    work(text)
    return (time.process_time() - before) * 1000


CUTTERS: Final[dict[str, Callable[[str], object]]] = {
    **{markup: partial(plain, markup=markup) for markup in ("text", "html", "markdown", "wiki", "adf")},
    **{f"own words, {markup}": partial(own_words, markup=markup) for markup in ("text", "html")},
    "parts": parts,
}

NODES: Final = (
    ("{},", ""), ("0,", ""), ('{"text":"a"},', ""), ('{"type":"hardBreak"},', ""), ('{"type":"text","text":"a"},', ""),
    ('{"type":"text","marks":[{}]},', ""), ('{"content":[', "]}"), ('{"type":"listItem","content":[', "]}"),
)  # fmt: skip
"""What begins and ends a node of Atlassian's documents, of which many stand beside each other or in each other."""

DEEPEST: Final = 500
"""JSON is not read beyond."""


def document(begin: str, end: str, size: int) -> str:
    """A document of so many characters, of nothing but such nodes."""
    one = begin * DEEPEST + "0" + end * DEEPEST + "," if end else begin
    return f'{{"type":"doc","content":[{of(one, size // len(one) * len(one))}0]}}'


def main() -> None:
    """Print a row for each cutter."""
    print("| Cutter | Characters | ms, worst | Of |\n| --- | --- | --- | --- |")
    for name, size in ((name, size) for name in CUTTERS for size in (LIMIT, SIZE)):
        costs = ((cost_ms(CUTTERS[name], of(one, size)), one) for one in BEGUN)
        _tell(name, size, costs)
    for size in (LIMIT, SIZE):
        read = partial(plain, markup="adf")
        _tell("adf", size, ((cost_ms(read, document(*node, size)), node[0]) for node in NODES))


def _tell(name: str, size: int, costs: Iterable[tuple[float, str]]) -> None:
    for cost, beginning in sorted(costs, reverse=True)[:WORST]:
        print(f"| {name} | {size} | {cost:.0f} | `{beginning!a}` |", flush=True)
