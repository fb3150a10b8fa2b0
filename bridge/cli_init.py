"""``bridge init``: a few questions, a checked ``bridge.yaml``, and what to enter in the helpdesk."""

from __future__ import annotations

import secrets
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import yaml

from bridge.cli_helpdesks import guide
from bridge.helpdesks import REGISTRY
from bridge.terminal import kinds, screen
from config.load import check
from config.mappings import KIND as GENERIC
from config.mappings import data_of, settings_of, shipped
from config.questions import Question, section
from config.references import References
from config.samples import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

API_TOKEN: Final = "BRIDGE_API_TOKEN"  # noqa: S105 - the name of a variable
MARK_KEY: Final = "BRIDGE_MARK_KEY"
OURS: Final = frozenset({API_TOKEN, MARK_KEY})
"""What is ours to choose whatever the helpdesk."""


def _token() -> str:
    return secrets.token_urlsafe(32)


def _standard() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


CHOSEN: Final[Mapping[str, Callable[[], str]]] = {
    **dict.fromkeys(("header", "basic", "url_token", "url"), _token),
    "standard-webhooks": _standard,
}
"""Proofs whose secret is ours to choose; the others are made by the helpdesk."""

OutOption = Annotated[Path, typer.Option("--out", help="The file to write.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]
KindOption = Annotated[str, typer.Option("--kind", help="The helpdesk: a kind or a mapping of bridge helpdesks.")]
NameOption = Annotated[str, typer.Option("--name", help="A name for the account, as it stands in the webhook's path.")]
UrlOption = Annotated[str, typer.Option("--public-url", help="Where the helpdesk and Jelou reach the bridge.")]


def init(
    kind: KindOption = "",
    name: NameOption = "",
    public_url: UrlOption = "",
    out: OutOption = Path("bridge.yaml"),
    force: ForceOption = False,
) -> None:
    """Ask a few questions, write a checked configuration, and tell what to enter in the helpdesk and in Jelou."""
    if out.exists() and not force:
        message = f"{out} is there already; --force writes over it"
        raise typer.BadParameter(message, param_hint="--out")
    asking = Asking()
    known = [*sorted(set(REGISTRY) - {GENERIC}), *shipped()]
    kind = kind or asking.one("Which helpdesk", known)
    if kind not in known:
        message = f"no helpdesk {kind}; known: {', '.join(known)}"
        raise typer.BadParameter(message, param_hint="--kind")
    name = name or typer.prompt("A name for this account, in lower case", default="main")
    url = public_url or typer.prompt("The address at which the bridge is reached", default="https://bridge.example.com")
    text = _text(
        {
            "jelou": {"main": asking.project()},
            "helpdesks": asking.helpdesk(kind, name),
            "api": asking.api(),
            "mark_keys": asking.mark_keys(),
        }
    )
    _checked(text, asking.variables, out.parent)
    out.write_text(text, encoding="utf-8")
    _tell(out, kind, name, url.rstrip("/"), asking)


def _dialect(kind: str) -> str:
    """The kind in the registry: a mapping's is the generic one."""
    return kind if kind in REGISTRY else GENERIC


class Asking:
    """The questions, and what was learned: the variables that hold secrets, and the values that are ours to choose."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.proof = ""
        """How deliveries prove themselves, as the account or its mapping says."""
        self.parameter = "token"

    def one(self, about: str, choices: list[str]) -> str:
        """One of several."""
        screen.print(f"{about}: {', '.join(choices)}", highlight=False)
        found = typer.prompt(">", default=choices[0])
        return str(found) if found in choices else self.one(f"{found} is none of these", choices)

    def project(self) -> dict[str, Any]:
        """Jelou's project."""
        return {
            "project_id": typer.prompt("Jelou's id of the project"),
            "bot_id": typer.prompt("The id of the bot"),
            "api_key": self._variable("JELOU_API_KEY", "from Jelou"),
            "signing_secrets": [self._variable("JELOU_SIGNING_SECRET", "from `bridge integration create`, or Jelou")],
        }

    def api(self) -> dict[str, Any]:
        """The bridge's own API."""
        return {"tokens": [self._variable(API_TOKEN, "")]}

    def mark_keys(self) -> list[str]:
        """What signs the marks on tickets."""
        return [self._variable(MARK_KEY, "")]

    def helpdesk(self, kind: str, name: str) -> dict[str, Any]:
        """The account, under its kind and name."""
        model, prefix = REGISTRY[_dialect(kind)].settings, (kind, name)
        mapped = {"mapping": kind} | self._settings(kind) if kind not in REGISTRY else {}
        proof = data_of(shipped()[kind])["proof"] if mapped else {"type": kind}
        self.proof, self.parameter = proof["type"], proof.get("parameter", self.parameter)
        writes = "access" in model.model_fields and typer.confirm("Shall the bridge write on tickets?", default=True)
        asked = section(
            model,
            prefix,
            lambda one: self._answer(one, prefix),
            but={"project", "mapping"},
            also={"access"} if writes else (),
        )
        account = {"project": "main", **mapped, **asked, **self._start(), **self._region()}
        return {_dialect(kind): {name: account}}

    def _settings(self, mapping: str) -> dict[str, Any]:
        asked = {name: typer.prompt(about) for name, about in settings_of(shipped()[mapping]).items()}
        return {"settings": asked} if asked else {}

    def _answer(self, question: Question, prefix: tuple[str, str]) -> str:
        words = [str(one) for one in (*prefix, *question.key[2:])]
        if question.is_secret:
            return self._variable("_".join(words).upper().replace("-", "_"), question.about)
        if question.choices:
            found = self.one(question.about or words[-1], list(question.choices))
            self.proof = found if question.key[2] == "verification" else self.proof
            return found
        return str(typer.prompt(f"{'.'.join(words[2:])} ({question.about})" if question.about else ".".join(words[2:])))

    def _variable(self, variable: str, about: str) -> str:
        self.variables[variable] = about
        return f"${{{variable}}}"

    @staticmethod
    def _start() -> dict[str, Any]:
        tag = typer.prompt("Start a conversation for tickets with this tag; empty for all", default="")
        return {"start_when": [{"when": {"tags": [tag]}} if tag else {"name": "all"}]}

    @staticmethod
    def _region() -> dict[str, Any]:
        told = typer.prompt("Country of phone numbers that name none (EC, MX, BR, ...); empty for none", default="")
        return {"user_id": {"region": told.upper()}} if told else {}


def _text(told: Mapping[str, Any]) -> str:
    head = "# Every setting, with what it means: config/bridge.example.yaml\n"
    return head + yaml.safe_dump(dict(told), sort_keys=False, allow_unicode=True)


def _checked(text: str, variables: Mapping[str, str], folder: Path) -> None:
    """Ends where what was answered is no configuration: every mistake is told, and nothing is written."""
    environ = dict.fromkeys(variables, SECRET)
    _, mistakes = check(text, kinds(), References(environ, folder))
    for one in mistakes:
        screen.print(f"{one.key}: {one.problem}; {one.fix}", highlight=False, markup=False)
    if mistakes:
        raise typer.Exit(2)


def _tell(out: Path, kind: str, name: str, url: str, asking: Asking) -> None:
    path = f"/webhooks/helpdesks/{_dialect(kind)}/{name}"
    lines = [f"{out} is written and checked. Set these variables for the bridge:", ""]
    for variable, about in asking.variables.items():
        made = _token if variable in OURS else CHOSEN.get(asking.proof) if "_VERIFICATION_" in variable else None
        value = made() if made else "..."
        lines.append(f"  export {variable}={value}" + (f"   # {about}" if value == "..." and about else ""))
    suffix = f"?{asking.parameter}=<the token above>" if asking.proof in {"url_token", "url"} else ""
    lines += [
        "",
        "Webhook of the helpdesk:",
        f"  {url}{path}{suffix}",
        "Webhook of Jelou:",
        f"  {url}/webhooks/jelou/main",
    ]
    lines += ["", f"In the helpdesk ({kind}):", "", guide(kind), ""]
    lines += ["Then: bridge check, bridge simulate with a delivery, bridge up"]
    screen.print("\n".join(lines), highlight=False, markup=False)
