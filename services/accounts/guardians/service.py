"""People under 14 and their guardians. Only facts: the consents that follow are changed by the room `wards`.

Age is known only if it was told. Then it cannot be taken back: only time, or the guardian with the month of birth,
changes the day on which the person turns 14.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.accounts.guardians import repository
from services.accounts.guardians.domain import latest_14th_birthday, turns_14_on
from services.accounts.guardians.errors import (
    GuardianAlready,
    GuardianCodeInvalid,
    GuardianNotNeeded,
    GuardianRequired,
    GuardianUnsuitable,
    WardLimitReached,
    WardNotFound,
)
from services.accounts.guardians.models import DeclaredAge, GuardianCode, Guardianship
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, show_code
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.resources import vault_of
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.contracts.identity import person_account_id
from shared.db import Session
from shared.ids import new_id
from shared.instants import stamp

CODE_LIFE = timedelta(minutes=15)
CODES_QUOTA = Quota("guardian_code", at_most=20, window_s=86_400)
WARDS_MAX = 10
_TOKEN_PREFIX = "cig_"
# A used code still answers the same guardian's repeated request.
_CODE_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WardView:
    """A person under 14 as the guardian sees them: no name, because none is known here."""

    ward_id: uuid.UUID
    user_id: uuid.UUID
    since: datetime
    turns_14_on: date


@dataclass(frozen=True, slots=True)
class Accepted:
    ward: WardView
    is_new: bool


async def declare_under_14(
    session: Session, *, settings: Settings, user_id: uuid.UUID, birth_month: str | None
) -> bool:
    """Store that a person is under 14 and return True if that is new. The caller holds the user's lock.

    `birth_month` None: under 14, without a month. A person of 14 or older leaves no row.
    """
    if await repository.find_age(session, user_id=user_id) is not None:
        return False
    today = _today(settings)
    turns = latest_14th_birthday(today) if birth_month is None else turns_14_on(birth_month)
    if turns <= today:
        return False
    row = DeclaredAge(
        user_id=user_id, account_id=person_account_id(user_id), turns_14_sealed=_seal(settings, user_id, turns)
    )
    await repository.add(session, row)
    return True


async def find_declared(session: Session, *, account_id: uuid.UUID) -> uuid.UUID | None:
    """Return the user with this account who said to be under 14, at whatever time."""
    row = await repository.find_age_of_account(session, account_id=account_id)
    return None if row is None else row.user_id


async def find_guardianship_of(session: Session, *, settings: Settings, user_id: uuid.UUID) -> WardView | None:
    """Return the guardianship that somebody has over this person now."""
    row = await repository.find_live_of_ward(session, ward_id=user_id)
    return None if row is None else await _view(session, settings, row)


async def remove_declaration(session: Session, *, user_id: uuid.UUID) -> None:
    """Forget that a person said to be under 14. The caller holds the user's lock and has ended the guardianship."""
    await repository.delete_age(session, user_id=user_id)


async def is_under_14(session: Session, *, settings: Settings, user_id: uuid.UUID) -> bool:
    turns = await _turns_14_on(session, settings, user_id)
    return turns is not None and _today(settings) < turns


async def has_guardian(session: Session, *, user_id: uuid.UUID) -> bool:
    return await repository.find_live_of_ward(session, ward_id=user_id) is not None


