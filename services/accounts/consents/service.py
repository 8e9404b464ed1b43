"""Consents per purpose and policy version. Withdrawal is as easy as consent (PIPL articles 14 and 15).

Only the people room and the bindings record consents, because bindings follow them. Everybody may read them.
A consent to a text that was replaced may have an end in the future. It is over at that moment, whether a job has
recorded it or not.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.accounts.consents import repository
from services.accounts.consents.domain import Actor, Change, Channel, Purpose, partner_of
from services.accounts.consents.errors import ConsentRequired
from services.accounts.consents.models import Consent, ConsentChange
from services.accounts.consents.publishing import publish_consents, publish_erasure
from services.accounts.policies import service as policies
from services.accounts.policies.service import PolicyText
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.sentences.names import PARTNER_SHARING, PURPOSES
from services.accounts.settings import Settings
from shared import clock
from shared.db import Session
from shared.ids import new_id

__all__ = ["Purpose"]

# Each consent leaves a row for ever. Thirty a day are more than a person needs.
CHANGES_QUOTA = Quota("consent_change", at_most=30, window_s=86_400)
HISTORY_ROWS_MAX = 100


@dataclass(frozen=True, slots=True)
class Decision:
    """The actor of a change of a consent, and its channel."""

    actor: Actor = "self"
    channel: Channel = "app"


BY_CITIZEN = Decision()
BY_POLICY = Decision("policy", "policy")


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A consent and how it ended: withdrawn, superseded by another version, expired, or none of them while it is live.

    `ends_at` is the moment until which a live consent has to be renewed.
    """

    purpose: str
    policy_version: str
    given_at: datetime
    withdrawn_at: datetime | None
    superseded_at: datetime | None
    expired_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    change_id: uuid.UUID
    purpose: str
    policy_version: str
    change: Change
    at: datetime
    actor: Actor
    channel: Channel


async def record_given(
    session: Session,
    *,
    settings: Settings,
    user_id: uuid.UUID,
    purpose: str,
    policy_version: str | None,
    decision: Decision = BY_CITIZEN,
    counted: bool = True,
) -> ConsentRecord:
    """Record consent. The same version again changes nothing. Another version supersedes the live one.

    `policy_version` None: a live consent stays as it is, else consent is to the current version. The caller holds the
    user's lock. `counted` False: another quota bounds the caller.
    Raises PolicyVersionUnknown, PolicyVersionOutdated, QuotaExceeded.
    """
    now = clock.now()
    newest = await repository.find_newest(session, user_id=user_id, purpose=purpose)
    end = await _end_of(session, newest)
    live = newest if newest is not None and (end is None or now < end) else None
    if policy_version is None and live is not None:
        return _record(live, end, now)
    version = policy_version
    if version is None:
        version = await policies.current_version(session, purpose=purpose) or "-"
    text = await policies.require_accepted(session, purpose=purpose, version=version)
    if live is not None and PolicyText(live.policy_family, live.policy_version) == text:
        return _record(live, end, now)
    if counted:
        await quotas.count_use(session, user_id=user_id, quota=CHANGES_QUOTA)
    if newest is not None and newest.ended_at is None:
        if end is not None and end <= now:
            await _close(session, newest, at=end, reason="expired", decision=BY_POLICY)
        else:
            newest.ended_at, newest.ended_reason = max(now, newest.given_at), "superseded"
        await repository.flush_changes(session)
    if newest is not None and newest.ended_at is not None:
        now = max(now, newest.ended_at)  # the clocks of two processes differ by milliseconds
    consent = Consent(
        consent_id=new_id(),
        user_id=user_id,
        purpose=purpose,
        policy_family=text.family,
        policy_version=text.version,
        version=1 if newest is None else newest.version + 1,
        given_at=now,
    )
    await repository.add(session, consent)
    await _note(session, consent, "given" if live is None else "renewed", now, decision)
    await publish_consents(session, settings=settings, changed=[consent], at=now)
    return _record(consent, None, now)


