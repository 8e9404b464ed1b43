"""Confirmed donations of people, for recognition."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.rewards.campaigns import repository
from services.rewards.settlement.domain import Status
from shared.db import Session


@dataclass(frozen=True, slots=True)
class MadeDonation:
    """A confirmed donation of a person. One of an enterprise is nobody's own."""

    donation_id: uuid.UUID
    user_id: uuid.UUID
    campaign_id: str
    amount_mg: int
    made_at: datetime


async def confirmed_donations(session: Session, *, donation_ids: Sequence[uuid.UUID]) -> list[MadeDonation]:
    rows = await repository.donations_by_ids(session, donation_ids)
    return [
        MadeDonation(row.donation_id, row.user_id, row.campaign_id, row.amount_mg, row.settled_at)
        for row in rows.values()
        if row.status == Status.CONFIRMED and row.enterprise_id is None
    ]


async def confirmed_after(session: Session, *, after: uuid.UUID, limit: int) -> Sequence[uuid.UUID]:
    """Return the ids of confirmed donations after this one, by id."""
    return await repository.confirmed_after(session, after=after, limit=limit)
