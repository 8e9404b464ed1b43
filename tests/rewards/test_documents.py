"""Documents as plain values: what they say, how lines break, and how a year becomes pages."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewards.documents.domain import (
    CERTIFICATE_PDF_BYTES_MAX,
    FILE_BYTES_MAX,
    STATEMENT_ROWS_MAX,
    CertificateContent,
    Form,
    Revocation,
    StatementContent,
    StatementRow,
    content_hash,
    pause_s,
)
from services.rewards.documents.press import draw
from services.rewards.documents.statement_sheet import grams
from shared.paper import SANS, SERIF, characters_of, printable, wrapped
from tests.rewards.reading import picture_of, qr_of, text_of

PAGES = "https://carbon.test/api/v1/rewards/certificates"
NUMBER = "20261123048213977514"
CERTIFICATE = CertificateContent(
    number=NUMBER,
    campaign_zh="零碳马拉松",
    campaign_en="Zero-carbon marathon",
    amount_mg=2_345_678,
    issued_on=date(2026, 11, 23),
    address=f"{PAGES}/{NUMBER}",
)
REVOKED = Revocation(
    reason_zh="这笔减碳量来自重复上报的骑行记录。",
    reason_en="The reductions came from rides that were reported twice.",
    on=date(2026, 12, 3),
)
GOLDEN = [
    "武汉碳普惠　Wuhan Carbon Inclusion",
    "捐赠证书",
    "Certificate of Donation",
    "尊敬的捐赠人：",
    "感谢您支持公益活动“零碳马拉松”，捐出减碳量：",
    "2.345678 千克",
    "这份减碳量已转入该活动，不再用于兑换或转让。特发此证，谨致谢意。",
    (
        'Thank you for giving 2.345678 kg of carbon reductions (CO2e) to "Zero-carbon marathon". They are with the '
        "campaign now and cannot be used"
    ),
    "again.",
    "证书编号 2026 1123 0482 1397 7514",
    "Certificate no.",
    "颁发日期 2026年11月23日",
    "Date of issue 23 November 2026",
    "颁发单位 武汉碳普惠",
    "Issued by Wuhan Carbon Inclusion",
    "扫码查验真伪",
    "Scan to check this certificate",
]
GOLDEN_REVOKED = [
    "武汉碳普惠　Wuhan Carbon Inclusion",
    "捐赠证书",
    "Certificate of Donation",
    "本证书已撤销",
    "This certificate has been revoked",
    "自2026年12月3日起撤销，不再有效。请勿继续展示或转发。",
    "Not valid since 3 December 2026. Please do not show or share it any more.",
    "撤销原因：这笔减碳量来自重复上报的骑行记录。",
    "Reason: The reductions came from rides that were reported twice.",
    "证书编号 2026 1123 0482 1397 7514",
    "Certificate no.",
    "颁发日期 2026年11月23日",
    "Date of issue 23 November 2026",
    "颁发单位 武汉碳普惠",
    "Issued by Wuhan Carbon Inclusion",
    "扫码查验真伪",
    "Scan to check this certificate",
]
HASH = "e6ff992a1075be0523e542410693fa9549651d9193400cf8ffa683758b539059"


def rows(count: int) -> tuple[StatementRow, ...]:
    return tuple(
        StatementRow(
            campaign_zh="零碳马拉松",
            campaign_en="Zero-carbon marathon",
            on=date(2026, 1, 1) + timedelta(days=place % 365),
            amount_mg=1_000_000 + place,
            number=NUMBER,
        )
        for place in range(count)
    )


def statement(count: int) -> StatementContent:
    listed = rows(count)
    return StatementContent(year=2026, rows=listed, sum_mg=sum(row.amount_mg for row in listed), check_address=PAGES)


def test_the_text_of_a_certificate_is_as_it_was_approved() -> None:
    """The golden layer of text. Whoever changes it raises LAYOUT, so that files of the former one are not served."""
    assert text_of(draw(CERTIFICATE, Form.PDF)) == GOLDEN


def test_the_text_of_a_revoked_certificate_is_as_it_was_approved() -> None:
    revoked = CertificateContent(**{**_values(CERTIFICATE), "revoked": REVOKED})
    assert text_of(draw(revoked, Form.PDF)) == GOLDEN_REVOKED


def _values(content: CertificateContent | StatementRow) -> dict[str, Any]:
    return {name: getattr(content, name) for name in content.__struct_fields__}


def test_a_name_is_of_the_content_and_of_the_form() -> None:
    """This hash is the same on every machine. It changes with LAYOUT only."""
    assert content_hash(CERTIFICATE, Form.PDF) == HASH
    others = [
        CertificateContent(**{**_values(CERTIFICATE), **changes})
        for changes in ({"amount_mg": 2_345_679}, {"donor": "张女士"}, {"revoked": REVOKED})
    ]
    hashes = {content_hash(one, form) for one in (CERTIFICATE, *others) for form in Form}
    assert len(hashes) == 8


@pytest.mark.parametrize("count", [0, 1, 16, 17, 19, 20, 40])
def test_a_statement_has_every_donation_and_the_sum(count: int) -> None:
    lines = text_of(draw(statement(count), Form.PDF))
    text = " ".join(lines)
    for row in rows(count):
        assert grams(row.amount_mg) in text
    assert text.count("2026 1123 0482 1397 7514") == count
    if count:
        assert f"合计 {count} 笔" in text
        assert grams(statement(count).sum_mg) in text
    else:
        assert "本年度没有捐赠记录。" in lines
    assert "2026年度捐赠明细" in text


def test_the_code_of_a_statement_leads_to_the_page_of_checks() -> None:
    assert qr_of(picture_of(draw(statement(3), Form.PDF))) == PAGES


def test_the_largest_statement_is_within_its_bound() -> None:
    assert len(draw(statement(STATEMENT_ROWS_MAX), Form.PDF)) < FILE_BYTES_MAX


def test_a_statement_of_an_enterprise_shows_what_came_back_and_what_is_left_out() -> None:
    given, back = rows(1)[0], StatementRow(**{**_values(rows(1)[0]), "amount_mg": -1_000_000})
    donor = "过早铺子（武汉）有限公司"
    content = StatementContent(
        year=2026, rows=(given, back), sum_mg=5_000_000, check_address=PAGES, left_out=3, donor=donor
    )
    text = " ".join(text_of(draw(content, Form.PDF)))
    for said in (donor, "−1,000.000", "合计 5 笔", "5,000.000", "另有 3 笔未列出，已计入合计。"):
        assert said in text


def test_the_largest_certificate_is_within_its_bound() -> None:
    """With two hundred different characters in its title, and the longest reason."""
    many = "".join(chr(0x4E00 + 7 * place) for place in range(200))
    for revoked in (None, Revocation(reason_zh=many[:120], reason_en="x y" * 40, on=date(2026, 12, 3))):
        content = CertificateContent(
            **{**_values(CERTIFICATE), "campaign_zh": many, "campaign_en": "Title " * 30, "donor": many[:100]}
            | {"revoked": revoked}
        )
        assert len(draw(content, Form.PDF)) < CERTIFICATE_PDF_BYTES_MAX
        assert len(draw(content, Form.PNG)) < FILE_BYTES_MAX


def test_a_statement_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no png"):
        draw(statement(1), Form.PNG)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("零碳🌱马拉松", "零碳〓马拉松"),
        ("a\u200db\u00adc\x00d", "abcd"),
        ("é", "é"),
        ("两  个\n空格", "两 个 空格"),
        ("　　缩进", "　　缩进"),
        ("葛\U000e0100", "葛"),
    ],
)
def test_a_text_keeps_what_a_font_can_show(text: str, shown: str) -> None:
    assert printable(text, characters_of(SANS)) == shown


@given(st.text(max_size=80), st.integers(min_value=3, max_value=20))
def test_lines_keep_every_character_and_their_width(text: str, width: int) -> None:
    shown = printable(text, characters_of(SERIF))
    lines = wrapped(shown, width, len)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
    assert all(len(line) <= width for line in lines)


def test_lines_break_as_chinese_printers_break_them() -> None:
    assert wrapped("感谢您向“零碳马拉松”捐赠。", 12, len) == ["感谢您向“零碳马拉松”捐", "赠。"]
    assert wrapped("感谢您向零碳马拉松。再见", 9, len) == ["感谢您向零碳马拉", "松。再见"]
    assert wrapped("感谢您向零碳马“拉松”", 8, len) == ["感谢您向零碳马", "“拉松”"]
    assert wrapped("a certificate of donation", 12, len) == ["a", "certificate", "of donation"]
    assert wrapped("东湖游船券（成人，单程）", 6, len) == ["东湖游船券", "（成人，单", "程）"]
    assert wrapped("一碗热干面，加", 6, len) == ["一碗热干面，", "加"]
    assert wrapped("A bowl of noodles", 6, len) == ["A bowl", "of", "noodle", "s"]
    assert wrapped("", 10, len) == []


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_grams_are_shown_to_the_milligram(amount_mg: int) -> None:
    assert int(grams(amount_mg).replace(",", "").replace(".", "").replace("−", "-")) == amount_mg


def test_pauses_grow_to_an_hour() -> None:
    assert [pause_s(attempts) for attempts in (1, 2, 3, 11, 12, 100)] == [2, 4, 8, 2048, 3600, 3600]
