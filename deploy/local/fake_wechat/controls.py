"""The phone's side, and the levers of tests. WeChat has none of these routes."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from deploy.local.fake_wechat.encryption import encrypted
from deploy.local.fake_wechat.state import LONG_AGO, FakeWechat, Fault

_ZONE = ZoneInfo("Asia/Shanghai")


class PhoneSteps(BaseModel):
    """`days`: steps by local day, `{"2026-11-26": 8000}`. `appid`, `timestamp`: of the watermark, if others."""

    model_config = ConfigDict(extra="forbid")

    openid: str
    days: dict[str, int]
    appid: str | None = None
    timestamp: int | None = None


class UserSettings(BaseModel):
    """`refused`: ids of templates, or "*". `seen`: False lets two hours pass since the last log-in."""

    model_config = ConfigDict(extra="forbid")

    refused: list[str] | None = None
    seen: bool | None = None


class FaultIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str
    times: int = Field(1, ge=1)
    errcode: int | None = None
    raw: str | None = None
    status: int = 200
    delay_s: float = Field(0, ge=0, le=60)
    late_s: float = Field(0, ge=0, le=60)


def add_to(app: FastAPI, fake: FakeWechat) -> None:
    @app.post("/_phone/log-in")
    async def phone_log_in(openid: Annotated[str, Query(pattern="^[A-Za-z0-9_-]{1,64}$")]) -> dict[str, str]:
        return {"code": fake.new_code(openid)}

    @app.post("/_phone/steps")
    async def phone_steps(asked: PhoneSteps) -> dict[str, str]:
        """Log in, then read the steps: `code`, `encrypted_data` and `iv`, as the mini-program sends them."""
        code = fake.new_code(asked.openid)
        return {"code": code, **encrypted(steps_document(fake, asked), fake.user(asked.openid).session_key)}

    @app.get("/_fake/messages")
    async def messages(openid: str | None = None) -> dict[str, list[dict[str, Any]]]:
        return {"items": [one for one in fake.received if openid in {None, one["openid"]}]}

    @app.post("/_fake/users/{openid}")
    async def set_user(openid: str, given: UserSettings) -> None:
        user = fake.user(openid)
        if given.refused is not None:
            user.refused = set(given.refused)
        if given.seen is False:
            user.seen_at_s = LONG_AGO

    @app.post("/_fake/faults")
    async def add_fault(given: FaultIn) -> None:
        fake.faults.append(Fault(**given.model_dump()))

    @app.post("/_fake/quotas")
    async def set_quotas(given: dict[str, int]) -> None:
        """Calls that are left, by path. `log_ins_per_minute` is that of each user."""
        fake.quotas = given

    @app.post("/_fake/reset")
    async def reset() -> None:
        fake.reset()


def steps_document(fake: FakeWechat, asked: PhoneSteps) -> dict[str, Any]:
    """Return the plain data of `wx.getWeRunData`: WeChat gives the midnight of each day."""
    listed = [
        {"timestamp": int(datetime.fromisoformat(day).replace(tzinfo=_ZONE).timestamp()), "step": steps}
        for day, steps in sorted(asked.days.items())
    ]
    watermark = fake.watermark()
    watermark["appid"] = asked.appid or watermark["appid"]
    watermark["timestamp"] = watermark["timestamp"] if asked.timestamp is None else asked.timestamp
    return {"stepInfoList": listed, "watermark": watermark}
