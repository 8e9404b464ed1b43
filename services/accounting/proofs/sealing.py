"""Sealing closed days. The trees of a local day are computed from streams of postings and activities."""

import asyncio
import secrets
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from services.accounting.checks.records import OPERATORS_RECORDS
from services.accounting.database import SCHEMA
from services.accounting.ledger import history
from services.accounting.posting import versions
from services.accounting.proofs import repository, trees
from services.accounting.proofs.domain import Statement
from services.accounting.proofs.models import record_digest
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.digests_v1 import EVENT_SOURCE, DaySealed
from shared.db import Session
from shared.seals import digest_file
from shared.seals.announcing import announcement, sealed_day
from shared.seals.record_chain import RecordChain
from shared.seals.signer import DigestSigner, signed_by
from shared.seals.statements import DAY_SECRET_BYTES, day_span, statement_hash, statement_text

SEAL_LOCK: Final = "accounting.seal"
RECORDS: Final = RecordChain(
    SCHEMA, record_digest, OPERATORS_RECORDS, name="records", source=EVENT_SOURCE, lock=SEAL_LOCK
)

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
    sealed = _sealed_now(day, statement, signer)
    await repository.add_digest(
        session,
        day=day,
        statement=statement,
        sha256=sealed.sha256,
        previous=previous,
        postings=postings.leaves,
        activities=activities.leaves,
        secret=secret,
        public_key=sealed.public_key,
        signature=sealed.signature,
    )
    await repository.add_blocks(session, day, postings.blocks)
    await repository.add_activity_blocks(session, day, activities.blocks)
    await outbox.add(session, SCHEMA, topic, [announcement(sealed, source=EVENT_SOURCE)])
    _log.info(
        "day_sealed", day=str(day), postings=postings.leaves, activities=activities.leaves, signed=signer is not None
    )
    return day


def _sealed_now(day: date, statement: str, signer: DigestSigner | None) -> DaySealed:
    public_key, signature = signed_by(signer, statement)
    return DaySealed(
        chain="postings",
        day=day,
        statement=statement,
        sha256=statement_hash(statement),
        public_key=public_key,
        signature=signature,
        sealed_at=clock.now(),
    )


async def seal_next_records(
    session: Session, *, time_zone: str, delay_s: int, signer: DigestSigner | None, topic: str = topics.DIGESTS
) -> date | None:
    """Seal the records of operators of the earliest closed day that is not sealed. Timed job. See `seal_next_day`."""
    return await RECORDS.seal_next(session, time_zone=time_zone, delay_s=delay_s, signer=signer, topic=topic)


async def all_digests(session: Session) -> list[DaySealed]:
    """Return the digests of both chains as they were announced, the oldest first."""
    found = [sealed_day("postings", row) for row in await repository.all_digests(session)]
    found += await RECORDS.sealed_days(session)
    return sorted(found, key=lambda digest: (digest.day, digest.chain))


async def append_digests(session: Session, *, path: Path) -> int:
    """Append sealed digests to the file that does not have them yet. Return their number. Timed job."""
    return await asyncio.to_thread(digest_file.append_missing, path, await all_digests(session))


async def _first_moment(session: Session) -> datetime | None:
    moments = (await history.first_posted_at(session), await versions.first_recorded_at(session))
    return min((moment for moment in moments if moment is not None), default=None)
