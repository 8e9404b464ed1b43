"""SQL of partners and keys."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.partners.models import partner, partner_key, proposed_secret

# A city has dozens of partners. The registry keeps all of them in memory, so their number must be bounded.
PARTNERS_MAX = 2_000
KEYS_MAX = 10_000

Row = Mapping[str, Any]


async def begin_snapshot(session: AsyncSession) -> None:
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


async def records_began_at(session: AsyncSession) -> datetime | None:
    """Return the time of the first record: of the migration, if partners existed."""
    found: datetime | None = await session.scalar(
        text("SELECT at FROM ingest.partner_record ORDER BY entry_id LIMIT 1")
    )
    return found


async def all_partners(session: AsyncSession) -> Sequence[Row]:
    rows = await session.execute(select(partner).order_by(partner.c.partner_id).limit(PARTNERS_MAX))
    return [dict(row) for row in rows.mappings()]


async def all_keys(session: AsyncSession) -> Sequence[Row]:
    rows = await session.execute(select(partner_key).order_by(partner_key.c.created_at.desc()).limit(KEYS_MAX))
    return [dict(row) for row in rows.mappings()]


async def list_partners(session: AsyncSession, partner_id: str, limit: int) -> Sequence[Row]:
    query = select(partner).where(partner.c.partner_id > partner_id).order_by(partner.c.partner_id).limit(limit)
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def find_partner(session: AsyncSession, partner_id: str, *, lock: bool = False) -> Row | None:
    query = select(partner).where(partner.c.partner_id == partner_id)
    row = (await session.execute(query.with_for_update() if lock else query)).mappings().one_or_none()
    return dict(row) if row is not None else None


async def keys_of(session: AsyncSession, partner_ids: Sequence[str]) -> Sequence[Row]:
    """Newest first."""
    query = (
        select(partner_key)
        .where(partner_key.c.partner_id.in_(partner_ids))
        .order_by(partner_key.c.created_at.desc(), partner_key.c.app_key)
        .limit(KEYS_MAX)
    )
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def add_partner(session: AsyncSession, values: Row) -> bool:
    """False if the id is taken."""
    statement = insert(partner).values(**values).on_conflict_do_nothing(index_elements=[partner.c.partner_id])
    return (await session.execute(statement.returning(partner.c.partner_id))).first() is not None


async def change_partner(session: AsyncSession, partner_id: str, values: Row) -> None:
    statement = update(partner).where(partner.c.partner_id == partner_id)
    await session.execute(statement.values(**values, updated_at=func.clock_timestamp()))


async def add_key(session: AsyncSession, values: Row) -> bool:
    """False if the app_key is taken, by this or another partner."""
    statement = insert(partner_key).values(**values).on_conflict_do_nothing(index_elements=[partner_key.c.app_key])
    return (await session.execute(statement.returning(partner_key.c.app_key))).first() is not None


async def change_key(session: AsyncSession, app_key: str, values: Row) -> None:
    await session.execute(update(partner_key).where(partner_key.c.app_key == app_key).values(**values))


async def upsert_partners(session: AsyncSession, rows: Sequence[Row]) -> None:
    statement = insert(partner)
    kept = {"partner_id", "updated_at", "status"}  # a seed does not lift a suspension
    changed = {c.name: statement.excluded[c.name] for c in partner.c if c.name not in kept}
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[partner.c.partner_id], set_={**changed, "updated_at": func.clock_timestamp()}
        ),
        [dict(row) for row in rows],
    )


async def sources_of_others(session: AsyncSession, sources: Mapping[str, str]) -> list[str]:
    """Which of `sources` (source to partner id) another partner has registered."""
    rows = await session.execute(
        select(partner.c.source, partner.c.partner_id).where(partner.c.source.in_(list(sources)))
    )
    return sorted(row.source for row in rows if sources[row.source] != row.partner_id)


async def lock_keys(session: AsyncSession, app_keys: Iterable[str]) -> Sequence[Row]:
    rows = await session.execute(
        select(partner_key.c.app_key, partner_key.c.partner_id, partner_key.c.algorithm)
        .where(partner_key.c.app_key.in_(list(app_keys)))
        .order_by(partner_key.c.app_key)
        .with_for_update()
    )
    return [dict(row) for row in rows.mappings()]


async def upsert_keys(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Add keys, or change secret and interval of known ones. A revoked key stays revoked."""
    statement = insert(partner_key)
    names = ("secret_sealed", "public_key", "rule", "not_before", "not_after")
    changed = {name: statement.excluded[name] for name in names}
    await session.execute(
        statement.on_conflict_do_update(index_elements=[partner_key.c.app_key], set_=changed),
        [dict(row) for row in rows],
    )


async def live_keys(session: AsyncSession, partner_ids: Iterable[str], at: datetime) -> list[tuple[str, str]]:
    """Partner id and environment of every key of these partners that is neither revoked nor expired."""
    rows = await session.execute(
        select(partner_key.c.partner_id, partner_key.c.environment).where(
            partner_key.c.partner_id.in_(list(partner_ids)),
            partner_key.c.revoked_at.is_(None),
            or_(partner_key.c.not_after.is_(None), partner_key.c.not_after > at),
        )
    )
    return [(row.partner_id, row.environment) for row in rows]


async def add_secrets(session: AsyncSession, proposal_id: uuid.UUID, sealed: Mapping[str, bytes]) -> None:
    """`sealed` by the name of its column."""
    if sealed:
        rows = [{"proposal_id": proposal_id, "name": name, "sealed": value} for name, value in sealed.items()]
        await session.execute(insert(proposed_secret), rows)


async def take_secrets(session: AsyncSession, proposal_id: uuid.UUID) -> dict[str, bytes]:
    """Remove and return what `add_secrets` stored."""
    statement = delete(proposed_secret).where(proposed_secret.c.proposal_id == proposal_id)
    rows = await session.execute(statement.returning(proposed_secret.c.name, proposed_secret.c.sealed))
    return {row.name: row.sealed for row in rows}


async def delete_secrets_before(session: AsyncSession, age: timedelta) -> None:
    await session.execute(delete(proposed_secret).where(proposed_secret.c.proposed_at < func.now() - age))


async def sealed_secrets(session: AsyncSession) -> list[tuple[str, str, str, bytes]]:
    """Return (partner id, column, partner id or app key, sealed secret) of every partner and key."""
    found: list[tuple[str, str, str, bytes]] = []
    for name, column in (
        (partner.c.partner_id, partner.c.phone_pepper_sealed),
        (partner.c.partner_id, partner.c.oauth_sealed),
        (partner_key.c.app_key, partner_key.c.secret_sealed),
    ):
        owner = column.table.c.partner_id
        rows = await session.execute(select(owner, name, column).where(column.is_not(None)).order_by(owner, name))
        found += [(partner_id, column.name, one, bytes(sealed)) for partner_id, one, sealed in rows]
    return found


async def replace_secret(session: AsyncSession, *, column: str, name: str, before: bytes, after: bytes) -> None:
    """Does nothing if the secret was changed meanwhile."""
    table, owner = (partner_key, partner_key.c.app_key) if column in partner_key.c else (partner, partner.c.partner_id)
    await session.execute(update(table).where(owner == name, table.c[column] == before).values({column: after}))
