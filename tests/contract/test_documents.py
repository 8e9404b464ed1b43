"""Documents: every relative link leads to a file, every `make` target they name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "deploy", "services", "shared", "tests")
    for path in (ROOT.glob("*.md") if folder == "." else (ROOT / folder).rglob("*.md"))
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^|[`(])(?:[A-Z_]+=\S+ )*make (?:-s )?([a-z-]+)", re.MULTILINE)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_make_target_in_a_document_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(COMMAND.findall(document.read_text(encoding="utf-8"))) - targets == set()


def test_planted_faults_are_found() -> None:
    assert LINK.findall("see [this](docs/nowhere.md#part) and [that](x.md)") == ["docs/nowhere.md", "x.md"]
    assert COMMAND.findall("make run\n`make nothing X=1` and LOG=kafka make demo\nLOG=kafka make chaos") == [
        *("run", "nothing", "chaos")
    ]
