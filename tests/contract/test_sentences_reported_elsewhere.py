"""Reports of other projects about sentences and times, tried here."""

import string
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from services.rewards.campaigns.errors import AmountOutOfRange
from shared import field_sentences
from shared.amounts import grams
from shared.language import Text


class Slot(StrEnum):
    MORNING = "9_to_12"
    NOON = "12_to_15"


class Form(BaseModel):
    slot: Slot
    minutes: int = Field(le=15)
    name: str = Field(min_length=2)


def sentences_of(**values: Any) -> dict[str, Text]:
    with pytest.raises(ValidationError) as refused:
        Form(**values)
    return {str(issue["loc"][0]): field_sentences.sentence_of(issue) for issue in refused.value.errors()}


def test_c14_a_missing_field_is_translated_by_its_type_not_by_its_english_text() -> None:
    """boardpack/pydantic-i18n#228: a new version of pydantic wrote "Field required" in capitals; nothing matched."""
    assert sentences_of()["slot"].zh == "这一项还没有填写，请补上。"


def test_c14_the_choices_of_an_enum_are_filled_in() -> None:
    """boardpack/pydantic-i18n#13: the text of an enum was not translated, because its choices differ each time."""
    found = sentences_of(slot="never", minutes=1, name="ab")["slot"]
    assert found == Text("不在可选的范围内，请重新选择。", "This is none of the choices: '9_to_12' or '12_to_15'.")


def test_c14_a_limit_is_filled_in_and_no_placeholder_is_left() -> None:
    """avestura/EyesGuard#16: the sentence said {Minutes} where the code gave {0}, and another error was shown."""
    found = sentences_of(slot="9_to_12", minutes=99, name="x")
    assert found["minutes"] == Text("最大是 15，请修改。", "It has to be at most 15.")
    assert found["name"].zh == "至少要填 2 个字，请补全。"
    for text in field_sentences.SENTENCES.values():
        assert all(name is None or name.isidentifier() for t in text for _, name, _, _ in string.Formatter().parse(t))


def test_c14_a_range_is_told_in_the_unit_in_which_it_is_shown() -> None:
    """Open-Systems-Pharmacology/PK-Sim#2183: the error gave the limits in the base unit."""
    error = AmountOutOfRange(least=grams(1_000), most=grams(20_000_000))
    assert "每次可捐 1 克 到 20.00 千克" in error.detail("zh")
    assert "between 1 g and 20.00 kg" in error.detail("en")
