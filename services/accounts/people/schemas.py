from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.carbon_accounts.schemas import CarbonAccountOut
from services.accounts.consents.schemas import PolicyVersion
from services.accounts.consents.service import Purpose
from services.accounts.people.service import LoginResult
from services.accounts.sessions.schemas import TokensOut


class SessionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": "0a3Xc1ll2Vq0kg4Yw6nl2Zz1"}]})

    code: str = Field(min_length=1, max_length=128, description="wx.login 返回的 code Code returned by wx.login")


class SessionOut(TokensOut):
    carbon_account: CarbonAccountOut | None = Field(description="未领取时为 null Null until the account is opened")

    @classmethod
    def of_login(cls, login: LoginResult) -> Self:
        return cls(
            **TokensOut.of(login.tokens).model_dump(),
            carbon_account=CarbonAccountOut.of(login.account) if login.account else None,
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


class ConsentGiven(BaseModel):
    model_config = ConfigDict(extra="forbid")

    policy_version: PolicyVersion


class OpenAccountIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"consent": {"policy_version": "2026-11"}}]}
    )

    consent: ConsentGiven = Field(description="同意个人信息处理 Consent to data processing, required for an account")


class ConsentIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"purpose": "data_processing", "policy_version": "2026-11"}]}
    )

    purpose: Purpose = Field(
        description=(
            "data_processing 记录与核算低碳行为（碳账户必需）Counting activities, required for an account · "
            "messages 服务通知 Notices · health_steps 微信运动步数（健康信息）WeChat steps, health data · "
            "rankings 参与排行 Rankings · research 去标识化研究 De-identified research"
        )
    )
    policy_version: PolicyVersion
