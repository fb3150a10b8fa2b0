"""What a correct configuration may still not mean: told by ``bridge check``, refused by nobody. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jinja2 import meta
from pydantic import BaseModel, HttpUrl

from bridge.translate import compiled
from config.shape import did_you_mean
from config.tree import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.accounts import Account, Bridge, Project
    from config.tree import Key

_TICKET_FIELDS: Final = (
    *("id", "subject", "status", "priority", "type", "group", "brand", "channel", "tags", "created_at"),
    *("requester", "requester.id", "requester.name", "requester.email", "requester.phone", "requester.external_id"),
    "custom",
)
"""As in ``bridge.domain.Ticket``; under ``custom`` stands whatever the helpdesk has."""

_TEMPLATE_NAMES: Final = ("ticket", "requester", "custom")
_URL_PLACEHOLDERS: Final = ("{conversation_id}", "{room_id}")
_LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something allowed that is seldom meant. ``text`` says what follows from it."""

    key: str
    text: str

    def __str__(self) -> str:
        """``api.tokens: none: /api/ answers 401 to everybody``."""
        return f"{self.key}: {self.text}"


def warnings(bridge: Bridge) -> list[ConfigWarning]:
    """Everything worth a second look, in the order of the file's sections."""
    found = [*_projects(bridge), *_accounts(bridge), *_unencrypted((), bridge), *_api(bridge), *_marks(bridge)]
    return [ConfigWarning(spell(key), text) for key, text in found]


_Found = tuple["Key", str]


def _projects(bridge: Bridge) -> Iterator[_Found]:
    used = {account.project for accounts in bridge.helpdesks.values() for account in accounts.values()}
    for name, project in bridge.jelou.items():
        if name not in used:
            yield ("jelou", name), "no account names it: its events find no ticket"
        yield from _conversation_url(("jelou", name, "conversation_url"), project)


def _conversation_url(key: Key, project: Project) -> Iterator[_Found]:
    for placeholder in re.findall(r"\{[^{}]*\}", project.conversation_url):
        if placeholder not in _URL_PLACEHOLDERS:
            yield key, f"{placeholder} stays as it is; {did_you_mean(placeholder, _URL_PLACEHOLDERS)}"


def _accounts(bridge: Bridge) -> Iterator[_Found]:
    for kind, accounts in bridge.helpdesks.items():
        for name, account in accounts.items():
            for inner, text in _account(account):
                yield ("helpdesks", kind, name, *inner), text
            if account.template and not bridge.jelou[account.project].basic:
                where: Key = ("helpdesks", kind, name, "template")
                yield where, f"is never sent: jelou.{account.project} has no basic, which Jelou wants for it"
    if not any(bridge.helpdesks.values()):
        yield ("helpdesks",), "no account: nothing is taken from any helpdesk"


def _account(account: Account) -> Iterator[_Found]:
    if not account.start_when:
        yield ("start_when",), "no rule: this account starts nothing, starting is opt-in"
    if any(one.format == "phone" and not one.region for one in account.user_id.ordered()):
        yield ("user_id", "region"), "not set: phone numbers written without their country's code cannot be used"
    if getattr(account, "access", account) is None:
        yield ("access",), f"not set. {type(account).model_fields['access'].description or ''}".rstrip()
    for where, text in _templates(account):
        yield from _template(where, text)
    for key, path in _paths(account):
        if not _is_ticket_field(path):
            yield key, f"tickets have no field {path}; {did_you_mean(path, _TICKET_FIELDS)}"


def _templates(account: Account) -> Iterator[tuple[Key, str]]:
    yield ("initial_message",), account.initial_message
    yield ("goodbye",), account.goodbye
    yield ("reopen", "initial_message"), account.reopen.initial_message
    for number, text in enumerate(account.template.parameters if account.template else ()):
        yield ("template", "parameters", number), text


def _template(where: Key, text: str) -> Iterator[_Found]:
    environment = compiled(text).environment
    names = meta.find_undeclared_variables(environment.parse(text)) - environment.globals.keys()
    for name in sorted(names.difference(_TEMPLATE_NAMES)):
        yield where, f"{name} is always empty; {did_you_mean(name, _TEMPLATE_NAMES)}"


def _paths(account: Account) -> Iterator[_Found]:
    """The ticket fields that the account's rules look at."""
    for number, source in enumerate(account.user_id.ordered()):
        first = len(account.user_id.sources)
        key = ("sources", number) if number < first else ("fields", number - first)
        yield ("user_id", *key), source.field
    rules: Iterable[tuple[str, int, Iterable[str]]] = (
        *(("start_when", number, rule.when) for number, rule in enumerate(account.start_when)),
        *(("assignment", number, rule.when) for number, rule in enumerate(account.assignment)),
    )
    for section, number, when in rules:
        yield from (((section, number, "when", path), path) for path in when)


def _is_ticket_field(path: str) -> bool:
    return path in _TICKET_FIELDS or path.startswith("custom.")


def _unencrypted(key: Key, section: BaseModel) -> Iterator[_Found]:
    for name in type(section).model_fields:
        yield from _unencrypted_value((*key, name), getattr(section, name))


def _unencrypted_value(key: Key, value: object) -> Iterator[_Found]:
    if isinstance(value, BaseModel):
        yield from _unencrypted(key, value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _unencrypted_value((*key, name), inner)
    elif isinstance(value, HttpUrl) and value.scheme == "http" and value.host not in _LOCAL_HOSTS:
        yield key, "not https: the credentials and the customers' words cross the network in clear text"


def _api(bridge: Bridge) -> Iterator[_Found]:
    if not bridge.api.tokens:
        yield ("api", "tokens"), "none: /api/ answers 401 to everybody"


def _marks(bridge: Bridge) -> Iterator[_Found]:
    if not bridge.mark_keys:
        yield ("mark_keys",), "none: whatever has a mark alone on a line counts as the bridge's own"
