"""Offsets as a kind of settlement."""

import uuid
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from services.rewards.database import SettledTable
from services.rewards.loans import placing, service
from services.rewards.loans.domain import month_of
from services.rewards.loans.models import loan_offset
from services.rewards.loans.pseudonyms import Pseudonyms
from services.rewards.loans.schemas import OffsetView
from services.rewards.settlement.domain import Ended, Settlement
from services.rewards.settlement.service import Asked, Placement
from shared import clock
from shared.db import Session
from shared.errors import AppError, InternalError

LOAN: Final = "loan"


class LoanKind:
    table: Final[SettledTable] = loan_offset
    route: Final = "/api/v1/rewards/loan-offsets"

    def __init__(self, *, pseudonyms: Pseudonyms, time_zone: str) -> None:
        self._pseudonyms, self._time_zone = pseudonyms, time_zone

    def path(self, subject: str) -> str:
        del subject
        return self.route

    async def place_many(self, session: Session, asked: Sequence[Asked]) -> list[Placement | AppError]:
        month = month_of(clock.local_date(clock.now(), self._time_zone))
        return await placing.place_offsets(session, asked=asked, month=month, pseudonyms=self._pseudonyms)

    async def deliver(self, session: Session, ended: Ended) -> None:
        await service.deliver(session, ended=ended)

    async def count(self, session: Session, ended: Ended) -> None:
        await service.count(session, ended=ended)

    async def take_back(self, _session: Session, _settlement_id: uuid.UUID, /) -> None:
        """Refuse: the bank may have reduced the interest already. Only its refusal or silence gives grams back."""
        raise InternalError

    async def views(self, session: Session, settlements: Sequence[Settlement]) -> list[BaseModel]:
        found = await service.get_settled_offsets(session, settled=settlements)
        return [OffsetView.of(made, language=one.language) for made, one in zip(found, settlements, strict=True)]
