"""A certificate of donation as a picture to share: 1080 × 1440 pixels, the 3:4 that WeChat shows whole.

The QR code is large enough for WeChat to read it from the picture when somebody presses on it.
"""

import struct
import zlib
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from services.rewards.documents.domain import ISSUER, CertificateContent, grouped
from services.rewards.sentences import documents as says
from shared.amounts import exact
from shared.language import Text
from shared.paper import FONTS, SANS, SERIF, Colour, characters_of, printable, qr_rows, wrapped
from shared.wording import filled, spoken

WIDTH, HEIGHT = 1080, 1440
_PAPER: Final[Colour] = (252, 251, 246)
_GREEN: Final[Colour] = (18, 92, 74)
_GOLD: Final[Colour] = (178, 141, 66)
_INK: Final[Colour] = (34, 38, 36)
_GREY: Final[Colour] = (98, 104, 100)
_RED: Final[Colour] = (176, 32, 38)
_SIDE: Final = 100
_QR_MODULE: Final = 7
# Colours of the picture. Edges of letters need a few between paper and ink.
_PALETTE_SIZE: Final = 64


def certificate_png(content: CertificateContent) -> bytes:
    canvas = _Canvas()
    colour = _GREEN if content.revoked is None else _RED
    canvas.draw_frame(colour)
    canvas.write(f"{ISSUER.zh}　{ISSUER.en}", y=100, size=28, colour=_GREY)
    canvas.write(says.TITLE.zh, y=165, size=104, family=SERIF, colour=colour, spacing=36)
    canvas.write(says.TITLE.en, y=305, size=32, family=SERIF, colour=_GREY)
    canvas.draw_rule(y=368)
    if content.revoked is None:
        _write_thanks(canvas, content)
    else:
        _write_revocation(canvas, content)
    canvas.draw_qr(content.address, right=WIDTH - _SIDE - 14, bottom=1300)
    facts = [
        (says.NUMBER, grouped(content.number)),
        (says.ISSUED_ON, spoken(content.issued_on, "zh")),
        (says.ISSUED_BY, ISSUER.zh),
    ]
    for place, (label, value) in enumerate(facts):
        y = 1000 + place * 106
        canvas.write(f"{label.zh}  {label.en}", y=y, size=24, colour=_GREY, align_left=True)
        canvas.write(value, y=y + 36, size=32, colour=_INK, align_left=True, width=540)
    canvas.write(f"{says.LONG_PRESS.zh}　{says.LONG_PRESS.en}", y=1342, size=24, colour=_GREY)
    return canvas.as_png()


def _write_thanks(canvas: "_Canvas", content: CertificateContent) -> None:
    amount = exact(content.amount_mg)
    campaign = Text(content.campaign_zh, content.campaign_en)
    dear = says.DEAR_DONOR if content.donor is None else filled(says.DEAR, donor=content.donor)
    thanks = filled(says.THANKS, campaign=campaign, amount=amount)
    canvas.write(dear.zh, y=408, size=42, family=SERIF, colour=_INK, align_left=True)
    y = canvas.write_lines(f"　　{thanks.zh}", y=474, size=42, family=SERIF, colour=_INK, lines_max=3)
    canvas.write(amount.zh, y=y + 12, size=84, family=SERIF, colour=_GREEN)
    y = canvas.write_lines(f"　　{says.MOVED.zh}", y=y + 140, size=36, family=SERIF, colour=_INK, lines_max=3)
    canvas.write_lines(f"{thanks.en} {says.MOVED.en}", y=y + 8, size=22, colour=_GREY, lines_max=3, leading=1.45)


