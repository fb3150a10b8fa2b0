"""What becomes of each ticket of the data, whichever version wrote it: by its account and name.

A customer hears each message once, a ticket gets each update once. What cannot be known is not guessed: a start whose
event never comes is a person's to decide.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.data.tickets import AGENT, CUSTOMER


class End(NamedTuple):
    """``chats`` begun, ``notes`` for agents, what the customer ``heard``, what is ``written`` for all to see.

    ``left`` events wait for a person; ``due``: it is looked at again and again meanwhile.
    """

    phase: str
    chats: int = 1
    notes: int = 1
    heard: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    status: str = "open"
    left: int = 0
    due: bool = False


OPEN, PARKED, FAILED = End("open"), End("parked"), End("failed", chats=0)
CLOSED = End("closed", notes=2, status="solved")
SECOND = End("open", chats=2, notes=3)
ROBOT, FILES = "Respuesta automática", "https://files.example.com"
RETOMAR = "template retomar"
SAID_AGAIN = "sí, dígame"
"""What the customers write whom a template has asked to."""

ENDS: Final[dict[str, End]] = {
    "acme/closed": CLOSED,
    "acme/closed-package": CLOSED._replace(heard=(AGENT,)),
    "acme/closed-reopened": SECOND,
    "acme/closed-talk": CLOSED._replace(heard=(AGENT,), written=(CUSTOMER,)),
    "acme/closed-unpackaged": CLOSED._replace(heard=(AGENT,)),
    "acme/reopened": SECOND,
    "acme/again-new": SECOND,
    "acme/again-told": SECOND,
    "acme/again-unknown": End("parked", chats=2, notes=3),
    "acme/open": OPEN,
    "acme/open-asked": End("open", notes=2, heard=(RETOMAR, AGENT), written=(SAID_AGAIN,)),
    "acme/open-closed-told": CLOSED,
    "acme/open-closing": CLOSED._replace(heard=("Gracias por escribir",)),
    "acme/open-doubted": OPEN,
    "acme/open-end-asked": OPEN,
    "acme/open-ending": CLOSED._replace(heard=("Gracias por escribir",)),
    "acme/open-extra": End("open", chats=2, notes=2),
    "acme/open-fuse": End("open", notes=2, heard=(ROBOT, ROBOT), written=(f"{ROBOT} {ROBOT}",), left=4, due=True),
    "acme/open-inbox": OPEN._replace(heard=("Hola", f"{FILES}/a.png"), written=(f"Image: {FILES}/b.png mire",)),
    "acme/open-merging": OPEN._replace(written=("uno y dos",)),
    "acme/open-note-sent": OPEN,
    "acme/open-partial": OPEN._replace(heard=("entero",), written=("entero",)),
    "acme/open-reopened": OPEN,
    "acme/open-said": OPEN._replace(heard=(AGENT,)),
    "acme/open-says": OPEN._replace(heard=("uno", "y dos")),
    "acme/open-todos": OPEN,
    "acme/open-wanted": End("open", notes=2, heard=(RETOMAR, AGENT), written=(SAID_AGAIN,)),
    "acme/open-words-sent": OPEN._replace(written=(CUSTOMER,)),
    "acme/gone": OPEN,
    "acme/buried-event": OPEN,
    "acme/buried-note": OPEN._replace(notes=0),
    "acme/buried-say": OPEN._replace(notes=2),
    "acme/started": OPEN,
    "acme/starting": PARKED._replace(chats=0),
    "acme/starting-answered": OPEN,
    "acme/starting-refused": OPEN,
    "acme/starting-told": OPEN,
    "acme/starting-worked": PARKED,
    "acme/unknown": PARKED._replace(chats=0),
    "acme/unknown-told": OPEN,
    "acme/unknown-worked": PARKED,
    "acme/behind-first": PARKED,
    "acme/behind-second": OPEN,
    "acme/new": OPEN,
    "acme/new-asked": PARKED._replace(chats=0),
    "acme/new-backoff": OPEN,
    "again/new-frozen": OPEN,
    "again/new-paced-1": OPEN,
    "again/new-paced-2": OPEN,
    "again/new-paced-3": OPEN,
    "ventas/new-broken": OPEN,
    "ventas/new-throttled": OPEN,
    "cobros/new-denied": OPEN,
    "cobros/new-behind-denied": OPEN,
    "paused/held": OPEN,
    "acme/parked": PARKED._replace(chats=0),
    "acme/failed": FAILED,
    "acme/refused": FAILED,
    "acme/discarded": FAILED,
    "acme/ignored": End("ignored", chats=0, notes=0),
    "acme/for-593987009004": OPEN._replace(chats=0, written=(CUSTOMER,)),
    "acme/for-593987009005": OPEN._replace(chats=0, written=(CUSTOMER,)),
}
"""The last two were opened for conversations that no ticket had asked for."""

LATER: Final[dict[str, dict[str, End]]] = {
    "2026-12": {
        "acme/open-fuse": End("open", notes=3, heard=(ROBOT,) * 4, written=(f"{ROBOT} {ROBOT}",) * 2),
        "paused/held": OPEN._replace(notes=2),
    },
}
"""What this version's own data comes to instead: a fuse of it goes on by itself, and a start that waits is noted."""

LETTERS: Final = {"buried-event", "buried-note", "buried-say", "failed", "refused", "parked", "open-fuse"}
"""The tickets that have dead letters."""

ORPHANS: Final = {"orphan:ventas:o1", "orphan:ventas:ventas:5:bot-1:593987009002", "orphan:soporte:unasked-buried"}
"""What nobody has claimed."""
