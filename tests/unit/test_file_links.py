"""Signed addresses of files that need a login: of one file of one account, for a time; and who gets a name instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.accounts import Files
from bridge.domain import AgentReplied, Attachment, TicketRef
from bridge.file_links import Shown, content_type, disposition, names_alone, own_path, server, shown
from bridge.helpdesks import REGISTRY
from bridge.say import messages_of

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000
KEY, OTHER = "k" * 32, "o" * 32
ZENDESK, ZAMMAD = REGISTRY["zendesk"], REGISTRY["zammad"]
PRIVATE = Attachment("https://acme.zendesk.com/attachments/token/x/?name=a b.pdf", "a b.pdf", "application/pdf", 9)
OF_ZAMMAD = Attachment("https://help.acme.example/api/v1/ticket_attachment/7/9/31", "a.png", "image/png", 9)


def files(*keys: str, **changes: Any) -> Files:
    """The setting."""
    told = {"public_url": "https://bridge.example", "keys": keys or (KEY,), **changes}
    return Files.model_validate(told)


def account(kind: str, how: str = "relay") -> Any:
    """An account with access."""
    access = {
        "zendesk": {"base_url": "https://acme.zendesk.com", "email": "a@b.example", "api_token": "t"},
        "zammad": {"base_url": "https://help.acme.example", "token": "t", "bridge_user_id": "1"},
    }
    told = {"project": "p", "verification": {"secrets": ["s" * 16]}, "access": access[kind], "files": how}
    return REGISTRY[kind].settings.model_validate(told)


def address(file: Attachment = PRIVATE, kind: str = "zendesk", told: Files | None = None, name: str = "acme") -> str:
    """Where the customer gets the file."""
    return server(REGISTRY[kind], account(kind), f"{kind}/{name}", told or files(), NOW)(file).url


def token(url: str) -> str:
    """Of an address."""
    return url.split("/")[-2]


def test_a_relayed_file_has_an_address_of_the_bridges() -> None:
    """It tells the file again, and nobody reads the credential in it; the same moment gives the same bytes."""
    url = address()
    assert url.startswith("https://bridge.example/files/zendesk/acme/")
    assert url.endswith("/a%20b.pdf")
    assert url == address()
    told = Shown("/attachments/token/x/?name=a%20b.pdf", "a b.pdf", "application/pdf")
    assert shown(files(), "zendesk/acme", token(url), NOW) == told


def test_an_address_is_over_after_its_time() -> None:
    """To the second."""
    url = address(told=files(valid_h=2))
    assert shown(files(), "zendesk/acme", token(url), NOW + 2 * HOUR_MS - 1_000)
    assert shown(files(), "zendesk/acme", token(url), NOW + 2 * HOUR_MS) is None


def test_keys_may_be_rotated() -> None:
    """The new one signs, and what the old one signed is good while it stands behind it."""
    old = token(address(told=files(OTHER)))
    assert shown(files(KEY, OTHER), "zendesk/acme", old, NOW)
    assert shown(files(KEY), "zendesk/acme", old, NOW) is None


def test_an_address_is_good_for_its_own_account_alone() -> None:
    """Each has a key of its own."""
    assert shown(files(), "zendesk/other", token(address()), NOW) is None


@given(st.text() | st.text("abcXYZ012-_.="), st.integers(0, 400))
def test_no_other_token_is_one(text: str, at: int) -> None:
    """Neither a made-up one nor ours with a letter changed; and none makes it fail."""
    ours = token(address())
    changed = ours[: at % len(ours)] + ("A" if ours[at % len(ours)] != "A" else "B") + ours[at % len(ours) + 1 :]
    assert shown(files(), "zendesk/acme", text, NOW) is None
    last_bits_alone = at % len(ours) in {ours.index(".") - 1, len(ours) - 1}
    assert last_bits_alone or shown(files(), "zendesk/acme", changed, NOW) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/attachments/x",
        "https://acme.zendesk.com.evil.example/attachments/x",
        "https://acme.zendesk.com@evil.example/attachments/x",
        "https://acme.zendesk.com:8443/attachments/x",
        "http://acme.zendesk.com/attachments/x",
        "http://169.254.169.254/attachments/x",
        "https://acme.zendesk.com/api/v2/users.json",
        "https://acme.zendesk.com/attachments/../api/v2/users.json",
        "https://acme.zendesk.com/attachments/%2e%2e/api/v2/users.json",
        "https://acme.zendesk.com\\@evil.example/attachments/x",
        "",
    ],
)
def test_only_files_at_the_accounts_own_host_are_relayed(url: str) -> None:
    """Whatever else an attachment may say, the bridge does not go there, nor to anything but files."""
    assert own_path(ZENDESK, account("zendesk"), url) == ""
    assert address(Attachment(url, "x")) == url


def test_a_file_that_needs_a_login_is_told_by_its_name() -> None:
    """Without relay: never under an address at which Jelou would find a login page."""
    link = account("zammad", "link")
    assert names_alone(ZAMMAD, link, OF_ZAMMAD)
    assert not names_alone(ZAMMAD, account("zammad"), OF_ZAMMAD)
    ref = TicketRef("zammad", "acme", "7")
    event = AgentReplied(ref, "comment:9", "9", "Hola", public=True, attachments=(OF_ZAMMAD,))
    (one,) = messages_of(event, ref, 1, server(ZAMMAD, link, "zammad/acme", files(), NOW))
    assert one.content == {"body": "Hola\na.png"}


def test_a_helpdesk_with_open_files_is_left_as_it_is() -> None:
    """Without relay Jelou fetches them where they lie."""
    link = account("zendesk", "link")
    assert server(ZENDESK, link, "zendesk/acme", files(), NOW)(PRIVATE) == PRIVATE
    assert not names_alone(ZENDESK, link, PRIVATE)


def test_an_inline_image_is_relayed_once() -> None:
    """Known by its own address in the text, sent under the bridge's."""
    ref = TicketRef("zendesk", "acme", "7")
    image = Attachment("https://acme.zendesk.com/attachments/token/x/?name=a.png", "a.png", "image/png", 9)
    text = f'<p>Mire</p><img src="{image.url}">'
    event = AgentReplied(ref, "comment:9", "9", text, public=True, markup="html", attachments=(image,))
    words, picture = messages_of(event, ref, 1, server(ZENDESK, account("zendesk"), "zendesk/acme", files(), NOW))
    assert (words.content, picture.message_type) == ({"body": "Mire"}, "image")
    assert picture.content["url"].startswith("https://bridge.example/files/")


