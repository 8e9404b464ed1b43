"""Revokes the tokens of ended bindings at the partners (RFC 7009), outside every transaction."""

import asyncio
import contextlib
import json
from datetime import timedelta

import structlog

from services.accounts.authorizations import domain, repository
from services.accounts.authorizations.models import PartnerGrant
from services.accounts.partners.directory import PartnerDirectory
from services.accounts.partners.errors import PartnerNotFound, PartnersUnavailable
from services.accounts.partners.oauth import PartnerOauth, RevocationFailed
from services.accounts.vault import Vault
from shared import clock
from shared.db import Database
from shared.sealing import SealBroken

IDLE_S = 5.0
AT_ONCE = 8
# Above the deadline of the calls for one grant. A worker that dies leaves its grants to the next one after this time.
_LEASE = timedelta(seconds=60)

_log = structlog.get_logger(__name__)


class RevocationRunner:
    """Runs until stopped. Several processes may run one each."""

    def __init__(self, database: Database, *, vault: Vault, partners: PartnerDirectory, oauth: PartnerOauth) -> None:
        self._database, self._vault, self._partners, self._oauth = database, vault, partners, oauth

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            found = 0
            try:
                found = await self.run_once()
            except Exception as exc:
                _log.warning("revocations_not_run", error=repr(exc)[:300])
            if not found:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), IDLE_S)

    async def run_once(self) -> int:
        """Try the grants that are due once. Return their number."""
        async with self._database.transaction() as session:
            rows = await repository.claim_due(session, at=clock.now(), lease=_LEASE, limit=AT_ONCE)
        await asyncio.gather(*(self._end(row) for row in rows))
        return len(rows)

    async def _end(self, row: PartnerGrant) -> None:
        try:
            await self._revoke(row)
        except (RevocationFailed, PartnersUnavailable, PartnerNotFound) as failed:
            pause = domain.retry_delay(row.attempts)
            _log.warning("grant_not_revoked", partner=row.partner_id, attempts=row.attempts, error=str(failed)[:100])
            if pause is not None:
                async with self._database.transaction() as session:
                    await repository.set_next_attempt(session, grant_id=row.grant_id, at=clock.now() + pause)
                return
            _log.error("grant_given_up", partner=row.partner_id, grant_id=str(row.grant_id))
        except SealBroken:  # the key of the person was destroyed
            _log.error("grant_unreadable", partner=row.partner_id, grant_id=str(row.grant_id))
        async with self._database.transaction() as session:
            await repository.delete_grant(session, grant_id=row.grant_id)

    async def _revoke(self, row: PartnerGrant) -> None:
        """Raises RevocationFailed, PartnersUnavailable, PartnerNotFound, SealBroken."""
        partner = await self._partners.get_partner(row.partner_id)
        if partner.oauth is None:
            raise PartnerNotFound
        tokens = json.loads(self._vault.unseal("partner_tokens", row.user_id, row.tokens_sealed))
        for kind, token in tokens.items():
            await self._oauth.revoke(partner.oauth, kind=kind, token=token)
