"""SQL of the methodology library. Documents are added and never changed. A version can get an end date."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.methodologies.document import Factor, Methodology, canonical_json, content_sha256
from services.accounting.methodologies.models import factor, methodology_version


async def add_methodology(session: AsyncSession, document: Methodology) -> str:
    """Store a version unless it exists. Return the stored hash."""
    await session.execute(
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
    )
    stored = await session.scalar(
        select(methodology_version.c.sha256).where(
            methodology_version.c.code == document.code, methodology_version.c.version == document.version
        )
    )
    return str(stored)


async def add_factor(session: AsyncSession, document: Factor) -> str:
    """Store the vintage of a factor unless it exists. Return the stored hash."""
    await session.execute(
        insert(factor)
        .values(
            factor_id=document.id,
            vintage=document.vintage,
            document=json.loads(canonical_json(document)),
            sha256=content_sha256(document),
        )
        .on_conflict_do_nothing()
    )
    stored = await session.scalar(
        select(factor.c.sha256).where(factor.c.factor_id == document.id, factor.c.vintage == document.vintage)
    )
    return str(stored)


async def lock(session: AsyncSession) -> None:
    """Lock the library for changes until the end of the transaction. Readers do not wait."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accounting.methodology_library'))"))


async def set_end(session: AsyncSession, code: str, version: int, effective_to: date | None) -> None:
    await _change_version(session, code, version, effective_to=effective_to)


async def retire(session: AsyncSession, code: str, version: int, ends_on: date) -> None:
    await _change_version(session, code, version, effective_to=ends_on, retired_from=ends_on, status="retired")


async def _change_version(session: AsyncSession, code: str, version: int, **values: Any) -> None:
    await session.execute(
        update(methodology_version)
        .where(methodology_version.c.code == code, methodology_version.c.version == version)
        .values(**values)
    )


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
