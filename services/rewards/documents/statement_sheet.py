"""The donations of a year as PDF: A4, a table over as many pages as it needs, the sum at its end."""

from collections.abc import Sequence
from typing import Final

from services.rewards.documents.domain import ISSUER, StatementContent, StatementRow, grouped, midnight
from services.rewards.sentences import documents as says
from shared.language import Text
from shared.paper import SERIF, Align, Colour, Column, Paper
from shared.wording import filled, spoken

_GREEN: Final[Colour] = (18, 92, 74)
_GOLD: Final[Colour] = (178, 141, 66)
_INK: Final[Colour] = (34, 38, 36)
_GREY: Final[Colour] = (98, 104, 100)
_SIDE, _WIDTH, _HEIGHT = 18.0, 210.0, 297.0
_ROW_MM: Final = 11.0
_BOTTOM: Final = _HEIGHT - 24
_QR_SIDE: Final = 26.0
# Left edge, width and alignment of the columns: day, campaign, grams, number.
_COLUMNS: Final[tuple[tuple[float, float, Align], ...]] = (
    (_SIDE, 27, "L"),
    (_SIDE + 29, 60, "L"),
    (_SIDE + 91, 34, "R"),
    (_SIDE + 129, 45, "R"),
)


def statement_pdf(content: StatementContent, *, identity: str) -> bytes:
    title = filled(says.STATEMENT_TITLE, year=content.year)
    paper = Paper(title=title.zh, dated=midnight(content.dated), identity=identity)
    paper.set_auto_page_break(False)
    pages = _pages(content.rows)
    for number, rows in enumerate(pages, start=1):
        paper.add_page()
        y = _write_head(paper, content, title) if number == 1 else 20.0
        y = _write_rows(paper, y, rows)
        if number == len(pages):
            _write_sum(paper, y, content)
        foot = f"{ISSUER.zh}　{ISSUER.en}　　{number} / {len(pages)}"
        paper.write_line(foot, x=_SIDE, width=_WIDTH - 2 * _SIDE, y=_HEIGHT - 14, size_pt=8, align="C", colour=_GREY)
    return bytes(paper.output())


def grams(amount_mg: int) -> str:
    """Return grams with all digits: 2,345.678."""
    sign, size = "−" if amount_mg < 0 else "", abs(amount_mg)
    return f"{sign}{size // 1000:,}.{size % 1000:03d}"


def _pages(rows: Sequence[StatementRow]) -> list[Sequence[StatementRow]]:
    """Divide the rows. The first page has the head, and the last one room for the sum."""
    room_first = int((_BOTTOM - _FIRST_ROW_Y) // _ROW_MM) - 1
    room = int((_BOTTOM - 20.0) // _ROW_MM) - 2
    pages = [rows[:room_first]]
    for start in range(room_first, len(rows), room):
        pages.append(rows[start : start + room])
    return pages


_FIRST_ROW_Y: Final = 80.0


def _write_head(paper: Paper, content: StatementContent, title: Text) -> float:
    wide: Column = {"x": _SIDE, "width": _WIDTH - 2 * _SIDE - _QR_SIDE - 6}
    paper.write_line(f"{ISSUER.zh}　{ISSUER.en}", **wide, y=18, size_pt=9, colour=_GREY)
    if content.donor is not None:
        donor = f"{says.DONOR.zh} {says.DONOR.en}　{content.donor}"
        paper.write_line(donor, **wide, y=46, size_pt=10, colour=_INK)
    paper.write_line(title.zh, **wide, y=27, size_pt=24, family=SERIF, colour=_GREEN)
    paper.write_line(title.en, **wide, y=39, size_pt=11, family=SERIF, colour=_GREY)
    paper.write_line(says.STATEMENT_CHECK.zh, **wide, y=54, size_pt=9, colour=_INK)
    paper.write_line(says.STATEMENT_CHECK.en, **wide, y=59, size_pt=7, colour=_GREY)
    paper.draw_qr(content.check_address, x=_WIDTH - _SIDE - _QR_SIDE, y=20, side=_QR_SIDE)
    return _FIRST_ROW_Y - _ROW_MM


def _write_rows(paper: Paper, y: float, rows: Sequence[StatementRow]) -> float:
    for (x, width, align), head in zip(_COLUMNS, says.STATEMENT_HEAD, strict=True):
        paper.write_line(head.zh, x=x, width=width, y=y, size_pt=9, align=align, colour=_GREEN)
        paper.write_line(head.en, x=x, width=width, y=y + 4.4, size_pt=7, align=align, colour=_GREY)
    y += _ROW_MM
    _rule(paper, y - 1.4, _GREEN, 0.4)
    for row in rows:
        cells = (spoken(row.on, "zh"), row.campaign_zh, grams(row.amount_mg), grouped(row.number))
        below = (spoken(row.on, "en"), row.campaign_en, "", "")
        for (x, width, align), cell, small in zip(_COLUMNS, cells, below, strict=True):
            paper.write_line(cell, x=x, width=width, y=y, size_pt=9.5, align=align, colour=_INK)
            if small:
                paper.write_line(small, x=x, width=width, y=y + 4.6, size_pt=7, align=align, colour=_GREY)
        y += _ROW_MM
        _rule(paper, y - 1.4, (222, 222, 216), 0.15)
    return y


def _write_sum(paper: Paper, y: float, content: StatementContent) -> None:
    if not content.rows:
        paper.write_line(says.STATEMENT_NONE.zh, x=_SIDE, width=120, y=y + 1, size_pt=11, colour=_INK)
        paper.write_line(says.STATEMENT_NONE.en, x=_SIDE, width=120, y=y + 7, size_pt=8, colour=_GREY)
        return
    _rule(paper, y - 1.4, _GOLD, 0.5)
    counted = filled(says.STATEMENT_SUM, count=len(content.rows) + content.left_out)
    if content.left_out:
        cut = filled(says.STATEMENT_CUT, count=content.left_out)
        paper.write_line(f"{cut.zh}　{cut.en}", x=_SIDE, width=_WIDTH - 2 * _SIDE, y=y + 9, size_pt=7, colour=_GREY)
    paper.write_line(counted.zh, x=_SIDE, width=88, y=y, size_pt=10.5, colour=_GREEN)
    paper.write_line(counted.en, x=_SIDE, width=88, y=y + 5, size_pt=7, colour=_GREY)
    x, width, align = _COLUMNS[2]
    paper.write_line(grams(content.sum_mg), x=x, width=width, y=y, size_pt=10.5, align=align, colour=_GREEN)


def _rule(paper: Paper, y: float, colour: Colour, width: float) -> None:
    paper.set_draw_color(*colour)
    paper.set_line_width(width)
    paper.line(_SIDE, y, _WIDTH - _SIDE, y)
