"""Use cases of webhooks: queue results, manage a partner's address and secrets, show the log, replay."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from services.ingest.deliveries import repository
from services.ingest.deliveries.addresses import check_url
from services.ingest.deliveries.domain import PING, RESULTS, group_items, payload_of
from services.ingest.deliveries.errors import DeliveryNotFound, EndpointDisabled, EndpointNotFound, ReplayTooLarge
from shared import clock
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Session
from shared.ids import new_id
from shared.sealing import Sealer

# Long enough to investigate the last month. The archive keeps the status of events longer.
DELIVERIES_KEPT = timedelta(days=30)
_DELETE_MAX = 5_000
REPLAY_MAX = 1_000
# A partner with several releases a week has deployed the new secret by then.
OVERLAP_DEFAULT_S = 86_400
ATTEMPTS_SHOWN_MAX = 100
_SECRET_BYTES = 32

_encode = msgspec.json.Encoder().encode


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One item in the `data` of a delivery. A higher `sequence` of the same `id` replaces a lower one."""

    id: str
    status: str
    reason_code: str | None
    amount_mg: int
    sequence: int
    receipt_id: UUID
    index: int
    activity_id: UUID
    judged_at: datetime


def secret_place(partner_id: str) -> str:
    return f"webhook_endpoint/{partner_id}/secret"


async def queue_results(session: Session, verdicts: Sequence[ActivityJudged]) -> None:
    """Add deliveries for the verdicts of one poll. One query finds the partners that have an active address."""
    receivers = await repository.with_active_endpoint(session, {verdict.partner_id for verdict in verdicts})
    if not receivers:
        return
    items: dict[str, list[bytes]] = {partner_id: [] for partner_id in sorted(receivers)}
    for verdict in verdicts:
        if verdict.partner_id in receivers:
            items[verdict.partner_id].append(_encode(_result(verdict)))
    now = clock.now()
    await repository.add_deliveries(
        session,
        [
            _new_delivery(partner_id, RESULTS, group, now)
            for partner_id, encoded in items.items()
            for group in group_items(encoded)
        ],
    )


def _result(verdict: ActivityJudged) -> Result:
    return Result(
        id=verdict.event_id,
        status="credited" if verdict.status == "pending" else verdict.status,  # the same status as in receipts
        reason_code=verdict.reason_code,
        amount_mg=verdict.amount_mg,
        sequence=verdict.sequence,
        receipt_id=verdict.receipt_id,
        index=verdict.index,
        activity_id=verdict.activity_id,
        judged_at=verdict.judged_at,
    )


def _new_delivery(partner_id: str, kind: str, items: Sequence[bytes], now: datetime) -> dict[str, Any]:
    return {
        "delivery_id": new_id(),
        "partner_id": partner_id,
        "type": kind,
        "events": len(items),
        "payload": payload_of(kind, now.isoformat(timespec="milliseconds"), items),
        "next_attempt_at": now,
        "created_at": now,
    }


async def register_endpoint(
    session: Session, *, partner_id: str, url: str, changed_by: str, sealer: Sealer, allow_loopback: bool
) -> tuple[repository.Row, str | None]:
    """Register or change the address and activate it. The secret is None unless it is new. Raises AddressRefused."""
    secret = _new_secret()
    row = {
        "partner_id": partner_id,
        "url": check_url(url, allow_loopback=allow_loopback),
        "secret_sealed": sealer.seal(secret, secret_place(partner_id)),
        "changed_by": changed_by,
    }
    created = await repository.put_endpoint(session, row)
    return await get_endpoint(session, partner_id=partner_id), secret if created else None


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


async def get_endpoint(session: Session, *, partner_id: str) -> repository.Row:
    """Raises EndpointNotFound."""
    row = await find_endpoint(session, partner_id=partner_id)
    if row is None:
        raise EndpointNotFound
    return row


async def find_endpoint(session: Session, *, partner_id: str) -> repository.Row | None:
    return await repository.find_endpoint(session, partner_id)


