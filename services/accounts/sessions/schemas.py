import uuid
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.sessions.service import Tokens


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
