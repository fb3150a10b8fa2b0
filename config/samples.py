"""An account of each kind with everything filled in, for what is asked of a dialect before anybody has one. Pure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from config.mappings import FIELD
from config.questions import Question, section
from config.wanted import fields_by_key, wanted

if TYPE_CHECKING:
    from pydantic import BaseModel

    from bridge.accounts import Account

SECRET: Final = "whsec_" + "c2VjcmV0" * 5
"""Of the form that the strictest kind wants."""

TEXTS: Final = ("1", "p/1", "jelou")
"""What an optional setting is tried with; one that takes none of them is left out."""


def sample(model: type[Account], mapping: Any = None) -> Account:
    """The account. Raises ValidationError where a kind's required fields take no plain answer."""
    named = {"project": "main"} | ({FIELD: mapping, "settings": _asked(mapping)} if mapping else {})
    told = named | section(model, ("sample",), _answer, but=named, also={"access"})
    for name in _optional(model):
        told = next(filter(partial(_fits, model), (_with(told, name, text) for text in TEXTS)), told)
    return model.model_validate(told)


def _asked(mapping: Any) -> dict[str, str]:
    """What the mapping asks each account for, without a default."""
    settings = mapping.get("settings") or {}
    return {name: TEXTS[0] for name, one in settings.items() if "default" not in one}


def _optional(model: type[BaseModel]) -> list[str]:
    """The settings of an account's access that may be left out."""
    info = model.model_fields.get("access")
    inner = wanted(info.annotation, info).model if info else None
    return [name for name, one in fields_by_key(inner).items() if not one.is_required()]


def _with(told: dict[str, Any], name: str, text: str) -> dict[str, Any]:
    return told | {"access": {**told["access"], name: text}}


def _fits(model: type[BaseModel], told: dict[str, Any]) -> bool:
    try:
        model.model_validate(told)
    except ValidationError:
        return False
    return True


def _answer(question: Question) -> str:
    if question.choices:
        return question.choices[0]
    if question.is_secret:
        return SECRET
    return "https://desk.example.com" if question.is_url or str(question.key[-1]).endswith("url") else "1"
