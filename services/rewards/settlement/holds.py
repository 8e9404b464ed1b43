"""The client of accounting's holds. No method raises: a missing answer is HoldAnswer.UNKNOWN."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from services.rewards.settlement.domain import HoldAnswer, Reason, Settlement
from shared.contracts.holds import (
    CaptureRequest,
    HoldRequest,
    HoldState,
    Spender,
    SpendRequest,
    SpendRequests,
    Spent,
    SpentItems,
    Title,
)
from shared.httpclient import ServiceAuth

_HOLDS: Final = "/internal/accounting/holds"
_SPENDS: Final = "/internal/accounting/spends"
_ANSWER_OF_STATUS: Final = {
    "held": HoldAnswer.HELD,
    "captured": HoldAnswer.CAPTURED,
    "refunded": HoldAnswer.REFUNDED,
    "voided": HoldAnswer.GIVEN_BACK,
    "expired": HoldAnswer.GIVEN_BACK,
}

# Refusals that a citizen can understand. The others are faults of the services.
_TOLD: Final = frozenset(
    {
        Reason.INSUFFICIENT_BALANCE,
        Reason.ACCOUNT_FROZEN,
        Reason.SPENDER_NOT_ALLOWED,
        Reason.MONTHLY_LIMIT_REACHED,
        Reason.AGREEMENT_REQUIRED,
    }
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HoldReply:
    """`detail` is a Reason if the answer is REFUSED or a refused spend, and the fault if it is UNKNOWN."""

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


def _reply_of_spend(item: Spent) -> HoldReply:
    if item.status is None:
        _log.warning("spend_contradicts", settlement_id=str(item.hold_id), code=item.code)
        return HoldReply(HoldAnswer.UNKNOWN, f"conflict_{item.code}"[:100])
    answer = _ANSWER_OF_STATUS[item.status]
    if answer is not HoldAnswer.GIVEN_BACK or item.code is None:
        return HoldReply(answer)
    if item.code in _TOLD:
        return HoldReply(answer, item.code)
    _log.warning("spend_refused", settlement_id=str(item.hold_id), code=item.code)
    return HoldReply(answer, Reason.HOLD_REFUSED)


def _title(settlement: Settlement) -> Title | None:
    """Return the words for accounting's lines, or None where a text is not fit for a line.

    The grams of a settlement never wait for its words.
    """
    title = settlement.title
    try:
        return None if title is None else Title(zh=title.zh, en=title.en)
    except ValidationError:
        return None


class Holds:
    def __init__(self, client: httpx.AsyncClient, auth: ServiceAuth) -> None:
        self._client, self._auth = client, auth

    async def spend(self, settlements: Sequence[Settlement], *, purpose: str) -> list[HoldReply]:
        """Hold and capture in one call, for each settlement.

        CAPTURED; GIVEN_BACK, with a Reason if accounting refused; REFUNDED. These are final. Otherwise UNKNOWN.
        """
        body = SpendRequests(
            items=[
                SpendRequest(
                    hold_id=one.settlement_id,
                    account_id=one.account_id,
                    amount_mg=one.amount_mg,
                    purpose=f"{purpose}:{one.settlement_id}",
                    expires_at=one.hold_expires_at,
                    title=_title(one),
                    to=one.capture_to,
                    spender=one.spender_id
                    and Spender(
                        account_id=one.spender_id, about=f"{purpose}:{one.subject}", agreement_id=one.agreement_id
                    ),
                )
                for one in settlements
            ]
        )
        response = await self._send("POST", _SPENDS, body)
        if isinstance(response, HoldReply):
            return [response] * len(settlements)
        if not response.is_success:
            return [HoldReply(HoldAnswer.UNKNOWN, f"http_{response.status_code}")] * len(settlements)
        try:
            items = SpentItems.model_validate_json(response.content).items
        except ValidationError:
            items = []
        by_id = {item.hold_id: _reply_of_spend(item) for item in items}
        missing = HoldReply(HoldAnswer.UNKNOWN, "unreadable_answer")
        return [by_id.get(one.settlement_id, missing) for one in settlements]

    async def refund(self, settlement: Settlement) -> HoldReply:
        """Give captured grams back. REFUNDED, or UNKNOWN."""
        response = await self._send("POST", f"{_HOLDS}/{settlement.settlement_id}/refund", None)
        return response if isinstance(response, HoldReply) else _reply_of(response)

    async def place(self, settlement: Settlement, *, purpose: str) -> HoldReply:
        """Place the hold. HELD; CAPTURED or GIVEN_BACK if it has ended already; REFUSED with the reason."""
        request = HoldRequest(
            hold_id=settlement.settlement_id,
            account_id=settlement.account_id,
            amount_mg=settlement.amount_mg,
            purpose=f"{purpose}:{settlement.settlement_id}",
            expires_at=settlement.hold_expires_at,
            title=_title(settlement),
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
        if reply.answer in {HoldAnswer.CAPTURED, HoldAnswer.REFUNDED, HoldAnswer.GIVEN_BACK}:
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
