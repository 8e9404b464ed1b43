"""Labels of family cards under the current sealing key. For the command `keys seal`."""

import uuid

from services.accounts.family_cards import repository
from services.accounts.vault import Vault
from shared.db import Session
from shared.rotation import Step


async def count_labels(session: Session, vault: Vault) -> int:
    """Count the labels that another key than the current one has sealed."""
    return await repository.count_labels(session, not_sealed_by=vault.seal_version)


async def reseal_labels(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal the next labels with the current key. Raises SealBroken."""
    wanted, rows = await repository.lock_labelled(
        session, after=after, at_most=at_most, not_sealed_by=vault.seal_version
    )
    for row in rows:
        if row.label_sealed is not None:
            row.label_sealed = vault.reseal("card_label", row.card_id, row.label_sealed) or row.label_sealed
    await repository.flush_changes(session)
    return Step(rows[-1].card_id if rows else None, len(rows), is_last=not wanted)
