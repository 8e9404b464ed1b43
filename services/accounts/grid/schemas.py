from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class MeterDecisionIn(BaseModel):
    """The customer of the meter has named the household to the grid company, by its account number."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"meter_ref": "4201004812345", "account_no": "WH203947561028", "decision": "confirmed"}]
        },
    )

    meter_ref: str = Field(pattern=r"^[!-~]{1,64}$", description="电表户号 The meter's number")
    account_no: str = Field(pattern=r"^[A-Z]{2}[0-9]{12}$", description="家庭碳账户号 The household's account number")
    decision: Literal["confirmed", "refused"] = Field(
        description="refused：不是这一家的，或已不再是 Not theirs, or no longer"
    )


class MeterDecisionOut(BaseModel):
    account_no: str
    status: Literal["confirmed", "refused"]
