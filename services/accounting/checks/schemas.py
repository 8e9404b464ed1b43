"""HTTP models of the checks."""

from pydantic import BaseModel, Field


class EquationChecked(BaseModel):
    name: str = Field(examples=["balances_differing"])
    sentence: str = Field(examples=["每个账户的余额等于其入账之和。"])
    figure: int


class LedgerCheck(BaseModel):
    """Every equation of the ledger, computed for this request."""

    ok: bool
    accounts: int
    postings: int
    balances_sum_mg: int = Field(description="必须为 0 Must be 0")
    balances_differing: int = Field(description="必须为 0 Accounts that differ from the sum of their postings")
    holds_differing: int = Field(description="必须为 0 Holds whose account does not have their amount")
    caps_differing: int = Field(description="必须为 0 Cap counters that differ from the credited activities")
    credited_differing: int = Field(description="必须为 0 Credited activities without a posting of the same amount")
    vesting_differing: int = Field(description="必须为 0 Pending activities that do not match the vesting queue")
    pending_differing: int = Field(description="必须为 0 Owners whose pending balance is wrong")
    reversed_differing: int = Field(description="必须为 0 Activities reversed in part, twice, or without a posting")
    expired_differing: int = Field(description="必须为 0 Expiries that differ from their postings")
    debts_unpaid: int = Field(description="必须为 0 Owners who have available grams and a debt")
    lifetime_differing: int = Field(description="必须为 0 Owners whose lifetime is wrong")
    equations: list[EquationChecked] = Field(description="全部核对项，均须为 0 Every equation; each figure must be 0")
