from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.carbon_accounts.schemas import CarbonAccountOut
from services.accounts.consents.schemas import PolicyVersion
from services.accounts.erasures.schemas import PlannedErasureOut
from services.accounts.people.service import LoginResult
from services.accounts.policies.schemas import PurposeName
from services.accounts.sessions.schemas import TokensOut


class SessionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": "0a3Xc1ll2Vq0kg4Yw6nl2Zz1"}]})

    code: str = Field(min_length=1, max_length=128, description="wx.login 返回的 code Code returned by wx.login")


class SessionOut(TokensOut):
    carbon_account: CarbonAccountOut | None = Field(description="未领取时为 null Null until the account is opened")
    erasure: PlannedErasureOut | None = Field(
        None, description="已申请的注销，没有则为空 The planned erasure of this account"
    )

    @classmethod
    def of_login(cls, login: LoginResult) -> Self:
        return cls(
            **TokensOut.of(login.tokens).model_dump(),
            carbon_account=CarbonAccountOut.of(login.account) if login.account else None,
            erasure=PlannedErasureOut.of(login.erasure) if login.erasure else None,
        )


class StepUpIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": "0b1Yd2mm3Wr1lh5Zx7om3Aa2"}]})

    code: str = Field(
        min_length=1, max_length=128, description="wx.login 刚返回的 code A code that wx.login has just returned"
    )


class PhoneIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field(
        min_length=1,
        max_length=128,
        description="getPhoneNumber 按钮返回的 code Code returned by the getPhoneNumber button",
    )


class PhoneOut(BaseModel):
    phone_masked: str = Field(examples=["138****5678"])


BirthMonth = Annotated[
    str,
    Field(
        pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$",
        description="出生年月，只保存满 14 周岁的日期，加密 Month of birth; only the day of turning 14 is kept, sealed",
        examples=["2013-05"],
    ),
]


class ConsentGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    policy_version: PolicyVersion


class OpenAccountIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"consent": {"policy_version": "2026-11"}}]}
    )

    consent: ConsentGiven = Field(description="同意个人信息处理 Consent to data processing, required for an account")
    birth_month: BirthMonth | None = None
    under_14: bool | None = Field(None, description="申报未满 14 周岁，由监护人办理 Under 14: a guardian has to agree")


class ConsentIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"purpose": "data_processing", "policy_version": "2026-11"}]}
    )

    purpose: PurposeName
    policy_version: PolicyVersion
