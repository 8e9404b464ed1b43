import uuid
from typing import Self

from pydantic import BaseModel, Field

from services.accounts.carbon_accounts.service import Account, AccountKind
from shared.instants import Instant


class CarbonAccountOut(BaseModel):
    account_id: uuid.UUID
    account_no: str = Field(description="末位为校验位 The last digit is a check digit", examples=["WH202611230018"])
    kind: AccountKind
    opened_at: Instant

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            account_id=account.account_id, account_no=account.account_no, kind=account.kind, opened_at=account.opened_at
        )
