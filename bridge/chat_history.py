"""An agent's own words: without what was said before, which mail programs quote below them, and without signature.

Pure. Line after line, of which only short ones are looked into, so that no text makes it slow. What an agent quotes
stays: a block that nothing marks, and quoted lines with answers between them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from bridge.chat_frames import BEGIN, END, FORWARDED, FRAMES, REST
from bridge.chat_markups import framed_html, framed_markdown
from bridge.chat_text import READERS, tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def own_words(text: str | Mapping[str, Any], markup: str) -> str:
    """What the writer added, as chat text; all of it where that is nothing: something was sent."""
    said = _read(text, markup)
    return tidy(cut(said, bare=markup not in READERS)) or tidy(said)


def added(text: str | Mapping[str, Any], markup: str) -> str:
    """The same; empty where nothing was added."""
    return tidy(cut(_read(text, markup), bare=markup not in READERS))


def unquoted(text: str | Mapping[str, Any], markup: str) -> str:
    """What is outside of quoted history, with its signature."""
    return tidy(cut(_read(text, markup), bare=markup not in READERS, signed=True))


def _read(text: str | Mapping[str, Any], markup: str) -> str:
    if markup in FRAMED:
        return FRAMED[markup](text)
    read = READERS.get(markup)
    return FRAMES.sub("", read(text) if read else str(text))


FRAMED: Final[Mapping[str, Callable[[Any], str]]] = {"html": framed_html, "markdown": framed_markdown}


def cut(said: str, *, bare: bool, signed: bool = False) -> str:
    """Lines without history, and without signature unless that is wanted (``signed``).

    In a ``bare`` text quoted lines at the end are history as well.
    """
    lines = _unframed(said.replace("\r\n", "\n")).split("\n")
    forwarded = next((at for at, line in enumerate(lines[:LINES_MOST]) if _matches(FORWARDED, line)), len(lines))
    own = _before_history(lines[:forwarded])
    if forwarded < len(lines):
        return "\n".join(own + lines[forwarded:])
    own = _without_tail(own) if bare else own
    return "\n".join(own if signed else _without_signature(own))


# --- frames ----------------------------------------------------------------------------------------------------------


def _unframed(said: str) -> str:
    """Without what is framed. Several frames with words between them are quoted to be answered: they stay."""
    pieces = _pieces(said)
    answered = [at for at, (_, framed) in enumerate(pieces[:-1]) if framed and _says(pieces[at + 1][0])]
    stays = answered if answered and any(framed for _, framed in pieces[answered[0] + 1 :]) else ()
    out: list[str] = []
    for at, (piece, framed) in enumerate(pieces):
        if framed and at not in stays:
            out[-1:] = [_unattributed(out[-1]), "\n"]
        else:
            out.append(piece)
    return "".join(out)


def _pieces(said: str) -> list[tuple[str, bool]]:
    """What is outside of frames and what is inside, in turns; nested ones are one."""
    out: list[tuple[str, bool]] = []
    begun = done = depth = 0
    for mark in FRAMES.finditer(said):
        at, sign = mark.start(), mark[0]
        if sign == REST and not depth:
            return [*out, (said[done:at], False), (FRAMES.sub("", said[at:]), True)]
        if sign == BEGIN:
            if not depth:
                out.append((said[done:at], False))
                begun = at
            depth += 1
        elif sign == END and depth:
            depth -= 1
            if not depth:
                out.append((FRAMES.sub("", said[begun:at]), True))
                done = at + 1
    rest = said[begun if depth else done :]
    return [*out, (FRAMES.sub("", rest), bool(depth))]


def _says(piece: str) -> bool:
    """Whether there is more in it than who wrote what follows."""
    return bool(tidy(_unattributed(piece)).strip("-_>* \n"))


def _unattributed(piece: str) -> str:
    """Without the lines at its end that say who wrote what follows, and the rule before them."""
    lines = piece.split("\n")
    while lines and (not lines[-1].strip(" \t>") or _RULE.fullmatch(lines[-1].strip())):
        lines.pop()
    for many in (1, 2, 3):
        if len(lines) >= many and _attributes(" ".join(lines[-many:])):
            return _unattributed_rule(lines[:-many])
    return "\n".join(lines)


def _unattributed_rule(lines: list[str]) -> str:
    while lines and (not lines[-1].strip() or _RULE.fullmatch(lines[-1].strip())):
        lines.pop()
    return "\n".join(lines)


# --- history ---------------------------------------------------------------------------------------------------------


def _before_history(lines: list[str]) -> list[str]:
    """Up to where history begins, and what stands behind a quotation of one block."""
    for at in range(min(len(lines), LINES_MOST)):
        if _original(lines, at) or _headed(lines, at):
            return _unruled(lines[:at])
        many = _attribution(lines, at)
        if many:
            found = _quoted_below(lines, at, at + many)
            if found is not None:
                return found
    return lines


def _quoted_below(lines: list[str], at: int, below: int) -> list[str] | None:
    """The lines without the quotation whose author is told from ``at`` to ``below``; None where there is none."""
    first = next((n for n in range(below, len(lines)) if lines[n].strip()), len(lines))
    if first == len(lines) or not lines[first].lstrip().startswith(">"):
        return _unruled(lines[:at]) if _TIMED.search(" ".join(lines[at:below])) else None
    end = _block_end(lines, first)
    behind = lines[end:]
    if any(line.lstrip().startswith(">") for line in behind):
        # Answered line by line.
        return _without_tail(_unruled(lines[:at]) + lines[first:])
    return [*_unruled(lines[:at]), "", *behind]


def _block_end(lines: Sequence[str], at: int) -> int:
    """Where a block of quoted lines ends; blank lines within do not end it."""
    end = at
    for n in range(at, len(lines)):
        if lines[n].lstrip().startswith(">"):
            end = n + 1
        elif lines[n].strip():
            break
    return end


def _unruled(lines: list[str]) -> list[str]:
    kept = len(lines)
    while kept and (not lines[kept - 1].strip() or _RULE.fullmatch(lines[kept - 1].strip())):
        kept -= 1
    return lines[:kept]


def _without_tail(lines: list[str]) -> list[str]:
    """Without the quoted lines at the end."""
    kept = len(lines)
    while kept and (not lines[kept - 1].strip() or lines[kept - 1].lstrip().startswith(">")):
        kept -= 1
    return lines[:kept]


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines from here say who wrote what follows; 0 where they do not."""
    if not lines[at].strip() or lines[at].lstrip().startswith(">"):
        return 0
    many = 3 if _BEGINS.match(lines[at].strip()[:20]) else 1
    return next((n for n in range(1, many + 1) if _attributes(" ".join(lines[at : at + n]))), 0)


