"""The accounting service's holds, as this service hears them. Nothing here raises: silence is an answer too."""

from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from services.rewards.settlement.domain import Heard, Reason, Settlement
from shared.contracts.holds import CaptureRequest, HoldRequest, HoldState
from shared.httpclient import ServiceAuth

_HOLDS: Final = "/internal/accounting/holds"
_HEARD: Final = {
    "held": Heard.HELD,
    "captured": Heard.CAPTURED,
    "voided": Heard.GIVEN_BACK,
    "expired": Heard.GIVEN_BACK,
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """`detail` is a Reason when refused, and what went wrong when nothing was heard."""

    heard: Heard
    detail: str = ""


def _code(response: httpx.Response) -> str:
    try:
        document: Any = response.json()
    except ValueError:
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""


def _state(response: httpx.Response) -> Answer:
    try:
        return Answer(_HEARD[HoldState.model_validate_json(response.content).status])
    except ValidationError:
        return Answer(Heard.NOTHING, "unreadable_answer")


class Holds:
    def __init__(self, client: httpx.AsyncClient, auth: ServiceAuth) -> None:
        self._client, self._auth = client, auth

    async def place(self, settlement: Settlement, *, purpose: str) -> Answer:
        """HELD, or CAPTURED and GIVEN_BACK when this id has gone further already; REFUSED with the reason."""
        request = HoldRequest(
            hold_id=settlement.settlement_id,
            account_id=settlement.account_id,
            amount_mg=settlement.amount_mg,
            purpose=f"{purpose}:{settlement.settlement_id}",
            expires_at=settlement.hold_expires_at,
        )
        response = await self._send("POST", _HOLDS, request)
        if isinstance(response, Answer):
            return response
        if response.status_code != httpx.codes.CONFLICT:
            return _judged(response)
        if _code(response) == Reason.INSUFFICIENT_BALANCE:
            return Answer(Heard.REFUSED, Reason.INSUFFICIENT_BALANCE)
        return await self._after_conflict(settlement, refused=Reason.HOLD_REFUSED, code=_code(response))

    async def capture(self, settlement: Settlement) -> Answer:
        """CAPTURED, or GIVEN_BACK; REFUSED when the hold is past its time but nobody has expired it yet."""
        path = f"{_HOLDS}/{settlement.settlement_id}/capture"
        response = await self._send("POST", path, CaptureRequest(to=settlement.capture_to))
        if isinstance(response, Answer):
            return response
        if response.status_code != httpx.codes.CONFLICT:
            return _judged(response)
        return await self._after_conflict(settlement, refused=Reason.SETTLEMENT_TIMED_OUT, code=_code(response))

    async def void(self, settlement: Settlement) -> Answer:
        """GIVEN_BACK, also when there was no hold yet: a late one is then refused. CAPTURED when that came first."""
        response = await self._send("POST", f"{_HOLDS}/{settlement.settlement_id}/void", None)
        if isinstance(response, Answer):
            return response
        if response.status_code != httpx.codes.CONFLICT:
            return _judged(response)
        return await self._after_conflict(settlement, refused=None, code=_code(response))

    async def _after_conflict(self, settlement: Settlement, *, refused: Reason | None, code: str) -> Answer:
        """A conflict says that the hold is not where we thought: the hold itself says where it is."""
        response = await self._send("GET", f"{_HOLDS}/{settlement.settlement_id}", None)
        if isinstance(response, Answer):
            return response
        answer = _judged(response)
        if answer.heard in {Heard.CAPTURED, Heard.GIVEN_BACK}:
            return answer
        known = answer.heard is Heard.HELD or response.status_code == httpx.codes.NOT_FOUND
        if known and refused is not None:
            _log.warning("hold_refused", settlement_id=str(settlement.settlement_id), code=code)
            return Answer(Heard.REFUSED, refused)
        return Answer(Heard.NOTHING, f"conflict_{code}"[:100])

    async def _send(self, method: str, path: str, body: BaseModel | None) -> httpx.Response | Answer:
        try:
            return await self._client.request(
                method, path, json=None if body is None else body.model_dump(mode="json"), auth=self._auth
            )
        except httpx.HTTPError as exc:
            return Answer(Heard.NOTHING, type(exc).__name__)


def _judged(response: httpx.Response) -> Answer:
    if response.is_success:
        return _state(response)
    return Answer(Heard.NOTHING, f"http_{response.status_code}")
