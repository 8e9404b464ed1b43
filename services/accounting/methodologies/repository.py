"""SQL of the methodology library. Documents are added and never changed. A version can get an end date."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.methodologies.approvers import SHIPPED, Approvers
from services.accounting.methodologies.document import Factor, Methodology, canonical_json, content_sha256
from services.accounting.methodologies.models import factor, library_journal, methodology_version


async def add_methodology(session: AsyncSession, document: Methodology, by: Approvers = SHIPPED) -> str:
    """Store a version unless it exists, with an entry in the journal. Return the stored hash."""
    added = await session.execute(
        insert(methodology_version)
        .values(
            code=document.code,
            version=document.version,
            status="published",
            region=document.region,
            effective_from=document.effective_from,
            effective_to=document.effective_to,
            document=json.loads(canonical_json(document)),
            sha256=content_sha256(document),
        )
        .on_conflict_do_nothing()
        .returning(methodology_version.c.code)
    )
    if added.first() is not None:
        await _add_to_journal(session, "version", document.code, document.version, by, document=document)
    stored = await session.scalar(
        select(methodology_version.c.sha256).where(
            methodology_version.c.code == document.code, methodology_version.c.version == document.version
        )
    )
    return str(stored)


async def add_factor(session: AsyncSession, document: Factor, by: Approvers = SHIPPED) -> str:
    """Store the vintage of a factor unless it exists, with an entry in the journal. Return the stored hash."""
    added = await session.execute(
        insert(factor)
        .values(
            factor_id=document.id,
            vintage=document.vintage,
            document=json.loads(canonical_json(document)),
            sha256=content_sha256(document),
        )
        .on_conflict_do_nothing()
        .returning(factor.c.factor_id)
    )
    if added.first() is not None:
        await _add_to_journal(session, "factor", document.id, document.vintage, by, document=document)
    stored = await session.scalar(
        select(factor.c.sha256).where(factor.c.factor_id == document.id, factor.c.vintage == document.vintage)
    )
    return str(stored)


async def _add_to_journal(
    session: AsyncSession,
    kind: str,
    name: str,
    version: int,
    by: Approvers,
    *,
    document: Methodology | Factor | None = None,
    ends_on: date | None = None,
    retired: bool | None = None,
) -> None:
    await session.execute(
        insert(library_journal).values(
            kind=kind,
            name=name,
            version=version,
            sha256=content_sha256(document) if document is not None else None,
            document=json.loads(canonical_json(document)) if document is not None else None,
            ends_on=ends_on,
            retired=retired,
            proposed_by=by.proposed_by,
            approved_by=by.approved_by,
        )
    )


async def journal(session: AsyncSession) -> Sequence[Any]:
    """Return all entries, oldest first."""
    return (await session.execute(select(library_journal).order_by(library_journal.c.entry_id))).all()


async def lock(session: AsyncSession) -> None:
    """Lock the library for changes until the end of the transaction. Readers do not wait."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accounting.methodology_library'))"))


async def set_end(session: AsyncSession, code: str, version: int, effective_to: date | None, by: Approvers) -> None:
    await _add_to_journal(session, "end", code, version, by, ends_on=effective_to, retired=False)
    await _change_version(session, code, version, effective_to=effective_to)


async def retire(session: AsyncSession, code: str, version: int, ends_on: date, by: Approvers) -> None:
    await _add_to_journal(session, "end", code, version, by, ends_on=ends_on, retired=True)
    await _change_version(session, code, version, effective_to=ends_on, retired_from=ends_on, status="retired")


async def _change_version(session: AsyncSession, code: str, version: int, **values: Any) -> None:
    await session.execute(
        update(methodology_version)
        .where(methodology_version.c.code == code, methodology_version.c.version == version)
        .values(**values)
    )


# Changes with every row that anyone writes, also a superuser, and with its removal.
_FINGERPRINT = text(
    "SELECT (SELECT md5(coalesce(string_agg(m::text, '|' ORDER BY code, version), ''))"
    " FROM accounting.methodology_version m)"
    " || (SELECT md5(coalesce(string_agg(f::text, '|' ORDER BY factor_id, vintage), '')) FROM accounting.factor f)"
    " || (SELECT md5(coalesce(string_agg(j::text, '|' ORDER BY entry_id), '')) FROM accounting.library_journal j)"
)


async def fingerprint(session: AsyncSession) -> str:
    """Return a hash of the whole stored library with its journal. It takes some milliseconds."""
    return str(await session.scalar(_FINGERPRINT))


# Built once, because building a statement costs as much as running it.
_EDITION = select(
    func.count(),
    func.max(methodology_version.c.published_at),
    func.count(methodology_version.c.effective_to),
    func.max(methodology_version.c.effective_to),
    func.count().filter(methodology_version.c.status == "retired"),
)


async def edition(session: AsyncSession) -> tuple[Any, ...]:
    """Return a value that changes with the library. It is cheap enough for every poll."""
    return tuple((await session.execute(_EDITION)).one())


async def versions(session: AsyncSession) -> Sequence[Any]:
    query = select(methodology_version).order_by(methodology_version.c.code, methodology_version.c.version)
    return (await session.execute(query)).all()


async def factors(session: AsyncSession) -> Sequence[Any]:
    query = select(factor).order_by(factor.c.factor_id, factor.c.vintage)
    return (await session.execute(query)).all()
