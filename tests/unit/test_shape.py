"""The project's own measures: short files, short functions, names that mean one thing, reasons for every exception."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("bridge/", "workers/", "config/")
LINES_MOST = 500
TOO_LONG: frozenset[str] = frozenset({"bridge/domain.py"})

VAGUE = "utils util helpers helper common base manager service"
TWO_MEANINGS = "inbound outbound upstream downstream incoming outgoing"
NO_NAMES = frozenset(f"{VAGUE} {TWO_MEANINGS}".split())
"""Words that say nothing, and those that mean two things in a bridge that goes both ways."""

ALLOWED_NAMES = {"base_url": "the configuration's own word for it", "Incoming": ""}

# Put together, so that this file does not hold what it looks for.
OPEN_ENDS = ["TO" + "DO", "FIX" + "ME", "X" * 3]
MACHINE_PATHS = [f"/{folder}/" for folder in ("work", "root")]
REGISTRIES = [f"{host}.{end}" for host, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]


def tracked() -> dict[str, str]:
    """Every text file of the project by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return {str(file.relative_to(ROOT)): text for file in files if (text := _text(file)) is not None}


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return None


def python(*folders: str) -> dict[str, str]:
    """The modules under these folders."""
    return {name: text for name, text in tracked().items() if name.endswith(".py") and name.startswith(folders)}


# --- the measures ----------------------------------------------------------------------------------------------------


def long_files(sources: dict[str, str]) -> set[str]:
    """Files over the limit."""
    return {name for name, text in sources.items() if len(text.splitlines()) > LINES_MOST}


def lengths(source: str) -> list[int]:
    """The lines of each function, inner ones too."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in found]


def words(name: str) -> set[str]:
    """The words of an identifier, in whichever style it is written."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def bad_names(sources: dict[str, str]) -> list[str]:
    """Modules, classes and functions named with a word that is not to be."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [
        (name, node.name)
        for name, text in sources.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, definitions)
    ]
    found += [(name, part) for name in sources for part in Path(name).with_suffix("").parts]
    return [f"{file}: {name}" for file, name in found if words(name) & NO_NAMES and name not in ALLOWED_NAMES]


def holding(texts: dict[str, str], *looked_for: str) -> list[str]:
    """The lines that hold one of these as a whole word."""
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}(?!\w)" for word in looked_for))
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def without_reason(pyproject: str) -> list[str]:
    """The lines of ruff's ignores that say no reason."""
    kept = re.findall(r"^ignore = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    kept += re.findall(r"^\[tool\.ruff\.lint\.per-file-ignores\]\n(.*?)^\n", pyproject, re.MULTILINE | re.DOTALL)
    lines = "\n".join(kept).splitlines()
    return [line for line in lines if re.search(r'"[A-Z]+\d*"', line) and not re.search(r"# .{8,}", line)]


# --- the project -----------------------------------------------------------------------------------------------------


def test_no_file_is_too_long() -> None:
    """Nobody reads more in one piece; an exception that is no longer one is taken off the list."""
    assert long_files(python(*PRODUCT, "tests/")) == TOO_LONG


def test_functions_are_short() -> None:
    """Half of them under ten lines, nine in ten under twenty-five, docstring and signature included."""
    found = sorted(length for source in python(*PRODUCT).values() for length in lengths(source))
    assert statistics.median(found) < 10
    assert found[len(found) * 9 // 10] < 25


def test_no_name_says_nothing_or_two_things() -> None:
    """Of the product's modules, classes and functions, and of the tests' modules."""
    assert bad_names(python(*PRODUCT)) == []
    assert bad_names(dict.fromkeys(python("tests/"), "")) == []


def test_every_allowed_name_is_needed() -> None:
    """An exception goes when its reason does."""
    texts = "\n".join(python(*PRODUCT).values())
    assert [name for name in ALLOWED_NAMES if not re.search(rf"(def|class) {name}\b", texts)] == []


def test_nothing_is_left_open_in_a_comment() -> None:
    """An issue, not a comment, says what is to do."""
    assert holding(tracked(), *OPEN_ENDS) == []


def test_no_path_of_a_machine_and_no_package_registry_is_named() -> None:
    """The project works wherever it is put, with whichever registry the installer is set to."""
    texts = tracked()
    found = [f"{name}: {word}" for name, text in texts.items() for word in MACHINE_PATHS if word in text]
    assert found == []
    assert holding(texts, *REGISTRIES, *(f"files.{host}" for host in REGISTRIES)) == []


def test_every_rule_that_is_left_out_has_its_reason() -> None:
    """All of ruff's rules hold, but for those that say why not."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(pyproject)["tool"]["ruff"]["lint"]["select"] == ["ALL"]
    assert without_reason(pyproject) == []


def test_every_rule_that_is_broken_once_has_its_reason() -> None:
    """In the product each ``noqa`` names its rule and says why, there or in the comment above."""
    lines = [
        (f"{name}:{number}", line, text.splitlines()[number - 2].strip())
        for name, text in python(*PRODUCT).items()
        for number, line in enumerate(text.splitlines(), 1)
        if "# noqa" in line
    ]
    assert [
        where
        for where, line, above in lines
        if not re.search(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)* - \w", line) and not re.match(r"#|.*# noqa", above)
    ] == []


# --- the measures measure --------------------------------------------------------------------------------------------


def test_a_long_file_and_a_long_function_are_seen() -> None:
    """To the line."""
    assert long_files({"a.py": "x\n" * 500, "b.py": "x\n" * 501}) == {"b.py"}
    assert lengths("def f():\n    def g():\n        pass\n\n\nasync def h(\n    x,\n): ...\n") == [3, 3, 2]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("bridge/utils.py", ""),
        ("bridge/helpers/phone.py", ""),
        ("bridge/a.py", "class PhoneManager: ..."),
        ("bridge/a.py", "class A:\n    def handle_inbound(self): ..."),
        ("bridge/a.py", "async def upstreamURL(): ..."),
        ("bridge/a.py", "class HTTPService: ..."),
    ],
)
def test_a_bad_name_is_seen(file: str, text: str) -> None:
    """In a path, in camel case, with underscores, beside an abbreviation."""
    assert len(bad_names({file: text})) == 1


@pytest.mark.parametrize("name", ["database", "services_of", "baseline", "Ticket", "uncommon"])
def test_a_word_within_a_word_is_none(name: str) -> None:
    """Only whole words count."""
    assert bad_names({"a.py": f"def {name}(): ..."}) == []


def test_open_ends_and_hosts_are_seen() -> None:
    """As words of their own: a field named for what is to be done is none."""
    word, host = OPEN_ENDS[0], REGISTRIES[0]
    assert holding({"a": f"x\n# {word}: y"}, word) == [f"a:2: # {word}: y"]
    assert holding({"a": f"https://{host}/simple"}, host) != []
    assert holding({"a": f"{word}S {word.lower()} my{word} not{host}"}, word, host) == []


def test_an_ignore_without_a_reason_is_seen() -> None:
    """In the list and in those of single files."""
    text = 'ignore = [\n  "D203", # contradicts D211\n  "TD",\n]\n[tool.ruff.lint.per-file-ignores]\n"x" = ["T201"]\n\n'
    assert without_reason(text) == ['  "TD",', '"x" = ["T201"]']
