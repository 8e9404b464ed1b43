"""HTTP models of the checks."""

from pydantic import BaseModel, Field


class EquationChecked(BaseModel):
    name: str = Field(examples=["balances_differing"])
    sentence: str = Field(examples=["每个账户的余额等于其入账之和。"])
    figure: int


class LedgerCheck(BaseModel):
    """Every balance against its postings, computed on the spot."""

    ok: bool
    accounts: int
    postings: int
    balances_sum_mg: int = Field(description="必须为 0 Must be 0")
    balances_differing: int = Field(description="必须为 0 Accounts whose balance is not what their postings say")
    holds_differing: int = Field(description="必须为 0 Holds whose account does not hold their amount")
    caps_differing: int = Field(description="必须为 0 Cap counters that differ from the credited activities")
    credited_differing: int = Field(description="必须为 0 Credited activities without a posting of the same amount")
    vesting_differing: int = Field(description="必须为 0 Pending activities and vestings that do not fit each other")
    pending_differing: int = Field(description="必须为 0 People whose pending balance is not their pending activities")
    reversed_differing: int = Field(description="必须为 0 Activities reversed in part, twice, or without a posting")
    expired_differing: int = Field(description="必须为 0 Years of grams whose expiries differ from their postings")
    debts_unpaid: int = Field(description="必须为 0 People who have grams beside a debt")
    lifetime_differing: int = Field(description="必须为 0 People whose lifetime is not the sum of their activities")
    equations: list[EquationChecked] = Field(description="全部核对项，均须为 0 Every equation; each figure must be 0")
