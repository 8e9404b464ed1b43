"""HTTP models of `/internal/accounting/holds` and `/internal/accounting/spends`.

Grams are held for a purpose, then captured or given back. A spend does both in one transaction. Captured grams can be
refunded to the person whose they were.
"""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

AMOUNT_MG_MAX = 10**15  # a thousand tonnes: far above any order, far below the limit of 64 bits
CAPTURE_TARGET_PATTERN = r"^(redeemed|donated):[A-Za-z0-9._-]{1,60}$"
ABOUT_PATTERN = r"^(order|donation):[a-z0-9][a-z0-9-]{0,59}$"
TITLE_CHARS_MAX = 200
SPENDS_MAX = 100  # of one call

# One line of a statement: no control characters, no blank text.
TitleText = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=TITLE_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f\s][^\x00-\x1f\x7f]*$"
    ),
]

HoldStatus = Literal["held", "captured", "voided", "expired", "refunded"]


class Title(BaseModel):
    """What a person spends grams on, for the lines of the statement of account: 热干面, 零碳马拉松."""

    model_config = ConfigDict(extra="forbid")

    zh: TitleText
    en: TitleText


class HoldRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hold_id: uuid.UUID = Field(description="made by the caller, so that a repeat is recognised")
    account_id: uuid.UUID
    amount_mg: int = Field(gt=0, le=AMOUNT_MG_MAX)
    purpose: str = Field(min_length=1, max_length=100, description="order:<id>, donation:<id> or loan:<id>")
    expires_at: datetime
    title: Title | None = None


class CaptureRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: str = Field(pattern=CAPTURE_TARGET_PATTERN, description="redeemed:<sponsor> or donated:<campaign>")


class Spender(BaseModel):
    """Who spends grams of an account that is not their own: a member of a household, or the proxy of a family card."""

    model_config = ConfigDict(extra="forbid")

    account_id: uuid.UUID = Field(description="the spender's own account")
    about: str = Field(pattern=ABOUT_PATTERN, description="order:<item> or donation:<campaign>, as it was agreed upon")
    agreement_id: uuid.UUID | None = Field(None, description="the agreement of all members")


class SpendRequest(HoldRequest):
    """A hold that is captured at once. Without `spender`, a person spends grams of their own."""

    spender: Spender | None = None
    to: str = Field(pattern=CAPTURE_TARGET_PATTERN, description="redeemed:<sponsor> or donated:<campaign>")


class SpendRequests(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[SpendRequest] = Field(min_length=1, max_length=SPENDS_MAX)


class Spent(BaseModel):
    """The end of one spend: captured, or voided with the code of the refusal. Final, unless the status is null.

    A null status refuses a request that contradicts an existing hold.
    """

    hold_id: uuid.UUID
    status: HoldStatus | None
    code: str | None = Field(None, description="why it was refused")


class SpentItems(BaseModel):
    """In the order of the requests."""

    items: list[Spent]


class HoldState(BaseModel):
    hold_id: uuid.UUID
    account_id: uuid.UUID | None
    amount_mg: int
    purpose: str | None
    status: HoldStatus
    expires_at: datetime | None
    captured_to: str | None


HOLDS_PER_PAGE_MAX = 1000  # some 300 KB of JSON and a tenth of a second


class PostedHold(HoldState):
    """A hold with the posting that ended it, for a reconciliation."""

    created_at: datetime
    settled_at: datetime | None
    posted_mg: int = Field(description="what left the account of the hold, by the ledger's postings")
    posted_to: str | None = Field(description="where it went: redeemed:<sponsor>, donated:<campaign> or an account id")


class HoldPage(BaseModel):
    """Holds of every state in the order of their ids."""

    items: list[PostedHold]
    has_more: bool
