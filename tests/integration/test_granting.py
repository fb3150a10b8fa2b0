"""Access tokens: asked for once, kept while they are good, asked for anew once when refused; a failure is certain."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bridge.domain import Call
from bridge.embedded import free_port
from bridge.errors import CallError, Denied, NotSent
from bridge.granting import GOOD_PART, Granting, Whose
from bridge.helpdesks.glpi import Glpi
from bridge.helpdesks.glpi_account import GlpiAccount
from bridge.http import Http
from tests.harness import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.domain import Reply

pytestmark = pytest.mark.asyncio

LIFE_S = 100
SECRET = "made-up-client-secret"


@dataclass
class Desk:
    """A helpdesk that hands out tokens, numbered from 1, or gives ``answer`` instead; it takes none of ``refused``."""

    url: str = ""
    handed_out: int = 0
    presented: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer: tuple[int, str] | None = None
    resets: bool = False
    together: asyncio.Barrier | None = None

    async def token(self, request: web.Request) -> web.Response:
        """A token more."""
        assert SECRET in await request.text()
        if self.resets and request.transport:
            request.transport.abort()
        if self.answer:
            return web.Response(status=self.answer[0], text=self.answer[1])
        self.handed_out += 1
        return web.json_response({"access_token": f"token-{self.handed_out}", "expires_in": LIFE_S})

    async def ticket(self, request: web.Request) -> web.Response:
        """The ticket, to whoever presents a token that is not refused."""
        told = request.headers.get("Authorization", "")
        self.presented.append(told)
        if self.together:
            async with asyncio.timeout(10):
                await self.together.wait()
        return web.json_response({"id": 1}, status=401 if told.removeprefix("Bearer ") in self.refused else 200)


@asynccontextmanager
async def helpdesk() -> AsyncIterator[Desk]:
    """The helpdesk on a loopback port."""
    desk, site = Desk(), web.Application()
    site.add_routes([web.post("/api.php/token", desk.token), web.get("/{any:.*}", desk.ticket)])
    async with serving(site, free_port()) as desk.url:
        yield desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A helpdesk of the test's own."""
    async with helpdesk() as desk:
        yield desk


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """A client of the test's own."""
    client = Http.open()
    yield client
    await client.close()


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def whose(desk: Desk, name: str = "glpi/main", *, access: bool = True) -> Whose:
    """An account at this helpdesk."""
    section = {"base_url": desk.url, "client_id": "c", "client_secret": SECRET}
    told = {"project": "acme", "verification": {"secrets": ["s"]}} | ({"access": section} if access else {})
    return Whose(Glpi(), GlpiAccount.model_validate(told), name)


def call(desk: Desk, *, granted: bool = True) -> Call:
    """A call that needs a token."""
    return Call("GET", f"{desk.url}/api.php/v2/Assistance/Ticket/1", granted=granted)


async def sent(granting: Granting, http: Http, desk: Desk, name: str = "glpi/main") -> Reply:
    """The answer to one call."""
    return await granting.send(http, whose(desk, name), call(desk))


async def error_of(granting: Granting, http: Http, asked: Whose, desk: Desk) -> CallError:
    """Why a call was not made."""
    with pytest.raises(CallError) as caught:
        await granting.send(http, asked, call(desk))
    assert SECRET not in f"{caught.value!r} {caught.value}"
    return caught.value


async def test_one_token_does_for_many_calls(http: Http, desk: Desk) -> None:
    """One after the other and all at once, it is asked for once."""
    granting = Granting()
    replies = await asyncio.gather(*(sent(granting, http, desk) for _ in range(20)))
    replies += [await sent(granting, http, desk) for _ in range(3)]
    assert {reply.status for reply in replies} == {200}
    assert (desk.handed_out, set(desk.presented)) == (1, {"Bearer token-1"})


async def test_a_call_with_its_own_credential_asks_for_none(http: Http, desk: Desk) -> None:
    """Most helpdesks hand out no tokens."""
    reply = await Granting().send(http, whose(desk, access=False), call(desk, granted=False))
    assert (reply.status, desk.handed_out, desk.presented) == (200, 0, [""])


