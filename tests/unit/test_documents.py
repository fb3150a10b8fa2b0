"""The documents are true: what they link to exists, what they tell to type works, what they show is accepted."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml
from typer.main import get_group

from bridge.cli import app
from bridge.domain import Delivery, TicketOpened
from bridge.helpdesks import REGISTRY
from bridge.metrics import Metrics
from bridge.routing import start_rule
from bridge.show import ACTIONS, EVENTS, HAPPENED
from bridge.signatures import verify
from bridge.translate import start_conversation
from bridge.twins import jelou
from config.advice import warnings
from config.load import load
from config.settings import Settings, variable
from tests.senders import verified
from tests.webhook_receiver import WebhookReceiver

if TYPE_CHECKING:
    from bridge.accounts import Bridge

ROOT = Path(__file__).parents[2]
ENGLISH, SPANISH = "README.md", "README.es.md"
GUIDES = (ENGLISH, SPANISH)
DOCUMENTS = (*GUIDES, "CHANGELOG.md", "CONTRIBUTING.md")
KINDS = {kind: dialect.settings for kind, dialect in REGISTRY.items()}
ANY_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
COMMANDS = get_group(app).commands
TYPED = ("sh", "bash")
SHOWN = (*TYPED, "python", "yaml", "json")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r" +# .*$", re.MULTILINE)
WRONG_WORDS = r"inbound|outbound|incoming|outgoing|upstream|downstream|(?<!\w)/(?:work|root|home)/|pypi"

each_document = pytest.mark.parametrize("name", DOCUMENTS)
each_guide = pytest.mark.parametrize("name", GUIDES)


def read(name: str) -> str:
    """A document's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def fences(text: str, *languages: str) -> list[str]:
    """The blocks of code in these languages."""
    return [code for language, code in FENCE.findall(text) if language in languages]


def spans(text: str) -> list[str]:
    """The code within sentences and tables."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def typed(name: str) -> list[str]:
    """Everything a reader may type, a line each, without comments."""
    text = read(name)
    lines = "".join(fences(text, *TYPED)).replace("\\\n", " ").splitlines()
    return [COMMENT.sub("", line) for line in (*lines, *spans(text))]


def made(name: str) -> set[str]:
    """The targets of ``make`` that a document names."""
    return {target for line in typed(name) for target in re.findall(r"\bmake ([a-z-]+)", line)}


def commanded(name: str) -> list[tuple[str, list[str]]]:
    """The commands of ``bridge`` that a document names, each with its options."""
    found = re.findall(r"^(?:.*[ \t/])?bridge ([a-z][a-z-]*)(.*)$", "\n".join(typed(name)), re.MULTILINE)
    return [(command, re.findall("--[a-z-]+", rest)) for command, rest in found]


def anchors(text: str) -> set[str]:
    """What a link may lead to within a document, as GitHub names its headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options(command: str) -> set[str]:
    """The options of a command of ``bridge``, or of all commands of a group."""
    found = [COMMANDS[command], *getattr(COMMANDS[command], "commands", {}).values()]
    return {option for one in found for parameter in one.params for option in parameter.opts}


# --- words -----------------------------------------------------------------------------------------------------------


@each_document
def test_every_link_leads_somewhere(name: str) -> None:
    """A file that is there, and a heading that is in it."""
    for link in re.findall(r"\]\((?!https://)([^)]+)\)", FENCE.sub("", read(name))):
        path, _, anchor = link.partition("#")
        target = path or name
        assert (ROOT / target).is_file(), link
        assert not anchor or anchor in anchors(read(target)), link


@each_document
def test_words_are_the_projects_own(name: str) -> None:
    """One word per direction, nothing of one machine, no pictures."""
    text = read(name)
    assert not re.findall(WRONG_WORDS, text, re.IGNORECASE)
    assert all(ord(letter) < 0x1F000 for letter in text)


