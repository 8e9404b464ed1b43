"""Two operators correct the age of an adult who said to be under 14 by mistake.

The declaration goes. Whatever a guardian consented to is withdrawn, because it was not the adult's own consent.
"""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from services.accounts.guardians import service as guardians
from services.accounts.guardians.errors import AgeNotDeclared
from services.accounts.people import guarding
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.contracts.identity import person_account_id
from shared.db import Session
from shared.errors import Unauthenticated

CORRECT_AGE: Final = "age.correct"
SCOPE: Final = "ops:accounts"


async def propose(
    session: Session, approvals: Approvals, *, user_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """The proposal names the account, which outlives the person, never the user. Raises AgeNotDeclared,
    ProposalOpen."""
    return await approvals.propose(
        session, kind=CORRECT_AGE, subject=str(person_account_id(user_id)), reason=reason, operator=operator
    )


def kind_of(settings: Settings) -> Kind:
    return Kind(
        CORRECT_AGE,
        SCOPE,
        partial(_preview, settings=settings),
        partial(_correct, settings=settings),
        spell=spell_uuid,
    )


async def _preview(session: Session, subject: str, _content: Mapping[str, Any], *, settings: Settings) -> Change:
    """Raises AgeNotDeclared."""
    await _lock_declared(session, settings, uuid.UUID(subject))
    return Change({"under_14": True}, {"under_14": False})


async def _correct(session: Session, proposal: Proposal, *, settings: Settings) -> None:
    user_id = await _lock_declared(session, settings, uuid.UUID(proposal.subject))
    await guarding.correct_age(session, settings=settings, user_id=user_id)


async def _lock_declared(session: Session, settings: Settings, account_id: uuid.UUID) -> uuid.UUID:
    """Return the person who is under 14 as far as it was told, locked. Raises AgeNotDeclared."""
    user_id = await guardians.find_declared(session, account_id=account_id)
    if user_id is None:
        raise AgeNotDeclared
    try:
        await users.lock_user(session, user_id=user_id)
    except Unauthenticated:  # erased while this transaction waited
        raise AgeNotDeclared from None
    # Past the 14th birthday the consents are the person's own already.
    if not await guardians.is_under_14(session, settings=settings, user_id=user_id):
        raise AgeNotDeclared
    return user_id
