import uuid
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.sentences.names import DEVICES
from services.accounts.sessions.service import SessionView, Tokens
from shared.instants import Instant
from shared.language import Language


class RefreshIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(min_length=16, max_length=128)


class TokensOut(BaseModel):
    access_token: str = Field(description="放入 Authorization: Bearer Send as the bearer token")
    expires_in: int = Field(description="access_token 的有效秒数 Seconds until access_token expires", examples=[1800])
    refresh_token: str = Field(description="只能使用一次 Works once")
    user_id: uuid.UUID

    @classmethod
    def of(cls, tokens: Tokens) -> Self:
        return cls(
            access_token=tokens.access_token,
            expires_in=tokens.expires_in_s,
            refresh_token=tokens.refresh_token,
            user_id=tokens.user_id,
        )


class MySessionOut(BaseModel):
    session_id: uuid.UUID
    device: str = Field(description="登录设备的种类 The kind of device of the log-in", examples=["微信 · iPhone"])
    created_at: Instant = Field(description="登录时间 When the log-in was made")
    last_refreshed_at: Instant = Field(description="最近一次换取令牌 When tokens were last exchanged")
    expires_at: Instant
    current: bool = Field(description="是否为这次登录 Whether it is the session of this token")

    @classmethod
    def of(cls, view: SessionView, language: Language) -> Self:
        return cls(
            session_id=view.session_id,
            device=DEVICES[view.device].pick(language),
            created_at=view.created_at,
            last_refreshed_at=view.refreshed_at,
            expires_at=view.expires_at,
            current=view.is_current,
        )


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
