"""The customer reads the agent's own words: no quoted history, no signature, nothing hidden; what was typed stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat_history import added, own_words
from bridge.chat_text import MOST, parts, plain
from tests.bench.markup import of

OLD = "Mi cédula es 0102030405"
GMAIL = '<div class="gmail_attr">El lun, 30 nov 2026 a las 9:30, Ana (&lt;ana@example.com&gt;) escribió:<br></div>'

MARKED = [
    f'<div class="gmail_quote">{GMAIL}<blockquote class="gmail_quote" style="margin:0">{OLD}</blockquote></div>',
    f'<div class="gmail_quote gmail_quote_container">{GMAIL}<blockquote>{OLD}<div>x</div></blockquote></div>',
    f'<div class="gmail_quote">{OLD}</div>',
    (
        f"<div><br></div><div>On Monday, November 30, 2026, 9:30:00 AM, Ana wrote:</div>"
        f'<blockquote type="cite"><div><div>{OLD}</div></div></blockquote><div><br></div>'
    ),
    f'<div class="yahoo_quoted" id="yahoo_quoted_1"><div>El lunes, Ana escribió:</div>{OLD}</div>',
    (
        f'<div class="moz-cite-prefix">Le 30/11/2026 à 09:30, Ana a écrit&nbsp;:<br></div><blockquote type=cite '
        f"cite='mid:1'>{OLD}</blockquote>"
    ),
    f'<div class="OutlookMessageHeader" dir="ltr"><b>De:</b> Ana</div><div>{OLD}</div>',
    f'<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>De:</b> Ana</div><div>{OLD}</div>',
    f'<hr style="width:98%"><div id="x_divRplyFwdMsg" dir="ltr"><b>From:</b> Ana</div><div>{OLD}</div>',
    f"<hr id='stopSpelling'>De: Ana<br>{OLD}",
    f"<hr id=zwchr data-marker='__DIVIDER__'><div>{OLD}</div>",
    f'<div class="freshdesk_quote"><blockquote class="freshdesk_quote">{OLD}</blockquote></div>',
    f'<blockquote class="front-blockquote">{OLD}</blockquote>',
    f'<div class="protonmail_quote">On Monday, Ana wrote:<blockquote class="protonmail_quote">{OLD}</blockquote></div>',
    f'<div class="zmail_extra">{OLD}</div>',
    f'<div name="messageReplySection">On 30 Nov 2026, 9:30, Ana wrote:<br><blockquote type="cite">{OLD}</div>',
    f'<i id="ms-outlook-mobile-signature">O</i><div id="mail-editor-reference-message-container">{OLD}</div>',
    f'<div class=hs_signature>Marta, Acme</div><blockquote type="cite">{OLD}</blockquote>',
    (
        f"<p class=MsoNormal><b>De:</b> Ana &lt;a@x.co&gt;<br><b>Enviado el:</b> lunes, 30 nov 2026 9:30<br>"
        f"<b>Para:</b> Soporte<br><b>Asunto:</b> RE: x</p><p>{OLD}</p>"
    ),
    f"<p>El lun, 30 nov 2026 a las 9:30, Ana escribió:</p><blockquote><p>{OLD}</p></blockquote>",
    '<div data-signature="true" data-signature-id="1">Agente<br>Acme</div>',
    f"<span class='js-signatureMarker'></span><div>Agente</div><div>{OLD}</div>",
    '<div class="gmail_signature" data-smartmail="gmail_signature">Agente</div>',
    '<pre class="moz-signature" cols="72">-- \nAgente</pre>',
    '<div class="signature"><p>Agente</p></div>',
    "<div>-- </div><div>Agente</div><div>Acme</div>",
]
"""Behind an agent's words in HTML, none of it is theirs."""

PLAIN = [
    f"On Mon, Nov 30, 2026 at 9:30 AM Ana <ana@example.com> wrote:\n> {OLD}\n>\n> x",
    f"On Mon, Nov 30, 2026 at 9:30 AM Ana Maria del Carmen\n<ana@example.com> wrote:\n\n> {OLD}",
    f"El lun, 30 nov 2026 a las 9:30, Ana (<ana@example.com>) escribió:\n\n> {OLD}\n",
    f"Em seg., 30 de nov. de 2026 às 09:30, Ana <ana@example.com> escreveu:\n{OLD}",
    f"Am 30.11.2026 um 09:30 schrieb Ana:\n> {OLD}",
    f"2026-11-30 9:30 GMT-05:00 Ana <ana@example.com>:\n> {OLD}",
    f"-----Original Message-----\nFrom: Ana\n{OLD}",
    f"----- Mensaje original -----\n{OLD}",
    f"-----Mensagem original-----\r\n{OLD}",
    f"____________\nDe: Ana\nEnviado: lunes, 30 de noviembre de 2026 9:30\nPara: S\nAsunto: x\n\n{OLD}",
    f"From: Ana <ana@example.com>\nDate: Monday, 30 November 2026\nTo: Support\nSubject: x\n{OLD}",
    f"*De:* Ana\n*Enviada em:* segunda-feira\n*Para:* S\n*Assunto:* x\n{OLD}",
    f"> {OLD}\n> > x\n",
    "-- \nAgente\nAcme",
    "--\nAgente",
    f"-- \nAgente\n\nOn Monday 30/11/2026, Ana wrote:\n> {OLD}",
    "Enviado desde mi iPhone",
]
"""The same in plain text."""

