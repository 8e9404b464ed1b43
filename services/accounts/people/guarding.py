"""Consents follow age and guardianship: those of a child alone, or of a guardian who left, are withdrawn."""

import uuid
from typing import Final

from services.accounts.consents.service import Decision
from services.accounts.guardians import service as guardians
from services.accounts.guardians.service import WardView
from services.accounts.people import service
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared.db import Database, Session
from shared.errors import Unauthenticated

BY_GUARDIAN: Final = Decision("guardian", "guardian")
_BY_AGE: Final = Decision("self", "age")


async def declare_age(
    database: Database, *, settings: Settings, user_id: uuid.UUID, birth_month: str | None, under_14: bool
) -> None:
    """Store that a person is under 14, in a transaction of its own, because the request may be refused for it.

    What the person consented to alone is withdrawn, and so is what the person decided for others.
    Raises Unauthenticated (the user is gone).
    """
    if birth_month is None and not under_14:
        return
    async with database.transaction() as session:
        await users.lock_user(session, user_id=user_id)
        if await guardians.declare_under_14(session, settings=settings, user_id=user_id, birth_month=birth_month):
            await service.withdraw_everything(session, settings=settings, user_id=user_id, decision=_BY_AGE)
            await release_wards(session, settings=settings, user_id=user_id)


async def release_wards(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """End every guardianship of a person who cannot be a guardian any more. The caller holds the person's lock."""
    for ward in await guardians.list_wards(session, settings=settings, guardian_id=user_id):
        try:
            await users.lock_user(session, user_id=ward.user_id)
        except Unauthenticated:
            continue  # the ward was erased while this transaction waited
        await end_ward(session, settings=settings, ward=ward)


async def end_ward(session: Session, *, settings: Settings, ward: WardView) -> None:
    """End one guardianship with the consents of the child, until another guardian consents."""
    await guardians.end(session, ward_id=ward.ward_id)
    await service.withdraw_everything(session, settings=settings, user_id=ward.user_id, decision=BY_GUARDIAN)


async def correct_age(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """Forget that an adult said to be under 14, and end the guardianship with its consents.

    The caller holds the person's lock. The person consents anew.
    """
    guardianship = await guardians.find_guardianship_of(session, settings=settings, user_id=user_id)
    if guardianship is not None:
        await guardians.end(session, ward_id=guardianship.ward_id)
    await service.withdraw_everything(session, settings=settings, user_id=user_id, decision=_BY_AGE)
    await guardians.remove_declaration(session, user_id=user_id)
