"""Webhook calls as the senders of a soak make them: composed once, signed anew on every try."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bridge.signatures import standard_webhooks_signature
from bridge.twins import zendesk_events
from bridge.twins.zendesk_desk import ZendeskSettings
from tests.harness import KEY
from tests.soak.setup import ZENDESK_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.setup import Account


@dataclass(frozen=True)
class Delivery:
    """One webhook call: the same id and body on every try, signed anew each time."""

    path: str
    body: bytes
    headers: Callable[[], dict[str, str]]


def scripted(account: Account, told: dict[str, Any], message_id: str) -> Delivery:
    """A delivery of a scripted sender."""
    body = orjson.dumps(told)

    def headers() -> dict[str, str]:
        now_s = int(time.time())
        signature = standard_webhooks_signature(base64.b64decode(KEY), message_id, now_s, body)
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": signature,
        }

    return Delivery(f"/webhooks/helpdesks/{account.path}", body, headers)


def triggered(account: Account, told: dict[str, Any], invocation: str) -> Delivery:
    """A Zendesk trigger's call about a ticket that the native event tells of as well."""
    body = orjson.dumps(told)
    settings = ZendeskSettings(secret=ZENDESK_SECRET)
    return Delivery(
        f"/webhooks/helpdesks/{account.path}",
        body,
        lambda: zendesk_events.headers(settings, invocation, body, rightly=True),
    )