async def list_endpoints(
    session: Session, *, status: str | None, after: str | None, limit: int
) -> Sequence[repository.Row]:
    """Ordered by partner id, starting after `after`."""
    return await repository.list_endpoints(session, status=status, after=after, limit=limit)


async def rotate_secret(
    session: Session, *, partner_id: str, overlap_s: int, changed_by: str, sealer: Sealer
) -> tuple[repository.Row, str]:
    """Make a new secret. The previous one signs as well for `overlap_s`. Raises EndpointNotFound."""
    row = await repository.find_endpoint(session, partner_id, lock=True)
    if row is None:
        raise EndpointNotFound
    secret = _new_secret()
    kept = overlap_s > 0
    await repository.change_endpoint(
        session,
        partner_id,
        {
            "secret_sealed": sealer.seal(secret, secret_place(partner_id)),
            "previous_secret_sealed": row["secret_sealed"] if kept else None,
            "previous_until": clock.now() + timedelta(seconds=overlap_s) if kept else None,
            "changed_by": changed_by,
        },
    )
    return await get_endpoint(session, partner_id=partner_id), secret


async def disable_endpoint(session: Session, *, partner_id: str, reason: str, changed_by: str) -> repository.Row:
    """Stop sending and queueing. Waiting deliveries are kept. Safe to repeat. Raises EndpointNotFound."""
    await get_endpoint(session, partner_id=partner_id)
    if await repository.disable_endpoint(session, partner_id, reason=reason, at=clock.now()):
        await repository.change_endpoint(session, partner_id, {"changed_by": changed_by})
    return await get_endpoint(session, partner_id=partner_id)


async def queue_ping(session: Session, *, partner_id: str) -> UUID:
    """Queue a delivery without results. Raises EndpointNotFound, EndpointDisabled."""
    await _require_active(session, partner_id)
    row = _new_delivery(partner_id, PING, (), clock.now())
    await repository.add_deliveries(session, [row])
    return UUID(str(row["delivery_id"]))


async def _require_active(session: Session, partner_id: str) -> None:
    row = await get_endpoint(session, partner_id=partner_id)
    if row["status"] != "active":
        raise EndpointDisabled(reason=row["disabled_reason"])


async def list_deliveries(
    session: Session, *, partner_id: str, status: str | None, before: UUID | None, limit: int
) -> Sequence[repository.Row]:
    """Newest first, starting after delivery `before`."""
    return await repository.list_deliveries(session, partner_id, status=status, before=before, limit=limit)


async def get_delivery(
    session: Session, *, partner_id: str, delivery_id: UUID
) -> tuple[repository.Row, Sequence[repository.Row]]:
    """One of the partner's own deliveries and its newest attempts. Raises DeliveryNotFound."""
    row = await repository.find_delivery(session, partner_id, delivery_id)
    if row is None:
        raise DeliveryNotFound
    return row, await repository.list_attempts(session, delivery_id, ATTEMPTS_SHOWN_MAX)


async def replay_delivery(session: Session, *, partner_id: str, delivery_id: UUID) -> None:
    """Send it again under the same webhook-id. Raises DeliveryNotFound, EndpointNotFound, EndpointDisabled."""
    await _require_active(session, partner_id)
    if not await repository.replay_one(session, partner_id, delivery_id, clock.now()):
        raise DeliveryNotFound


async def replay_range(session: Session, *, partner_id: str, start: datetime, end: datetime, status: str | None) -> int:
    """Send the finished deliveries of the interval again. Return how many.

    Raises ReplayTooLarge, EndpointNotFound, EndpointDisabled.
    """
    await _require_active(session, partner_id)
    count = await repository.count_in_range(session, partner_id, start=start, end=end, status=status, most=REPLAY_MAX)
    if count > REPLAY_MAX:
        raise ReplayTooLarge(limit=REPLAY_MAX)
    return await repository.replay_range(session, partner_id, start=start, end=end, status=status, now=clock.now())


async def delete_old_deliveries(session: Session) -> None:
    """Timed job. Deletes a bounded number per run."""
    await repository.delete_old_deliveries(session, clock.now() - DELIVERIES_KEPT, _DELETE_MAX)
