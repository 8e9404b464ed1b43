"""Walls between services, rooms and modules. Import contracts stand in pyproject.toml; the tests here read imports and
SQL for rules that no contract can state, and plant violations to prove that each is found.

A *room* is a package inside a service. Its tables are those of its `*models.py`.
"""

import ast
import functools
import importlib
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import Table

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("accounts", "ingest", "accounting", "rewards")
# Modules that only their own room may import. HTTP models and pure rules may be shared.
PRIVATE = re.compile(r"(.*_)?(repository|models|api)$")
DRIVERS = frozenset({"sqlalchemy", "asyncpg"})
MAY_IMPORT_DRIVERS = re.compile(r"(.*_)?(repository|models)$|database$|tables$")
# The ledger's tables are nobody else's to read either, except for checks, which recompute everything.
LEDGER_READERS = frozenset({"ledger", "checks"})
# SQL that reads a table of another room: (service, room) -> the tables, each with a reason in the module's docstring.
READS_OF_OTHERS = {
    ("accounting", "intake"): {"activity", "correction"},  # one inbox for both
    # locks the original beside its correction; finds acts outside their bindings
    ("accounting", "corrections"): {"activity", "binding"},
    ("accounting", "posting"): {"binding"},  # parked events whose person is bound by now
    ("rewards", "erasures"): {"orders", "donation", "loan_offset"},  # whether anything of a person is under way
    ("ingest", "reconciliation"): {"reported_event"},  # compares a file with the archive in one statement
}
READS_EVERYTHING = {("accounting", "checks"), ("ingest", "records")}

_WRITE = r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|MERGE\s+INTO|COPY)\s+(?:ONLY\s+)?"
_READ = r"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?"


class Statement(NamedTuple):
    """A table named in the SQL of one file."""

    file: str
    line: int
    service: str
    room: str
    schema: str
    table: str
    writes: bool


@functools.cache
def tree_of(source: str) -> ast.Module:
    """Return the syntax tree of a file. Each planted violation reads the others again."""
    return ast.parse(source)


def room_files(root: Path) -> Iterator[tuple[Path, str, str]]:
    """(file, service, room) of every module inside a room."""
    for service in SERVICES:
        for path in sorted((root / "services" / service).glob("*/**/*.py")):
            room = path.relative_to(root / "services" / service).parts[0]
            if room != "migrations":
                yield path, service, room


def tables_by_room() -> dict[tuple[str, str], str]:
    """The room that owns each (schema, table)."""
    owners: dict[tuple[str, str], str] = {}
    for path, service, room in room_files(ROOT):
        if path.stem.endswith("models"):
            module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for value in vars(module).values():
                table = getattr(value, "__table__", value)
                if isinstance(table, Table):
                    owners.setdefault((service, table.name), room)
    return owners


OWNERS = tables_by_room()


def texts_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """String constants, those of an f-string joined, with their lines; docstrings are no SQL."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside | docstrings:
            yield node.lineno, node.value


def core_writes(tree: ast.AST, models: dict[str, tuple[str, str]]) -> Iterator[tuple[int, str, str]]:
    """(line, schema, table) of SQLAlchemy's insert, update and delete, and of COPY by the driver."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"insert", "update", "delete", "upsert"}:
            target = node.func.value if isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
            if isinstance(target, ast.Name) and target.id in models:
                yield node.lineno, *models[target.id]
        if name == "copy_records_to_table" and isinstance(node.args[0], ast.Constant):
            schemas = [
                key.value.value
                for key in node.keywords
                if key.arg == "schema_name" and isinstance(key.value, ast.Constant)
            ]
            yield node.lineno, str(schemas[0]) if schemas else "?", str(node.args[0].value)


