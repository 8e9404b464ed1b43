"""A certificate of donation as PDF: one page, A4 landscape, Chinese first."""

from typing import Final

from services.rewards.documents.domain import ISSUER, CertificateContent, grouped, midnight
from services.rewards.sentences import documents as says
from shared.amounts import exact
from shared.language import Text
from shared.paper import SERIF, Colour, Column, Paper
from shared.wording import filled, spoken

_WIDTH, _HEIGHT = 297.0, 210.0
_GREEN: Final[Colour] = (18, 92, 74)
_GOLD: Final[Colour] = (178, 141, 66)
_INK: Final[Colour] = (34, 38, 36)
_GREY: Final[Colour] = (98, 104, 100)
_RED: Final[Colour] = (176, 32, 38)
_SIDE: Final = 34.0
_QR_SIDE: Final = 36.0


def certificate_pdf(content: CertificateContent, *, identity: str) -> bytes:
    paper = Paper(
        title=f"{says.TITLE.zh} {content.number}", dated=midnight(content.dated), identity=identity, landscape=True
    )
    paper.set_auto_page_break(False)
    paper.add_page()
    revoked = content.revoked is not None
    _draw_frame(paper, _RED if revoked else _GREEN)
    _write_head(paper, _RED if revoked else _GREEN)
    if revoked:
        _write_revocation(paper, content)
    else:
        _write_thanks(paper, content)
    _write_facts(paper, content)
    _draw_check(paper, content)
    return bytes(paper.output())


def _draw_frame(paper: Paper, colour: Colour) -> None:
    paper.set_draw_color(*colour)
    paper.set_line_width(1.1)
    paper.rect(9, 9, _WIDTH - 18, _HEIGHT - 18)
    paper.set_draw_color(*_GOLD)
    paper.set_line_width(0.3)
    paper.rect(11.6, 11.6, _WIDTH - 23.2, _HEIGHT - 23.2)


def _write_head(paper: Paper, colour: Colour) -> None:
    across: Column = {"x": 0.0, "width": _WIDTH}
    issuer = f"{ISSUER.zh}　{ISSUER.en}"
    paper.write_line(issuer, **across, y=23, size_pt=11, align="C", colour=_GREY)
    paper.write_line(
        says.TITLE.zh, x=0, width=_WIDTH, y=33, size_pt=40, family=SERIF, align="C", colour=colour, spacing_pt=12
    )
    paper.write_line(says.TITLE.en, **across, y=53, size_pt=13, family=SERIF, align="C", colour=_GREY)
    paper.set_draw_color(*_GOLD)
    paper.set_line_width(0.4)
    paper.line(_WIDTH / 2 - 22, 63, _WIDTH / 2 + 22, 63)


def _write_thanks(paper: Paper, content: CertificateContent) -> None:
    column: Column = {"x": _SIDE, "width": _WIDTH - 2 * _SIDE}
    amount = exact(content.amount_mg)
    dear = says.DEAR_DONOR if content.donor is None else filled(says.DEAR, donor=content.donor)
    campaign = Text(content.campaign_zh, content.campaign_en)
    thanks = filled(says.THANKS, campaign=campaign, amount=amount)
    paper.write_line(dear.zh, **column, y=70, size_pt=15, family=SERIF, colour=_INK)
    below = paper.write_lines(
        f"　　{thanks.zh}", **column, y=80, size_pt=15, family=SERIF, colour=_INK, leading=1.7, lines_max=2
    )
    paper.write_line(amount.zh, **column, y=below + 2, size_pt=30, family=SERIF, align="C", colour=_GREEN)
    below = paper.write_lines(
        f"　　{says.MOVED.zh}", **column, y=below + 20, size_pt=15, family=SERIF, colour=_INK, leading=1.7, lines_max=2
    )
    english = f"{thanks.en} {says.MOVED.en}"
    paper.write_lines(english, **column, y=below + 2, size_pt=9.5, colour=_GREY, leading=1.45, lines_max=2)


def _write_revocation(paper: Paper, content: CertificateContent) -> None:
    assert content.revoked is not None
    column: Column = {"x": _SIDE, "width": _WIDTH - 2 * _SIDE}
    since = filled(says.REVOKED_SINCE, on=content.revoked.on)
    paper.write_line(
        says.REVOKED.zh, x=0, width=_WIDTH, y=70, size_pt=30, align="C", colour=_RED, spacing_pt=6, family=SERIF
    )
    paper.write_line(says.REVOKED.en, **column, y=86, size_pt=12, align="C", colour=_RED)
    paper.write_line(since.zh, **column, y=99, size_pt=14, align="C", colour=_INK)
    paper.write_line(since.en, **column, y=107, size_pt=9.5, align="C", colour=_GREY)
    reason = f"{says.REASON.zh}：{content.revoked.reason_zh}"
    below = paper.write_lines(reason, **column, y=118, size_pt=13, colour=_INK, align="C", lines_max=2)
    english = f"{says.REASON.en}: {content.revoked.reason_en}"
    paper.write_lines(english, **column, y=below + 1, size_pt=9.5, colour=_GREY, align="C", lines_max=2)


def _write_facts(paper: Paper, content: CertificateContent) -> None:
    facts = [
        (says.NUMBER, Text(grouped(content.number), "")),
        (says.ISSUED_ON, Text(spoken(content.issued_on, "zh"), spoken(content.issued_on, "en"))),
        (says.ISSUED_BY, ISSUER),
    ]
    y = 158.0
    for label, value in facts:
        paper.write_line(label.zh, x=_SIDE, width=24, y=y, size_pt=11, colour=_GREY)
        paper.write_line(value.zh, x=_SIDE + 24, width=110, y=y, size_pt=12, colour=_INK)
        english = f"{label.en}  {value.en}".rstrip()
        paper.write_line(english, x=_SIDE + 24, width=110, y=y + 5.6, size_pt=8, colour=_GREY)
        y += 12.4


def _draw_check(paper: Paper, content: CertificateContent) -> None:
    x = _WIDTH - _SIDE - _QR_SIDE
    paper.draw_qr(content.address, x=x, y=148, side=_QR_SIDE)
    caption: Column = {"x": x - 20, "width": _QR_SIDE + 40}
    paper.write_line(says.SCAN.zh, **caption, y=184, size_pt=10, align="C", colour=_INK)
    paper.write_line(says.SCAN.en, **caption, y=189, size_pt=7.5, align="C", colour=_GREY)
