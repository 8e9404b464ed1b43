"""The committed types of the TypeScript client fit the documents, and the documents please the linters."""

from pathlib import Path

import pytest

from deploy.clients.api import documents, tools

HOW = "`make openapi` writes them"


def has_node(capsys: pytest.CaptureFixture[str]) -> bool:
    missing = tools.missing_tools()
    if missing:
        with capsys.disabled():
            print(f"\nNOT TESTED with Node: {', '.join(missing)} missing")
    return not missing


def test_c2_the_types_were_generated_from_these_documents() -> None:
    """Without Node: the hash of the documents is the one that was recorded beside the types."""
    assert documents.digest_of(documents.documents()) == tools.RECORDED.read_text().strip(), HOW


@pytest.mark.nightly
def test_c2_the_types_are_what_the_generator_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not has_node(capsys):
        return
    tools.write_types(tmp_path)
    fresh = {path.name: path.read_text() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text() for path in tools.TYPES.iterdir()}
    assert [name for name in fresh | committed if fresh.get(name) != committed.get(name)] == [], HOW


def test_c2_the_client_compiles_strictly(capsys: pytest.CaptureFixture[str]) -> None:
    if has_node(capsys):
        tools.compile_client()


@pytest.mark.nightly
def test_c3_redocly_and_spectral_find_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    if has_node(capsys):
        tools.lint()
