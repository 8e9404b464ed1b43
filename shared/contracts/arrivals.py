"""HTTP models of `/internal/accounting/arrivals` and `/internal/accounting/expiring`: for messages to citizens."""

import uuid
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

ACCOUNTS_PER_PAGE_MAX = 200

Accounts = Annotated[list[uuid.UUID], Field(min_length=1, max_length=ACCOUNTS_PER_PAGE_MAX)]


class ArrivalsQuestion(BaseModel):
    """Which grams became available to these people in [since, until)?"""

    model_config = ConfigDict(extra="forbid")

    account_ids: Accounts
    since: AwareDatetime
    until: AwareDatetime


class Arrival(BaseModel):
    account_id: uuid.UUID
    amount_mg: int = Field(gt=0)
    acts: int = Field(gt=0)


class Arrivals(BaseModel):
    """People without arrivals are left out."""

    items: list[Arrival] = Field(max_length=ACCOUNTS_PER_PAGE_MAX)


class ExpiringQuestion(BaseModel):
    """Which grams of these people expire on or before that day, if they are not used?"""

    model_config = ConfigDict(extra="forbid")

    account_ids: Accounts
    upto: date


class ExpiringGrams(BaseModel):
    account_id: uuid.UUID
    amount_mg: int = Field(gt=0)
    expires_on: date


class Expiring(BaseModel):
    """The earliest day of each person. People without grams that expire by then are left out."""

    items: list[ExpiringGrams] = Field(max_length=ACCOUNTS_PER_PAGE_MAX)
