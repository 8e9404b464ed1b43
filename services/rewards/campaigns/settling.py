"""Donations as a kind of settlement."""

import uuid
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from services.rewards.campaigns import placing, service
from services.rewards.campaigns.models import donation
from services.rewards.campaigns.schemas import DonationView
from services.rewards.database import SettledTable
from services.rewards.settlement.domain import Ended, Settlement
from services.rewards.settlement.service import Asked, Placement
from shared.db import Session
from shared.errors import AppError, InternalError

DONATION: Final = "donation"


class DonationKind:
    table: Final[SettledTable] = donation
    route: Final = "/api/v1/rewards/donations"

    def __init__(self, *, topic: str, time_zone: str) -> None:
        self._topic, self._time_zone = topic, time_zone

    def path(self, subject: str) -> str:
        return f"/api/v1/rewards/campaigns/{subject}/donations"

    async def place_many(self, session: Session, asked: Sequence[Asked]) -> list[Placement | AppError]:
        return await placing.place_donations(session, asked=asked)

    async def deliver(self, session: Session, ended: Ended) -> None:
        await service.deliver(session, confirmed=ended.confirmed, time_zone=self._time_zone, topic=self._topic)

    async def count(self, session: Session, ended: Ended) -> None:
        """Add to the totals, and free what was reserved. A made donation is not given back."""
        await service.count(session, confirmed=ended.confirmed, released=ended.released)

    async def take_back(self, _session: Session, _settlement_id: uuid.UUID, /) -> None:
        """Refuse: a certificate is issued, and the ledger has no way back from a campaign."""
        raise InternalError

    async def views(self, session: Session, settlements: Sequence[Settlement]) -> list[BaseModel]:
        found = await service.get_settled_donations(session, settled=settlements)
        return [DonationView.of(made, language=one.language) for made, one in zip(found, settlements, strict=True)]
