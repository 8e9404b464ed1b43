"""Names of households and nicknames under the current sealing key. For the command `keys seal`."""

import uuid

from services.accounts.households import repository
from services.accounts.vault import Vault
from shared.db import Session
from shared.rotation import Step


async def count_names(session: Session, vault: Vault) -> int:
    """Count the names of households that another key than the current one has sealed."""
    return await repository.count_names(session, not_sealed_by=vault.seal_version)


async def count_nicknames(session: Session, vault: Vault) -> int:
    """Count the nicknames that another key than the current one has sealed."""
    return await repository.count_nicknames(session, not_sealed_by=vault.seal_version)


async def reseal_names(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal the next names of households with the current key. Raises SealBroken."""
    wanted, rows = await repository.lock_named(session, after=after, at_most=at_most, not_sealed_by=vault.seal_version)
    for row in rows:
        if row.name_sealed is not None:
            row.name_sealed = vault.reseal("household_name", row.household_id, row.name_sealed) or row.name_sealed
    await repository.flush_changes(session)
    return Step(rows[-1].household_id if rows else None, len(rows), is_last=not wanted)


async def reseal_nicknames(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal the next nicknames with the current key. Raises SealBroken."""
    wanted, rows = await repository.lock_nicknamed(
        session, after=after, at_most=at_most, not_sealed_by=vault.seal_version
    )
    for row in rows:
        if row.nickname_sealed is not None:
            row.nickname_sealed = vault.reseal("nickname", row.membership_id, row.nickname_sealed) or (
                row.nickname_sealed
            )
    await repository.flush_changes(session)
    return Step(rows[-1].membership_id if rows else None, len(rows), is_last=not wanted)
