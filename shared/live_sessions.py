"""Asks accounts whether sessions live. Questions that arrive while one is under way go together in the next.

An access token is valid for its 30 minutes. Log-out must end spending at once, so a token alone is not enough. A
service that uses `LiveCitizen` sets `app.state.session_checks`.
"""

import asyncio
from typing import Annotated, Any

import httpx
import structlog
from fastapi import Depends, Request

from shared import sentences
from shared.auth.tokens import Citizen, CitizenIdentity
from shared.errors import Unauthenticated, Unavailable
from shared.httpclient import ServiceAuth

_PATH = "/internal/accounts/sessions/live"
# As many as accounts takes in one call.
TOGETHER_MAX = 200
# Beyond this accounts is too slow, and more questions would only wait.
WAITING_MAX = 2_000

_log = structlog.get_logger(__name__)
_Question = tuple[CitizenIdentity, "asyncio.Future[bool]"]


class SessionEnded(Unauthenticated):
    code = "SESSION_ENDED"
    says = sentences.SESSION_ENDED


class SessionChecks:
    def __init__(self, client: httpx.AsyncClient, auth: ServiceAuth) -> None:
        self._client, self._auth = client, auth
        self._waiting: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None

    async def require_live(self, citizen: CitizenIdentity) -> None:
        """Raises SessionEnded, Unavailable (accounts does not answer)."""
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable(retry_after_s=1)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((citizen, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        if not await answer:
            raise SessionEnded

    async def _ask_all(self) -> None:
        while self._waiting:
            questions, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            try:
                live = await self._ask([citizen for citizen, _ in questions])
            except Exception as exc:
                _log.warning("sessions_not_checked", error=repr(exc)[:300])
                for _, answer in questions:
                    if not answer.done():
                        answer.set_exception(Unavailable(retry_after_s=1))
            else:
                for (_, answer), is_live in zip(questions, live, strict=True):
                    if not answer.done():
                        answer.set_result(is_live)

    async def _ask(self, citizens: list[CitizenIdentity]) -> list[bool]:
        tokens = [{"user_id": str(citizen.user_id), "token_id": citizen.token_id} for citizen in citizens]
        response = await self._client.post(_PATH, json={"tokens": tokens}, auth=self._auth)
        response.raise_for_status()
        live: Any = response.json()["live"]
        if not isinstance(live, list) or len(live) != len(citizens) or not all(isinstance(one, bool) for one in live):
            raise ValueError("unreadable answer")
        return live


async def _live_citizen(request: Request, citizen: Citizen) -> CitizenIdentity:
    checks: SessionChecks = request.app.state.session_checks
    await checks.require_live(citizen)
    return citizen


LiveCitizen = Annotated[CitizenIdentity, Depends(_live_citizen)]
"""The citizen of a request that spends grams or lets others spend them: the token is valid and its session lives."""
