"""A client of the internal routes of holds, as rewards calls them."""

import uuid
from datetime import timedelta

import httpx

from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.reports import Reports
from tests.tokens import service_token


class Holds:
    def __init__(self, accounting: Accounting) -> None:
        self._client = accounting.client

    async def call(
        self, method: str, path: str, body: object = None, *, caller: str = "rewards", resource: str = "holds"
    ) -> httpx.Response:
        token = service_token(caller, "accounting")
        return await self._client.request(
            method,
            f"/internal/accounting/{resource}{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        )

    async def place(
        self,
        person: Reports,
        amount_mg: int,
        hold_id: uuid.UUID | None = None,
        changes: dict[str, object] | None = None,
    ) -> httpx.Response:
        body = {
            "hold_id": str(hold_id or uuid.uuid4()),
            "account_id": str(person.account_id),
            "amount_mg": amount_mg,
            "purpose": "order:1",
            "expires_at": (clock.now() + timedelta(minutes=5)).isoformat(),
            **(changes or {}),
        }
        return await self.call("POST", "", body)
