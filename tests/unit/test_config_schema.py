"""The JSON schema and the example: both true to the models, so that neither goes stale."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from pydantic import BaseModel

from bridge.helpdesks import REGISTRY
from bridge.helpdesks.generic_mapping import HelpdeskMapping
from config.advice import warnings
from config.file_model import file_model
from config.load import load
from config.schema import DIALECT, REFRESH, json_schema, schema_text
from config.tree import Items, Section, Tree, parse
from config.wanted import Wanted, fields_by_key, wanted
from tests.config_files import GOOD, KINDS, edited

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "config"
EXAMPLE = FOLDER / "bridge.example.yaml"
MAPPING = FOLDER / "mapping.example.yaml"
SCHEMA = FOLDER / "bridge.schema.json"
REAL_KINDS = {kind: helpdesk.settings for kind, helpdesk in REGISTRY.items()}
ANY_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET_FILE = "secrets/jelou-signing-secret-before"


def environ_of(text: str) -> dict[str, str]:
    """Every variable that a text names, set."""
    return dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), ANY_SECRET)


def switched_on(text: str) -> str:
    """The example with every setting that is switched off by a # switched on."""
    return re.sub(r"(?m)^(\s*)#(?=[^\s#])", r"\1", text)


def problems(text: str, schema: dict[str, Any]) -> list[str]:
    """What the schema has against a YAML text, by the place of each."""
    found = jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text))
    return sorted(".".join(map(str, error.absolute_path)) for error in found)


# --- the schema ------------------------------------------------------------------------------------------------------


def test_committed_schema_is_the_models() -> None:
    """The file that editors read is what the models say today."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(REAL_KINDS), f"refresh it: {REFRESH}"


def test_schema_is_a_schema() -> None:
    """It is valid itself, and names its dialect."""
    schema = json_schema(REAL_KINDS)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT


def test_schema_does_not_depend_on_the_order_of_kinds() -> None:
    """A registry in another order makes the same file."""
    assert schema_text(dict(reversed(REAL_KINDS.items()))) == schema_text(REAL_KINDS)


def test_good_file_fits() -> None:
    """What the bridge takes, the editor takes."""
    assert problems(GOOD, json_schema(KINDS)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_age_s: 600", "max_age_s: ${AGE:-600}"),
        ("region: EC", "region: ${REGION}"),
        ("0042", "42"),
        ("${KEY}", "file:keys/jelou"),
        ("[high, urgent]", "${PRIORITY}"),
    ],
)
def test_references_fit(old: str, new: str) -> None:
    """A reference may stand wherever a single value does, and an id may be digits."""
    assert problems(edited(old, new), json_schema(KINDS)) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("max_age_s: 600", "max_age: 600", "helpdesks.toy.acme.start_when.0"),
        ("max_age_s: 600", "max_age_s: soon", "helpdesks.toy.acme.start_when.0.max_age_s"),
        ("${KEY}", "sk-live-123456", "jelou.soporte.api_key"),
        ("${KEY}", "${KEY:-abc}", "jelou.soporte.api_key"),
        ("  toy:\n", "  toys:\n", "helpdesks"),
        ("    acme:\n", "    Acme Inc:\n", "helpdesks.toy"),
        ("header: X-Token", "heder: X-Token", "helpdesks.toy.acme.verification"),
        ("    bot_id: bot-7\n", "", "jelou.soporte"),
    ],
)
def test_editor_sees_the_mistake(old: str, new: str, place: str) -> None:
    """What the bridge refuses for its shape, the editor underlines."""
    assert place in problems(edited(old, new), json_schema(KINDS))


def descriptions_missing(schema: Any, place: str = "") -> Iterator[str]:
    """Every property without a description, unless its type has one."""
    if isinstance(schema, dict):
        for name, one in schema.get("properties", {}).items():
            if not {"description", "const", "$ref"} & one.keys():
                yield f"{place}.{name}"
        for key, value in schema.items():
            yield from descriptions_missing(value, f"{place}/{key}")


def test_every_setting_of_the_core_is_described() -> None:
    """Hovering over a setting of the core explains it."""
    assert list(descriptions_missing(json_schema({}))) == []


# --- the example -----------------------------------------------------------------------------------------------------


def test_example_names_its_schema() -> None:
    """An editor finds the schema from the example's first line."""
    assert EXAMPLE.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={SCHEMA.name}\n")


