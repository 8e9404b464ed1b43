import uuid
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounts.operator_accounts.domain import scopes_of
from services.accounts.operator_accounts.service import OperatorView
from services.accounts.operator_sessions.models import OperatorSession
from services.accounts.operator_sessions.service import OperatorTokens, StartedLogIn
from shared.instants import Instant

_Secret = Annotated[str, StringConstraints(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class LocalLogIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"method": "local", "name": "li.wei", "password": "Qh3vZk8mWc2xTn5r", "code": "492039"}
        },
    )

    method: Literal["local"]
    name: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    password: str = Field(min_length=1, max_length=256)
    code: str = Field(pattern=r"^[0-9]{6}$", description="动态码，只能使用一次 One-time code, works once")


class ProviderLogIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "method": "oidc",
                "code": "SplxlOBeZQQYbYS6WxSbIA",
                "state": "vGkq0qB3nYpJ5o1x7bqL9s2m4t6w8z0AcEgIkMoQsUw",
                "log_in_secret": "m3Qn5sYw7cFh9kLp2rTv4xZa6dGj8nQs0uWy1bEi3oU",
            }
        },
    )

    method: Literal["oidc"]
    code: str = Field(min_length=1, max_length=2048, pattern=r"^[\x21-\x7e]+$", description="回跳参数 Of the redirect")
    state: _Secret = Field(description="回跳参数 Of the redirect")
    log_in_secret: _Secret = Field(description="开始登录时得到 From the start of the log-in")
    iss: str | None = Field(
        None, max_length=500, description="回跳参数，如有 Of the redirect, if it has one (RFC 9207)"
    )


LogInBody = Annotated[LocalLogIn | ProviderLogIn, Field(discriminator="method")]


class LogInStartedOut(BaseModel):
    authorization_url: str = Field(
        description="在浏览器中打开 Open it in a browser",
        examples=["https://id.example.cn/authorize?response_type=code&state=vGkq0q"],
    )
    state: str = Field(examples=["vGkq0qB3nYpJ5o1x7bqL9s2m4t6w8z0AcEgIkMoQsUw"])
    log_in_secret: str = Field(
        description="留在本机，完成登录时提交 Keep it; it finishes the log-in",
        examples=["m3Qn5sYw7cFh9kLp2rTv4xZa6dGj8nQs0uWy1bEi3oU"],
    )
    expires_at: Instant = Field(description="此前须完成登录 Finish before then")

    @classmethod
    def of(cls, started: StartedLogIn) -> Self:
        return cls(
            authorization_url=started.authorization_url,
            state=started.state,
            log_in_secret=started.secret,
            expires_at=started.expires_at,
        )


class OperatorRefreshIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refresh_token: str = Field(
        min_length=16, max_length=128, examples=["cio_m3Qn5sYw7cFh9kLp2rTv4xZa6dGj8nQs0uWy1bEi3oU"]
    )


class OperatorTokensOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "access_token": "eyJhbGciOiJFZERTQSIsImtpZCI6IjIxZmUzMWRmYTE1NGEyNjEiLCJ0eXAiOiJhdCtqd3QifQ.e30.c2ln",
                "expires_in": 300,
                "refresh_token": "cio_m3Qn5sYw7cFh9kLp2rTv4xZa6dGj8nQs0uWy1bEi3oU",
                "session_id": "01999e5e-0000-7000-8000-000000000001",
                "session_expires_at": "2026-11-23T18:00:00+08:00",
                "subject": "local:li.wei",
                "roles": ["ledger"],
                "scopes": ["ops:ledger", "ops:read"],
            }
        }
    )

    access_token: str = Field(description="放入 Authorization: Bearer Send as the bearer token")
    expires_in: int = Field(description="access_token 的有效秒数 Seconds until access_token expires", examples=[300])
    refresh_token: str = Field(description="只能使用一次 Works once")
    session_id: uuid.UUID
    session_expires_at: Instant = Field(description="登录在此时结束 The session ends then")
    subject: str = Field(description="操作人标识，永不改变 The person; never changes", examples=["local:li.wei"])
    roles: list[str] = Field(examples=[["ledger"]])
    scopes: list[str] = Field(examples=[["ops:ledger", "ops:read"]])

    @classmethod
    def of(cls, tokens: OperatorTokens) -> Self:
        return cls(
            access_token=tokens.access_token,
            expires_in=tokens.expires_in_s,
            refresh_token=tokens.refresh_token,
            session_id=tokens.session_id,
            session_expires_at=tokens.session_expires_at,
            subject=tokens.subject,
            roles=list(tokens.roles),
            scopes=sorted(tokens.scopes),
        )


class OperatorSessionOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "session_id": "01999e5e-0000-7000-8000-000000000001",
                "subject": "local:li.wei",
                "method": "local",
                "roles": ["ledger"],
                "created_at": "2026-11-23T10:00:00+08:00",
                "refreshed_at": "2026-11-23T10:05:00+08:00",
                "expires_at": "2026-11-23T18:00:00+08:00",
            }
        }
    )

    session_id: uuid.UUID
    subject: str = Field(examples=["local:li.wei"])
    method: Literal["local", "oidc"]
    roles: list[str] = Field(examples=[["ledger"]])
    created_at: Instant
    refreshed_at: Instant = Field(description="最近一次换取令牌 The last refresh")
    expires_at: Instant

    @classmethod
    def of(cls, row: OperatorSession) -> Self:
        return cls.model_validate(row, from_attributes=True)


class OperatorOut(BaseModel):
    subject: str = Field(examples=["local:li.wei"])
    name: str = Field(examples=["李伟"])
    roles: list[str] = Field(description="现有角色 Roles in force", examples=[["ledger"]])
    scopes: list[str] = Field(description="现有权限 What the roles allow", examples=[["ops:ledger", "ops:read"]])
    given_roles: list[str] = Field(description="由两人授予的角色 Given by two operators", examples=[["ledger"]])
    withheld_roles: list[str] = Field(
        description="由两人收回的角色，身份系统仍给也无效 Taken away by two, also if the identity provider gives them",
        examples=[[]],
    )
    disabled_at: Instant | None

    @classmethod
    def of(cls, view: OperatorView) -> Self:
        return cls(
            subject=view.subject,
            name=view.name,
            roles=list(view.roles),
            scopes=sorted(scopes_of(view.roles)),
            given_roles=list(view.given_roles),
            withheld_roles=list(view.withheld_roles),
            disabled_at=view.disabled_at,
        )
