"""What the README says each helpdesk can do is what its dialect does."""

from __future__ import annotations

from bridge.capabilities import capabilities, row
from config.mappings import data_of, shipped
from config.samples import sample
from tests.helpdesk_recordings import KINDS
from tests.helpdesk_table import table, written


def test_the_table_in_the_readme_is_true() -> None:
    """It is generated; a capability that comes or goes shows here first."""
    assert written() == table(), "refresh it: python -m tests.helpdesk_table"


def test_without_access_a_helpdesk_can_only_be_listened_to() -> None:
    """The measure measures: what needs a call is gone with the credential."""
    for one in KINDS:
        section = {name: value for name, value in one.section.items() if name != "access"}
        known = capabilities(one.dialect, one.dialect.settings.model_validate(section))
        assert (known.reads, known.comments, known.writes, known.opens, known.lists) == (False, False, (), False, False)


def test_the_command_says_the_same() -> None:
    """``bridge helpdesks`` asks for an account that is made up of each model, and finds what the recordings' has."""
    for one in KINDS:
        mapping = data_of(shipped()[one.mapping]) if one.mapping else None
        known = capabilities(one.dialect, sample(one.dialect.settings, mapping), one.name)
        assert row(known) == row(capabilities(one.dialect, one.account, one.name))