def _attributes(line: str) -> bool:
    told = line.strip(" \t*_")
    return len(told) <= LINE_MOST and bool(_WROTE.search(told) and _DATED.search(told))


def _original(lines: Sequence[str], at: int) -> bool:
    return _matches(_ORIGINAL, lines[at])


def _headed(lines: Sequence[str], at: int) -> bool:
    """Whether the head of a mail begins here, as Outlook and others write it before what they quote."""
    line = lines[at].strip(" \t*>")
    if len(line) > LINE_MOST or not _FROM.match(line):
        return False
    more = [one.strip(" \t*>")[:LINE_MOST] for one in lines[at + 1 : at + 7] if one.strip()]
    sent = any(_SENT.match(one) for one in more[:2])
    dated = "@" in line and any(_DATE.match(one) for one in more[:4])
    return (sent or dated) and any(_SUBJECT.match(one) for one in more)


def _matches(pattern: re.Pattern[str], line: str) -> bool:
    told = line.strip(" \t*_>")
    return len(told) <= LINE_MOST and bool(pattern.fullmatch(told))


LINES_MOST: Final = 10_000
"""In which history is looked for: it is nobody's words alone that are so many."""

LINE_MOST: Final = 300
"""Characters of a line that says who wrote what follows. Longer ones are not looked into."""

_RULE: Final = re.compile(r"[-_=*\u2014]{3,}")
_BEGINS: Final = re.compile(r"(?:On|El|Em|No dia|Le|Am|Il|O dia)\b", re.IGNORECASE)
_WROTE: Final = re.compile(
    r"(?:\b(?:wrote|writes|escribi\xf3|escribio|escribi\xf3 lo siguiente|escreveu|a \xe9crit|ha scritto)"
    r"|\bschrieb\b[^:]{0,120})\s?:$"
    r"|^\d{4}-\d\d-\d\d\b.{0,200}<\S+@\S+>:$",
    re.IGNORECASE,
)
_DATED: Final = re.compile(r"\d|@")
_TIMED: Final = re.compile(r"\d{1,2}[:.h]\d\d.{0,200}(?:\b|:)|<\S+@\S+>")
_ORIGINAL: Final = re.compile(
    r"-{2,40} ?(?:original message|mensaje original|mensagem original|original appointment|message d'origine"
    r"|urspr\xfcngliche nachricht|messaggio originale|reply message) ?-{2,40}",
    re.IGNORECASE,
)
_FROM: Final = re.compile(r"(?:From|De|Von|Da)\s?:\s?\S", re.IGNORECASE)
_SENT: Final = re.compile(r"(?:Sent|Enviado(?: el)?|Enviada(?: em)?|Gesendet|Envoy\xe9|Inviato)\s?:", re.IGNORECASE)
_DATE: Final = re.compile(r"(?:Date|Fecha|Data)\s?:", re.IGNORECASE)
_SUBJECT: Final = re.compile(r"(?:To|Para|An|\xc0|A|Subject|Asunto|Assunto|Betreff|Objet|Oggetto)\s?:", re.IGNORECASE)


# --- signatures ------------------------------------------------------------------------------------------------------


def _without_signature(lines: list[str]) -> list[str]:
    for at, line in enumerate(lines):
        if line == "-- " or (line.rstrip() == "--" and at > len(lines) - 3 * SIGNATURE_MOST and _few(lines[at + 1 :])):
            return lines[:at]
    last = next((n for n in range(len(lines) - 1, -1, -1) if lines[n].strip()), -1)
    return lines[:last] if last >= 0 and _matches(_DEVICE, lines[last]) else lines


def _few(lines: Sequence[str]) -> bool:
    """Whether it is not more than a signature has."""
    said = [line for line in lines if line.strip()]
    return len(said) <= SIGNATURE_MOST and all(len(line) <= SIGNATURE_WIDEST for line in said)


SIGNATURE_MOST: Final = 8
SIGNATURE_WIDEST: Final = 100
_DEVICE: Final = re.compile(
    r"(?:sent from (?:my|outlook|yahoo|mail)|get outlook for|enviado desde|enviado do meu|enviado pelo|obtener outlook"
    r"|obter o? ?outlook)\b.{0,80}",
    re.IGNORECASE,
)