async def record_withdrawn(
    session: Session, *, settings: Settings, user_id: uuid.UUID, purpose: str, decision: Decision = BY_CITIZEN
) -> datetime | None:
    """Record a withdrawal and return its time, or None without a live consent. The caller holds the user's lock.

    No quota limits a withdrawal. Only consents are counted.
    """
    current = await repository.find_newest(session, user_id=user_id, purpose=purpose)
    if current is None or current.ended_at is not None:
        return None
    now = clock.now()
    end = await _end_of(session, current)
    if end is not None and end <= now:
        await _close(session, current, at=end, reason="expired", decision=BY_POLICY)
        return None
    # Two requests may read the clock in another order than they lock the person.
    at = max(now, current.given_at)
    await _close(session, current, at=at, reason="withdrawn", decision=decision)
    current.version += 1
    await repository.flush_changes(session)
    await publish_consents(session, settings=settings, changed=[current], at=at)
    return at


async def record_all_withdrawn(session: Session, *, settings: Settings, user_id: uuid.UUID, decision: Decision) -> None:
    """Withdraw every live consent of a person. The caller holds the user's lock."""
    for row in await repository.live_of_user(session, user_id=user_id):
        await record_withdrawn(session, settings=settings, user_id=user_id, purpose=row.purpose, decision=decision)


async def announce_ends(session: Session, *, settings: Settings, user_id: uuid.UUID) -> Sequence[tuple[str, datetime]]:
    """Store and publish the ends that new texts set to a person's consents. Return (purpose, end) of each new one.

    The caller holds the user's lock.
    """
    now, changed, ends = clock.now(), [], []
    for row in await repository.live_of_user(session, user_id=user_id):
        end = await _end_of(session, row)
        if end is not None and end != row.ends_at:
            row.ends_at = end
            row.version += 1
            changed.append(row)
            ends.append((row.purpose, end))
    await repository.flush_changes(session)
    await publish_consents(session, settings=settings, changed=changed, at=now)
    return ends


async def record_expired(session: Session, *, user_id: uuid.UUID) -> None:
    """Record the consents of a person whose end has passed. Nothing follows: their end was published before.

    The caller holds the user's lock.
    """
    now = clock.now()
    for row in await repository.live_of_user(session, user_id=user_id):
        end = await _end_of(session, row)
        if row.ends_at is not None and end is not None and end <= now:
            await _close(session, row, at=end, reason="expired", decision=BY_POLICY)


async def users_to_warn(session: Session, *, at_most: int) -> Sequence[uuid.UUID]:
    """Return people with a consent to a text that has to be renewed, and who do not know its end yet."""
    found: list[uuid.UUID] = []
    for text, purpose in await policies.texts_to_renew(session):
        wanted = at_most - len(found)
        if wanted > 0:
            found += await repository.users_of_text(
                session, family=text.family, version=text.version, purpose=purpose, at_most=wanted
            )
    return sorted(set(found))


async def users_past_end(session: Session, *, at_most: int) -> Sequence[uuid.UUID]:
    """Return people with a consent that is over and not recorded as ended."""
    return sorted(set(await repository.users_past_end(session, at=clock.now(), at_most=at_most)))


async def require_consent(session: Session, *, user_id: uuid.UUID, purpose: str) -> datetime | None:
    """Require a live consent. Return its start if consent had ended before, else None.

    The start bounds `counts_from`: activities without consent never count, even for a binding created later.
    Raises ConsentRequired.
    """
    current = await _find_live(session, user_id=user_id, purpose=purpose)
    if current is None:
        raise ConsentRequired(purpose=_name_of(purpose))
    if await repository.was_ever_ended(session, user_id=user_id, purpose=purpose):
        return current.given_at
    return None


async def require_given_since(session: Session, *, user_id: uuid.UUID, purpose: str) -> datetime:
    """Require a live consent and return when it was given. Raises ConsentRequired."""
    current = await _find_live(session, user_id=user_id, purpose=purpose)
    if current is None:
        raise ConsentRequired(purpose=PURPOSES[purpose])
    return current.given_at


