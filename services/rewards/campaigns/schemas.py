"""HTTP models of campaigns and donations."""

import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.rewards.campaigns.domain import CampaignKind
from services.rewards.campaigns.service import Campaign, Donation, DonorName
from services.rewards.certificates.schemas import EXAMPLE as CERTIFICATE_EXAMPLE
from services.rewards.certificates.schemas import CertificateView, CertifiedCampaign
from services.rewards.sentences import fields
from services.rewards.settlement.domain import Reason
from services.rewards.settlement.schemas import Spending
from shared.amounts import display
from shared.contracts.holds import AMOUNT_MG_MAX
from shared.errors import InvalidValue
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of


class CampaignView(BaseModel):
    """A zero-carbon event that citizens donate grams to."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "campaign_id": "zero-carbon-marathon",
                "kind": "event",
                "title": "零碳马拉松",
                "description": "捐出减碳量，抵消赛事排放。",
                "target_mg": 30_000_000_000,
                "donated_mg": 1_250_000_000,
                "rest_mg": 28_748_000_000,
                "donors": 318,
                "display": "1.25 吨 / 30.00 吨",
                "min_mg": 1_000,
                "max_mg": 100_000_000,
                "starts_at": "2026-11-01T00:00:00+08:00",
                "ends_at": "2027-04-30T00:00:00+08:00",
                "open": True,
                "completed_at": None,
                "images": [f"/api/v1/rewards/pictures/{'9f86d081' * 8}"],
                "thanks": "谢谢您和江城一起零碳开跑。",
            }
        }
    )

    campaign_id: str
    kind: CampaignKind = Field(description="公益项目或零碳活动 A charity, or a zero-carbon event")
    title: str = Field(description="按 Accept-Language 给出中文或英文 In the language of Accept-Language")
    description: str
    target_mg: int
    donated_mg: int
    rest_mg: int = Field(description="还能接受的数量，不含办理中的 What new donations can still give")
    donors: int = Field(description="捐赠者数 People and enterprises, not donations")
    display: str
    min_mg: int = Field(description="每笔下限 Minimum of one donation")
    max_mg: int = Field(description="每笔上限 Maximum of one donation")
    starts_at: Instant
    ends_at: Instant
    open: bool
    completed_at: Instant | None = Field(description="达到目标的时间 When the target was reached")
    images: list[str]
    thanks: str = Field(description="答谢语，可为空 What donors are told; may be empty")

    @classmethod
    def of(cls, campaign: Campaign, *, language: Language, instant: datetime) -> "CampaignView":
        terms = campaign.terms
        return cls(
            campaign_id=campaign.campaign_id,
            kind=campaign.kind,
            title=campaign.title.pick(language),
            description=campaign.description.pick(language),
            target_mg=campaign.target_mg,
            donated_mg=campaign.donated_mg,
            rest_mg=campaign.rest_mg,
            donors=campaign.donors,
            display=f"{display(campaign.donated_mg, language)} / {display(campaign.target_mg, language)}",
            min_mg=terms.min_mg,
            max_mg=terms.max_mg,
            starts_at=terms.starts_at,
            ends_at=terms.ends_at,
            open=campaign.open_at(instant),
            completed_at=campaign.completed_at,
            images=list(campaign.images),
            thanks=campaign.thanks.pick(language),
        )


class DonationRequest(Spending):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount_mg": 2_000_000}})

    amount_mg: int = Field(gt=0, le=AMOUNT_MG_MAX, strict=True, description="毫克 Milligrams")
    enterprise_id: uuid.UUID | None = Field(
        None, description="以企业的减碳量捐赠，须是其经办人 An enterprise's grams, given by one of its makers"
    )
    team_id: uuid.UUID | None = Field(
        None, description="以自己所在小队的名义捐赠 In the name of the caller's team; the donation stays the caller's"
    )

    @model_validator(mode="after")
    def _has_one_donor(self) -> Self:
        if self.enterprise_id is not None and (self.team_id is not None or self.account_id is not None):
            raise InvalidValue(fields.ONE_DONOR)
        return self


class DonorView(BaseModel):
    """A donor of a campaign, as everybody sees them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kind": "person",
                "name": "江城小雨",
                "pseudonym": "3F9A2C",
                "donated_mg": 12_500_000,
                "display": "12.50 千克",
            }
        }
    )

    kind: Literal["person", "enterprise"]
    name: str | None = Field(description="企业名称，或本人同意公开的称呼 Null: show the pseudonym")
    pseudonym: str = Field(description="仅在本活动内使用的代号 In this campaign only")
    donated_mg: int
    display: str

    @classmethod
    def of(cls, donor: DonorName, *, language: Language) -> Self:
        return cls(
            kind="enterprise" if donor.is_enterprise else "person",
            name=donor.name,
            pseudonym=donor.pseudonym,
            donated_mg=donor.donated_mg,
            display=display(donor.donated_mg, language),
        )


