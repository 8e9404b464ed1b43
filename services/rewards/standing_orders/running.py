"""Gives what standing orders have begun: asks the desk of donations as the citizen would, under a key of the month.

The key has a space, which no key of a client has. A run whose answer was lost is asked again, and gets the same answer:
first from the stored answers, later from the donation that has this key for ever.
"""

import asyncio
import hashlib
import uuid
from typing import Any, Final

import structlog

from services.rewards.campaigns.errors import AmountOutOfRange
from services.rewards.campaigns.service import Wanted
from services.rewards.settlement.desk import Desk
from services.rewards.settlement.service import Asked, Origin
from services.rewards.standing_orders import repository, service
from services.rewards.standing_orders.domain import RunStatus
from shared.db import Database
from shared.errors import AppError
from shared.idempotency import Key
from shared.language import Language

_RUNS_MAX: Final = 64
_ROUNDS_MAX: Final = 20

_log = structlog.get_logger(__name__)


async def run_due(database: Database, desk: Desk, *, time_zone: str) -> int:
    """Begin and give what is due. Return how many months ended. Timed job; no transaction is open while it gives."""
    async with database.transaction() as session:
        await service.end_with_campaigns(session)
    ended = 0
    for _ in range(_ROUNDS_MAX):
        async with database.transaction() as session:
            begun = await service.begin_runs(session, time_zone=time_zone)
        async with database.transaction() as session:
            runs = await repository.claim_running(session, limit=_RUNS_MAX)
        ended += sum(await asyncio.gather(*(_give(database, desk, run) for run in runs)))
        if not begun and not runs:
            break
    return ended


def key_of(standing_order_id: uuid.UUID, month: str, *, campaign_id: str, amount_mg: int) -> Key:
    value = f"standing {standing_order_id} {month}"
    return Key(value, hashlib.sha256(f"{value}\n{campaign_id}\n{amount_mg}".encode()).hexdigest())


async def _give(database: Database, desk: Desk, run: Any) -> bool:
    """True if the month ended. Otherwise it is tried again after the claim."""
    month = f"{run.month:%Y-%m}"
    key = key_of(run.standing_order_id, month, campaign_id=run.campaign_id, amount_mg=run.amount_mg)
    origin = Origin(
        user_id=run.user_id,
        account_id=run.account_id,
        idempotency_key=key.value,
        language=_language(run.language),
        request_id=f"standing-{run.standing_order_id}-{month}",
    )
    status, reason, donation_id = RunStatus.RUNNING, None, None
    try:
        reply = await desk.ask(Asked(origin, key, run.campaign_id, Wanted(run.campaign_id, run.amount_mg)))
    except AmountOutOfRange as refusal:  # the campaign changed its amounts
        status, reason = RunStatus.SKIPPED, refusal.code
    except AppError as error:
        _log.info("standing_order_retries", id=str(run.standing_order_id), month=month, error=error.code)
        return False
    else:
        if reply.status == 201:
            status, donation_id = RunStatus.DONATED, uuid.UUID(reply.body["donation_id"])
        elif reply.status == 409:
            status, reason = RunStatus.SKIPPED, str(reply.body["code"])
    if status is RunStatus.RUNNING:
        return False
    async with database.transaction() as session:
        return await repository.finish_run(
            session, run.standing_order_id, run.month, status=status, reason_code=reason, donation_id=donation_id
        )


def _language(value: str) -> Language:
    return "en" if value == "en" else "zh"
