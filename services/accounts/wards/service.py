"""Use cases of guardians. The consents of a child change with the guardianship, so both change in one transaction.

Locks: the guardian first, then the child.
"""

import uuid
from collections.abc import Sequence

from services.accounts.consents import service as consents
from services.accounts.consents.service import ChangeRecord, ConsentRecord, Purpose
from services.accounts.guardians import service as guardians
from services.accounts.guardians.service import Accepted, WardView
from services.accounts.people import guarding
from services.accounts.people import service as people
from services.accounts.people.guarding import BY_GUARDIAN
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared.db import Session


async def accept_ward(
    session: Session,
    *,
    settings: Settings,
    guardian_id: uuid.UUID,
    token: str,
    policy_version: str,
    birth_month: str | None,
) -> Accepted:
    """Become the guardian of a child who showed a code, and consent to data processing for the child.

    A guardian has an account and consents to data processing. Raises CarbonAccountNotOpened, ConsentRequired,
    PolicyVersionUnknown, PolicyVersionOutdated, QuotaExceeded and everything `guardians.accept` raises.
    """
    await _require_guardian(session, guardian_id)
    accepted = await guardians.accept(
        session, settings=settings, guardian_id=guardian_id, token=token, birth_month=birth_month
    )
    if accepted.is_new:
        await _give(session, settings, accepted.ward, Purpose.DATA_PROCESSING, policy_version)
    return accepted


async def give_consent(
    session: Session,
    *,
    settings: Settings,
    guardian_id: uuid.UUID,
    ward_id: uuid.UUID,
    purpose: str,
    policy_version: str,
) -> ConsentRecord:
    """Consent for a child. Raises WardNotFound, CarbonAccountNotOpened, ConsentRequired and what `people` raises."""
    ward = await _lock_ward(session, settings, guardian_id, ward_id)
    await _require_guardian(session, guardian_id)
    return await _give(session, settings, ward, purpose, policy_version)


async def withdraw_consent(
    session: Session, *, settings: Settings, guardian_id: uuid.UUID, ward_id: uuid.UUID, purpose: str
) -> None:
    """Withdraw a consent of a child. Nothing is asked of the guardian. Raises WardNotFound."""
    ward = await _lock_ward(session, settings, guardian_id, ward_id)
    await people.withdraw_consent(
        session, settings=settings, user_id=ward.user_id, purpose=purpose, decision=BY_GUARDIAN
    )


async def end_guardianship(session: Session, *, settings: Settings, guardian_id: uuid.UUID, ward_id: uuid.UUID) -> None:
    """End a guardianship with the consents of the child, until another guardian consents. Raises WardNotFound."""
    ward = await _lock_ward(session, settings, guardian_id, ward_id)
    await guarding.end_ward(session, settings=settings, ward=ward)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Release the wards of a person, then delete what is known about age and guardians. The caller holds the lock."""
    await guarding.release_wards(session, settings=settings, user_id=user_id)
    await guardians.erase_user(session, user_id=user_id)


async def list_consents(
    session: Session, *, settings: Settings, guardian_id: uuid.UUID, ward_id: uuid.UUID
) -> Sequence[ConsentRecord]:
    """Raises WardNotFound."""
    ward = await guardians.require_ward(session, settings=settings, guardian_id=guardian_id, ward_id=ward_id)
    return await consents.list_history(session, user_id=ward.user_id)


async def list_changes(
    session: Session,
    *,
    settings: Settings,
    guardian_id: uuid.UUID,
    ward_id: uuid.UUID,
    before: uuid.UUID | None,
    limit: int,
) -> Sequence[ChangeRecord]:
    """Raises WardNotFound."""
    ward = await guardians.require_ward(session, settings=settings, guardian_id=guardian_id, ward_id=ward_id)
    return await consents.list_changes(session, user_id=ward.user_id, before=before, limit=limit)


async def _lock_ward(session: Session, settings: Settings, guardian_id: uuid.UUID, ward_id: uuid.UUID) -> WardView:
    ward = await guardians.require_ward(session, settings=settings, guardian_id=guardian_id, ward_id=ward_id)
    await users.lock_user(session, user_id=ward.user_id)
    # Read again: another request may have ended it while this one waited.
    return await guardians.require_ward(session, settings=settings, guardian_id=guardian_id, ward_id=ward_id)


async def _require_guardian(session: Session, guardian_id: uuid.UUID) -> None:
    await people.require_account_and_consent(session, user_id=guardian_id)


async def _give(
    session: Session, settings: Settings, ward: WardView, purpose: str, policy_version: str
) -> ConsentRecord:
    return await people.give_consent(
        session,
        settings=settings,
        user_id=ward.user_id,
        purpose=purpose,
        policy_version=policy_version,
        decision=BY_GUARDIAN,
    )
