"""Rules about the code that no linter holds: sizes, who may call what, words out of place, contracts that bite."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
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
PRIVATE_OF_A_CAPABILITY = {"repository", "models", "posting_repository"}


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


def capability_of(module: str) -> tuple[str, str] | None:
    parts = module.split(".")
    if len(parts) >= 3 and parts[0] == "services" and (ROOT / "services" / parts[1] / parts[2]).is_dir():
        return parts[1], parts[2]
    return None


def test_a_capability_leaves_anothers_tables_alone() -> None:
    """One capability uses another through its service or its pure rules, never through its SQL."""
    found = []
    for path in sources("services"):
        own = capability_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if own is None or own[1] == "migrations":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            for alias in node.names:
                target = capability_of(f"{node.module}.x")
                names = {*node.module.split(".")[3:], alias.name}
                if target and target != own and names & PRIVATE_OF_A_CAPABILITY:
                    found.append(f"{name(path)}:{node.lineno} {node.module}.{alias.name}")
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


def contract_containers() -> set[str]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = content["tool"]["importlinter"]["contracts"]
    return {container for contract in contracts for container in contract.get("containers", ())}


def test_every_capability_is_under_the_layer_contract() -> None:
    capabilities = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "services").glob("*/*/__init__.py")
        if path.parent.name != "migrations"
    }
    assert capabilities - contract_containers() == set()


@pytest.fixture(scope="module")
def copy_of_the_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("code")
    for folder in ("services", "shared"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


PLANTED = [
    ("services/accounts/planted.py", "from services.rewards import main\n", "services never import each other"),
    ("shared/planted.py", "from services.accounts import main\n", "shared never imports a service"),
    ("services/accounting/ledger/domain.py", "import sqlalchemy\n", "domain is pure"),
    ("services/accounting/ledger/service.py", "import sqlalchemy\n", "SQL only in repositories and models"),
    (
        "services/accounting/ledger/repository.py",
        "from services.accounting.ledger import service\n",
        "inside a capability: api, schemas, service, repository, models, domain",
    ),
]


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED)
def test_the_import_contracts_bite(copy_of_the_code: Path, file: str, line: str, contract: str) -> None:
    target = copy_of_the_code / file
    before = target.read_text() if target.exists() else None
    target.write_text((before or "") + line)
    try:
        answer = subprocess.run(
            [Path(sys.executable).parent / "lint-imports", "--no-cache"],
            cwd=copy_of_the_code,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        if before is None:
            target.unlink()
        else:
            target.write_text(before)
    assert answer.returncode == 1, answer.stdout
    assert f"{contract} BROKEN" in answer.stdout


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
