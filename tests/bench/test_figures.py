"""The figures in the documents: four in the README, the long table in docs/performance.md."""

from pathlib import Path

import pytest

from tests.bench import figures
from tests.bench.figures import BEGIN, END, Figure, compared, headlines, markdown, write_between_markers

CONTENT = {"machine": "2 cores", "date": "2026-11-27", "load": 0.1}


def measured(*names: str) -> list[Figure]:
    return [
        compared("part", ("指标", name), [50.0, 60.0, 70.0], [100.0, 100.0, 100.0], unit="/s", limit_name="peer")
        for name in names
    ]


def between_markers(document: Path) -> list[str]:
    return document.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip().splitlines()


def first_cells(rows: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in row.strip("| ").split("|")][:4] for row in rows if row.startswith("| ")]


def test_headlines_are_four_rows_with_their_ratio_in_a_fixed_order() -> None:
    names = ["one hot user", *reversed(figures.HEADLINES)]
    rows = first_cells(headlines(measured(*names), CONTENT).splitlines())[2:]
    assert [row[0] for row in rows] == [f"指标 {name}" for name in figures.HEADLINES]
    assert rows[0][1:] == ["60.0 /s", "peer 100", "0.60"]


def test_headlines_need_every_part_of_the_benchmark() -> None:
    with pytest.raises(ValueError, match="read balance"):
        headlines(measured(*figures.HEADLINES[:3]), CONTENT)


def test_the_long_table_has_every_figure_and_the_load_before_the_run() -> None:
    text = markdown(measured("one", "two"), CONTENT)
    assert "2 cores; 2026-11-27; 运行前负载 load before the run 0.1" in text
    assert [row[0] for row in first_cells(text.splitlines())[2:]] == ["指标 one", "指标 two"]


def test_only_the_text_between_the_markers_is_replaced(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_between_markers(document, "new")
    assert document.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    document.write_text("no markers\n")
    with pytest.raises(ValueError, match="no markers"):
        write_between_markers(document, "new")


def test_the_four_figures_of_the_readme_are_rows_of_the_long_table() -> None:
    long_table = first_cells(between_markers(figures.LONG_TABLE))
    rows = first_cells(between_markers(figures.README))[2:]
    assert len(rows) == len(figures.HEADLINES)
    assert all(row in long_table for row in rows)
