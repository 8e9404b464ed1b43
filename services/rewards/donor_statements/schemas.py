"""HTTP models of the yearly statement."""

import uuid
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.certificates.schemas import CertifiedCampaign
from services.rewards.donor_statements.domain import Line, LineKind, YearlyStatement
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language


class StatementLineView(BaseModel):
    kind: LineKind
    date: date
    donation_id: uuid.UUID
    campaign: CertifiedCampaign = Field(description="捐赠时的名称 As it was called then")
    amount_mg: int = Field(description="退回为负数 Negative for a refund")
    certificate_no: str
    team_id: uuid.UUID | None

    @classmethod
    def of(cls, line: Line, *, language: Language) -> Self:
        return cls(
            kind=line.kind,
            date=line.on,
            donation_id=line.donation_id,
            campaign=CertifiedCampaign(campaign_id=line.campaign_id, title=line.campaign_title.pick(language)),
            amount_mg=line.amount_mg,
            certificate_no=line.certificate_no,
            team_id=line.team_id,
        )


class YearlyStatementView(BaseModel):
    """Donations of one calendar year, with their certificates."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "year": 2026,
                "enterprise_id": None,
                "enterprise_name": None,
                "lines": [
                    {
                        "kind": "donation",
                        "date": "2026-11-23",
                        "donation_id": "019aadf0-6b00-7000-8000-000000000002",
                        "campaign": {"campaign_id": "zero-carbon-marathon", "title": "零碳马拉松"},
                        "amount_mg": 2_000_000,
                        "certificate_no": "20261123048213977514",
                        "team_id": None,
                    }
                ],
                "lines_left_out": 0,
                "given_mg": 2_000_000,
                "refunded_mg": 0,
                "total_mg": 2_000_000,
                "display": "2.00 千克",
                "made_at": "2026-12-31T09:30:00+08:00",
            }
        }
    )

    year: int
    enterprise_id: uuid.UUID | None = Field(description="企业的年度捐赠单才有 For the statement of an enterprise")
    enterprise_name: str | None
    lines: list[StatementLineView] = Field(description="按时间先后，最多 2,000 笔 By time, 2,000 at most")
    lines_left_out: int = Field(description="未列出的笔数，合计已包含 Not listed, but in the sums")
    given_mg: int
    refunded_mg: int
    total_mg: int = Field(description="捐出减去退回 Given without what came back")
    display: str
    made_at: Instant

    @classmethod
    def of(cls, statement: YearlyStatement, *, language: Language) -> Self:
        return cls(
            year=statement.year,
            enterprise_id=statement.enterprise_id,
            enterprise_name=statement.enterprise_name,
            lines=[StatementLineView.of(line, language=language) for line in statement.lines],
            lines_left_out=statement.lines_left_out,
            given_mg=statement.given_mg,
            refunded_mg=statement.refunded_mg,
            total_mg=statement.total_mg,
            display=display(statement.total_mg, language),
            made_at=statement.made_at,
        )
