"""The client of accounting's holds. No method raises: a missing answer is HoldAnswer.UNKNOWN."""

from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from services.rewards.settlement.domain import HoldAnswer, Reason, Settlement
from shared.contracts.holds import CaptureRequest, HoldRequest, HoldState
from shared.httpclient import ServiceAuth

_HOLDS: Final = "/internal/accounting/holds"
_ANSWER_OF_STATUS: Final = {
    "held": HoldAnswer.HELD,
    "captured": HoldAnswer.CAPTURED,
    "voided": HoldAnswer.GIVEN_BACK,
    "expired": HoldAnswer.GIVEN_BACK,
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HoldReply:
    """`detail` is a Reason if the answer is REFUSED, and the fault if it is UNKNOWN."""

    answer: HoldAnswer
    detail: str = ""


def _code(response: httpx.Response) -> str:
    try:
        document: Any = response.json()
    except ValueError:
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""


def _reply_of_state(response: httpx.Response) -> HoldReply:
    try:
        return HoldReply(_ANSWER_OF_STATUS[HoldState.model_validate_json(response.content).status])
    except ValidationError:
        return HoldReply(HoldAnswer.UNKNOWN, "unreadable_answer")


class Holds:
    def __init__(self, client: httpx.AsyncClient, auth: ServiceAuth) -> None:
        self._client, self._auth = client, auth

    async def place(self, settlement: Settlement, *, purpose: str) -> HoldReply:
        """Place the hold. HELD; CAPTURED or GIVEN_BACK if it has ended already; REFUSED with the reason."""
        request = HoldRequest(
            hold_id=settlement.settlement_id,
            account_id=settlement.account_id,
            amount_mg=settlement.amount_mg,
            purpose=f"{purpose}:{settlement.settlement_id}",
            expires_at=settlement.hold_expires_at,
        )
        response = await self._send("POST", _HOLDS, request)
        if isinstance(response, HoldReply):
            return response
        if response.status_code != httpx.codes.CONFLICT:
            return _reply_of(response)
        if _code(response) == Reason.INSUFFICIENT_BALANCE:
            return HoldReply(HoldAnswer.REFUSED, Reason.INSUFFICIENT_BALANCE)
        return await self._after_conflict(settlement, refused=Reason.HOLD_REFUSED, code=_code(response))

    async def capture(self, settlement: Settlement) -> HoldReply:
        """Capture the hold. CAPTURED or GIVEN_BACK; REFUSED if it is past its time but not yet expired."""
        path = f"{_HOLDS}/{settlement.settlement_id}/capture"
        response = await self._send("POST", path, CaptureRequest(to=settlement.capture_to))
        if isinstance(response, HoldReply):
            return response
        if response.status_code != httpx.codes.CONFLICT:
            return _reply_of(response)
        return await self._after_conflict(settlement, refused=Reason.SETTLEMENT_TIMED_OUT, code=_code(response))

    async def void(self, settlement: Settlement) -> HoldReply:
        """Void the hold. GIVEN_BACK, also before the hold: a late hold is then refused. CAPTURED if that came first."""
        response = await self._send("POST", f"{_HOLDS}/{settlement.settlement_id}/void", None)
        if isinstance(response, HoldReply):
            return response
        if response.status_code != httpx.codes.CONFLICT:
            return _reply_of(response)
        return await self._after_conflict(settlement, refused=None, code=_code(response))

    async def _after_conflict(self, settlement: Settlement, *, refused: Reason | None, code: str) -> HoldReply:
        """Read the hold after a conflict, which means that its state is not the expected one."""
        response = await self._send("GET", f"{_HOLDS}/{settlement.settlement_id}", None)
        if isinstance(response, HoldReply):
            return response
        reply = _reply_of(response)
        if reply.answer in {HoldAnswer.CAPTURED, HoldAnswer.GIVEN_BACK}:
            return reply
        is_known = reply.answer is HoldAnswer.HELD or response.status_code == httpx.codes.NOT_FOUND
        if is_known and refused is not None:
            _log.warning("hold_refused", settlement_id=str(settlement.settlement_id), code=code)
            return HoldReply(HoldAnswer.REFUSED, refused)
        return HoldReply(HoldAnswer.UNKNOWN, f"conflict_{code}"[:100])

    async def _send(self, method: str, path: str, body: BaseModel | None) -> httpx.Response | HoldReply:
        try:
            return await self._client.request(
                method, path, json=None if body is None else body.model_dump(mode="json"), auth=self._auth
            )
        except httpx.HTTPError as exc:
            return HoldReply(HoldAnswer.UNKNOWN, type(exc).__name__)


def _reply_of(response: httpx.Response) -> HoldReply:
    if response.is_success:
        return _reply_of_state(response)
    return HoldReply(HoldAnswer.UNKNOWN, f"http_{response.status_code}")