async def has_consent(session: Session, *, user_id: uuid.UUID, purpose: str) -> bool:
    return await _find_live(session, user_id=user_id, purpose=purpose) is not None


async def ends_of(session: Session, *, user_id: uuid.UUID) -> Mapping[str, datetime | None]:
    """Return the end of the newest consent of each purpose: in the past, in the future, or None."""
    rows = await repository.newest_of_each(session, user_id=user_id)
    return {row.purpose: await _end_of(session, row) for row in rows}


async def list_history(session: Session, *, user_id: uuid.UUID) -> Sequence[ConsentRecord]:
    """List consents, newest first, at most HISTORY_ROWS_MAX."""
    now = clock.now()
    rows = await repository.list_newest(session, user_id=user_id, at_most=HISTORY_ROWS_MAX)
    return [_record(row, await _end_of(session, row), now) for row in rows]


async def list_changes(
    session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[ChangeRecord]:
    """List every change of a person's consents, newest first."""
    rows = await repository.list_changes(session, user_id=user_id, before=before, limit=limit)
    return [_change(row) for row in rows]


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Delete the consents of a person and their history, here and on the topic. The caller holds the user's lock."""
    erased = await repository.newest_of_each(session, user_id=user_id)
    await publish_erasure(session, settings=settings, erased=erased, at=clock.now())
    await repository.delete_of_user(session, user_id=user_id)


async def _find_live(session: Session, *, user_id: uuid.UUID, purpose: str) -> Consent | None:
    newest = await repository.find_newest(session, user_id=user_id, purpose=purpose)
    end = await _end_of(session, newest)
    return newest if newest is not None and (end is None or clock.now() < end) else None


async def _end_of(session: Session, row: Consent | None) -> datetime | None:
    """Return when a consent ended or will end. A text that must be renewed ends it before any job has noted so."""
    if row is None or row.ended_at is not None:
        return None if row is None else row.ended_at
    dates = await policies.dates_of_all(session)
    text = PolicyText(row.policy_family, row.policy_version)
    ends = (row.ends_at, policies.end_of_consent(dates, purpose=row.purpose, text=text))
    return min((end for end in ends if end is not None), default=None)


async def _close(session: Session, row: Consent, *, at: datetime, reason: str, decision: Decision) -> None:
    row.ended_at, row.ended_reason = max(at, row.given_at), reason
    change: Change = "expired" if reason == "expired" else "withdrawn"
    await repository.flush_changes(session)
    await _note(session, row, change, row.ended_at, decision)


async def _note(session: Session, row: Consent, change: Change, at: datetime, decision: Decision) -> None:
    await repository.add(
        session,
        ConsentChange(
            change_id=new_id(),
            user_id=row.user_id,
            purpose=row.purpose,
            policy_version=row.policy_version,
            change=change,
            at=at,
            actor=decision.actor,
            channel=decision.channel,
        ),
    )


def _name_of(purpose: str) -> object:
    return PARTNER_SHARING if partner_of(purpose) is not None else PURPOSES[purpose]


def _change(row: ConsentChange) -> ChangeRecord:
    return ChangeRecord(
        row.change_id,
        row.purpose,
        row.policy_version,
        row.change,
        row.at,
        row.actor,
        row.channel,
    )


def _record(row: Consent, end: datetime | None, now: datetime) -> ConsentRecord:
    is_over = row.ended_at is None and end is not None and end <= now
    return ConsentRecord(
        purpose=row.purpose,
        policy_version=row.policy_version,
        given_at=row.given_at,
        withdrawn_at=row.ended_at if row.ended_reason == "withdrawn" else None,
        superseded_at=row.ended_at if row.ended_reason == "superseded" else None,
        expired_at=end if is_over else row.ended_at if row.ended_reason == "expired" else None,
        ends_at=end if row.ended_at is None and not is_over else None,
    )
