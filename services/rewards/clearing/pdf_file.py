"""The settlement of a day as PDF: `python -m services.rewards.clearing.pdf_file` reads JSON and writes the file.

A process of its own: to cut few characters out of a Chinese font takes a second of a core and 150 MiB, and a request
beside it must not wait. Identical content gives identical bytes.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn
from fpdf import FPDF
from fpdf.fonts import FontFace

from services.rewards.clearing.domain import broken_lines

_FONT: Final = Path(pylopdf_fonts_zh_cn.__file__).parent / "NotoSansSC-Regular.otf"
_FAMILY: Final = "NotoSansSC"
_WIDTHS: Final = (38, 28, 36, 14, 25, 24, 25)
_TITLE_PT, _TEXT_PT, _SMALL_PT = 16, 9, 8
_LINE_GREY, _HEAD_GREY = 190, 235
_PADDING_MM, _SLACK_MM = 1.0, 0.5


class _Paper(FPDF):
    """A4 with the number of the page below."""

    def __init__(self, note: str) -> None:
        super().__init__(format="A4")
        self._note = note
        self.add_font(_FAMILY, fname=_FONT)

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(_FAMILY, size=_SMALL_PT)
        self.cell(text=f"{self._note}    {self.page_no()} / {{nb}}")


def settlement_pdf(content: Mapping[str, Any]) -> bytes:
    """`content`: title, lines of text under it, the head and the rows of the table, a note, and `made_at`."""
    paper = _Paper(content["note"])
    paper.set_title(content["title"])
    paper.set_creation_date(datetime.fromisoformat(content["made_at"]))
    paper.add_page()
    paper.set_font(_FAMILY, size=_TITLE_PT)
    paper.cell(text=content["title"], new_x="LMARGIN", new_y="NEXT", h=12)
    paper.set_font(_FAMILY, size=_TEXT_PT)
    for text in content["texts"]:
        paper.cell(text=text, new_x="LMARGIN", new_y="NEXT", h=6)
    paper.ln(4)
    _write_table(paper, [content["head"], *content["rows"]])
    return bytes(paper.output())


def _write_table(paper: FPDF, rows: Sequence[Sequence[str]]) -> None:
    aligned = ("LEFT", "LEFT", "LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT")
    paper.set_draw_color(_LINE_GREY)
    with paper.table(
        borders_layout="HORIZONTAL_LINES",
        col_widths=_WIDTHS,
        headings_style=FontFace(fill_color=_HEAD_GREY),
        line_height=5.5,
        padding=(0.6, _PADDING_MM),
        text_align=aligned,
    ) as table:
        for cells in rows:
            row = table.row()
            for text, width in zip(cells, _WIDTHS, strict=True):
                row.cell(_in_lines(paper, text, paper.epw * width / sum(_WIDTHS) - 2 * _PADDING_MM - _SLACK_MM))


def _in_lines(paper: FPDF, text: str, width_mm: float) -> str:
    return "\n".join(broken_lines(text, fits=lambda line: paper.get_string_width(line) <= width_mm))


if __name__ == "__main__":
    sys.stdout.buffer.write(settlement_pdf(json.load(sys.stdin)))
