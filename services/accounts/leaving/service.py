"""Erasures that are due: each room ends what others rely on, then the rows of the person are deleted.

Locks: the person, then the person's wards, family cards, household and enterprises.
"""

import uuid

from services.accounts.authorizations import service as authorizations
from services.accounts.bindings import service as bindings
from services.accounts.consents import service as consents
from services.accounts.enterprise_documents import service as enterprise_documents
from services.accounts.enterprise_members import service as enterprise_members
from services.accounts.enterprises import service as enterprises
from services.accounts.erasures import service as erasures
from services.accounts.family_cards import service as family_cards
from services.accounts.households import service as households
from services.accounts.mandates import service as mandates
from services.accounts.messages import service as messages
from services.accounts.settings import Settings
from services.accounts.steps import service as steps
from services.accounts.text_checks import service as text_checks
from services.accounts.wards import service as wards
from shared.db import Database, Session


async def carry_out_due(database: Database, *, settings: Settings) -> int:
    """Erase people whose cooling-off is over, each in a transaction of its own. Return how many. Timed job."""
    return await erasures.carry_out_due(database, settings=settings, release=_release)


async def _release(session: Session, settings: Settings, user_id: uuid.UUID) -> None:
    """End what a person has with others, publish it, and delete what rooms keep. The caller holds the user's lock."""
    await wards.erase_user(session, settings=settings, user_id=user_id)
    await bindings.erase_user(session, settings=settings, user_id=user_id)
    await authorizations.erase_user(session, user_id=user_id)
    await family_cards.erase_user(session, settings=settings, user_id=user_id)
    await households.erase_user(session, settings=settings, user_id=user_id)
    await mandates.erase_user(session, settings=settings, user_id=user_id)
    await enterprise_members.erase_user(session, settings=settings, user_id=user_id)
    await enterprise_documents.erase_user(session, user_id=user_id)
    await enterprises.erase_user(session, user_id=user_id)
    await consents.erase_user(session, settings=settings, user_id=user_id)
    await messages.erase_user(session, user_id=user_id)
    await text_checks.erase_user(session, user_id=user_id)
    await steps.erase_user(session, user_id=user_id)