def test_example_loads_without_a_warning() -> None:
    """With the variables it names set, the example is a configuration that does what it says."""
    text = EXAMPLE.read_text(encoding="utf-8")
    bridge = load(EXAMPLE, REAL_KINDS, environ_of(text))
    assert set(bridge.helpdesks) == set(REGISTRY)
    assert warnings(bridge) == []


def test_example_loads_with_everything_switched_on(tmp_path: Path) -> None:
    """Every setting that the example shows switched off is right as well."""
    text = switched_on(EXAMPLE.read_text(encoding="utf-8"))
    (tmp_path / OLD_SECRET_FILE).parent.mkdir()
    (tmp_path / OLD_SECRET_FILE).write_text("secret\n")
    (tmp_path / "bridge.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "bridge.yaml", REAL_KINDS, environ_of(text))


@pytest.mark.parametrize("edit", [str, switched_on], ids=["as it is", "switched on"])
def test_example_fits_the_schema(edit: Any) -> None:
    """An editor underlines nothing in the example."""
    assert problems(edit(EXAMPLE.read_text(encoding="utf-8")), json_schema(REAL_KINDS)) == []


def defined(model: type[BaseModel], key: str) -> tuple[str, str]:
    """A setting under the model that first has it: what all accounts share needs showing once."""
    first = next(one for one in reversed(model.__mro__) if issubclass(one, BaseModel) and key in fields_by_key(one))
    return first.__name__, key


def shown(kind: Wanted, tree: Tree) -> Iterator[tuple[str, str]]:
    """Model and key of every setting in a tree."""
    if isinstance(tree, Items):
        for item in tree.items:
            yield from shown(kind.item, item)
    if not isinstance(tree, Section):
        return
    if kind.discriminator:
        tag = getattr(tree.entries[kind.discriminator], "text", "")
        yield from shown(kind.members[tag], tree)
    fields = fields_by_key(kind.model)
    for key, inner in tree.entries.items():
        if kind.model:
            yield defined(kind.model, key)
        within = wanted(fields[key].annotation, fields[key]) if kind.model else kind.entry
        yield from () if kind.discriminator else shown(within, inner)


def settings_of(kind: Wanted) -> Iterator[tuple[str, str]]:
    """Model and key of every setting that a model has, but for the members of unions, of which one shows at a time."""
    for key, info in fields_by_key(kind.model).items():
        within = wanted(info.annotation, info)
        assert kind.model
        if within.model is HelpdeskMapping:
            yield defined(kind.model, key)
            continue
        yield defined(kind.model, key)
        for inner in (within, within.item, within.entry, within.entry.entry):
            yield from settings_of(inner)


def test_example_shows_every_setting() -> None:
    """No setting of any model is missing from the example, live or switched off."""
    text = EXAMPLE.read_text(encoding="utf-8")
    tree, _ = parse(switched_on(text))
    assert tree
    model = Wanted(file_model(REAL_KINDS))
    assert set(settings_of(model)) - set(shown(model, tree)) == set()


@pytest.mark.parametrize("edit", [str, switched_on], ids=["as it is", "switched on"])
def test_the_mapping_example_is_a_mapping(edit: Any, tmp_path: Path) -> None:
    """Whole, and with everything in it switched on."""
    (tmp_path / "desk.yaml").write_text(edit(MAPPING.read_text(encoding="utf-8")), encoding="utf-8")
    text = EXAMPLE.read_text(encoding="utf-8").replace("mapping: request-tracker", "mapping: file:desk.yaml")
    (tmp_path / "bridge.yaml").write_text(text.replace("user: jelou-bridge", "user: bridge"), encoding="utf-8")
    assert load(tmp_path / "bridge.yaml", REAL_KINDS, environ_of(text)).account("generic", "rt")


def test_the_mapping_example_shows_every_setting() -> None:
    """No key of a mapping is missing, live or switched off."""
    tree, mistakes = parse(switched_on(MAPPING.read_text(encoding="utf-8")))
    assert tree
    assert mistakes == []
    model = Wanted(HelpdeskMapping)
    assert set(settings_of(model)) - set(shown(model, tree)) == set()


def test_example_names_every_choice() -> None:
    """Of each union every member and each of its settings is named at least in a comment."""
    text = EXAMPLE.read_text(encoding="utf-8") + MAPPING.read_text(encoding="utf-8")
    definitions = json_schema(REAL_KINDS)["$defs"].values()
    members = [one["properties"] for one in definitions if "const" in one.get("properties", {}).get("type", {})]
    words = {one["type"]["const"] for one in members} | {key for one in members for key in one}
    assert [word for word in sorted(words) if not re.search(rf"\b{word}\b", text)] == []
