"""HTTP models of certificates."""

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.rewards.certificates.service import Certificate
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language

EXAMPLE: JsonDict = {
    "certificate_no": "20261123048213977514",
    "campaign": {"campaign_id": "zero-carbon-marathon", "title": "零碳马拉松"},
    "amount_mg": 2_000_000,
    "display": "2.00 千克",
    "issued_at": "2026-11-23T09:30:00+08:00",
}


class CertifiedCampaign(BaseModel):
    campaign_id: str
    title: str


class CertificateView(BaseModel):
    """A donation certificate, without personal data."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    certificate_no: str = Field(description="20 位数字，末位为校验码 20 digits, the last one checks the others")
    campaign: CertifiedCampaign
    amount_mg: int
    display: str
    issued_at: Instant

    @classmethod
    def of(cls, certificate: Certificate, *, language: Language) -> "CertificateView":
        return cls(
            certificate_no=certificate.certificate_no,
            campaign=CertifiedCampaign(
                campaign_id=certificate.campaign_id,
                title=certificate.campaign_title.pick(language),
            ),
            amount_mg=certificate.amount_mg,
            display=display(certificate.amount_mg, language),
            issued_at=certificate.issued_at,
        )
