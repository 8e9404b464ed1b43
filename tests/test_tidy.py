"""Rules about the code that no linter holds: sizes, who may call what, words out of place, contracts that bite."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import asyncapi

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
CODE_FOLDERS = ("services", "shared", "deploy", "tests")
SERVICES = ("accounts", "ingest", "accounting", "rewards")
# A migration is a record of what was done to a schema: one long list, written once.
GENERATED = re.compile(r"services/[a-z]+/migrations/versions/")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders or CODE_FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def long_functions(text: str) -> list[str]:
    return [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]


def test_no_file_is_longer_than_400_lines() -> None:
    assert [name(p) for p in sources() if len(p.read_text().splitlines()) > FILE_LINES_MAX] == []


def test_no_function_is_longer_than_60_lines() -> None:
    found = {name(p): long_functions(p.read_text()) for p in sources() if not GENERATED.match(name(p))}
    assert {file: functions for file, functions in found.items() if functions} == {}


def test_the_size_rule_bites() -> None:
    planted = "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX
    assert long_functions(planted) == [f"f: {FUNCTION_LINES_MAX + 1}"]


def calls(path: Path) -> set[str]:
    """Dotted names of everything called or read in a file."""
    return {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize(
    ("forbidden", "allowed_in", "folders"),
    [
        ("datetime.now", {"shared/clock.py"}, ("services", "shared")),
        ("session.commit", set(), ("services", "shared")),
        ("os.environ", {"shared/migrations.py"}, ("services", "shared")),
        ("time.sleep", set(), ("services", "shared")),
    ],
)
def test_some_calls_have_one_home(forbidden: str, allowed_in: set[str], folders: tuple[str, ...]) -> None:
    users = {name(path) for path in sources(*folders) if forbidden in calls(path)}
    assert users - allowed_in == set()


def test_no_float_in_domain_code() -> None:
    found: list[str] = []
    for path in sources("services"):
        if path.name != "domain.py":
            continue
        found += [
            f"{name(path)}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text()))
            if (isinstance(node, ast.Constant) and isinstance(node.value, float))
            or (isinstance(node, ast.Name) and node.id == "float")
        ]
    assert found == []


WORDS = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b|pytest\.(mark\.)?(skip|xfail)|mark\.skipif|/(home|root|work)/[a-z]",
)
WORDS_ALLOWED_IN = {"tests/test_tidy.py", "tests/kafka.py"}  # the second fails loudly in CI instead of skipping


def test_no_leftover_words() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()}"
        for path in sources()
        if name(path) not in WORDS_ALLOWED_IN
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WORDS.search(line)
    ]
    assert found == []


def test_the_lock_file_names_no_index_and_hashes_everything() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9][^=\n]*==", text, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pinned) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_topics_document_is_what_the_contracts_say() -> None:
    """`.venv/bin/python -m shared.asyncapi docs/asyncapi.yaml` makes it anew."""
    assert (ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8") == asyncapi.as_yaml()


def test_every_service_has_its_readme_with_decisions() -> None:
    for service in SERVICES:
        text = (ROOT / "services" / service / "README.md").read_text().lower()
        for word in ("invariants", "topics", "not", "*context*", "*decision*", "*consequence*", "*check*"):
            assert word in text, f"{service}: {word}"


@pytest.mark.parametrize(
    ("code", "rule"),
    [("import os\n", "F401"), ("from datetime import datetime\nprint(datetime.now())\n", "DTZ005")],
)
def test_the_linter_bites(tmp_path: Path, code: str, rule: str) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(code)
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", planted],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert rule in answer.stdout


def test_the_type_checker_bites(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text("def f(x):\n    return x\n")
    answer = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml", planted],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "no-untyped-def" in answer.stdout
