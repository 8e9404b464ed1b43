"""Values of messages: whatever a caller gives, WeChat's rule of the kind holds, or nothing is queued."""

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.fake_wechat import templates as wechat
from services.accounts.messages.domain import UnfitValue, Value, fit, rendered
from services.accounts.messages.templates import (
    TEMPLATES,
    MessageKind,
    kind_of_keyword,
    offered_templates,
)
from services.accounts.settings import MessageTemplate

SAMPLES: dict[str, Value] = {
    "grams": 1_234_567,
    "number": 3,
    "day": date(2026, 11, 27),
    "time": datetime(2026, 11, 27, 12, 5, tzinfo=UTC),
    "text": "武汉通公交卡",
}
OFFERED = offered_templates({kind: MessageTemplate(template_id=f"dev-{kind.replace('_', '-')}") for kind in TEMPLATES})


def sample(kind: MessageKind) -> dict[str, Value]:
    return {field.name: SAMPLES[field.form] for field in TEMPLATES[kind].fields if field.fixed is None}


@pytest.mark.parametrize("kind", MessageKind)
def test_wechat_takes_what_each_kind_says(kind: MessageKind) -> None:
    data = OFFERED[kind].data(rendered(kind, sample(kind)))
    assert wechat.fault_of(OFFERED[kind].template_id, {name: {"value": text} for name, text in data.items()}) is None


@given(st.text(max_size=60))
def test_a_free_text_is_shortened_to_twenty_characters_or_refused(text: str) -> None:
    try:
        found = fit("thing", text)
    except UnfitValue:
        assert not any(char.isprintable() and not char.isspace() for char in text)
        return
    assert 0 < len(found.encode("utf-16-le")) // 2 <= 20
    assert "\n" not in found
    assert found.isprintable()
    if len(text) <= 20 and text.isascii() and text.isprintable() and text == " ".join(text.split()):
        assert found == text


@given(st.sampled_from(["name", "thing"]), st.text(alphabet="武汉绿马ab 😀\u200b\n", min_size=1, max_size=40))
def test_a_shortened_text_fits_again_unchanged(kind: str, text: str) -> None:
    try:
        once = fit(kind, text)
    except UnfitValue:
        return
    assert fit(kind, once) == once


@given(
    st.sampled_from(
        ["number", "letter", "symbol", "character_string", "amount", "phone_number", "car_number", "phrase"]
    ),
    st.text(max_size=40),
)
def test_any_other_value_is_taken_as_it_is_or_refused(kind: str, text: str) -> None:
    limits = {
        "number": 32, "letter": 32, "symbol": 5, "character_string": 32, "amount": 13, "phone_number": 17,
        "car_number": 8, "phrase": 5,
    }  # fmt: skip
    try:
        assert fit(kind, text) == text
    except UnfitValue:
        return
    assert 0 < len(text) <= limits[kind]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("time", "15:01", "25:01"),
        ("time", "2019年10月1日 15:01", "2019-10-01 15:01"),
        ("time", "15:01~16:20", "15:01-16:20"),
        ("date", "2019年10月1日", "2019年13月1日"),
        ("date", "2019年10月1日~2019年10月9日", "10月1日"),
        ("amount", "¥10.50", "¥12345678901"),
        ("amount", "100元", "一百元"),
        ("phrase", "已冻结", "账户已经冻结"),
        ("phrase", "已冻结", "frozen"),
        ("car_number", "粤A8Z888挂", "粤A8Z888888888"),
        ("number", "12.5", "12,5"),
        ("phone_number", "+86-0766-66888866", "not a number"),
        ("nonsense", "", "x"),
    ],
)
def test_the_limits_are_those_of_wechat(kind: str, good: str, bad: str) -> None:
    if good:
        assert fit(kind, good) == good
    with pytest.raises(UnfitValue):
        fit(kind, bad)


@given(st.integers(min_value=-(10**15), max_value=10**15), st.integers(min_value=0, max_value=10**9), st.dates())
def test_the_message_of_the_evening_always_fits(amount_mg: int, acts: int, day: date) -> None:
    if day.year < 1000:
        return
    texts = rendered(MessageKind.CREDITED_TODAY, {"amount_mg": amount_mg, "acts": acts, "day": day})
    data = {name: {"value": text} for name, text in OFFERED[MessageKind.CREDITED_TODAY].data(texts).items()}
    assert wechat.fault_of("dev-credited-today", data) is None


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"amount_mg": 5, "acts": 1},
        {"amount_mg": 5, "acts": 1, "day": date(2026, 1, 1), "more": 1},
        {"amount_mg": "5", "acts": 1, "day": date(2026, 1, 1)},
        {"amount_mg": 5, "acts": -1, "day": date(2026, 1, 1)},
        {"amount_mg": 5, "acts": 1, "day": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
)
def test_missing_unknown_and_mistyped_values_are_refused(values: dict[str, Value]) -> None:
    with pytest.raises(UnfitValue):
        rendered(MessageKind.CREDITED_TODAY, values)


def test_a_refused_value_is_not_in_the_error() -> None:
    with pytest.raises(UnfitValue) as raised:
        fit("phrase", "secret-canary")
    assert "canary" not in str(raised.value)


def test_a_city_may_number_its_keywords_but_not_change_their_kind() -> None:
    given_ids = MessageTemplate(template_id="abcdefgh", keywords={"amount_mg": "thing9"}, page="pages/x/y")
    [offered] = offered_templates({"credited_today": given_ids}).values()
    assert offered.data({"amount_mg": "5 克", "acts": "1", "day": "2026年1月1日"}) == {
        "thing9": "5 克", "number2": "1", "date3": "2026年1月1日",
    }  # fmt: skip
    for name, keyword in (("amount_mg", "phrase1"), ("nothing", "thing9"), ("amount_mg", "thing")):
        with pytest.raises(ValueError, match=r"keyword|cannot be"):
            offered_templates({"credited_today": MessageTemplate(template_id="abcdefgh", keywords={name: keyword})})
    with pytest.raises(ValueError, match="no_such_kind"):
        offered_templates({"no_such_kind": given_ids})


def test_fixed_texts_fit_and_keywords_are_well_formed() -> None:
    for template in TEMPLATES.values():
        for field in template.fields:
            kind = kind_of_keyword(field.keyword)
            if field.fixed is not None:
                assert fit(kind, field.fixed) == field.fixed
        assert re.fullmatch(r"pages/[a-z]+/index", template.page)
