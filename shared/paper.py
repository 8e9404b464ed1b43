"""PDF pages with Chinese text: fonts of the wheel, embedded as subsets, and the same bytes for the same content.

A room draws its page on a `Paper`. To cut a few characters out of a Chinese font takes 0.3 s of a core, so pages are
drawn in a process of their own (`shared/press.py`), never in the one that answers requests.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Collection, Container
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypedDict

import pylopdf_fonts_zh_cn
import segno
from fontTools.ttLib import TTFont
from fpdf import FPDF

SANS: Final = "NotoSansSC"
SERIF: Final = "NotoSerifSC"
_FOLDER: Final = Path(pylopdf_fonts_zh_cn.__file__).parent
FONTS: Final = {SANS: _FOLDER / "NotoSansSC-Regular.otf", SERIF: _FOLDER / "NotoSerifSC-Regular.otf"}
# Chinese printers set it for a character that the type case lacks.
GETA: Final = "〓"
_SPACES: Final = re.compile(" {2,}")
_MAKER: Final = "carbon-inclusion"
_QR_MARGIN: Final = 4  # modules
_LINE_SPACING: Final = 1.25
_POINTS_PER_MM: Final = 72 / 25.4
Align = Literal["L", "C", "R"]
Measure = Callable[[str], float]
Colour = tuple[int, int, int]


class Column(TypedDict):
    """Left edge and width of lines, in millimetres."""

    x: float
    width: float


class Paper(FPDF):
    """A4. `dated` is a date of the content, never the time of writing; `identity` is 32 hex digits from the content."""

    def __init__(
        self,
        *,
        title: str,
        dated: datetime,
        identity: str,
        landscape: bool = False,
        families: Collection[str] = (SANS, SERIF),
    ) -> None:
        super().__init__(orientation="landscape" if landscape else "portrait", format="A4")
        self._identity = identity
        for family in families:
            self.add_font(family, fname=FONTS[family])
        self.set_title(title)
        self.set_lang("zh-CN")
        self.set_creator(_MAKER)
        self.set_producer(_MAKER)
        self.set_creation_date(dated)

    def file_id(self) -> str:
        """Replace the library's id, which depends on its version."""
        return f"<{self._identity}><{self._identity}>"

    def write_line(
        self,
        text: str,
        *,
        x: float,
        y: float,
        width: float,
        size_pt: float,
        family: str = SANS,
        align: Align = "L",
        colour: Colour = (0, 0, 0),
        spacing_pt: float = 0,
    ) -> None:
        """Write one line whose upper edge is at `y`, in millimetres. A line that is too long becomes smaller."""
        self.set_font(family, size=size_pt)
        known = printable(text, characters_of(family))
        self.set_char_spacing(spacing_pt)
        natural = self.get_string_width(known)
        if natural > width:
            self.set_char_spacing(spacing_pt * width / natural)
            self.set_font(family, size=size_pt * width / natural * 0.995)
        self.set_text_color(*colour)
        self.set_xy(x, y)
        self.cell(width, self.font_size * _LINE_SPACING, known, align=align)
        self.set_char_spacing(0)

    def write_lines(
        self,
        text: str,
        *,
        x: float,
        y: float,
        width: float,
        size_pt: float,
        family: str = SANS,
        align: Align = "L",
        colour: Colour = (0, 0, 0),
        leading: float = 1.6,
        lines_max: int = 3,
    ) -> float:
        """Write a paragraph, smaller if it needs more lines than allowed. Return the height below it."""
        self.set_font(family, size=size_pt)
        known = printable(text, characters_of(family))
        lines = wrapped(known, width, self.get_string_width)
        while len(lines) > lines_max:
            size_pt *= 0.94
            self.set_font_size(size_pt)
            lines = wrapped(known, width, self.get_string_width)
        height = size_pt / _POINTS_PER_MM * leading
        for line in lines:
            self.write_line(line, x=x, y=y, width=width, size_pt=size_pt, family=family, align=align, colour=colour)
            y += height
        return y

    def draw_qr(self, content: str, *, x: float, y: float, side: float, colour: Colour = (0, 0, 0)) -> None:
        """Draw a QR code as rectangles, with its margin of four modules, and a link to the same address."""
        self.set_fill_color(*colour)
        matrix = qr_rows(content)
        module = side / (len(matrix) + 2 * _QR_MARGIN)
        for row, runs in enumerate(matrix):
            for first, length in runs:
                # A hair more than a module: viewers draw fine lines between rectangles that only touch.
                self.rect(
                    x + (first + _QR_MARGIN) * module,
                    y + (row + _QR_MARGIN) * module,
                    length * module + 0.01,
                    module + 0.01,
                    style="F",
                )
        self.link(x, y, side, side, link=content)


def qr_rows(content: str) -> list[list[tuple[int, int]]]:
    """Return the dark runs (first module, length) of each row of a QR code, without a margin."""
    rows = []
    for modules in segno.make(content, error="m", micro=False).matrix:
        runs: list[tuple[int, int]] = []
        for place, dark in enumerate(modules):
            if not dark:
                continue
            if runs and sum(runs[-1]) == place:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((place, 1))
        rows.append(runs)
    return rows


@functools.cache
def characters_of(family: str) -> Container[int]:
    """Return the code points that a font can show."""
    with TTFont(FONTS[family], lazy=True) as font:
        return frozenset(font.getBestCmap() or {})


def printable(text: str, known: Container[int]) -> str:
    """Return a text on one line, without characters that nobody sees; unknown ones become 〓. An indent stays."""
    plain = "".join(_spaced(char) for char in unicodedata.normalize("NFC", text))
    shown = (char for char in plain if unicodedata.category(char)[0] != "C" and not _is_selector(char))
    return _SPACES.sub(" ", "".join(char if ord(char) in known else GETA for char in shown)).strip(" ")


def _spaced(char: str) -> str:
    return " " if char.isspace() and char != "\u3000" else char


def _is_selector(char: str) -> bool:
    """Whether the character only chooses a form of the one before it."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


# Not at the beginning of a line, not at its end (GB/T 15834).
_NO_START: Final = "，。、；：？！）》」』”’…—％,.;:?!)]}%"
_NO_END: Final = "（《「『“‘([{"


def wrapped(text: str, width: float, measure: Measure) -> list[str]:
    """Break a text into lines: between Chinese characters and at spaces, and never before a closing mark."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
            piece = piece.lstrip(" ")  # noqa: PLW2901 - the next line begins without the space
        line += piece
        while measure(line.rstrip()) > width and len(line) > 1:  # one piece longer than a line
            cut = next(size for size in range(len(line) - 1, 0, -1) if size == 1 or measure(line[:size]) <= width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """Split a text into what stays together on a line."""
    pieces: list[str] = []
    for char in text:
        before = pieces[-1][-1] if pieces else ""
        joined = char in _NO_START or before in _NO_END if before else False
        latin = _is_latin(char) and _is_latin(before)
        if pieces and (joined or latin or char == " "):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _is_latin(char: str) -> bool:
    return bool(char) and char != " " and ord(char) < 0x2E80 and not unicodedata.category(char).startswith("Z")