TYPED = [
    (
        "html",
        "<p>Usted dijo:</p><blockquote><p>no va</p></blockquote><p>¿Sigue?</p>",
        "Usted dijo:\n\n> no va\n\n¿Sigue?",
    ),
    ("html", "<p>Pruebe esto:</p><blockquote>paso 1</blockquote>", "Pruebe esto:\n\n> paso 1"),
    ("text", "Usted dijo:\n> no va\n¿Sigue así?", "Usted dijo:\n> no va\n¿Sigue así?"),
    ("text", "> ¿Cuándo?\nHoy.\n\n> ¿Dónde?\nAquí.", "> ¿Cuándo?\nHoy.\n\n> ¿Dónde?\nAquí."),
    (
        "text",
        "On 30/11/2026 9:30, Ana wrote:\n> ¿Cuándo?\nHoy.\n> ¿Dónde?\nAquí.",
        "> ¿Cuándo?\nHoy.\n> ¿Dónde?\nAquí.",
    ),
    ("text", "On 30/11/2026 9:30, Ana wrote:\n> x\n> y\n\nListo.", "Listo."),
    (
        "html",
        "<blockquote type=cite>¿Cuándo?</blockquote><p>Hoy.</p><blockquote type=cite>¿Dónde?</blockquote><p>Aquí.</p>",
        "> ¿Cuándo?\n\nHoy.\n\n> ¿Dónde?\n\nAquí.",
    ),
    ("html", f"<p>On 30/11, Ana wrote:</p><blockquote type=cite>{OLD}</blockquote><p>Listo.</p>", "Listo."),
    (
        "html",
        f'<div class="gmail_quote">{GMAIL}<blockquote class="gmail_quote">{OLD}</blockquote><div>Listo.</div></div>',
        "Listo.",
    ),
    ("text", "El técnico escribió:\nya está", "El técnico escribió:\nya está"),
    (
        "text",
        "De: Quito\nPara: Guayaquil\nFecha: 30/11\nAsunto: envío",
        "De: Quito\nPara: Guayaquil\nFecha: 30/11\nAsunto: envío",
    ),
    ("text", "Paso 1\n--\nPaso 2\n" + "x\n" * 9 + "fin", "Paso 1\n--\nPaso 2\n" + "x\n" * 9 + "fin"),
    ("markdown", "Pruebe:\n\n> paso 1", "Pruebe:\n\n> paso 1"),
    ("wiki", "Pruebe:\nbq. paso 1", "Pruebe:\n> paso 1"),
    (
        "text",
        "Vea:\n---------- Forwarded message ---------\nFrom: X <x@x.co>\nDate: hoy\nSubject: y\n\n> nuevo",
        "Vea:\n---------- Forwarded message ---------\nFrom: X <x@x.co>\nDate: hoy\nSubject: y\n\n> nuevo",
    ),
    (
        "html",
        "Vea:<div class=gmail_quote><div class=gmail_attr>---------- Forwarded message ---------</div>nuevo</div>",
        "Vea:\n---------- Forwarded message ---------\nnuevo",
    ),
    ("html", '<div class="zd-comment" dir="auto"><p>Hola</p></div>', "Hola"),
    ("html", "<p title='a hidden class'>Hola <span class='signature-like'>x</span></p>", "Hola x"),
]
"""What an agent typed, cited or passed on, and what the customer reads of it."""

HIDDEN = [
    ('<div style="display:none">secreto</div>Hola', "Hola"),
    ('<div style="DISPLAY : NONE !important">secreto<div>más</div></div>Hola', "Hola"),
    ("<p hidden>secreto<p>Hola", "Hola"),
    ('<span style="visibility: hidden">secreto</span>Hola', "Hola"),
    ('<span style="color:red;font-size:0px">secreto</span>Hola', "Hola"),
    ('<span style="mso-hide:all">secreto</span>Hola<div style="max-height:0;overflow:hidden">secreto</div>', "Hola"),
    ("<div><span hidden>secreto</div>Hola", "Hola"),
    ('<td style="font-size:0px"><div style="font-size:14px">Hola</div></td>', "Hola"),
    ('<p style="font-size:0.9em;display:block">Hola</p>', "Hola"),
    ('<div style="display:none">secreto', ""),
]
"""HTML, and what a reader of it sees."""

