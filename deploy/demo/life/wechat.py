"""What a citizen has with WeChat: subscribe messages and steps."""

import asyncio
from datetime import date
from typing import Any

from deploy.demo.gateway import DemoFailure
from deploy.demo.life.person import ACCOUNTS, Person

ORDER_CONFIRMED = "dev-order-confirmed"
# One acceptance allows one message.
ASKED_FOR = ("order_confirmed", "export_ready")
STEPS = 8000
_RECEIVED_WITHIN_S = 30
_PAUSE_S = 0.5


async def ask_for_messages(person: Person) -> None:
    await person.consent("messages")
    answers = [{"kind": kind, "answer": "accept"} for kind in ASKED_FOR]
    await person.call(200, "POST", f"{ACCOUNTS}/me/messages", {"answers": answers})


async def received(person: Person, template_id: str) -> dict[str, Any]:
    """Wait for a message of this template on the phone. Return its values."""
    path = f"/_fake/messages?openid={person.names.openid}"
    for _ in range(int(_RECEIVED_WITHIN_S / _PAUSE_S)):
        found = (await person.gateway.at_wechat("GET", path))["items"]
        for one in found:
            if one["template_id"] == template_id:
                values: dict[str, Any] = one["data"]
                return values
        await asyncio.sleep(_PAUSE_S)
    raise DemoFailure(f"微信消息没有收到 no message came: {template_id}")


async def allow_steps(person: Person) -> None:
    await person.consent("health_steps")


async def report_steps(person: Person, day: date) -> list[dict[str, Any]]:
    """Report the steps of a day as the phone has them. Return the days that count from the consent on."""
    walked = {"openid": person.names.openid, "days": {day.isoformat(): STEPS}}
    encrypted = await person.gateway.at_wechat("POST", "/_phone/steps", walked)
    reported: list[dict[str, Any]] = (await person.call(200, "POST", f"{ACCOUNTS}/me/steps", encrypted))["items"]
    return reported
