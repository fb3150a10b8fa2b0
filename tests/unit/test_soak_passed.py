"""What a soak reads of where messages ended up."""

from __future__ import annotations

import orjson

from bridge import events
from bridge.domain import CustomerWrote
from tests.soak.passed import orphaned


def test_a_message_among_the_orphans_is_found() -> None:
    """As the store keeps it: JSON within JSON, so that the text's own quotes are written twice over."""
    content = {"body": "mensaje 3 de acme-17"}
    wrote = CustomerWrote("norte", "message:m-1", "c-1", "r-1", "bot-1", "593987654321", 9, "m-1", "text", content)
    kept = orjson.dumps([False, wrote.fact, events.dump(wrote, "d-1", 9), '{"what":"received"}'])
    assert orphaned(kept) == ["mensaje 3 de acme-17"]
