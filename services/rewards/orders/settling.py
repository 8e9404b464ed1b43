"""Orders as a kind of settlement."""

import uuid
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from services.rewards.database import SettledTable
from services.rewards.orders import placing, service
from services.rewards.orders.models import orders
from services.rewards.orders.schemas import OrderView
from services.rewards.settlement.domain import Ended, Settlement
from services.rewards.settlement.service import Asked, Placement
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared import clock
from shared.db import Session
from shared.errors import AppError

ORDER: Final = "order"


class OrderKind:
    table: Final[SettledTable] = orders
    route: Final = "/api/v1/rewards/orders"

    def __init__(self, *, topic: str, sealer: CodeSealer, time_zone: str) -> None:
        self._topic, self._sealer, self._time_zone = topic, sealer, time_zone

    def path(self, subject: str) -> str:
        del subject
        return self.route

    async def place_many(self, session: Session, asked: Sequence[Asked]) -> list[Placement | AppError]:
        day = clock.local_date(clock.now(), self._time_zone)
        return await placing.place_orders(session, asked=asked, day=day)

    async def deliver(self, session: Session, ended: Ended) -> None:
        await service.deliver(session, ended=ended, sealer=self._sealer, topic=self._topic)

    async def count(self, session: Session, ended: Ended) -> None:
        await service.count(session, ended=ended)

    async def take_back(self, session: Session, settlement_id: uuid.UUID, /) -> None:
        await vouchers.withdraw(session, order_id=settlement_id)

    async def views(self, session: Session, settlements: Sequence[Settlement]) -> list[BaseModel]:
        found = await service.get_settled_orders(session, settlements=settlements)
        return [OrderView.of(order, language=one.language) for order, one in zip(found, settlements, strict=True)]
