"""The counter of a shop: its till, and a guest who comes with a voucher."""

from typing import Any, Final

from deploy.demo.gateway import Gateway
from deploy.demo.life.person import REWARDS, Person, require

_TILLS: Final = f"{REWARDS}/merchant/tills"
_VOUCHERS: Final = f"{REWARDS}/merchant/vouchers"


class Till:
    """`enrol` comes first."""

    def __init__(self, gateway: Gateway, run: str) -> None:
        self._gateway, self._run = gateway, run
        self.token = ""

    async def enrol(self, code: str) -> None:
        """Scan the enrolment code that an operator shows. It works once."""
        enrolled = await self._gateway.expect([201], "POST", _TILLS, token=code)
        self.token = enrolled["token"]
        again = await self._gateway.expect([401], "POST", _TILLS, token=code)
        require(again["code"] == "ENROLMENT_INVALID", "登记码只能用一次 an enrolment code works once", again)

    async def accept(self, qr: str) -> dict[str, Any]:
        """Check a voucher and redeem it. A second attempt is told when and where it was used."""
        checked = await self._gateway.expect([200], "POST", f"{_VOUCHERS}/check", token=self.token, body={"qr": qr})
        require(checked["redeemable"], "券应可核销 the voucher is redeemable", checked)
        redeemed: dict[str, Any] = await self._redeem([201], qr, "first")
        again = await self._redeem([409], qr, "second")
        used = (again["code"], again["same_till"])
        require(used == ("VOUCHER_USED", True), "同一张券只能核销一次 a voucher is redeemed once", again)
        return redeemed

    async def _redeem(self, status: list[int], qr: str, key: str) -> Any:
        path, key = f"{_VOUCHERS}/redeem", f"{self._run}-redeem-{key}"
        return await self._gateway.expect(status, "POST", path, token=self.token, body={"qr": qr}, key=key)


async def show_voucher(guest: Person, voucher_id: str) -> dict[str, Any]:
    """The voucher on the guest's screen. Its QR code changes every 30 s."""
    found: dict[str, Any] = await guest.call(200, "GET", f"{REWARDS}/me/vouchers/{voucher_id}")
    return found
