"""Partners and keys in memory, so that the accept path needs no database.

Reloaded in full on every NOTIFY and once a second as a fallback. While the database is away the registry serves what it
has. After 30 s the process reports itself unready, because a revoked key would still be accepted.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

import structlog

from services.ingest.partners import repository
from services.ingest.partners.changes import ChangeListener
from services.ingest.partners.domain import Allowance, KeyInterval, Partner
from services.ingest.partners.errors import PartnersUnknown
from services.ingest.partners.keys import Key, key_of
from services.ingest.partners.proof import begin_snapshot, find_unproved, opener
from services.ingest.partners.provenance import Unproved
from shared.auth.signers import KeyUnusable
from shared.db import Database, Session
from shared.sealing import SealBroken, Sealer

REFRESH_EVERY_S = 1.0
REFRESH_TIMEOUT_S = 5.0
STALE_AFTER_S = 30.0

_Rows = tuple[repository.Row, list[repository.Row]]
"""A partner's row and those of its keys."""

_log = structlog.get_logger(__name__)


def key_place(app_key: str) -> str:
    return f"partner_key/{app_key}/secret"


def partner_place(partner_id: str, name: str) -> str:
    return f"partner/{partner_id}/{name}"


class RegistryStale(Exception):
    """The registry was not reloaded for STALE_AFTER_S."""


