"""``GET /files/...``: one file of a helpdesk that needs a login, to whoever has its address, and nothing else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientError, web

from bridge.accounts import Bridge
from bridge.domain import Attachment
from bridge.embedded import free_port
from bridge.file_links import server
from bridge.file_serving import AT_ONCE
from bridge.helpdesks.zammad_account import ZammadAccount
from tests.harness import eventually, running, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientResponse

    from tests.harness import Running

pytestmark = pytest.mark.asyncio

FILE = "/api/v1/ticket_attachment/7/9/31"
WORDS = b"contenido" * 50_000
MOST = 1_000_000


class Desk:
    """A Zammad that gives its files to whoever has its token."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        self.go_on = asyncio.Event()
        self.broke = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A file by its last number."""
        self.asked.append((request.path, request.headers.get("authorization", "")))
        if request.headers.get("authorization") != "Token token=secret":
            raise web.HTTPFound(f"{self.url}/login")
        answer: web.StreamResponse = await getattr(self, f"_{request.match_info['id']}")(request)
        return answer

    async def _31(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=WORDS, content_type="text/html")

    async def _32(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:1/elsewhere")

    async def _33(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{self.url}{FILE[:-2]}34")

    async def _34(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=WORDS)

    async def _35(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * (MOST + 1))

    async def _36(self, request: web.Request) -> web.StreamResponse:
        """Never ends, and tells no length."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 65_536)
        except ConnectionError:
            self.broke += 1
            raise

    async def _37(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"begun")
        await self.go_on.wait()
        return answer

    async def _40(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound


class Serving:
    """A bridge before this desk."""

    def __init__(self, run: Running, desk: Desk) -> None:
        self.run, self.desk = run, desk

    def address(self, number: int, name: str = "a.pdf", kind: str = "application/pdf", host: str = "") -> str:
        """The bridge's address of a file, on the port of the test."""
        bridge = self.run.app.bridge
        account, dialect = bridge.account("zammad", "acme"), self.run.app.helpdesks["zammad"]
        file = Attachment(f"{host or self.desk.url}{FILE[:-2]}{number}", name, kind)
        url = server(dialect, account, "zammad/acme", bridge.files, self.run.app.now_ms())(file).url
        return url.replace("https://bridge.example", self.run.url)

    async def got(self, url: str, method: str = "GET") -> tuple[int, bytes, Any]:
        """Status, body, headers."""
        async with self.run.session.request(method, url, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers


PROJECT: dict[str, Any] = {
    "project_id": "1",
    "bot_id": "b",
    "base_url": "http://127.0.0.1:9/v1",
    "send_url": "http://127.0.0.1:9/send",
    "api_key": "k",
    "signing_secrets": ["s" * 16],
}


def settings(url: str, how: str) -> Bridge:
    """A Zammad at this address, with files."""
    access = {"base_url": url, "token": "secret", "bridge_user_id": "1"}
    told = {"project": "soporte", "verification": {"secrets": ["s" * 16]}, "access": access, "files": how}
    files = {"public_url": "https://bridge.example", "keys": ["k" * 32], "max_bytes": MOST}
    account = ZammadAccount.model_validate(told)
    return Bridge.model_validate(
        {"jelou": {"soporte": PROJECT}, "helpdesks": {"zammad": {"acme": account}}, "files": files}
    )


@asynccontextmanager
async def served(redis_url: str, prefix: str, how: str = "relay") -> AsyncIterator[Serving]:
    """A running web process with a Zammad behind it."""
    desk, site = Desk(), web.Application()
    site.router.add_get(FILE[:-2] + "{id}", desk.serve)
    async with serving(site, free_port()) as url:
        desk.url = url
        async with running(settings(url, how), redis_url, prefix, work=False) as run:
            yield Serving(run, desk)


async def test_a_file_is_passed_on_as_a_file(redis_url: str, prefix: str) -> None:
    """Whole, by the account's credential; never shown in place, nor sniffed as something else."""
    async with served(redis_url, prefix) as on:
        status, body, headers = await on.got(on.address(34, "mi contrato.pdf"))
        assert (status, body) == (200, WORDS)
        assert headers["Content-Type"] == "application/pdf"
        assert headers["Content-Length"] == str(len(WORDS))
        assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''mi%20contrato.pdf"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert on.desk.asked == [(f"{FILE[:-2]}34", "Token token=secret")]


async def test_head_tells_of_a_file_without_it(redis_url: str, prefix: str) -> None:
    """As some look before they fetch."""
    async with served(redis_url, prefix) as on:
        status, body, headers = await on.got(on.address(34), "HEAD")
        assert (status, body, headers["Content-Length"]) == (200, b"", str(len(WORDS)))


async def test_a_page_is_served_as_bytes_alone(redis_url: str, prefix: str) -> None:
    """A browser runs nothing of what an agent attached."""
    async with served(redis_url, prefix) as on:
        status, body, headers = await on.got(on.address(31, "a.html", "text/html"))
        assert (status, body, headers["Content-Type"]) == (200, WORDS, "application/octet-stream")


@pytest.mark.parametrize(("number", "status"), [(31, 502), (32, 502), (33, 200), (35, 502), (40, 404)])
async def test_what_is_not_the_file_is_not_served(redis_url: str, prefix: str, number: int, status: int) -> None:
    """A page where another type was told, a redirect to another host, one that is too large, one that is gone.

    A redirect on the account's own host is followed.
    """
    async with served(redis_url, prefix) as on:
        found, body, headers = await on.got(on.address(number))
        assert found == status
        assert "location" not in headers
        assert (body == WORDS) is (status == 200)


async def test_a_file_without_end_is_cut_off_so_that_it_shows(redis_url: str, prefix: str) -> None:
    """At the size that is allowed; it must not pass for a whole one."""
    async with served(redis_url, prefix) as on:
        with pytest.raises(ClientError):
            await on.got(on.address(36))

        async def left() -> bool:
            return on.desk.broke == 1

        await eventually(left)


async def test_no_other_address_is_served(redis_url: str, prefix: str) -> None:
    """A made-up token, another account, another kind; and nothing is asked of the helpdesk."""
    async with served(redis_url, prefix) as on:
        good = on.address(34)
        token = good.split("/")[-2]
        for url in (
            good.replace(token, "x" + token[1:]),
            good.replace("/acme/", "/other/"),
            good.replace("/zammad/", "/zendesk/"),
            good.replace(token, "."),
        ):
            assert (await on.got(url))[0] == 404
        assert (await on.got(good, "POST"))[0] == 405
        assert on.desk.asked == []


async def test_without_relay_nothing_is_served(redis_url: str, prefix: str) -> None:
    """Also under an address that was made while it was on."""
    async with served(redis_url, prefix) as on:
        path = on.address(34).removeprefix(on.run.url)
    async with served(redis_url, prefix, "link") as on:
        assert (await on.got(on.run.url + path))[0] == 404


async def test_so_many_files_pass_at_once(redis_url: str, prefix: str) -> None:
    """One more is asked to come again; when one has passed, it is served."""
    async with served(redis_url, prefix) as on:
        answers: list[ClientResponse] = []
        try:
            answers.extend([await on.run.session.get(on.address(37)) for _ in range(AT_ONCE)])
            status, _, headers = await on.got(on.address(34))
            assert (status, "Retry-After" in headers) == (503, True)
            on.desk.go_on.set()
            assert [await one.read() for one in answers] == [b"begun"] * AT_ONCE
            assert (await on.got(on.address(34)))[0] == 200
        finally:
            for one in answers:
                one.close()
