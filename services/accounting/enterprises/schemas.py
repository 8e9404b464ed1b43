"""HTTP models of enterprises."""

import uuid

from pydantic import BaseModel, ConfigDict, Field


class EnterpriseBalance(BaseModel):
    """An enterprise's account in milligrams CO2e."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "enterprise_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4e",
                "account_id": "6b0c2f0e-3f7a-5f0e-8a52-7b9f0c1d2e3f",
                "available_mg": 6_300_000,
                "pending_mg": 0,
                "held_mg": 0,
                "debt_mg": 0,
                "lifetime_mg": 6_300_000,
                "display": "6.30 千克",
            }
        }
    )

    enterprise_id: uuid.UUID
    account_id: uuid.UUID
    available_mg: int = Field(description="可用 Available")
    pending_mg: int = Field(description="待生效 Credited, not yet vested")
    held_mg: int = Field(description="冻结中 Set aside")
    debt_mg: int = Field(description="待抵扣 Reversed after being spent; later credits repay it first")
    lifetime_mg: int = Field(description="累计 Credited in all, without what was reversed")
    display: str