class PartnerRegistry:
    def __init__(self, database: Database, sealer: Sealer, changes: ChangeListener) -> None:
        self._opens = opener(sealer)
        self._proved: dict[str, _Rows] = {}
        self._refused: set[tuple[str, str | None]] = set()
        self._database, self._sealer, self._changes = database, sealer, changes
        self._partners: Mapping[str, Partner] = {}
        self._keys: Mapping[str, Key] = {}
        self._rows: dict[str, tuple[repository.Row, Key]] = {}
        self._loaded_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load once, then keep reloading. The start succeeds also while the database is away."""
        await self._try_refresh()
        self._changes.start()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        await self._changes.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._changes.wait(timeout_s=REFRESH_EVERY_S)
            await self._try_refresh()

    async def _try_refresh(self) -> None:
        try:
            async with asyncio.timeout(REFRESH_TIMEOUT_S):
                await self.refresh()
        except Exception as exc:
            _log.warning("partners_not_refreshed", error=repr(exc)[:300])

    async def refresh(self) -> None:
        """Reload everything. A secret that cannot be opened disables its key or partner, not the others.

        A partner or key that its records do not prove is left out, like an unknown one.
        """
        async with self._database.transaction() as session:
            await begin_snapshot(session)
            partner_rows = await repository.all_partners(session)
            key_rows = await repository.all_keys(session)
            refused = await self._unproved(session, partner_rows, key_rows)
        partner_rows = [row for row in partner_rows if (row["partner_id"], None) not in refused]
        key_rows = [row for row in key_rows if (row["partner_id"], row["app_key"]) not in refused]
        partners: dict[str, Partner] = {}
        keys: dict[str, Key] = {}
        for row in partner_rows:
            try:
                partners[row["partner_id"]] = self._partner(row)
            except SealBroken as exc:
                _log.error("partner_secret_does_not_open", place=str(exc))
        for row in key_rows:
            try:
                keys[row["app_key"]] = self._key(row)
            except SealBroken as exc:
                _log.error("partner_secret_does_not_open", place=str(exc))
            except KeyUnusable as exc:
                _log.error("partner_key_unusable", app_key=row["app_key"], error=str(exc))
        self._partners = partners
        self._keys = {name: key for name, key in keys.items() if key.partner_id in partners}
        self._rows = {name: (row, keys[name]) for row in key_rows if (name := row["app_key"]) in keys}
        self._loaded_at = time.monotonic()

    async def _unproved(
        self, session: Session, partners: Sequence[repository.Row], keys: Sequence[repository.Row]
    ) -> set[tuple[str, str | None]]:
        """Return partners (id, None) and keys (id, app_key) that their records do not prove.

        Only partners whose rows changed since they were proved are looked at. Nothing is read while none changed.
        """
        rows: dict[str, _Rows] = {row["partner_id"]: (row, []) for row in partners}
        for key in keys:
            if key["partner_id"] in rows:
                rows[key["partner_id"]][1].append(key)
        doubtful = {name for name, one in rows.items() if self._proved.get(name) != one}
        found: list[Unproved] = []
        if doubtful:
            found = await find_unproved(
                session,
                [row for row in partners if row["partner_id"] in doubtful],
                [row for row in keys if row["partner_id"] in doubtful],
                partner_ids=doubtful,
                opens=self._opens,
            )
        refused = {(one.partner_id, one.app_key) for one in found}
        for one in found:
            if (one.partner_id, one.app_key) not in self._refused:
                _log.error("partner_not_proved", partner=one.partner_id, app_key=one.app_key, reason=one.text.en)
        self._refused = refused
        self._proved = {name: one for name, one in rows.items() if name not in {partner for partner, _ in refused}}
        return refused

    def _partner(self, row: repository.Row) -> Partner:
        partner_id = row["partner_id"]
        pepper, oauth = row["phone_pepper_sealed"], row["oauth_sealed"]
        opened = self._sealer.open(oauth, partner_place(partner_id, "oauth")) if oauth is not None else None
        return Partner(
            partner_id=partner_id,
            name=row["name"],
            name_en=row["name_en"],
            source=row["source"],
            scenes=tuple(row["scenes"]),
            event_types=frozenset(row["event_types"]),
            cities=frozenset(row["cities"]),
            late_window_s=row["late_window_s"],
            binding_modes=tuple(row["binding_modes"]),
            environment=row["environment"],
            phone_pepper=self._sealer.open(pepper, partner_place(partner_id, "phone_pepper")) if pepper else None,
            oauth=json.loads(opened) if opened is not None else None,
            status=row["status"],
            allowance=Allowance(**{name: row[name] for name in Allowance.__slots__}),
            allowed_networks=tuple(ip_network(text) for text in row["allowed_networks"]),
        )

    def _key(self, row: repository.Row) -> Key:
        """Reuse an unchanged key: decrypting and parsing all keys every second would be expensive."""
        before = self._rows.get(row["app_key"])
        if before is not None and before[0] == row:
            return before[1]
        sealed = row["secret_sealed"]
        material = row["public_key"] if sealed is None else self._sealer.open(sealed, key_place(row["app_key"]))
        return key_of(
            app_key=row["app_key"],
            partner_id=row["partner_id"],
            algorithm=row["algorithm"],
            environment=row["environment"],
            material=material,
            rule=row["rule"],
            interval=KeyInterval(row["not_before"], row["not_after"], row["revoked_at"]),
        )

    async def check_fresh(self) -> None:
        """Raises RegistryStale."""
        if self._loaded_at is None or time.monotonic() - self._loaded_at > STALE_AFTER_S:
            raise RegistryStale

    def partners(self) -> list[Partner]:
        """Raises PartnersUnknown before the first successful load."""
        self._require_loaded()
        return list(self._partners.values())

    def has_partner(self, partner_id: str) -> bool:
        """Raises PartnersUnknown before the first successful load."""
        self._require_loaded()
        return partner_id in self._partners

    def partner(self, partner_id: str) -> Partner:
        """The partner of a key from this registry."""
        return self._partners[partner_id]

    def key(self, app_key: str) -> Key | None:
        """None if there is no such key. Raises PartnersUnknown before the first successful load."""
        self._require_loaded()
        return self._keys.get(app_key)

    def keys_of(self, partner_id: str) -> list[Key]:
        """All keys of a partner that are not unknown, in the order of their names."""
        return sorted((key for key in self._keys.values() if key.partner_id == partner_id), key=lambda one: one.app_key)

    def _require_loaded(self) -> None:
        if self._loaded_at is None:
            raise PartnersUnknown
