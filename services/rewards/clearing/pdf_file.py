"""The settlement of a day as PDF: `python -m services.rewards.clearing.pdf_file` reads JSON and writes the file.

A process of its own: to cut few characters out of a Chinese font takes a second of a core and 150 MiB, and a request
beside it must not wait. Identical content gives identical bytes.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from fpdf.fonts import FontFace

from shared.paper import SANS, Paper, characters_of, printable, wrapped

_WIDTHS: Final = (38, 28, 36, 14, 25, 24, 25)
_TITLE_PT, _TEXT_PT, _SMALL_PT = 16, 9, 8
_LINE_GREY, _HEAD_GREY = 190, 235
_PADDING_MM, _SLACK_MM = 1.0, 0.5


class _Paper(Paper):
    """A4 with the number of the page below."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        said = json.dumps(content, ensure_ascii=False, sort_keys=True)
        super().__init__(
            title=content["title"],
            dated=datetime.fromisoformat(content["made_at"]),
            identity=hashlib.sha256(said.encode()).hexdigest()[:32],
            families=(SANS,),
        )
        self._note = content["note"]

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(SANS, size=_SMALL_PT)
        self.cell(text=f"{self._note}    {self.page_no()} / {{nb}}")


def settlement_pdf(content: Mapping[str, Any]) -> bytes:
    """`content`: title, lines of text under it, the head and the rows of the table, a note, and `made_at`."""
    paper = _Paper(content)
    paper.add_page()
    paper.set_font(SANS, size=_TITLE_PT)
    paper.cell(text=content["title"], new_x="LMARGIN", new_y="NEXT", h=12)
    paper.set_font(SANS, size=_TEXT_PT)
    for text in content["texts"]:
        paper.cell(text=text, new_x="LMARGIN", new_y="NEXT", h=6)
    paper.ln(4)
    _write_table(paper, [content["head"], *content["rows"]])
    return bytes(paper.output())


def _write_table(paper: Paper, rows: Sequence[Sequence[str]]) -> None:
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


def _in_lines(paper: Paper, text: str, width_mm: float) -> str:
    return "\n".join(wrapped(printable(text, characters_of(SANS)), width_mm, paper.get_string_width))


if __name__ == "__main__":
    sys.stdout.buffer.write(settlement_pdf(json.load(sys.stdin)))
