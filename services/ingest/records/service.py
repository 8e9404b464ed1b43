"""Use cases of the records: seal them every day, and check seals, partners and keys."""

import asyncio
from collections.abc import Collection
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Final

from services.ingest.database import SCHEMA
from services.ingest.partners import proof
from services.ingest.partners.provenance import Opens
from services.ingest.records import repository
from services.ingest.records.domain import RecordFinding, differs, unaudited_facts
from services.ingest.records.models import record_digest
from shared.contracts import topics
from shared.contracts.digests_v1 import INGEST_EVENT_SOURCE
from shared.db import Session
from shared.language import Text
from shared.seals import digest_file
from shared.seals.findings import compare_copy
from shared.seals.record_chain import RecordChain
from shared.seals.records import Records, Source
from shared.seals.signer import DigestSigner

_SOURCES: Final = (
    Source("audit_log", "at", "entry_id::text", "entry_id at subject action object reason before after"),
    Source("partner_record", "at", "entry_id::text", "entry_id at kind name partner_id facts"),
    Source(
        "approval", "proposed_at", "'proposed ' || proposal_id", "proposal_id kind subject content reason proposed_by"
    ),
    Source("approval", "decided_at", "'decided ' || proposal_id", "proposal_id status decided_by"),
)
CHAIN: Final = RecordChain(
    SCHEMA,
    record_digest,
    Records(SCHEMA, _SOURCES),
    name="partners",
    source=INGEST_EVENT_SOURCE,
    lock="ingest.seal",
)


async def seal_next_day(
    session: Session, *, time_zone: str, delay_s: int, signer: DigestSigner | None, topic: str = topics.INGEST_DIGESTS
) -> date | None:
    """Seal the earliest closed day that is not sealed, if there is one, and return it. Timed job."""
    return await CHAIN.seal_next(session, time_zone=time_zone, delay_s=delay_s, signer=signer, topic=topic)


async def append_digests(session: Session, *, path: Path) -> int:
    """Append sealed digests to the file that does not have them yet. Return their number. Timed job."""
    return await asyncio.to_thread(digest_file.append_missing, path, await CHAIN.sealed_days(session))


async def newest_day(session: Session) -> date | None:
    """Return the newest sealed day."""
    newest = await CHAIN.newest(session)
    return newest.day if newest is not None else None


async def check_seals(session: Session, *, copy: Path | None = None, keys: Collection[str] = ()) -> list[RecordFinding]:
    """Recompute every sealed day, and compare the digests with the copy in the file.

    With `keys`, every day must be signed with one of them.
    """
    findings = await CHAIN.check(session, keys)
    if copy is not None:
        findings += await compare_copy(copy, await CHAIN.sealed_days(session))
    return [RecordFinding(one.text, day=one.day) for one in findings]


async def check_partners(session: Session, *, opens: Opens | None) -> list[RecordFinding]:
    """Return partners, keys and webhook addresses that do not follow from the audit log and the approvals.

    Call it first in its transaction: it reads one snapshot.
    """
    await proof.begin_snapshot(session)
    findings = [
        RecordFinding(one.text, one.partner_id, one.app_key)
        for one in await proof.find_all_unproved(session, opens=opens)
    ]
    for row in await repository.rows_with_records(session):
        if differs(row.stored, row.facts):
            text = Text(
                "与最后一次记录不符，绕过触发器改动", "differs from its newest record: changed past the trigger"
            )
            findings.append(RecordFinding(text, row.partner_id, row.name if row.kind == "key" else None, at=row.at))
    return findings + await _unaudited(session)


async def _unaudited(session: Session) -> list[RecordFinding]:
    rows = await repository.histories_with_unaudited_changes(session)
    findings = []
    for (kind, name), group in groupby(rows, key=lambda row: (row.kind, row.name)):
        history = list(group)
        if facts := unaudited_facts([(row.facts, row.audited) for row in history]):
            names = ", ".join(facts)
            text = Text(f"改动没有审计记录：{names}", f"changed without an entry in the audit log: {names}")
            at = next(row.at for row in history if not row.audited)
            findings.append(RecordFinding(text, history[-1].partner_id, name if kind == "key" else None, at=at))
    return findings
