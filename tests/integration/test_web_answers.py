"""What a sender hears whose mapping says what it wants to hear: the same for what is new and for what came before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml

from tests.desk_server import MAPPING, DeskServer
from tests.harness import configuration, running
from tests.senders import delivered, prove
from tests.webhooks import JELOU, Answer, post

if TYPE_CHECKING:
    from tests.harness import Running

PATH = "/webhooks/helpdesks/generic/desk"
BODY = {"event": "ticket.created", "ticket": {"id": 7, "updated_at": "1"}}


async def told(run: Running, body: bytes) -> Answer:
    """What the desk hears of a delivery that it signs now."""
    account = run.app.bridge.account("generic", "desk")
    assert account is not None
    delivery = delivered(body)
    proof = prove(delivery, run.app.helpdesks["generic"].verification(account), now_ms=run.app.now_ms())
    headers = {"content-type": "application/json", **proof.on(delivery).headers}
    return await post(run, PATH, body, headers)


def desk(answer: Any) -> dict[str, Any]:
    """An account whose sender wants this answer."""
    mapping = yaml.safe_load(MAPPING.read_text(encoding="utf-8")) | {"answer": answer}
    return DeskServer(url="http://127.0.0.1:9").account(mapping=mapping)


@pytest.mark.parametrize(("answer", "said"), [({"status": 200, "body": "ok"}, b"ok"), ({"body": {"n": 1}}, b'{"n":1}')])
async def test_a_new_delivery_and_its_repeat_are_answered_alike(
    redis_url: str, prefix: str, answer: dict[str, Any], said: bytes
) -> None:
    """As the mapping says; what is refused is refused as ever."""
    senders = configuration(JELOU, {"generic": {"desk": desk(answer)}})
    async with running(senders, redis_url, prefix, work=False) as run:
        answers = [await told(run, orjson.dumps(BODY)) for _ in range(2)]
        assert [(one.status, one.body) for one in answers] == [(200, said)] * 2
        assert (await told(run, b"{")).status == 400
        assert (await post(run, PATH, b"{}", {"content-type": "application/json"})).status == 401
