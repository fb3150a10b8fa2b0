"""The helpdesks the bridge speaks to, each a dialect behind ``bridge.ports.Helpdesk``."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bridge.helpdesks.django_helpdesk import DjangoHelpdesk
from bridge.helpdesks.freshdesk import Freshdesk
from bridge.helpdesks.freshservice import Freshservice
from bridge.helpdesks.generic import Generic
from bridge.helpdesks.glpi import Glpi
from bridge.helpdesks.hubspot import Hubspot
from bridge.helpdesks.intercom import Intercom
from bridge.helpdesks.jira import Jira
from bridge.helpdesks.standard_webhooks import StandardWebhooks
from bridge.helpdesks.zammad import Zammad
from bridge.helpdesks.zendesk import Zendesk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.ports import Helpdesk

REGISTRY: Final[Mapping[str, Helpdesk]] = MappingProxyType(
    {
        "django-helpdesk": DjangoHelpdesk(),
        "freshdesk": Freshdesk(),
        "freshservice": Freshservice(),
        "generic": Generic(),
        "glpi": Glpi(),
        "hubspot": Hubspot(),
        "intercom": Intercom(),
        "jira": Jira(),
        "standard-webhooks": StandardWebhooks(),
        "zammad": Zammad(),
        "zendesk": Zendesk(),
    }
)
"""Kind to dialect. A new helpdesk is a line here, a module beside this one and a folder of recordings."""