async def test_each_account_has_its_own_token(http: Http, desk: Desk) -> None:
    """What one may read is not the other's."""
    granting = Granting()
    for name in ("glpi/one", "glpi/two", "glpi/one"):
        await sent(granting, http, desk, name)
    assert desk.presented == ["Bearer token-1", "Bearer token-2", "Bearer token-1"]


async def test_a_refused_token_is_asked_for_anew(http: Http, desk: Desk) -> None:
    """Somebody revoked it: the call is made again with a new one, which is kept."""
    granting = Granting()
    await sent(granting, http, desk)
    desk.refused = {"token-1"}
    assert (await sent(granting, http, desk)).status == 200
    assert (await sent(granting, http, desk)).status == 200
    assert desk.presented == ["Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2"]


async def test_a_new_token_that_is_refused_too_is_the_answer(http: Http, desk: Desk) -> None:
    """Exactly one more call: what refuses every token would be asked for ever."""
    desk.refused = {f"token-{number}" for number in range(1, 10)}
    assert (await sent(Granting(), http, desk)).status == 401
    assert (desk.handed_out, desk.presented) == (2, ["Bearer token-1", "Bearer token-2"])


async def test_many_calls_that_are_refused_together_ask_once(http: Http, desk: Desk) -> None:
    """The one that comes first asks, the others take its token."""
    granting = Granting()
    await sent(granting, http, desk)
    desk.refused, desk.together = {"token-1"}, asyncio.Barrier(8)
    replies = await asyncio.gather(*(sent(granting, http, desk) for _ in range(8)))
    assert {reply.status for reply in replies} == {200}
    assert (desk.handed_out, desk.presented.count("Bearer token-2")) == (2, 8)


async def test_a_token_is_renewed_before_its_end(http: Http, desk: Desk) -> None:
    """What is on its way when it ends would be refused."""
    clock = Clock()
    granting = Granting(monotonic=clock)
    await sent(granting, http, desk)
    clock.now_s += LIFE_S * GOOD_PART - 0.5
    await sent(granting, http, desk)
    assert desk.handed_out == 1
    clock.now_s += 0.5
    await sent(granting, http, desk)
    assert (desk.handed_out, desk.presented[-1]) == (2, "Bearer token-2")


async def test_a_refused_credential_is_denied_and_nothing_is_called(http: Http, desk: Desk) -> None:
    """Certain, and for a person to mend."""
    desk.answer = (401, '{"error": "invalid_client"}')
    error = await error_of(Granting(), http, whose(desk), desk)
    assert (type(error), error.status, error.certain, desk.presented) == (Denied, 401, True, [])


@pytest.mark.parametrize("answer", [(500, ""), (504, ""), (200, "<html>"), (200, "{}"), (200, '{"access_token": ""}')])
async def test_an_answer_that_is_no_token_is_certain(http: Http, desk: Desk, answer: tuple[int, str]) -> None:
    """Whatever became of the question for a token, the call it was for was not made: safe to try again."""
    desk.answer = answer
    error = await error_of(Granting(), http, whose(desk), desk)
    assert (type(error), error.status, error.certain, error.again) == (NotSent, answer[0], True, True)
    assert desk.presented == []


async def test_a_question_for_a_token_that_breaks_off_is_certain(http: Http, desk: Desk) -> None:
    """As one that is never answered."""
    desk.resets = True
    error = await error_of(Granting(), http, whose(desk), desk)
    assert (type(error), error.certain, desk.presented) == (NotSent, True, [])


async def test_a_failure_is_not_kept(http: Http, desk: Desk) -> None:
    """The next call asks again."""
    granting = Granting()
    desk.answer = (503, "")
    await error_of(granting, http, whose(desk), desk)
    desk.answer = None
    assert (await sent(granting, http, desk)).status == 200


async def test_an_account_without_a_credential_calls_nothing(http: Http, desk: Desk) -> None:
    """There is nothing to ask with."""
    error = await error_of(Granting(), http, whose(desk, access=False), desk)
    assert (type(error), desk.handed_out, desk.presented) == (NotSent, 0, [])


async def test_a_token_does_not_show(http: Http, desk: Desk) -> None:
    """Not even where somebody prints what holds it."""
    granting = Granting()
    await sent(granting, http, desk)
    assert "token-1" not in repr(granting)