def test_a_file_that_is_too_large_to_be_served_is_a_name() -> None:
    """The customer knows that there was one."""
    assert address(PRIVATE, told=files(max_bytes=1_024)).startswith("https://bridge.example/")
    large = Attachment(PRIVATE.url, "a.zip", "application/zip", 2_000)
    assert address(large, told=files(max_bytes=1_024)) == ""


@pytest.mark.parametrize(
    ("kind", "served"),
    [
        ("image/png", "image/png"),
        ("application/pdf", "application/pdf"),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("text/javascript", "application/octet-stream"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",) * 2,
    ],
)
def test_nothing_that_a_browser_runs_is_served_as_such(kind: str, served: str) -> None:
    """It is a stranger's file under the bridge's name."""
    assert content_type(kind) == served


def test_a_name_steers_no_header() -> None:
    """Whatever it holds."""
    assert disposition('a"\r\nX: y') == "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20y"


@pytest.mark.parametrize("wrong", [{"public_url": "http://x.example"}, {"keys": []}, {"keys": ["short"]}])
def test_a_setting_that_cannot_work_is_told(wrong: dict[str, Any]) -> None:
    """Before the first file."""
    with pytest.raises(ValidationError):
        files(**wrong) if "keys" not in wrong else Files.model_validate({"public_url": "https://x.example", **wrong})
