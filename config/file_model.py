"""The whole file as one model: ``bridge.accounts.Bridge`` with every kind of helpdesk typed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from bridge.accounts import Account, Bridge, Name
from bridge.policies import Model
from config.wanted import fields_by_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

HELPDESKS = "helpdesks"


def file_model(kinds: Mapping[str, type[Account]]) -> type[Model]:
    """The model of the file: the fields of ``Bridge``, and under ``helpdesks`` one typed section per kind."""
    sections: dict[str, Any] = {
        f"kind_{number}": _section(kind, kinds[kind]) for number, kind in enumerate(sorted(kinds))
    }
    helpdesks = create_model("Helpdesks", __base__=Model, __doc__="The helpdesks, by kind.", **sections)
    fields: dict[str, Any] = {name: (info.annotation, info) for name, info in Bridge.model_fields.items()}
    fields[HELPDESKS] = (helpdesks, Field(description="The accounts of each kind of helpdesk, by name."))
    return create_model("BridgeFile", __base__=Model, __doc__="The configuration of the bridge.", **fields)


def _section(kind: str, account: type[Account]) -> tuple[Any, Any]:
    about = f"The {kind} accounts, each under the name that stands in its webhook's path."
    accounts: Any = dict[Name, account]  # type: ignore[valid-type]
    return accounts, Field(default_factory=dict, alias=kind, description=about)


def bridge_of(file: Model) -> Bridge:
    """The checked configuration out of a checked file; the accounts stay instances of their kind's model."""
    given = {name: getattr(file, name) for name in file.model_fields_set}
    return Bridge(**{**given, HELPDESKS: _by_key(given[HELPDESKS])})


def _by_key(section: BaseModel) -> dict[str, Any]:
    values = [getattr(section, name) for name in type(section).model_fields]
    return {key: value for key, value in zip(fields_by_key(type(section)), values, strict=True) if value}
