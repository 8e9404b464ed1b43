"""Use cases of webhooks: queue results, manage a partner's address and secrets, show the log, replay."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from services.ingest.deliveries import repository
from services.ingest.deliveries.addresses import check_url
from services.ingest.deliveries.domain import BULK, FRESH, PING, RESULTS, group_items, payload_of
from services.ingest.deliveries.errors import (
    DeliveryNotFound,
    EndpointDisabled,
    EndpointNotFound,
    ReplayTooLarge,
    RotationUnderWay,
)
from services.ingest.outcomes import service as outcomes
from services.ingest.outcomes.service import Result, WebhookState
from services.ingest.sentences import refusals
from shared import clock
from shared.db import Session
from shared.ids import new_id
from shared.instants import next_minute
from shared.sealing import Sealer

# Long enough to investigate the last month. The archive keeps the status of events longer.
DELIVERIES_KEPT = timedelta(days=30)
_DELETE_MAX = 5_000
REPLAY_MAX = 1_000
# A partner with several releases a week has deployed the new secret by then.
OVERLAP_DEFAULT_S = 86_400
ATTEMPTS_SHOWN_MAX = 100
# A slow receiver must not make a backlog of deliveries: the feed keeps the results until they are wanted.
CATCH_UP_WAITING_MAX = 100
CATCH_UP_BLOCKS = 20
_SECRET_BYTES = 32

_encode = msgspec.json.Encoder().encode


def secret_place(partner_id: str) -> str:
    return f"webhook_endpoint/{partner_id}/secret"


async def queue_results(session: Session, news: Mapping[str, Sequence[Result]]) -> None:
    """Add deliveries for the verdicts of one poll, by partner. Call it after they were appended to the feed.

    One query finds the partners that have an active address. Their feeds are locked, so an address that is disabled or
    enabled at the same time knows which verdicts were queued.
    """
    receivers = await repository.with_active_endpoint(session, set(news))
    if not receivers:
        return
    mine = {name: news[name] for name in sorted(receivers)}
    states = await outcomes.webhook_states(session, receivers)
    bulk = await outcomes.is_bulk(session, mine)
    lanes: list[tuple[str, int, list[Result]]] = []
    for name, results in mine.items():
        wanted = states[name].parked_wanted
        kept = [(one, late) for one, late in zip(results, bulk[name], strict=True) if one.status != "parked" or wanted]
        lanes += [
            (name, FRESH, [one for one, late in kept if not late]),
            (name, BULK, [one for one, late in kept if late]),
        ]
    await _add_deliveries(session, lanes)


async def _add_deliveries(session: Session, lanes: Sequence[tuple[str, int, Sequence[Result]]]) -> None:
    """`lanes`: partner, lane, results."""
    now = clock.now()
    rows = [
        _new_delivery(partner_id, RESULTS, group, now, lane)
        for partner_id, lane, results in lanes
        for group in group_items([_encode(one) for one in results])
    ]
    if rows:
        await repository.add_deliveries(session, rows)


def _new_delivery(
    partner_id: str, kind: str, items: Sequence[bytes], now: datetime, lane: int = FRESH
) -> dict[str, Any]:
    return {
        "delivery_id": new_id(),
        "partner_id": partner_id,
        "type": kind,
        "events": len(items),
        "payload": payload_of(kind, now.isoformat(timespec="milliseconds"), items),
        "lane": lane,
        "next_attempt_at": now,
        "created_at": now,
    }


async def catch_up(session: Session) -> None:
    """Timed job. Queue what webhooks missed while they were disabled, a bounded number per run."""
    partner_ids = await outcomes.catching_up(session)
    waiting = await repository.count_waiting(session, partner_ids, BULK, CATCH_UP_WAITING_MAX)
    for partner_id in partner_ids:
        if waiting.get(partner_id, 0) < CATCH_UP_WAITING_MAX:
            missed = await outcomes.take_for_webhook(session, partner_id, CATCH_UP_BLOCKS)
            await _add_deliveries(session, [(partner_id, BULK, missed)])


async def register_endpoint(
    session: Session,
    *,
    partner_id: str,
    url: str,
    changed_by: str,
    sealer: Sealer,
    allow_loopback: bool,
    parked: bool | None = None,
) -> tuple[repository.Row, str | None]:
    """Register or change the address and activate it. The secret is None unless it is new. Raises AddressRefused.

    An address that was disabled is sent what it missed. `parked`: whether it gets parked verdicts, None for no change.
    """
    secret = _new_secret()
    row = {
        "partner_id": partner_id,
        "url": check_url(url, allow_loopback=allow_loopback),
        "secret_sealed": sealer.seal(secret, secret_place(partner_id)),
        "changed_by": changed_by,
    }
    before = await repository.find_endpoint(session, partner_id, lock=True)
    created = await repository.put_endpoint(session, row)
    if before is not None and before["status"] == "disabled":
        await outcomes.resume_webhook(session, partner_id)
        await repository.replay_exhausted(session, partner_id, since=before["last_success_at"], now=clock.now())
    if parked is not None:
        await outcomes.want_parked(session, partner_id, parked)
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
    row = await repository.find_endpoint(session, partner_id)
    return None if row is None else (await _with_states(session, [row]))[0]


async def _with_states(session: Session, rows: Sequence[repository.Row]) -> Sequence[repository.Row]:
    """Add `parked` and `catching_up` to rows of addresses."""
    states = await outcomes.webhook_states(session, [row["partner_id"] for row in rows])
    found: list[repository.Row] = []
    for row in rows:
        state = states.get(row["partner_id"], WebhookState())
        found.append({**row, "parked": state.parked_wanted, "catching_up": state.catching_up})
    return found


async def list_endpoints(
    session: Session, *, status: str | None, after: str | None, limit: int
) -> Sequence[repository.Row]:
    """Ordered by partner id, starting after `after`."""
    rows = await repository.list_endpoints(session, status=status, after=after, limit=limit)
    return await _with_states(session, rows)


async def rotate_secret(
    session: Session, *, partner_id: str, overlap_s: int, changed_by: str, sealer: Sealer
) -> tuple[repository.Row, str]:
    """Make a new secret. The previous one signs as well for `overlap_s`.

    A second rotation would end the oldest secret before its promised time, so it must say so: only one without an
    overlap, for a leaked secret, is made at once. Raises EndpointNotFound, RotationUnderWay.
    """
    row = await repository.find_endpoint(session, partner_id, lock=True)
    if row is None:
        raise EndpointNotFound
    kept, now = overlap_s > 0, clock.now()
    until = row["previous_until"]
    if kept and until is not None and until > now:
        raise RotationUnderWay(retry_after_s=int((until - now).total_seconds()) + 1, until=next_minute(until))
    secret = _new_secret()
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
    """Stop sending and queueing. Waiting deliveries and the place in the feed are kept.

    Safe to repeat. Raises EndpointNotFound.
    """
    await get_endpoint(session, partner_id=partner_id)
    if await stop_endpoint(session, partner_id=partner_id, reason=reason, at=clock.now()):
        await repository.change_endpoint(session, partner_id, {"changed_by": changed_by})
    return await get_endpoint(session, partner_id=partner_id)


async def stop_endpoint(
    session: Session, *, partner_id: str, reason: str, at: datetime, failing_since_before: datetime | None = None
) -> bool:
    """Disable an active address and keep its place in the feed. False if it was not active, or not failing so long."""
    is_stopped = await repository.disable_endpoint(
        session, partner_id, reason=reason, at=at, failing_since_before=failing_since_before
    )
    if is_stopped:
        await outcomes.stop_webhook(session, partner_id)
    return is_stopped


async def queue_ping(session: Session, *, partner_id: str) -> UUID:
    """Queue a delivery without results. Raises EndpointNotFound, EndpointDisabled."""
    await _require_active(session, partner_id)
    row = _new_delivery(partner_id, PING, (), clock.now())
    await repository.add_deliveries(session, [row])
    return UUID(str(row["delivery_id"]))


async def _require_active(session: Session, partner_id: str) -> None:
    row = await get_endpoint(session, partner_id=partner_id)
    if row["status"] != "active":
        raise EndpointDisabled(reason=refusals.DISABLED_REASONS[row["disabled_reason"]])


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


async def reseal_some(session: Session, sealer: Sealer, *, at_most: int) -> int:
    """Seal at most so many webhook secrets with the current key. Return the number. Raises SealBroken."""
    count = 0
    for column, partner_id, sealed in await repository.sealed_secrets(session):
        again = sealer.reseal(sealed, secret_place(partner_id)) if count < at_most else None
        if again is not None:
            await repository.replace_secret(session, column=column, partner_id=partner_id, before=sealed, after=again)
            count += 1
    return count


async def count_sealed_otherwise(session: Session, sealer: Sealer) -> int:
    """Count the webhook secrets of another key. Raises SealBroken."""
    rows = await repository.sealed_secrets(session)
    return sum(sealer.reseal(sealed, secret_place(partner_id)) is not None for _, partner_id, sealed in rows)