@each_guide
def test_variables_and_metrics_exist(name: str) -> None:
    """Every BRIDGE_ variable is a setting or stands in the configuration shown; every metric is counted."""
    text = read(name)
    known = {variable(field) for field in Settings.model_fields} | set(re.findall(r"\$\{(\w+)\}", text))
    assert set(re.findall(r"\bBRIDGE_[A-Z_]+", text)) <= known
    counted = set(re.findall("# TYPE (.+) ", Metrics().text().decode()))
    assert set(re.findall(r"`(bridge_\w+)`", text)) <= counted


@each_guide
def test_what_a_trace_says_is_quoted(name: str) -> None:
    """The answers in the table are those that the program gives."""
    table = re.split(r"\| `bridge trace` (?:says|dice) \|.*\n.*\n", read(name))[1].split("\n\n")[0]
    says = [row.split("|")[1].strip() for row in table.splitlines()]
    program = read("bridge/trace.py") + read("bridge/cli.py")
    assert len(says) > 3
    assert not [words for words in says if f'"{words.replace("48211", "{ticket}")}' not in program]


def test_the_timeline_shown_is_one() -> None:
    """Every line of the excerpt is one that the demo prints."""
    shown = re.findall(r"^  \d+ [\d:.]+  \w+ +(.*)$", "".join(fences(read(ENGLISH), "text")), re.MULTILINE)
    known = (*EVENTS.values(), *ACTIONS.values(), *HAPPENED.values())
    assert len(shown) > 3
    assert not [line for line in shown if line and not line.startswith(known)]


# --- commands --------------------------------------------------------------------------------------------------------


@each_document
def test_every_make_target_exists(name: str) -> None:
    """And the options handed on by ARGS are the demo's."""
    assert made(name) <= set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    handed_on = {option for line in typed(name) for option in re.findall(r"make run ARGS=(--[a-z]+)", line)}
    assert handed_on <= options("demo")


@each_document
def test_every_command_exists(name: str) -> None:
    """With the options it is shown with."""
    for command, given in commanded(name):
        assert command in COMMANDS
        assert set(given) <= options(command), command


@each_guide
def test_the_twins_command_is_understood(name: str) -> None:
    """And it is the Jelou that the configuration shown speaks to."""
    line = next(line for line in typed(name) if "bridge.twins.jelou" in line)
    asked = jelou.arguments(shlex.split(line.split("bridge.twins.jelou")[1]))
    project = yaml.safe_load(fences(read(name), "yaml")[0])["jelou"]["soporte"]
    assert (asked.project, asked.bot) == (project["project_id"], project["bot_id"])
    assert f"http://127.0.0.1:{asked.port}/platform/v1/external-support" in spans(read(name))


def test_both_languages_say_the_same_to_type() -> None:
    """The same commands, and the same code but for its comments."""
    assert made(ENGLISH) == made(SPANISH)
    assert {command for command, _ in commanded(ENGLISH)} == {command for command, _ in commanded(SPANISH)}
    english, spanish = (COMMENT.sub("", "".join(fences(read(name), *SHOWN))) for name in GUIDES)
    assert spanish == english


# --- configuration ---------------------------------------------------------------------------------------------------


def configurations(name: str) -> list[str]:
    """The file a reader has after each helpdesk's section: that of Jelou, and that of the helpdesk."""
    first, *helpdesks = fences(read(name), "yaml")
    return [first + one for one in helpdesks]


def loaded(text: str, folder: Path) -> Bridge:
    """The configuration, with every secret set."""
    path = folder / "bridge.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, KINDS, dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), ANY_SECRET))


@each_guide
def test_configurations_are_accepted(name: str, tmp_path: Path) -> None:
    """By the program without a warning, and by the schema that editors use."""
    schema = json.loads(read("config/bridge.schema.json"))
    assert len(configurations(name)) > 1
    for text in configurations(name):
        assert warnings(loaded(text, tmp_path)) == []
        assert not list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text)))


