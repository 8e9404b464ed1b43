"""HTTP models of campaigns and donations."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.campaigns.service import Campaign, Donation
from services.rewards.certificates.schemas import EXAMPLE as CERTIFICATE_EXAMPLE
from services.rewards.certificates.schemas import CertificateView, CertifiedCampaign
from services.rewards.settlement.domain import Reason
from services.rewards.settlement.schemas import Spending
from shared.amounts import display
from shared.contracts.holds import AMOUNT_MG_MAX
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of


class CampaignView(BaseModel):
    """A zero-carbon event that citizens donate grams to."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "campaign_id": "zero-carbon-marathon",
                "title": "零碳马拉松",
                "description": "捐出减碳量，抵消赛事排放。",
                "target_mg": 30_000_000_000,
                "donated_mg": 1_250_000_000,
                "donors": 318,
                "display": "1.25 吨 / 30.00 吨",
                "min_mg": 1_000,
                "max_mg": 100_000_000,
                "starts_at": "2026-11-01T00:00:00+08:00",
                "ends_at": "2027-04-30T00:00:00+08:00",
                "open": True,
            }
        }
    )

    campaign_id: str
    title: str = Field(description="按 Accept-Language 给出中文或英文 In the language of Accept-Language")
    description: str
    target_mg: int
    donated_mg: int
    donors: int = Field(description="捐赠人数 People, not donations")
    display: str
    min_mg: int = Field(description="每笔下限 Minimum of one donation")
    max_mg: int = Field(description="每笔上限 Maximum of one donation")
    starts_at: Instant
    ends_at: Instant
    open: bool

    @classmethod
    def of(cls, campaign: Campaign, *, language: Language, instant: datetime) -> "CampaignView":
        terms = campaign.terms
        return cls(
            campaign_id=campaign.campaign_id,
            title=campaign.title.pick(language),
            description=campaign.description.pick(language),
            target_mg=campaign.target_mg,
            donated_mg=campaign.donated_mg,
            donors=campaign.donors,
            display=f"{display(campaign.donated_mg, language)} / {display(campaign.target_mg, language)}",
            min_mg=terms.min_mg,
            max_mg=terms.max_mg,
            starts_at=terms.starts_at,
            ends_at=terms.ends_at,
            open=terms.open_at(instant),
        )


class DonationRequest(Spending):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount_mg": 2_000_000}})

    amount_mg: int = Field(gt=0, le=AMOUNT_MG_MAX, strict=True, description="毫克 Milligrams")


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
            created_at=donation.created_at,
        )
