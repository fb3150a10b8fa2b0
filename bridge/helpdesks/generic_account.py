"""The account of a helpdesk that a mapping describes: its secrets, its host, and what the mapping asks it for. Pure."""

from __future__ import annotations

from typing import Any, Final, Self

from pydantic import Field, SecretStr, model_validator

from bridge.accounts import Account
from bridge.helpdesks import generic_proof, proof
from bridge.helpdesks.generic_access import GenericAccess
from bridge.helpdesks.generic_mapping import HelpdeskMapping, settings_asked
from bridge.policies import Model

PACES: Final = ("calls_per_minute", "ticket_pace")


class GenericSecrets(Model):
    """What proves a delivery, as the mapping's ``proof`` wants it."""

    secrets: list[SecretStr] = Field(min_length=1, description="The new one and, during a rotation, the old one.")
    username: str = Field(default="", description="Of HTTP Basic.")


class GenericAccount(Account):
    """An account of a helpdesk that a mapping describes."""

    mapping: HelpdeskMapping = Field(description="A shipped one by its name, or file:PATH beside this file.")
    settings: dict[str, str] = Field(default_factory=dict, description="What the mapping asks each account for.")
    verification: GenericSecrets
    access: GenericAccess | None = Field(default=None, description="Without it nothing is read or written back.")

    @model_validator(mode="before")
    @classmethod
    def _paced(cls, section: Any) -> Any:
        """The mapping's pace, where the account has none of its own."""
        mapping = section.get("mapping") if isinstance(section, dict) else None
        if not isinstance(mapping, dict):
            return section
        return {name: mapping[name] for name in PACES if name in mapping} | section

    @model_validator(mode="after")
    def _whole(self) -> Self:
        generic_proof.verification(self.mapping.proof, secrets_of(self), self.verification.username)
        known = set(self.mapping.settings)
        unknown = sorted(set(self.settings) - known)
        undeclared = sorted(settings_asked(self.mapping) - known)
        missing = sorted(name for name in known - set(self.settings) if self.mapping.settings[name].default is None)
        for names, problem in (
            (unknown, "settings: the mapping asks for no {}; known: " + (", ".join(sorted(known)) or "none")),
            (undeclared, "mapping: an expression asks for settings.{}, which is not among its settings"),
            (missing, "settings: the mapping asks for {}"),
        ):
            if names:
                raise ValueError(problem.format(names[0]))
        return self


def secrets_of(account: GenericAccount) -> tuple[str, ...]:
    """The secrets as texts."""
    return proof.revealed(account.verification.secrets)


def own(account: Account) -> GenericAccount:
    """The account as one of this kind. Raises TypeError."""
    return proof.own(account, GenericAccount)


def settings_of(account: GenericAccount) -> dict[str, str]:
    """What the account gives the mapping, with the mapping's defaults."""
    declared = account.mapping.settings.items()
    return {name: one.default for name, one in declared if one.default is not None} | account.settings
