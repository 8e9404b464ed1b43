"""The part of a request that says whose grams it spends."""

import uuid

from pydantic import BaseModel, Field


class Spending(BaseModel):
    """A request that spends grams: the caller's own, or those of a household or of a family card."""

    account_id: uuid.UUID | None = Field(
        None,
        description="用家庭或亲情卡的减碳量时，填其碳账户；默认用自己的 "
        "A household's or a family card's account; by default the caller's own",
    )
    agreement_id: uuid.UUID | None = Field(
        None, description="家人都同意的约定 The agreement of all members, where the household's rule asks for it"
    )
