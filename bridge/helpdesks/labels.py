"""The labels of status, priority, type and channel in the bridge's own words.

Helpdesks tell an enum in capitals, in lower case, or as the label an admin sees, in the language of the account.
Languages: English, Spanish, Portuguese, as the products show them. A label that is not here is kept in lower case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.accounts import Account

WORDS: Final = {
    "status": frozenset({"new", "open", "pending", "on-hold", "solved", "closed"}),
    "priority": frozenset({"low", "normal", "high", "urgent"}),
}
"""What the bridge calls them; any other word came from a helpdesk, and is in no table."""

ENDED: Final = frozenset({"solved", "closed"})
"""The statuses in which a ticket is done."""

STATUSES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("new", "nuevo", "novo"), "new"),
    **dict.fromkeys(("open", "abierto", "aberto"), "open"),
    **dict.fromkeys(("pending", "pendiente", "pendente"), "pending"),
    **dict.fromkeys(("hold", "on-hold", "on hold", "on_hold", "en espera", "em espera"), "on-hold"),
    **dict.fromkeys(("solved", "resolved", "resuelto", "solucionado", "resolvido"), "solved"),
    **dict.fromkeys(("closed", "cerrado", "fechado"), "closed"),
}

PRIORITIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("low", "baja", "baixa"), "low"),
    **dict.fromkeys(("normal", "medium", "media", "média"), "normal"),
    **dict.fromkeys(("high", "alta"), "high"),
    **dict.fromkeys(("urgent", "urgente", "critical", "crítica"), "urgent"),
}

TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("question", "pregunta", "pergunta"), "question"),
    **dict.fromkeys(("incident", "incidente"), "incident"),
    **dict.fromkeys(("problem", "problema"), "problem"),
    **dict.fromkeys(("task", "tarea", "tarefa"), "task"),
}

CHANNELS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("web", "web form", "formulario web", "formulário da web", "formulário web"), "web"),
    **dict.fromkeys(("email", "e-mail", "mail", "correo electrónico"), "email"),
    **dict.fromkeys(("api", "web service (api)"), "api"),
}


def label(table: Mapping[str, str], said: str) -> str:
    """The bridge's word for what was said, in any case; what the table does not know in lower case."""
    word = said.strip().casefold()
    return table.get(word, word)


def status(account: Account, said: str, table: Mapping[str, str] = STATUSES) -> str:
    """The bridge's word for a status: by the account's own labels, then by the table."""
    return _own(account.labels.status, said) or label(table, said)


def priority(account: Account, said: str, table: Mapping[str, str] = PRIORITIES) -> str:
    """The bridge's word for a priority: by the account's own labels, then by the table."""
    return _own(account.labels.priority, said) or label(table, said)


def unknown(word: str) -> str:
    """The status where it is none of the bridge's words, for ``Unrecognised.status``; else empty."""
    return "" if word in WORDS["status"] else word


def _own(labels: Mapping[str, str], said: str) -> str:
    word = said.strip().casefold()
    return next((meant for name, meant in labels.items() if name.strip().casefold() == word), "")