TWICE = [
    ("&lt;p&gt;Hola &lt;b&gt;Ana&lt;/b&gt;&lt;/p&gt;", "Hola Ana"),
    ("<div>&lt;div&gt;Hola&lt;br&gt;&amp;iquest;Sigue?&lt;/div&gt;</div>", "Hola\n¿Sigue?"),
    ("&lt;p&gt;1 &amp;lt; 2&lt;/p&gt;", "1 < 2"),
    ("<p>Informaci&amp;oacute;n&amp;nbsp;nueva</p>", "Información nueva"),
    ("<p>Use &lt;b&gt;negrita&lt;/b&gt; aqu&iacute;</p>", "Use <b>negrita</b> aquí"),
    ("<p>a &amp;lt; b</p>", "a &lt; b"),
]
"""HTML that something has escaped once more, and such as speaks of tags."""


@pytest.mark.parametrize("behind", MARKED, ids=range(len(MARKED)))
def test_what_mail_programs_mark_in_html_is_cut(behind: str) -> None:
    """Quotation and signature, with the line that says who wrote it."""
    assert own_words(f"<div>Reinicie el equipo.</div>{behind}", "html") == "Reinicie el equipo."


@pytest.mark.parametrize("behind", PLAIN, ids=range(len(PLAIN)))
def test_what_mail_programs_mark_in_plain_text_is_cut(behind: str) -> None:
    """In English, Spanish, Portuguese and what else is common."""
    assert own_words(f"Reinicie el equipo.\n\n{behind}", "text") == "Reinicie el equipo."


@pytest.mark.parametrize("behind", [*MARKED, *PLAIN])
def test_a_reply_that_is_nothing_else_is_sent_as_it_is(behind: str) -> None:
    """Something was sent, so something arrives."""
    markup = "html" if behind in MARKED else "text"
    assert added(behind, markup) == ""
    assert own_words(behind, markup) == plain(behind, markup) != ""


@pytest.mark.parametrize(("markup", "text", "read"), TYPED)
def test_what_an_agent_typed_stays(markup: str, text: str, read: str) -> None:
    """A citation that nothing marks, answers between the lines, a mail that is passed on."""
    assert own_words(text, markup) == read


@pytest.mark.parametrize(("page", "seen"), HIDDEN)
def test_what_is_hidden_is_not_shown(page: str, seen: str) -> None:
    """However it is hidden; what is shown again inside of it is shown."""
    assert plain(page, "html") == own_words(page, "html") == seen


@pytest.mark.parametrize(("page", "read"), TWICE)
def test_what_was_escaped_twice_is_read_as_what_it_was(page: str, read: str) -> None:
    """And a text about tags keeps them."""
    assert own_words(page, "html") == read


def test_the_reply_from_the_field_is_the_agents_words_alone() -> None:
    """Zammad: a signature, the line that tells who wrote, a quotation."""
    written = json.loads((Path(__file__).parents[1] / "recordings/zammad/composed/reply-with-quote.json").read_bytes())
    assert own_words(written["article"]["body"], "html") == "Reinicie el equipo."


MORE = (
    "On 1 Jan 2026 9:30, a wrote:\n", "> a\n", "-- \n", "From: a@b\nDate: c\n", "<blockquote type=cite>", "<p hidden>",
    "<div class=gmail_quote>", "<b style='font-size:0'>", "<hr id=zwchr>", "\x02", "\x02\x03", "On ", "El\n",
    "--\n", "&lt;p&gt;", "<p style=", "<a class='", "-", "&amp;nbsp;", "<i hidden></i>",
)  # fmt: skip


@pytest.mark.parametrize("begun", MORE, ids=ascii)
@pytest.mark.parametrize("markup", ["text", "html"])
def test_a_long_text_of_marks_is_read(markup: str, begun: str) -> None:
    """What was quadratic would not end while anybody waits."""
    assert all(len(part) <= MOST for part in parts(own_words(of(begun, 300_000), markup)))


PIECES = st.lists(st.sampled_from([*MORE, "uno", "\n", " ", "</blockquote>", "</div>", "</p>", "x:\n", "\x04"])).map(
    "".join
)


@given(text=PIECES, markup=st.sampled_from(["text", "html", "markdown", "wiki"]))
def test_no_text_makes_it_empty_or_fail(text: str, markup: str) -> None:
    """What a reader sees of the whole is sent where nothing else is."""
    assert bool(own_words(text, markup)) == bool(plain(text, markup))
    assert not set(own_words(text, markup)) & set("\x02\x03\x04")
