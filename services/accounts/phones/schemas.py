from pydantic import BaseModel, ConfigDict, Field


class PhoneIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field(
        min_length=1, max_length=128, description="getPhoneNumber 按钮返回的 code The code given by the button"
    )


class PhoneOut(BaseModel):
    phone_masked: str = Field(examples=["138****5678"])
