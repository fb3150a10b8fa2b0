"""What a model's annotations ask for, as far as laying a file over them needs it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTED_AS = "LISTED_AS"
"""Where a model says that."""

_UNIONS = (Union, UnionType)
_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A type without Annotated and None; ``discriminator`` is the key that tells a union's models apart."""

    type: Any
    discriminator: str = ""

    @property
    def model(self) -> type[BaseModel] | None:
        """The model, where the type is one."""
        return self.type if _is_model(self.type) else None

    @property
    def listed(self) -> str:
        """The field that a list means which stands where the model's section may; empty where none may."""
        return str(getattr(self.model, LISTED_AS, "")) if self.model else ""

    @property
    def members(self) -> dict[str, Wanted]:
        """The models of a union by their tag."""
        found = [wanted(member) for member in get_args(self.type)] if self.discriminator else []
        return {tag: one for one in found for tag in _tags(one, self.discriminator)}

    @property
    def item(self) -> Wanted:
        """What an item of the list must be; anything, where no list is wanted."""
        return wanted(get_args(self.type)[0]) if get_origin(self.type) in _LISTS else Wanted(Any)

    @property
    def entry(self) -> Wanted:
        """What a value of the mapping must be; anything, where no mapping is wanted."""
        return wanted(get_args(self.type)[1]) if get_origin(self.type) is dict else Wanted(Any)

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed values, where they are counted."""
        return tuple(map(str, get_args(self.type))) if get_origin(self.type) is Literal else ()

    @property
    def is_single(self) -> bool:
        """Whether one value is wanted, neither section nor list."""
        return not (self.model or self.discriminator or get_origin(self.type) in (*_LISTS, dict))

    @property
    def is_free(self) -> bool:
        """Whether true, false and whole numbers are wanted as such, beside or instead of text."""
        return self.type is Any or self.type is bool or get_origin(self.type) in _UNIONS


def wanted(annotation: Any, info: FieldInfo | None = None) -> Wanted:
    """What an annotation asks for. Raises TypeError for a union of sections or secrets that nothing tells apart."""
    discriminator = _discriminator(info)
    while get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        discriminator = discriminator or "".join(map(_discriminator, extras))
    if get_origin(annotation) not in _UNIONS:
        return Wanted(annotation)
    members = [one for one in get_args(annotation) if one is not NoneType]
    if len(members) == 1:
        return wanted(members[0])
    if not discriminator and any(_is_model(one) or one is SecretStr for one in members):
        msg = f"{annotation} needs a discriminator"
        raise TypeError(msg)
    return Wanted(annotation, discriminator)


def fields_by_key(model: type[BaseModel] | None) -> Mapping[str, FieldInfo]:
    """The fields of a model by the key that the file gives them."""
    return {info.alias or name: info for name, info in model.model_fields.items()} if model else {}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and not get_args(kind) and issubclass(kind, BaseModel)


def _discriminator(info: Any) -> str:
    found = info.discriminator if isinstance(info, FieldInfo) else None
    return found if isinstance(found, str) else ""


def _tags(member: Wanted, discriminator: str) -> tuple[str, ...]:
    info = fields_by_key(member.model).get(discriminator)
    return tuple(map(str, get_args(info.annotation))) if info and get_origin(info.annotation) is Literal else ()
