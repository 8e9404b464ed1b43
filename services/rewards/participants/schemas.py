"""HTTP models of taking part in rankings."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.rewards.participants.data import districts, pseudonyms
from services.rewards.participants.service import Participation
from services.rewards.sentences import recognition as sentences
from shared.errors import InvalidValue
from shared.language import Language


class PseudonymView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"pseudonym_id": 1_120_427, "text": "晨光江豚 0427"}})

    pseudonym_id: int
    text: str

    @classmethod
    def of(cls, number: int, language: Language) -> "PseudonymView":
        return cls(pseudonym_id=number, text=pseudonyms().text(number).pick(language))


class DistrictView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"code": "420106", "name": "武昌区"}})

    code: str = Field(description="国标代码；功能区用本系统的代码 GB/T 2260; functional areas have codes of ours")
    name: str

    @classmethod
    def of(cls, code: str, language: Language) -> "DistrictView":
        # A district that left the data keeps its code.
        found = districts().get(code)
        return cls(code=code, name=code if found is None else found.text.pick(language))


class ParticipationChoices(BaseModel):
    pseudonyms: list[PseudonymView] = Field(description="随机给出的空闲代号 Free ones, drawn at random")
    districts: list[DistrictView]

    @classmethod
    def of(cls, numbers: list[int], language: Language) -> "ParticipationChoices":
        return cls(
            pseudonyms=[PseudonymView.of(one, language) for one in numbers],
            districts=[DistrictView.of(code, language) for code in districts()],
        )


class TakePart(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"pseudonym_id": 1_120_427, "district": "420106"}}
    )

    pseudonym_id: int = Field(ge=0, lt=2**31, strict=True, description="给出的代号之一 One of those offered")
    district: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="不填则不参加区排行 None: in no one"
    )

    @field_validator("pseudonym_id")
    @classmethod
    def _check_pseudonym(cls, value: int) -> int:
        if not pseudonyms().is_one(value):
            raise InvalidValue(sentences.NO_PSEUDONYM)
        return value

    @field_validator("district")
    @classmethod
    def _check_district(cls, value: str | None) -> str | None:
        if value is not None and value not in districts():
            raise InvalidValue(sentences.NO_DISTRICT)
        return value


class ParticipationView(BaseModel):
    """Whether the caller takes part. Without a consent to the purpose `rankings` nothing is shown to anybody."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": "taking_part",
                "pseudonym": {"pseudonym_id": 1_120_427, "text": "晨光江豚 0427"},
                "district": {"code": "420106", "name": "武昌区"},
            }
        }
    )

    status: Literal["not_taking_part", "waiting_for_consent", "taking_part"]
    pseudonym: PseudonymView | None
    district: DistrictView | None

    @classmethod
    def of(cls, found: Participation | None, language: Language) -> "ParticipationView":
        if found is None:
            return cls(status="not_taking_part", pseudonym=None, district=None)
        return cls(
            status="taking_part" if found.has_consent else "waiting_for_consent",
            pseudonym=PseudonymView.of(found.pseudonym, language),
            district=None if found.district is None else DistrictView.of(found.district, language),
        )
