"""`make migration` writes a revision that follows the newest one."""

import ast
from pathlib import Path

import pytest
import typer

from deploy.local.migration import create_migration, main
from deploy.local.settings import ROOT


def assigned(path: Path) -> dict[str, str]:
    """Names and values of the file's constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def test_a_new_migration_is_numbered_after_the_newest_and_empty_when_nothing_changed(tmp_path: Path) -> None:
    versions = ROOT / "services" / "rewards" / "migrations" / "versions"
    newest = max(versions.glob("[0-9]*_*.py"), key=lambda path: path.name.split("_")[1])
    number = newest.name.split("_")[1]
    written = create_migration("rewards", "add_a_column", tmp_path)
    assert written.parent == tmp_path
    assert written.name.split("_", 1)[1] == f"{int(number) + 1:04}_add_a_column.py"
    values = assigned(written)
    assert (values["revision"], values["down_revision"]) == (f"{int(number) + 1:04}", number)
    text = written.read_text(encoding="utf-8")
    assert text.startswith('"""Add a column.')
    assert "op.drop" not in text
    assert "op.create" not in text


@pytest.mark.parametrize(
    ("service", "name"), [("", "x"), ("ledger", "add_lots"), ("rewards", "Add Lots"), ("rewards", "")]
)
def test_a_wrong_service_or_name_is_refused_with_the_usage(
    service: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        main(service, name)
    assert "SERVICE=accounts|ingest|accounting|rewards" in capsys.readouterr().err
