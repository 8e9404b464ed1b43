"""Partners, remembered for a short while, and for longer while ingest cannot be reached."""

import asyncio
import time
from collections.abc import Mapping

from services.accounts.partners.client import IngestClient, Partner
from services.accounts.partners.errors import PartnerNotFound, PartnersUnavailable

TTL_S = 30
# While ingest is away one request in this many seconds pays for finding out whether it is back.
_RETRY_S = 2
_LIVE = "live"


class PartnerDirectory:
    """Bounded by what the client accepts. Whoever finds it too old refreshes it; the others take what there is."""

    def __init__(self, client: IngestClient) -> None:
        self._client = client
        self._partners: Mapping[str, Partner] | None = None
        self._ask_at = float("-inf")
        self._lock = asyncio.Lock()

    async def list_live(self) -> Mapping[str, Partner]:
        """Partners citizens may see and bind, by id; sandboxes are not among them. Raises PartnersUnavailable."""
        if time.monotonic() < self._ask_at:
            return self._known()
        if self._partners is not None and self._lock.locked():
            return self._partners
        async with self._lock:
            if time.monotonic() >= self._ask_at:
                await self._refresh()
        return self._known()

    async def get_partner(self, partner_id: str) -> Partner:
        """Raises PartnerNotFound, PartnersUnavailable."""
        partner = (await self.list_live()).get(partner_id)
        if partner is None:
            raise PartnerNotFound
        return partner

    def _known(self) -> Mapping[str, Partner]:
        if self._partners is None:
            raise PartnersUnavailable
        return self._partners

    async def _refresh(self) -> None:
        try:
            everyone = await self._client.fetch_partners()
        except PartnersUnavailable:
            self._ask_at = time.monotonic() + _RETRY_S
            return
        self._partners = {key: partner for key, partner in everyone.items() if partner.environment == _LIVE}
        self._ask_at = time.monotonic() + TTL_S
