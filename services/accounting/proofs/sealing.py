"""Sealing closed days. The trees of a local day are computed from streams of postings and activities."""

import asyncio
import secrets
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from services.accounting.checks import records
from services.accounting.database import SCHEMA
from services.accounting.digest_signer import DigestSigner
from services.accounting.ledger import history
from services.accounting.posting import versions
from services.accounting.proofs import digest_file, repository, trees
from services.accounting.proofs.domain import (
    DAY_SECRET_BYTES,
    RecordsStatement,
    Statement,
    day_span,
    statement_hash,
    statement_text,
)
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.digests_v1 import DAY_SEALED_TYPE, EVENT_SOURCE, Chain, DaySealed
from shared.contracts.envelope import event_headers
from shared.db import Session
from shared.eventlog import Record

SEAL_LOCK = "accounting.seal"

_log = structlog.get_logger(__name__)


async def seal_next_day(
    session: Session, *, time_zone: str, delay_s: int, signer: DigestSigner | None, topic: str = topics.DIGESTS
) -> date | None:
    """Seal the earliest closed day that is not sealed, if there is one, and return it. Timed job.

    A day is closed when no transaction that began before its end is open, at least `delay_s` after its end. Days
    without postings are sealed, too, so that the chain has no gaps. The digest is announced on `topic`.
    """
    if not await history.try_lock(session, name=SEAL_LOCK):
        return None
    newest = await repository.newest(session)
    if newest is not None:
        day: date = newest.day + timedelta(days=1)
    else:
        first = await _first_moment(session)
        if first is None:
            return None
        day = clock.local_date(first, time_zone)
    span = day_span(day, time_zone)
    if await history.settled_before(session) < span[1] + timedelta(seconds=delay_s):
        return None
    secret = secrets.token_bytes(DAY_SECRET_BYTES)
    postings = await trees.build(session, trees.posting_tree(secret), span)
    documents = await trees.hashed_documents(session)
    activities = await trees.build(session, trees.activity_tree(secret, documents), span)
    previous = newest.sha256 if newest is not None else None
    statement = statement_text(
        Statement(
            day=day,
            activities_root=activities.root().hex(),
            activities=activities.leaves,
            postings=postings.leaves,
            previous=previous,
            root=postings.root().hex(),
            time_zone=time_zone,
        )
    )
    signed = (signer.public_key, signer.sign(statement)) if signer else (None, None)
    await repository.add_digest(
        session,
        day=day,
        statement=statement,
        sha256=statement_hash(statement),
        previous=previous,
        postings=postings.leaves,
        activities=activities.leaves,
        secret=secret,
        public_key=signed[0],
        signature=signed[1],
    )
    await repository.add_blocks(session, day, postings.blocks)
    await repository.add_activity_blocks(session, day, activities.blocks)
    await outbox.add(session, SCHEMA, topic, [_announcement("postings", day, statement, signed)])
    _log.info(
        "day_sealed", day=str(day), postings=postings.leaves, activities=activities.leaves, signed=signer is not None
    )
    return day


async def seal_next_records(
    session: Session, *, time_zone: str, delay_s: int, signer: DigestSigner | None, topic: str = topics.DIGESTS
) -> date | None:
    """Seal the records of operators of the earliest closed day that is not sealed. Timed job. See `seal_next_day`."""
    if not await history.try_lock(session, name=SEAL_LOCK):
        return None
    newest = await repository.newest_records(session)
    if newest is not None:
        day: date = newest.day + timedelta(days=1)
    else:
        first = await records.first_recorded_at(session)
        if first is None:
            return None
        day = clock.local_date(first, time_zone)
    span = day_span(day, time_zone)
    if await history.settled_before(session) < span[1] + timedelta(seconds=delay_s):
        return None
    secret = secrets.token_bytes(DAY_SECRET_BYTES)
    tree = await trees.build(session, trees.record_tree(secret), span)
    previous = newest.sha256 if newest is not None else None
    root = tree.root().hex()
    statement = statement_text(
        RecordsStatement(day=day, previous=previous, records=tree.leaves, root=root, time_zone=time_zone)
    )
    signed = (signer.public_key, signer.sign(statement)) if signer else (None, None)
    await repository.add_record_digest(
        session,
        day=day,
        statement=statement,
        sha256=statement_hash(statement),
        previous=previous,
        records=tree.leaves,
        secret=secret,
        public_key=signed[0],
        signature=signed[1],
    )
    await outbox.add(session, SCHEMA, topic, [_announcement("records", day, statement, signed)])
    _log.info("records_sealed", day=str(day), records=tree.leaves, signed=signer is not None)
    return day


async def append_digests(session: Session, *, path: Path) -> int:
    """Append sealed digests to the file that does not have them yet. Return their number. Timed job."""
    found = [_sealed("postings", row) for row in await repository.all_digests(session)]
    found += [_sealed("records", row) for row in await repository.all_record_digests(session)]
    found.sort(key=lambda digest: (digest.day, digest.chain))
    return await asyncio.to_thread(digest_file.append_missing, path, found)


def _sealed(chain: Chain, row: Any) -> DaySealed:
    return DaySealed(
        chain=chain,
        day=row.day,
        statement=row.statement,
        sha256=row.sha256,
        public_key=row.public_key,
        signature=row.signature,
        sealed_at=row.sealed_at,
    )


async def _first_moment(session: Session) -> datetime | None:
    moments = (await history.first_posted_at(session), await versions.first_recorded_at(session))
    return min((moment for moment in moments if moment is not None), default=None)


def _announcement(chain: Chain, day: date, statement: str, signed: tuple[str | None, str | None]) -> Record:
    sealed = DaySealed(
        chain=chain,
        day=day,
        statement=statement,
        sha256=statement_hash(statement),
        public_key=signed[0],
        signature=signed[1],
        sealed_at=clock.now(),
    )
    headers = event_headers(f"{chain}:{day}", source=EVENT_SOURCE, event_type=DAY_SEALED_TYPE, at=sealed.sealed_at)
    return Record(key=chain.encode(), value=msgspec.json.encode(sealed), headers=headers)
