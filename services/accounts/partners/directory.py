"""Cache of the partner registry: 30 seconds, and longer while ingest does not answer."""

import asyncio
import time
from collections.abc import Mapping

from services.accounts.partners.client import IngestClient
from services.accounts.partners.domain import Partner
from services.accounts.partners.errors import PartnerNotFound, PartnersUnavailable

TTL_S = 30
# While ingest does not answer, one request in this many seconds tries it again and waits for the result.
_RETRY_S = 2
_LIVE = "live"


class PartnerDirectory:
    """One caller refreshes an expired list. Meanwhile the others use the old list. The client bounds its size."""

    def __init__(self, client: IngestClient) -> None:
        self._client = client
        self._partners: Mapping[str, Partner] | None = None
        self._refresh_at = float("-inf")
        self._lock = asyncio.Lock()

    async def list_live(self) -> Mapping[str, Partner]:
        """List the partners that citizens may see and bind, by id, without sandboxes. Raises PartnersUnavailable."""
        if time.monotonic() < self._refresh_at:
            return self._loaded()
        if self._partners is not None and self._lock.locked():
            return self._partners
        async with self._lock:
            if time.monotonic() >= self._refresh_at:
                await self._refresh()
        return self._loaded()

    async def get_partner(self, partner_id: str) -> Partner:
        """Return a live partner. Raises PartnerNotFound, PartnersUnavailable."""
        partner = (await self.list_live()).get(partner_id)
        if partner is None:
            raise PartnerNotFound
        return partner

    def _loaded(self) -> Mapping[str, Partner]:
        if self._partners is None:
            raise PartnersUnavailable
        return self._partners

    async def _refresh(self) -> None:
        try:
            partners = await self._client.fetch_partners()
        except PartnersUnavailable:
            self._refresh_at = time.monotonic() + _RETRY_S
            return
        self._partners = {key: partner for key, partner in partners.items() if partner.environment == _LIVE}
        self._refresh_at = time.monotonic() + TTL_S
