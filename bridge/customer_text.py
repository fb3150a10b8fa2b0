"""What a customer wrote, as text for a ticket: every type that is known, and a readable line for those that are not.

Pure. It is plain text: dialects escape it for their helpdesk. Nothing that Jelou may say in ``content`` makes it fail.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bridge.chat_text import tidy
from bridge.urls import encoded
from bridge.wording import known, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.domain import CustomerWrote
    from bridge.policies import Language


def line_of(event: CustomerWrote, language: Language) -> str:
    """The message as text; a message in which nothing can be read says so. Addresses are whole, and only of the web."""
    content: Any = event.content
    read = READERS.get(event.message_type)
    if read:
        return read(content, language) or say(language, "media.empty")
    return _unknown(event.message_type, content, language)


def merged(texts: Iterable[str], author: str, language: Language) -> str:
    """Several messages as one update, headed by whose they are; each text stands on lines of its own."""
    name = _one_line(author) or say(language, "customer")
    return "\n".join((say(language, "customer.says", name=name), *filter(None, texts)))


# --- one reader a type -----------------------------------------------------------------------------------------------


def _text(content: Any, _: Language) -> str:
    return _words(content, "body", "text") or (tidy(content) if isinstance(content, str) else "")


def _media(kind: str) -> Callable[[Any, Language], str]:
    def read(content: Any, language: Language) -> str:
        name, url = _one_line(_words(content, "filename", "name")), _first_url(content)
        what = " ".join(filter(None, (known(language, f"media.{kind}", kind), name)))
        told = f"{what}: {url or say(language, 'media.untold')}"
        return "\n".join(filter(None, (told, _words(content, "caption", "text"))))

    return read


def _location(content: Any, language: Language) -> str:
    place = _object(content, "location") or content
    named = ", ".join(filter(None, (_one_line(_words(place, "name")), _one_line(_words(place, "address")))))
    at = [_number(place, *names) for names in (("latitude", "lat"), ("longitude", "lng", "lon", "long"))]
    map_url = f"https://maps.google.com/?q={at[0]},{at[1]}" if all(at) else _first_url(place)
    told = " ".join(filter(None, (named, map_url))) or say(language, "media.untold")
    return f"{say(language, 'media.location')}: {told}"


def _contacts(content: Any, language: Language) -> str:
    told = content.get("contacts", content) if isinstance(content, Mapping) else content
    people = told if isinstance(told, list) else [told]
    return "\n".join(_contact(one, language) for one in people[:CONTACTS_MOST])


def _contact(one: Any, language: Language) -> str:
    name = _one_line(_words(one, "name", "formatted_name") or _words(_object(one, "name"), "formatted_name"))
    phones = one.get("phones") if isinstance(one, Mapping) else None
    numbers = [_one_line(_words(phone, "phone", "wa_id")) for phone in phones] if isinstance(phones, list) else []
    numbers = [*filter(None, numbers[:CONTACTS_MOST])] or [_one_line(_words(one, "phone"))]
    told = " ".join(filter(None, (name, *numbers))) or say(language, "media.untold")
    return f"{say(language, 'media.contact')}: {told}"


def _reaction(content: Any, language: Language) -> str:
    told = _object(content, "reaction") or content
    emoji = _one_line(_words(told, "emoji", "text", "body"))
    return say(language, "media.reaction", emoji=emoji) if emoji else say(language, "media.unreacted")


def _choice(content: Any, language: Language) -> str:
    told = content
    for inner in ("interactive", "button_reply", "list_reply", "button", "reply"):
        told = _object(told, inner) or told
    text = _words(told, "title", "text", "body", "payload", "id")
    more = _words(told, "description")
    return "\n".join(filter(None, (say(language, "media.choice", text=text), more))) if text else ""


def _unknown(kind: str, content: Any, language: Language) -> str:
    named = _one_line(kind)[:TYPE_MOST] or say(language, "media.untold")
    told = (say(language, "media.unknown", type=named), _words(content, "body", "text", "caption"), _first_url(content))
    return "\n".join(filter(None, told))


READERS: Final[Mapping[str, Callable[[Any, Language], str]]] = {
    "text": _text,
    "image": _media("image"),
    "video": _media("video"),
    "audio": _media("audio"),
    "voice": _media("audio"),
    "document": _media("document"),
    "file": _media("file"),
    "sticker": _media("sticker"),
    "location": _location,
    "contact": _contacts,
    "contacts": _contacts,
    "reaction": _reaction,
    "button": _choice,
    "button_reply": _choice,
    "interactive": _choice,
    "list_reply": _choice,
    "quick_reply": _choice,
}
"""Jelou documents text, image, video, audio and document; the others are its older webhook's and WhatsApp's names."""


# --- JSON of other people's making -----------------------------------------------------------------------------------


def _words(told: Any, *names: str) -> str:
    """The first of these that holds text, without what cannot be seen."""
    values = (told.get(name) for name in names) if isinstance(told, Mapping) else ()
    return next(filter(None, (tidy(one) for one in values if isinstance(one, str))), "")


def _object(told: Any, name: str) -> Mapping[str, Any]:
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _number(told: Any, *names: str) -> str:
    values = (told.get(name) for name in names) if isinstance(told, Mapping) else ()
    return next((str(one) for one in values if _NUMBER.fullmatch(str(one))), "")


def _first_url(told: Any) -> str:
    values = (told.get(name) for name in URL_NAMES) if isinstance(told, Mapping) else ()
    return next(filter(None, (encoded(one) for one in values if isinstance(one, str))), "")


def _one_line(text: str) -> str:
    return " ".join(tidy(text).split())


_NUMBER: Final = re.compile(r"-?\d{1,3}(?:\.\d{1,20})?", re.ASCII)
URL_NAMES: Final = ("url", "mediaUrl", "media_url", "link", "fileUrl")
TYPE_MOST: Final = 40
CONTACTS_MOST: Final = 20
