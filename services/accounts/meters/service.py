"""Meters of households. Where the grid company can confirm a meter, it counts from its confirmation on.

The caller holds the lock of the household. Between two households, the unique index of live meters decides.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.accounts.meters import repository
from services.accounts.meters.errors import MeterClaimNotFound, MeterTaken
from services.accounts.meters.models import HouseholdMeter, MeterClaim
from services.accounts.meters.publishing import publish_meter
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.identity import meter_key
from shared.db import Session
from shared.ids import new_id

# A customer confirms in the grid company's own app. Who does not within two weeks has forgotten it.
CLAIM_LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class MeterState:
    """`since`: the meter that counts. `pending_until`: another one waits for its confirmation."""

    since: datetime | None
    pending_until: datetime | None


def key_of(settings: Settings, meter_ref: str) -> str:
    return meter_key(settings.account_ref_pepper.get_secret_value(), meter_ref)


async def read_state(session: Session, *, household_id: uuid.UUID) -> MeterState:
    meter = await repository.find_meter(session, household_id=household_id)
    claim = await repository.find_pending(session, household_id=household_id)
    pending = claim is not None and claim.expires_at > clock.now()
    return MeterState(meter.since if meter else None, claim.expires_at if claim and pending else None)


async def register(session: Session, *, settings: Settings, household_id: uuid.UUID, meter_ref: str) -> None:
    """Replace the household's meter from now on, or claim it where a grid company confirms meters.

    A claim says nothing about other households: the grid company decides whose meter it is. The same meter again
    changes nothing. Raises MeterTaken where nobody confirms.
    """
    key = key_of(settings, meter_ref)
    current = await repository.find_meter(session, household_id=household_id)
    if current is not None and current.meter_key == key:
        await _end_claim(session, household_id, "withdrawn", None)
        return
    if settings.meter_partner_ids:
        await _claim(session, household_id, key)
    else:
        await _replace(session, settings, household_id, key, confirmed_by=None)


async def release(session: Session, *, settings: Settings, household_id: uuid.UUID) -> None:
    """End the household's meter and withdraw its claim."""
    await _end_claim(session, household_id, "withdrawn", None)
    await _end_meter(session, settings, household_id)


async def find_holder(session: Session, *, key: str) -> uuid.UUID | None:
    """Return the household that has the meter now, after other decisions about it. Its lock comes before `confirm`."""
    await repository.lock_meter(session, meter_key=key)
    return await repository.find_holder(session, meter_key=key)


async def confirm(session: Session, *, settings: Settings, household_id: uuid.UUID, key: str, partner_id: str) -> None:
    """Let a claimed meter count for the household from now on. A former household loses it at the same moment.

    Repeatable. The caller holds the locks of both households. Raises MeterClaimNotFound.
    """
    current = await repository.find_meter(session, household_id=household_id)
    if current is not None and current.meter_key == key:
        if current.confirmed_by is None:
            current.confirmed_by = partner_id
        await _end_claim(session, household_id, "confirmed", partner_id)
        return
    await _require_claim(session, household_id, key)
    await _end_claim(session, household_id, "confirmed", partner_id)
    holder = await repository.find_holder(session, meter_key=key)
    if holder is not None:
        await _end_meter(session, settings, holder)
    await _replace(session, settings, household_id, key, confirmed_by=partner_id)


async def refuse(session: Session, *, settings: Settings, household_id: uuid.UUID, key: str, partner_id: str) -> None:
    """End the claim of a meter, or the meter itself: the grid company says that it is not theirs (any more).

    Repeatable. Raises MeterClaimNotFound.
    """
    current = await repository.find_meter(session, household_id=household_id)
    if current is not None and current.meter_key == key:
        await _end_meter(session, settings, household_id)
        return
    newest = await repository.find_newest_claim(session, household_id=household_id)
    if newest is not None and newest.meter_key == key and newest.status == "refused":
        return
    await _require_claim(session, household_id, key)
    await _end_claim(session, household_id, "refused", partner_id)


async def expire_claims(session: Session, *, at_most: int) -> None:
    """End claims that nobody confirmed in time, at most `at_most`. Timed job."""
    await repository.expire_claims(session, now=clock.now(), at_most=at_most)


async def _require_claim(session: Session, household_id: uuid.UUID, key: str) -> MeterClaim:
    claim = await repository.find_pending(session, household_id=household_id)
    if claim is None or claim.meter_key != key or claim.expires_at <= clock.now():
        raise MeterClaimNotFound
    return claim


async def _claim(session: Session, household_id: uuid.UUID, key: str) -> None:
    pending = await repository.find_pending(session, household_id=household_id)
    now = clock.now()
    if pending is not None and pending.meter_key == key and pending.expires_at > now:
        return
    await _end_claim(session, household_id, "withdrawn", None)
    claim = MeterClaim(
        claim_id=new_id(),
        household_id=household_id,
        meter_key=key,
        created_at=now,
        expires_at=now + CLAIM_LIFE,
        status="pending",
    )
    await repository.add_claim(session, claim)


async def _end_claim(session: Session, household_id: uuid.UUID, status: str, partner_id: str | None) -> None:
    claim = await repository.find_pending(session, household_id=household_id)
    if claim is not None:
        claim.status, claim.decided_at, claim.decided_by = status, clock.now(), partner_id
        await repository.flush_changes(session)


async def _replace(
    session: Session, settings: Settings, household_id: uuid.UUID, key: str, *, confirmed_by: str | None
) -> None:
    await _end_meter(session, settings, household_id)
    now = clock.now()
    row = await repository.try_add_meter(
        session,
        {
            "registration_id": new_id(),
            "household_id": household_id,
            "meter_key": key,
            "version": 1,
            "since": now,
            "confirmed_by": confirmed_by,
            "changed_at": now,
        },
    )
    if row is None:
        raise MeterTaken
    await publish_meter(session, settings=settings, row=row)


async def _end_meter(session: Session, settings: Settings, household_id: uuid.UUID) -> None:
    row: HouseholdMeter | None = await repository.find_meter(session, household_id=household_id)
    if row is None:
        return
    now = max(clock.now(), row.since)
    row.ended_at, row.version, row.changed_at = now, row.version + 1, now
    await publish_meter(session, settings=settings, row=row)
    await repository.flush_changes(session)
