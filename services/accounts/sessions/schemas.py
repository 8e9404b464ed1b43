import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.carbon_accounts.schemas import CarbonAccountOut


class SessionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": "0a3Xc1ll2Vq0kg4Yw6nl2Zz1"}]})

    code: str = Field(min_length=1, max_length=128, description="wx.login 返回的 code The code given by wx.login")


class RefreshIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(min_length=16, max_length=128)


class TokensOut(BaseModel):
    access_token: str = Field(description="放入 Authorization: Bearer Send it as the bearer token")
    expires_in: int = Field(description="access_token 的有效秒数 Seconds", examples=[1800])
    refresh_token: str = Field(description="只能使用一次 Works once")
    user_id: uuid.UUID


class SessionOut(TokensOut):
    carbon_account: CarbonAccountOut | None = Field(description="未领取时为 null Null until opened")


class JwksOut(BaseModel):
    keys: list[dict[str, Any]] = Field(
        examples=[
            [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    "kid": "21fe31dfa154a261",
                    "alg": "EdDSA",
                    "use": "sig",
                }
            ]
        ]
    )
