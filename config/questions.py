"""What has to be asked to write an account: the required fields of its model, in the model's own words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import HttpUrl, SecretStr

from config.wanted import Wanted, fields_by_key, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pydantic import BaseModel

    from config.tree import Key

_LISTS = (list, tuple)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask. ``choices`` are all that is taken, where they are counted."""

    key: Key
    about: str
    is_secret: bool = False
    is_url: bool = False
    choices: tuple[str, ...] = ()


Ask = "Callable[[Question], str]"


def section(
    model: type[BaseModel],
    key: Key,
    ask: Callable[[Question], str],
    *,
    but: Collection[str] = (),
    also: Collection[str] = (),
) -> dict[str, Any]:
    """The section of a model: its required fields but some, and some that are not required; each asked for."""
    return {
        name: _value(wanted(info.annotation, info), (*key, name), info.description or "", ask)
        for name, info in fields_by_key(model).items()
        if (info.is_required() or name in also) and name not in but
    }


def _value(kind: Wanted, key: Key, about: str, ask: Callable[[Question], str]) -> Any:
    if kind.discriminator:
        tag = ask(Question(key, about, choices=tuple(kind.members)))
        member = kind.members[tag].model
        inner = section(member, key, ask, but={kind.discriminator}) if member else {}
        return {kind.discriminator: tag, **inner}
    if kind.model:
        return section(kind.model, key, ask)
    if get_origin(kind.type) in _LISTS:
        return [_value(wanted(get_args(kind.type)[0]), key, about, ask)]
    return ask(Question(key, about, kind.type is SecretStr, kind.type is HttpUrl, kind.choices))