def imported_tables(tree: ast.AST) -> dict[str, tuple[str, str]]:
    """Local names of tables and mapped classes imported from models: (service, table)."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith("models"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                table = getattr(getattr(module, alias.name, None), "__table__", getattr(module, alias.name, None))
                if isinstance(table, Table):
                    found[alias.asname or alias.name] = (str(table.schema), table.name)
    return found


_SCHEMAS = "|".join(SERVICES)
_PATTERNS = (
    (True, re.compile(rf"{_WRITE}({_SCHEMAS})\.(\w+)")),
    (False, re.compile(rf"{_READ}({_SCHEMAS})\.(\w+)")),
)


@functools.cache
def statements_of(source: str, file: str, service: str, room: str) -> list[Statement]:
    tree = tree_of(source)
    found = [
        Statement(file, line, service, room, schema, table, writes)
        for line, text in texts_of(tree)
        for writes, pattern in _PATTERNS
        for schema, table in pattern.findall(text)
    ]
    found += [
        Statement(file, line, service, room, schema, table, writes=True)
        for line, schema, table in core_writes(tree, imported_tables(tree))
    ]
    return found


def statements(root: Path) -> Iterator[Statement]:
    for path, service, room in room_files(root):
        yield from statements_of(path.read_text(), path.relative_to(root).as_posix(), service, room)


def foreign_statements(root: Path) -> list[str]:
    """SQL that writes a table of another room, reads one without being listed, or touches the ledger's."""
    found = []
    for one in statements(root):
        owner = OWNERS.get((one.schema, one.table))
        if owner is None or (one.service, one.room) == (one.schema, owner):
            continue
        listed = one.table in READS_OF_OTHERS.get((one.service, one.room), set())
        may_read = listed or (one.service, one.room) in READS_EVERYTHING
        if one.writes or not may_read or (owner == "ledger" and one.room not in LEDGER_READERS):
            verb = "writes" if one.writes else "reads"
            found.append(f"{one.file}:{one.line} {verb} {one.schema}.{one.table} of {owner}")
    return found