async def require_own_decision(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Raises GuardianRequired for a person under 14."""
    if await is_under_14(session, settings=settings, user_id=user_id):
        raise GuardianRequired


async def issue_code(session: Session, *, settings: Settings, user_id: uuid.UUID) -> ShownCode:
    """Issue a code that a guardian scans within CODE_LIFE.

    Raises GuardianNotNeeded, GuardianAlready, QuotaExceeded, Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    if not await is_under_14(session, settings=settings, user_id=user_id):
        raise GuardianNotNeeded
    if await has_guardian(session, user_id=user_id):
        raise GuardianAlready
    await quotas.count_use(session, user_id=user_id, quota=CODES_QUOTA)
    token = draw_token(_TOKEN_PREFIX)
    row = GuardianCode(token_sha256=digest_token(token), user_id=user_id, expires_at=clock.now() + CODE_LIFE)
    await repository.add(session, row)
    return show_code(token, row.expires_at)


async def accept(
    session: Session, *, settings: Settings, guardian_id: uuid.UUID, token: str, birth_month: str | None
) -> Accepted:
    """Become the guardian of the person who showed the code. Both are locked afterwards, the guardian first.

    The same guardian gets the same answer again. `birth_month` of the child corrects an earlier declaration.
    Raises GuardianCodeInvalid, GuardianUnsuitable, GuardianAlready, GuardianNotNeeded, WardLimitReached,
    Unauthenticated.
    """
    digest = digest_token(token)
    await users.lock_user(session, user_id=guardian_id)
    shown = await repository.find_code(session, token_sha256=digest, lock=False)
    if shown is None:
        raise GuardianCodeInvalid
    ward_id = shown.user_id
    if ward_id == guardian_id or await is_under_14(session, settings=settings, user_id=guardian_id):
        raise GuardianUnsuitable
    await users.lock_user(session, user_id=ward_id)
    code = await repository.find_code(session, token_sha256=digest, lock=True)
    if code is None:
        raise GuardianCodeInvalid
    if code.guardianship_id is not None:
        return Accepted(await _accepted_before(session, settings, code.guardianship_id, guardian_id), is_new=False)
    if code.expires_at <= clock.now() or not await is_under_14(session, settings=settings, user_id=ward_id):
        raise GuardianCodeInvalid
    if await has_guardian(session, user_id=ward_id):
        raise GuardianAlready
    if await repository.count_of_guardian(session, guardian_id=guardian_id) >= WARDS_MAX:
        raise WardLimitReached(limit=WARDS_MAX)
    if birth_month is not None:
        await _correct_age(session, settings, ward_id, turns_14_on(birth_month))  # raises GuardianNotNeeded
    row = Guardianship(guardianship_id=new_id(), ward_id=ward_id, guardian_id=guardian_id, since=clock.now())
    await repository.add(session, row)
    code.guardianship_id = row.guardianship_id
    await repository.flush_changes(session)
    return Accepted(await _view(session, settings, row), is_new=True)


async def require_ward(session: Session, *, settings: Settings, guardian_id: uuid.UUID, ward_id: uuid.UUID) -> WardView:
    """Return a person of whom somebody is the guardian now. Raises WardNotFound, also from the 14th birthday on."""
    row = await repository.find_guardianship(session, guardianship_id=ward_id)
    if row is None or row.guardian_id != guardian_id or row.ended_at is not None:
        raise WardNotFound
    if not await is_under_14(session, settings=settings, user_id=row.ward_id):
        raise WardNotFound
    return await _view(session, settings, row)


async def list_wards(session: Session, *, settings: Settings, guardian_id: uuid.UUID) -> Sequence[WardView]:
    """List the people under 14 of whom somebody is the guardian now, at most WARDS_MAX."""
    rows = await repository.live_of_guardian(session, guardian_id=guardian_id)
    views = [await _view(session, settings, row) for row in rows]
    return [view for view in views if _today(settings) < view.turns_14_on]


async def end(session: Session, *, ward_id: uuid.UUID) -> None:
    """End a guardianship that `require_ward` has found. The caller holds the lock of the child."""
    row = await repository.find_guardianship(session, guardianship_id=ward_id)
    assert row is not None  # `require_ward` has found it
    row.ended_at = clock.now()
    await repository.flush_changes(session)


async def purge_codes(session: Session, *, at_most: int) -> None:
    """Delete codes that can no longer be used, at most `at_most`."""
    await repository.delete_codes(session, before=clock.now() - _CODE_KEPT, at_most=at_most)


async def export_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> dict[str, str | int | None]:
    """Return what is known about a person's age and guardianships, without the ids of the other side."""
    turns = await _turns_14_on(session, settings, user_id)
    guardian = await repository.find_live_of_ward(session, ward_id=user_id)
    return {
        "turns_14_on": None if turns is None else turns.isoformat(),
        "has_guardian_since": None if guardian is None else stamp(guardian.since),
        "is_guardian_of": await repository.count_of_guardian(session, guardian_id=user_id),
    }


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Delete a person's declared age, codes and guardianships, on either side. The wards were released before."""
    await repository.delete_of_user(session, user_id=user_id)


async def _accepted_before(
    session: Session, settings: Settings, guardianship_id: uuid.UUID, guardian_id: uuid.UUID
) -> WardView:
    try:
        return await require_ward(session, settings=settings, guardian_id=guardian_id, ward_id=guardianship_id)
    except WardNotFound:
        raise GuardianCodeInvalid from None


async def _correct_age(session: Session, settings: Settings, user_id: uuid.UUID, turns: date) -> None:
    if turns <= _today(settings):
        raise GuardianNotNeeded
    row = await repository.find_age(session, user_id=user_id)
    assert row is not None  # somebody under 14 has told so
    row.turns_14_sealed = _seal(settings, user_id, turns)


async def _view(session: Session, settings: Settings, row: Guardianship) -> WardView:
    turns = await _turns_14_on(session, settings, row.ward_id)
    return WardView(row.guardianship_id, row.ward_id, row.since, turns or _today(settings))


async def _turns_14_on(session: Session, settings: Settings, user_id: uuid.UUID) -> date | None:
    row = await repository.find_age(session, user_id=user_id)
    if row is None:
        return None
    return date.fromisoformat(vault_of(settings).unseal("turns_14", user_id, row.turns_14_sealed))


def _seal(settings: Settings, user_id: uuid.UUID, turns: date) -> bytes:
    return vault_of(settings).seal("turns_14", user_id, turns.isoformat())


def _today(settings: Settings) -> date:
    return clock.local_date(clock.now(), settings.time_zone)
