"""A citizen of the story, with the names that others know this person by."""

import secrets
from dataclasses import dataclass
from typing import Any

from deploy.demo.gateway import DemoFailure, Gateway
from deploy.demo.steps import POLICY_VERSION

ACCOUNTS, ACCOUNTING, REWARDS = "/api/v1/accounts", "/api/v1/accounting", "/api/v1/rewards"
CONSENT = {"policy_version": POLICY_VERSION}


@dataclass(frozen=True)
class Names:
    """What is personal about one person of the story. Nothing of it may be readable in the system."""

    openid: str
    phone: str
    nickname: str
    customer: str  # at every partner
    contact: str  # the name in the application of the enterprise
    home: str  # the name of the household
    card: str  # the note on the family card
    meter: str
    licence: str  # a line of the document

    @classmethod
    def drawn(cls, name: str) -> "Names":
        """`name` makes them unique. A nickname has at most five digits."""
        return cls(
            openid=f"open-{name}",
            phone=f"139{secrets.randbelow(10**8):08d}",
            nickname=f"小雨{_letters(name)}"[:12],
            customer=f"customer-{name}",
            contact=f"张敏{_letters(name)}",
            home=f"江边{_letters(name)}"[:16],
            card=f"外婆{_letters(name)}"[:12],
            meter=f"meter-{name}",
            licence=f"licence-of-{name}",
        )


def _letters(text: str) -> str:
    """The text with letters for digits."""
    return "".join(chr(ord("g") + int(one)) if one.isdigit() else one for one in text if one.isalnum())


class Person:
    """`log_in` comes first, then `claim`."""

    def __init__(self, gateway: Gateway, names: Names) -> None:
        self.gateway, self.names = gateway, names
        self.token = self.user_id = self.account_id = self.account_no = ""

    def _code(self) -> str:
        """What `wx.login` gives: a code for one use."""
        return f"dev-once:{self.names.openid}:{secrets.token_hex(8)}"

    async def call(self, status: int, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        return await self.gateway.expect([status], method, path, token=self.token, body=body, key=key)

    async def answer(self, method: str, path: str, body: object = None, *, key: str | None = None) -> tuple[int, Any]:
        """Return status and content, whatever they are."""
        answer = await self.gateway.request(method, path, token=self.token, body=body, key=key)
        return answer.status_code, answer.json() if answer.content else None

    async def log_in(self) -> None:
        session = await self.call(201, "POST", f"{ACCOUNTS}/sessions", {"code": self._code()})
        self.token, self.user_id = session["access_token"], session["user_id"]

    async def claim(self) -> None:
        """Open the carbon account (领取个人碳账户)."""
        account = await self.call(201, "POST", f"{ACCOUNTS}/me/carbon-account", {"consent": CONSENT})
        self.account_id, self.account_no = account["account_id"], account["account_no"]

    async def step_up(self) -> None:
        await self.call(204, "POST", f"{ACCOUNTS}/sessions/step-up", {"code": self._code()})

    async def consent(self, purpose: str) -> None:
        await self.call(201, "POST", f"{ACCOUNTS}/me/consents", {"purpose": purpose, **CONSENT})

    async def verify_phone(self) -> None:
        await self.call(200, "PUT", f"{ACCOUNTS}/me/phone", {"code": f"dev-phone:{self.names.phone}"})

    async def available_mg(self) -> int:
        return int((await self.call(200, "GET", f"{ACCOUNTING}/me/balance"))["available_mg"])


async def arrive(gateway: Gateway, name: str) -> Person:
    """Return a person who has logged in and opened an account."""
    person = Person(gateway, Names.drawn(name))
    await person.log_in()
    await person.claim()
    return person


def require(ok: bool, promise: str, found: object) -> None:
    if not ok:
        raise DemoFailure(f"{promise}: {found}")
