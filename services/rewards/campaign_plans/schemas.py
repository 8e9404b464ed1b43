"""HTTP models of operators about campaigns."""

from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.rewards.approvals.schemas import ReasonOnly
from services.rewards.campaigns.domain import CampaignKind
from services.rewards.campaigns.service import Campaign
from services.rewards.pictures.domain import SHA256_PATTERN, path_of
from services.rewards.sentences import fields
from services.rewards.slugs import SLUG_PATTERN
from shared.contracts.holds import AMOUNT_MG_MAX
from shared.errors import InvalidValue
from shared.instants import Instant

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN)]
_YEARS: Final = range(2020, 2101)
_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "event",
    "title_zh": "零碳马拉松",
    "title_en": "Zero-carbon marathon",
    "description_zh": "捐出减碳量，抵消赛事排放。",
    "description_en": "Give grams to offset the emissions of the race.",
    "thanks_zh": "谢谢您和江城一起零碳开跑。",
    "thanks_en": "Thank you for running carbon-free with us.",
    "pictures": ["9f86d081" * 8],
    "target_mg": 30_000_000_000,
    "min_mg": 1_000,
    "max_mg": 100_000_000,
    "starts_at": "2027-03-01T00:00:00+08:00",
    "ends_at": "2027-04-30T00:00:00+08:00",
    "reason": "合同 2027-012",
}


class CampaignContent(ReasonOnly):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    kind: CampaignKind
    title_zh: Title
    title_en: Title
    description_zh: Description = ""
    description_en: Description = ""
    thanks_zh: Words = Field("", description="答谢语 What donors are told")
    thanks_en: Words = ""
    pictures: list[Sha256] = Field([], max_length=8, description="图片的 SHA-256，先上传 Hashes of uploaded pictures")
    target_mg: int = Field(ge=1, le=AMOUNT_MG_MAX, strict=True, description="达到即止 It closes exactly there")
    min_mg: int = Field(ge=1, le=AMOUNT_MG_MAX, strict=True, description="每笔下限 Minimum of one donation")
    max_mg: int = Field(ge=1, le=AMOUNT_MG_MAX, strict=True, description="每笔上限 Maximum of one donation")
    starts_at: AwareDatetime
    ends_at: AwareDatetime = Field(description="不含此刻 Exclusive")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(one.year not in _YEARS for one in (self.starts_at, self.ends_at)):
            raise InvalidValue(fields.CAMPAIGN_YEAR)
        if self.starts_at >= self.ends_at:
            raise InvalidValue(fields.CAMPAIGN_WINDOW)
        if not self.min_mg <= self.max_mg <= self.target_mg:
            raise InvalidValue(fields.CAMPAIGN_AMOUNTS)
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the content as the room keeps it: see `campaign_plans/domain.py`."""
        return {
            "kind": self.kind.value,
            "title_zh": self.title_zh,
            "title_en": self.title_en,
            "description_zh": self.description_zh,
            "description_en": self.description_en,
            "thanks_zh": self.thanks_zh,
            "thanks_en": self.thanks_en,
            "images": [path_of(sha256) for sha256 in dict.fromkeys(self.pictures)],
            "target_mg": self.target_mg,
            "min_mg": self.min_mg,
            "max_mg": self.max_mg,
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
        }


class CampaignOpening(CampaignContent):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"campaign_id": "zero-carbon-marathon-2027", **_EXAMPLE}}
    )

    campaign_id: str = Field(
        pattern=SLUG_PATTERN, description="核算服务须已有收方 donated:<campaign_id> Accounting must know this receiver"
    )


class CampaignDetail(BaseModel):
    """A campaign as operators see it."""

    campaign_id: str
    version: int = Field(description="每次改动加一 Raised by every change")
    kind: CampaignKind
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    thanks_zh: str
    thanks_en: str
    images: list[str]
    target_mg: int
    donated_mg: int
    reserved_mg: int = Field(description="办理中 Of donations under way")
    rest_mg: int
    donors: int
    min_mg: int
    max_mg: int
    starts_at: Instant
    ends_at: Instant
    completed_at: Instant | None
    closed_at: Instant | None

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        terms = campaign.terms
        return cls(
            campaign_id=campaign.campaign_id,
            version=campaign.version,
            kind=campaign.kind,
            title_zh=campaign.title.zh,
            title_en=campaign.title.en,
            description_zh=campaign.description.zh,
            description_en=campaign.description.en,
            thanks_zh=campaign.thanks.zh,
            thanks_en=campaign.thanks.en,
            images=list(campaign.images),
            target_mg=campaign.target_mg,
            donated_mg=campaign.donated_mg,
            reserved_mg=campaign.reserved_mg,
            rest_mg=campaign.rest_mg,
            donors=campaign.donors,
            min_mg=terms.min_mg,
            max_mg=terms.max_mg,
            starts_at=terms.starts_at,
            ends_at=terms.ends_at,
            completed_at=campaign.completed_at,
            closed_at=campaign.closed_at,
        )
