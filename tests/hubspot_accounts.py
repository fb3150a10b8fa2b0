"""An account of HubSpot, as tests of its dialect want it."""

from __future__ import annotations

from typing import Any

from bridge.helpdesks.hubspot import Hubspot
from bridge.helpdesks.hubspot_account import HubspotAccount

HUBSPOT = Hubspot()
URL = "https://bridge.example.com/webhooks/helpdesks/hubspot/acme"


def account(*, access: dict[str, Any] | None = None, verification: dict[str, Any] | None = None, **more: Any) -> Any:
    """An account with access; what is given is added to its sections."""
    return HubspotAccount.model_validate(
        {
            "project": "acme",
            "verification": {"secrets": ["s"], "public_url": URL, **(verification or {})},
            "access": {"token": "t", "mark_property": "jelou_bridge", **(access or {})},
            **more,
        }
    )


ACCOUNT = account()
