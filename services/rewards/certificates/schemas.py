"""HTTP models of certificates."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.rewards.approvals.schemas import Reason
from services.rewards.certificates.naming import Address
from services.rewards.certificates.service import Certificate
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language

EXAMPLE: JsonDict = {
    "certificate_no": "20261123048213977514",
    "status": "genuine",
    "campaign": {"campaign_id": "zero-carbon-marathon", "title": "零碳马拉松"},
    "amount_mg": 2_000_000,
    "display": "2.00 千克",
    "donor": None,
    "issued_at": "2026-11-23T09:30:00+08:00",
    "revocation": None,
    "has_files": True,
}


class CertifiedCampaign(BaseModel):
    campaign_id: str
    title: str


class RevocationView(BaseModel):
    reason: str = Field(description="公开的撤销原因 Public")
    revoked_at: Instant


class CertificateView(BaseModel):
    """A donation certificate, without personal data."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    certificate_no: str = Field(description="20 位数字，末位为校验码 20 digits, the last one checks the others")
    status: Literal["genuine", "revoked"]
    campaign: CertifiedCampaign
    amount_mg: int
    display: str
    donor: str | None = Field(description="本人同意公开才有 A name only if the donor agreed to it")
    issued_at: Instant
    revocation: RevocationView | None = Field(description="仅已撤销的证书 Only of a revoked one")
    has_files: bool = Field(description="可否取 PDF 与 PNG；捐赠人注销后为 false Whether it can be had as PDF and PNG")

    @classmethod
    def of(cls, certificate: Certificate, *, language: Language) -> "CertificateView":
        revoked = certificate.revocation
        return cls(
            certificate_no=certificate.certificate_no,
            status="genuine" if revoked is None else "revoked",
            campaign=CertifiedCampaign(
                campaign_id=certificate.campaign_id,
                title=certificate.campaign_title.pick(language),
            ),
            amount_mg=certificate.amount_mg,
            display=display(certificate.amount_mg, language),
            donor=certificate.donor,
            issued_at=certificate.issued_at,
            revocation=(
                None
                if revoked is None
                else RevocationView(reason=revoked.reason.pick(language), revoked_at=revoked.revoked_at)
            ),
            has_files=certificate.has_files,
        )


class NameRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"surname": "张", "address": "ms"}})

    surname: str = Field(min_length=1, max_length=2, description="姓氏 The surname only")
    address: Address = Field(description="先生 mr、女士 ms、同学 student、老师 teacher")


PublicReason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=4, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class RevocationRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "public_reason_zh": "这笔减碳量来自重复上报的骑行记录，核查后已冲正。",
                "public_reason_en": "The reductions came from rides that were reported twice, and were reversed.",
                "reason": "核查报告 2026-31",
            }
        },
    )

    public_reason_zh: PublicReason = Field(description="公开，请勿写任何个人信息 Public: no personal data")
    public_reason_en: PublicReason = Field(description="公开 Public")
    reason: Reason = Field(description="写入审计日志 For readers of the audit log")