def test_configuration_keys_are_real() -> None:
    """Every name in the overview is a key of the schema, or one of its choices."""
    schema = read("config/bridge.schema.json")
    known = set(re.findall(r'"(\w+)": [{\[]', schema)) | set(re.findall(r'^ +"(\w+)",?$', schema, re.MULTILINE))
    overview = read(ENGLISH).split("## Configuration")[1].split("\n\n")[1]
    names = set(re.findall(r"(?<![<\w])[a-z_]+(?![>\w])", " ".join(spans(overview))))
    assert {"write_back", "park"} <= names
    assert names <= known


@each_guide
def test_the_triggers_body_opens_a_ticket(name: str, tmp_path: Path) -> None:
    """What an admin pastes into Zendesk is read as a new ticket."""
    bridge, dialect = loaded(configurations(name)[0], tmp_path), REGISTRY["zendesk"]
    account = bridge.helpdesks["zendesk"]["acme"]
    body = fences(read(name), "json")[0].replace("{{ticket.id}}", "48211").encode()
    event = dialect.read(verified(body, dialect.verification(account)), account, "acme")[0]
    assert isinstance(event, TicketOpened)
    assert event.ref.id == "48211"


# --- the signing examples --------------------------------------------------------------------------------------------


async def run(program: str, *arguments: str) -> str:
    """What an example prints; it must not fail."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "INTRANET_WEBHOOK_SECRET": ANY_SECRET, "PYTHONUTF8": "1"}
    process = await asyncio.create_subprocess_exec(
        program, *arguments, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, error = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, error.decode()
    return out.decode()


async def started_by(example: str, program: str, folder: Path) -> str:
    """Run an example as its reader would; returns the customer for whom the bridge would start a conversation."""
    script = folder / "example"
    script.write_text(example, encoding="utf-8")
    async with WebhookReceiver() as receiver:
        await run(program, str(script), receiver.url)
    sent = receiver.received[0]
    assert sent.headers["content-type"] == "application/json"
    bridge = loaded(next(one for one in configurations(ENGLISH) if "standard-webhooks" in one), folder)
    account, dialect = bridge.helpdesks["standard-webhooks"]["intranet"], REGISTRY["standard-webhooks"]
    now_ms = time.time_ns() // 1_000_000
    delivery = Delivery("standard-webhooks/intranet", "POST", receiver.url, sent.headers, {}, sent.body, now_ms)
    proof = verify(delivery, dialect.verification(account), now_ms)
    event = dialect.read(proof, account, "intranet")[0]
    assert isinstance(event, TicketOpened)
    assert start_rule(account, event.ticket, now_ms)[1] == ""
    return start_conversation(event.ref, event.ticket, account, bridge.jelou["soporte"], 1).user_id


async def test_the_python_example_starts_a_conversation(tmp_path: Path) -> None:
    """Copied as it stands, it signs what the configuration shown accepts, and a rule matches."""
    example = next(code for code in fences(read(ENGLISH), "python") if "hmac" in code)
    assert await started_by(example, sys.executable, tmp_path) == "593987654321"


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl", "base64", "od"))), reason="needs curl, openssl"
)
async def test_the_bash_example_starts_a_conversation(tmp_path: Path) -> None:
    """The same for a shell."""
    assert await started_by(fences(read(ENGLISH), "bash")[0], "bash", tmp_path) == "593987654321"


# --- the tour --------------------------------------------------------------------------------------------------------


def toured() -> set[Path]:
    """The files and folders that the tour names; each pattern must match something."""
    rows = re.findall(r"^\| (`.+?`) \|", read(ENGLISH).split("## Tour of the code")[1], re.MULTILINE)
    found: set[Path] = set()
    for pattern in spans("\n".join(rows)):
        assert "*" not in pattern or pattern.startswith(("bridge/twins/", "bridge/scripts/")), pattern
        matched = set(ROOT.glob(pattern))
        assert matched, pattern
        found |= matched
    return found


def test_the_tour_names_every_module() -> None:
    """All of bridge/ and workers/ that holds code."""
    modules = [*(ROOT / "bridge").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]
    with_code = {one for one in modules if len(ast.parse(one.read_text(encoding="utf-8")).body) > 1}
    assert with_code - toured() == set()
