"""A delivery taken as verified although nothing proved it: for ``bridge simulate``, which sends nothing. Pure.

Kept apart from ``signatures.verify``, so that the import rule holds it away from every process that does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import _CHECKED, Verified

if TYPE_CHECKING:
    from bridge.domain import Delivery


def rehearsed(delivery: Delivery) -> Verified:
    """The delivery, for a reading that changes nothing."""
    return Verified(delivery, _CHECKED)
