"""The two accounts that a ticket runs between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.granting import Whose

if TYPE_CHECKING:
    from bridge.accounts import Account, Project
    from bridge.ports import Helpdesk


@dataclass(frozen=True, slots=True)
class Pair:
    """The helpdesk account and the Jelou project a ticket runs between."""

    dialect: Helpdesk
    account: Account
    project: Project
    project_name: str
    account_name: str
    """The helpdesk account as people name it: kind/name."""

    @property
    def whose(self) -> Whose:
        """The helpdesk account that calls are made for."""
        return Whose(self.dialect, self.account, self.account_name)
