"""HTTP models of the ledger."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class Balance(BaseModel):
    """The account of a citizen in milligrams CO2e."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "available_mg": 245_100_000,
                "pending_mg": 0,
                "held_mg": 5_000_000,
                "debt_mg": 0,
                "lifetime_mg": 267_000_000,
                "display": "245.10 千克",
                "frozen": False,
                "notice": None,
            }
        }
    )

    available_mg: int = Field(description="可用 Can be spent now")
    pending_mg: int = Field(description="待生效 Credited, not yet vested")
    held_mg: int = Field(description="冻结中 Set aside for orders and donations under way")
    debt_mg: int = Field(description="待抵扣 Reversed after being spent; later credits repay it first")
    lifetime_mg: int = Field(
        description="累计减碳 Total credited: available, pending, held, spent and expired, minus reversed"
    )
    display: str
    frozen: bool = Field(description="是否冻结；冻结期间不能使用 While frozen, nothing can be spent")
    notice: str | None = Field(description="冻结时的说明与联系方式 What a frozen account means, and whom to ask")


class Expiry(BaseModel):
    """Grams that became available in one calendar year and expire together."""

    year: int = Field(description="获得年份 The year in which they became available")
    expires_on: date = Field(description="最后可用日（北京时间）Last day on which they can be used, Asia/Shanghai")
    amount_mg: int
    display: str


class Expiries(BaseModel):
    """When the available grams expire, earliest first. The amounts add up to the available grams."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "valid_years": 10,
                "rule": "获得的减碳量在 10 年后的年底到期，先得先用。",
                "items": [
                    {"year": 2025, "expires_on": "2035-12-31", "amount_mg": 45_100_000, "display": "45.10 千克"},
                    {"year": 2026, "expires_on": "2036-12-31", "amount_mg": 200_000_000, "display": "200.00 千克"},
                ],
            }
        }
    )

    valid_years: int | None = Field(description="空为长期有效 Null: grams do not expire")
    rule: str
    items: list[Expiry]
