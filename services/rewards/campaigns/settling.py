"""Donations as a kind of settlement."""

from typing import Final

from services.rewards.campaigns import service
from services.rewards.campaigns.models import donation
from services.rewards.campaigns.schemas import DonationView
from services.rewards.database import SettledTable
from services.rewards.settlement.domain import Settlement
from shared.db import Session

DONATION: Final = "donation"


class DonationKind:
    table: Final[SettledTable] = donation
    route: Final = "/api/v1/rewards/donations"

    def __init__(self, *, topic: str, time_zone: str) -> None:
        self._topic, self._time_zone = topic, time_zone

    async def confirm(self, session: Session, settlement: Settlement) -> None:
        await service.confirm_donation(session, settlement=settlement, time_zone=self._time_zone, topic=self._topic)

    async def release(self, session: Session, settlement: Settlement) -> None:
        """Do nothing: a donation reserves nothing."""

    async def view(self, session: Session, settlement: Settlement) -> DonationView:
        found = await service.get_settled_donation(session, settlement=settlement)
        return DonationView.of(found, language=settlement.language)