def private_imports(root: Path) -> list[str]:
    """Imports of another room's SQL, tables or routes."""
    found = []
    for path, service, room in room_files(root):
        for node in ast.walk(tree_of(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("services."):
                continue
            parts = str(node.module).split(".")
            for name in (alias.name for alias in node.names):
                target = [*parts, name][2:4]
                if len(target) == 2 and (parts[1], target[0]) != (service, room) and PRIVATE.match(target[1]):
                    found.append(f"{path.relative_to(root)}:{node.lineno} {node.module}.{name}")
    return found


def driver_imports(root: Path) -> list[str]:
    """Modules outside repositories and models that import a database driver or SQLAlchemy."""
    found = []
    for path in sorted((root / "services").rglob("*.py")):
        if "migrations" in path.parts or MAY_IMPORT_DRIVERS.match(path.stem):
            continue
        for node in ast.walk(tree_of(path.read_text())):
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            names = [str(node.module)] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [f"{path.relative_to(root)}:{node.lineno}" for name in names if name.split(".")[0] in DRIVERS]
    return found


def test_a_room_writes_only_its_own_tables() -> None:
    assert foreign_statements(ROOT) == []


def test_every_table_has_exactly_one_room_that_writes_it() -> None:
    writers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in statements(ROOT):
        if one.writes and (one.schema, one.table) in OWNERS:
            writers[one.schema, one.table].add(one.room)
    assert {table: rooms for table, rooms in writers.items() if rooms != {OWNERS[table]}} == {}
    assert len(writers) > 30  # the reading of SQL finds the writers at all


def test_a_room_uses_another_through_its_service_or_its_pure_rules() -> None:
    assert private_imports(ROOT) == []


def test_database_drivers_stay_in_repositories_and_models() -> None:
    assert driver_imports(ROOT) == []


# --- planted violations ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copy_of_the_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("code")
    for folder in ("services", "shared"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


class Planting:
    """Code added to a file of the copy, and taken away again."""

    def __init__(self, root: Path, file: str, code: str) -> None:
        self.path = root / file
        self.code = code
        self.before: str | None = None

    def __enter__(self) -> None:
        self.before = self.path.read_text() if self.path.exists() else None
        self.path.write_text((self.before or "") + self.code)

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            self.path.unlink()
        else:
            self.path.write_text(self.before)


PLANTED_IMPORTS = [
    ("services/accounts/planted.py", "from services.rewards import main\n", "services never import each other"),
    ("shared/planted.py", "from services.accounts import main\n", "shared never imports a service"),
    ("services/accounting/ledger/domain.py", "import sqlalchemy\n", "domain is pure"),
    # Not even through others: this service reaches SQLAlchemy by its repository.
    (
        "services/accounting/publishing/domain.py",
        "from services.accounting.methodologies import service\n",
        "domain is pure",
    ),
    (
        "services/accounting/judging/subjects.py",
        "from services.accounting.households import service\n",
        "domain is pure",
    ),
    (
        "services/accounting/ledger/repository.py",
        "from services.accounting.ledger import service\n",
        "inside a room of accounting",
    ),
    (
        "services/accounting/ledger/domain.py",
        "from services.accounting.posting import effects\n",
        "rooms of accounting",
    ),
    (
        "services/accounting/ledger/service.py",
        "from services.accounting.checks import service\n",
        "rooms of accounting",
    ),
    ("services/accounts/phones/service.py", "from services.accounts.bindings import service\n", "rooms of accounts"),
    ("services/rewards/orders/surprise.py", "SURPRISE = 1\n", "inside a room of rewards"),
    ("services/ingest/surprise.py", "SURPRISE = 1\n", "rooms of ingest"),
]


@pytest.mark.parametrize(("file", "line", "contract"), PLANTED_IMPORTS)
def test_the_import_contracts_find_a_planted_violation(
    copy_of_the_code: Path, file: str, line: str, contract: str
) -> None:
    with Planting(copy_of_the_code, file, line):
        answer = subprocess.run(
            [Path(sys.executable).parent / "lint-imports", "--no-cache"],
            cwd=copy_of_the_code,
            capture_output=True,
            text=True,
            check=False,
        )
    assert answer.returncode == 1, answer.stdout
    assert f"{contract} BROKEN" in answer.stdout


PLANTED_SQL = [
    ("services/accounting/what_if/repository.py", 'SQL = "UPDATE accounting.ledger_account SET balance_mg = 0"\n'),
    ("services/accounting/vesting/service.py", 'SQL = "INSERT INTO accounting.posting (posting_id) VALUES ($1)"\n'),
    ("services/accounting/totals/repository.py", 'SQL = f"SELECT count(*) FROM accounting.posting WHERE {1}"\n'),
    ("services/accounting/checks/repository.py", 'SQL = "DELETE FROM accounting.activity"\n'),
    (
        "services/accounting/posting/repository.py",
        'async def f(c): await c.copy_records_to_table("posting", schema_name="accounting", records=[])\n',
    ),
    (
        "services/rewards/orders/repository.py",
        "from services.rewards.catalogue.models import item_stock\nSQL = update(item_stock)\n",
    ),
    ("services/rewards/orders/repository.py", 'SQL = "UPDATE accounting.hold SET status = 1"\n'),
]


@pytest.mark.parametrize(("file", "code"), PLANTED_SQL)
def test_planted_sql_on_another_rooms_table_is_found(copy_of_the_code: Path, file: str, code: str) -> None:
    assert foreign_statements(copy_of_the_code) == []
    with Planting(copy_of_the_code, file, code):
        [found] = foreign_statements(copy_of_the_code)
    assert found.startswith(file)


PLANTED_PRIVATE = [
    ("services/accounting/what_if/service.py", "from services.accounting.ledger import expiry_repository\n"),
    ("services/accounting/what_if/service.py", "from services.accounting.corrections.repository import settle\n"),
    ("services/ingest/archive/service.py", "from services.ingest.partners.models import partner\n"),
]


@pytest.mark.parametrize(("file", "code"), PLANTED_PRIVATE)
def test_a_planted_import_of_another_rooms_sql_is_found(copy_of_the_code: Path, file: str, code: str) -> None:
    with Planting(copy_of_the_code, file, code):
        [found] = private_imports(copy_of_the_code)
    assert found.startswith(file)


@pytest.mark.parametrize("code", ["import asyncpg\n", "from sqlalchemy import text\n"])
def test_a_planted_driver_outside_a_repository_is_found(copy_of_the_code: Path, code: str) -> None:
    with Planting(copy_of_the_code, "services/accounting/ledger/holds.py", code):
        [found] = driver_imports(copy_of_the_code)
    assert found.startswith("services/accounting/ledger/holds.py")
