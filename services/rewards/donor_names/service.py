"""Use cases of public names: agree to be thanked by a name, withdraw, name donors."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.donor_names import repository
from shared.db import Session


@dataclass(frozen=True, slots=True)
class PublicName:
    name: str
    agreed_at: datetime


async def agree(session: Session, *, user_id: uuid.UUID, name: str) -> PublicName:
    """Show this name beside the donations of the user, from now on and for the earlier ones."""
    return _public_name(await repository.save(session, user_id, name))


async def withdraw(session: Session, *, user_id: uuid.UUID) -> None:
    """From now on the pseudonym is shown. Repeatable."""
    await repository.remove(session, user_id)


async def find(session: Session, *, user_id: uuid.UUID) -> PublicName | None:
    row = (await repository.of_users(session, [user_id])).get(user_id)
    return None if row is None else _public_name(row)


async def names_of(session: Session, *, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of those who agreed."""
    if not user_ids:
        return {}
    return {user_id: row.name for user_id, row in (await repository.of_users(session, user_ids)).items()}


def _public_name(row: Any) -> PublicName:
    return PublicName(row.name, row.agreed_at)
