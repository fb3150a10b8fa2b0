"""Everything the bridge writes for people on tickets, as one table in English, Spanish and Portuguese. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, get_args

from bridge.policies import Language
from bridge.wording_notes import NOTES
from bridge.wording_talk import TALK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.domain import Assignment

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

TEXTS: Final[Mapping[str, Mapping[Language, str]]] = {
    key: dict(zip(LANGUAGES, texts, strict=True)) for key, texts in {**NOTES, **TALK}.items()
}
"""Key to language to template with named places."""


def say(language: Language, key: str, **values: object) -> str:
    """The text of this key, with its places filled; what stands in a value is taken as it is."""
    return TEXTS[key][language].format(**values)


def known(language: Language, key: str, otherwise: str) -> str:
    """The text of a key that is made of another side's word; ``otherwise`` where there is none of it."""
    return TEXTS[key][language] if key in TEXTS else otherwise


def in_words(language: Language, to: Assignment | None) -> str:
    """An assignment for people; a type that we do not know is said as it was told."""
    if to is None:
        return say(language, "to.nobody")
    return known(language, f"to.{to.type}", f"{to.type} {{target}}").replace("{target}", to.target)


def named_in_note() -> str:
    """A pattern, to be used line by line, for the conversation's id in a note of ours in any language."""
    begun = (text.partition("{")[0] for text in TEXTS["started.conversation"].values())
    return rf"^(?:{'|'.join(map(re.escape, begun))})(\S+)\s*$"