def _write_revocation(canvas: "_Canvas", content: CertificateContent) -> None:
    assert content.revoked is not None
    since = filled(says.REVOKED_SINCE, on=content.revoked.on)
    canvas.write(says.REVOKED.zh, y=420, size=76, family=SERIF, colour=_RED, spacing=14)
    canvas.write(says.REVOKED.en, y=526, size=30, colour=_RED)
    canvas.write(since.zh, y=610, size=36, colour=_INK, align_left=True)
    y = canvas.write_lines(since.en, y=664, size=24, colour=_GREY, lines_max=2)
    reason = f"{says.REASON.zh}：{content.revoked.reason_zh}"
    y = canvas.write_lines(reason, y=y + 30, size=36, colour=_INK, lines_max=3)
    canvas.write_lines(f"{says.REASON.en}: {content.revoked.reason_en}", y=y, size=24, colour=_GREY, lines_max=3)


class _Canvas:
    def __init__(self) -> None:
        self._image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def draw_frame(self, colour: Colour) -> None:
        self._draw.rectangle((32, 32, WIDTH - 33, HEIGHT - 33), outline=colour, width=8)
        self._draw.rectangle((50, 50, WIDTH - 51, HEIGHT - 51), outline=_GOLD, width=2)

    def draw_rule(self, *, y: int) -> None:
        self._draw.rectangle((WIDTH // 2 - 120, y, WIDTH // 2 + 120, y + 2), fill=_GOLD)

    def draw_qr(self, content: str, *, right: int, bottom: int) -> None:
        rows = qr_rows(content)
        side = len(rows) * _QR_MODULE
        left, top = right - side, bottom - side
        self._draw.rectangle((left - 28, top - 28, right + 27, bottom + 27), fill=(255, 255, 255))
        for row, runs in enumerate(rows):
            for first, length in runs:
                x, y = left + first * _QR_MODULE, top + row * _QR_MODULE
                self._draw.rectangle((x, y, x + length * _QR_MODULE - 1, y + _QR_MODULE - 1), fill=(0, 0, 0))

    def write(
        self,
        text: str,
        *,
        y: int,
        size: int,
        colour: Colour,
        family: str = SANS,
        spacing: int = 0,
        align_left: bool = False,
        width: int = WIDTH - 2 * _SIDE,
    ) -> None:
        """Write one line; a line that is too long becomes smaller."""
        known = printable(text, characters_of(family))
        font = _font(family, size)
        natural = font.getlength(known) + spacing * (len(known) - 1)
        if natural > width:
            font = _font(family, int(size * width / natural))
            natural = font.getlength(known)
        x = _SIDE if align_left else (WIDTH - natural) / 2
        for piece in known if spacing else (known,):
            self._draw.text((round(x), y), piece, font=font, fill=colour)
            x += font.getlength(piece) + spacing

    def write_lines(
        self,
        text: str,
        *,
        y: int,
        size: int,
        colour: Colour,
        lines_max: int,
        family: str = SANS,
        leading: float = 1.55,
    ) -> int:
        """Write a paragraph, smaller if it needs more lines than allowed. Return the height below it."""
        known = printable(text, characters_of(family))
        width = WIDTH - 2 * _SIDE
        lines = wrapped(known, width, _font(family, size).getlength)
        while len(lines) > lines_max:
            size -= 2
            lines = wrapped(known, width, _font(family, size).getlength)
        for line in lines:
            self.write(line, y=y, size=size, colour=colour, family=family, align_left=True)
            y += round(size * leading)
        return y

    def as_png(self) -> bytes:
        """Encode with the standard library: Pillow brings a zlib whose output depends on the processor."""
        flat = self._image.quantize(_PALETTE_SIZE, dither=Image.Dither.NONE)
        palette = bytes(flat.getpalette() or b"")
        pixels = flat.tobytes()
        lines = b"".join(b"\0" + pixels[start : start + WIDTH] for start in range(0, len(pixels), WIDTH))
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _font(family: str, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout is that of Pillow itself: the other one depends on a library of the machine.
    return ImageFont.truetype(FONTS[family], size, layout_engine=ImageFont.Layout.BASIC)