class Thanks(BaseModel):
    """What the campaign tells this donor."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "campaign": {"campaign_id": "zero-carbon-marathon", "title": "零碳马拉松"},
                "text": "谢谢您和江城一起零碳开跑。",
                "donor": {
                    "kind": "person",
                    "name": None,
                    "pseudonym": "3F9A2C",
                    "donated_mg": 2_000_000,
                    "display": "2.00 千克",
                },
            }
        }
    )

    campaign: CertifiedCampaign
    text: str = Field(description="活动的答谢语，可为空 The campaign's words; may be empty")
    donor: DonorView = Field(description="感谢名单里怎样显示，含累计数量 As the list of donors shows them")

    @classmethod
    def of(cls, campaign: Campaign, donor: DonorName, *, language: Language) -> Self:
        return cls(
            campaign=CertifiedCampaign(campaign_id=campaign.campaign_id, title=campaign.title.pick(language)),
            text=campaign.thanks.pick(language),
            donor=DonorView.of(donor, language=language),
        )


class DonationView(BaseModel):
    """A donation of the caller."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "donation_id": "019aadf0-6b00-7000-8000-000000000002",
                "status": "confirmed",
                "reason_code": None,
                "campaign": {"campaign_id": "zero-carbon-marathon", "title": "零碳马拉松"},
                "amount_mg": 2_000_000,
                "display": "2.00 千克",
                "certificate": CERTIFICATE_EXAMPLE,
                "enterprise_id": None,
                "team_id": None,
                "thanks": "谢谢您和江城一起零碳开跑。",
                "created_at": "2026-11-23T09:30:00+08:00",
            }
        }
    )

    donation_id: uuid.UUID
    status: Literal["pending", "cancelling", "confirmed", "cancelled"]
    reason_code: Annotated[str, one_of(Reason)] | None = Field(description="未完成的原因 Why it was not confirmed")
    campaign: CertifiedCampaign
    amount_mg: int
    display: str
    certificate: CertificateView | None = Field(description="仅在 confirmed 后 Only once confirmed")
    enterprise_id: uuid.UUID | None
    team_id: uuid.UUID | None
    thanks: str | None = Field(description="活动的答谢语，可为空；仅在 confirmed 后 Only once confirmed; may be empty")
    created_at: Instant

    @classmethod
    def of(cls, donation: Donation, *, language: Language) -> "DonationView":
        certificate = donation.certificate
        return cls(
            donation_id=donation.donation_id,
            status=donation.status.value,
            reason_code=donation.reason_code,
            campaign=CertifiedCampaign(
                campaign_id=donation.campaign_id,
                title=donation.campaign_title.pick(language),
            ),
            amount_mg=donation.amount_mg,
            display=display(donation.amount_mg, language),
            certificate=None if certificate is None else CertificateView.of(certificate, language=language),
            enterprise_id=donation.enterprise_id,
            team_id=donation.team_id,
            thanks=None if certificate is None else donation.thanks.pick(language),
            created_at=donation.created_at,
        )
