"""Orders as a kind of settlement."""

from typing import Final

from services.rewards.database import SettledTable
from services.rewards.orders import service
from services.rewards.orders.models import orders
from services.rewards.orders.schemas import OrderView
from services.rewards.settlement.domain import Settlement
from shared.db import Session

ORDER: Final = "order"


class OrderKind:
    table: Final[SettledTable] = orders
    route: Final = "/api/v1/rewards/orders"

    def __init__(self, topic: str) -> None:
        self._topic = topic

    async def confirm(self, session: Session, settlement: Settlement) -> None:
        await service.confirm_order(session, order_id=settlement.settlement_id, topic=self._topic)

    async def release(self, session: Session, settlement: Settlement) -> None:
        await service.release_order(session, order_id=settlement.settlement_id)

    async def view(self, session: Session, settlement: Settlement) -> OrderView:
        order = await service.get_settled_order(session, settlement=settlement)
        return OrderView.of(order, language=settlement.language)
