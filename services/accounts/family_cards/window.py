"""What an operator does with family cards at a service window: with a reason, counted, and in the audit log."""

import uuid

from services.accounts.audit.service import log
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.family_cards import service
from services.accounts.family_cards.domain import CardKind, CodePurpose
from services.accounts.family_cards.errors import FamilyCardNotFound
from services.accounts.family_cards.service import WINDOW, CardView, CardWithCode
from services.accounts.one_time_codes import ShownCode
from services.accounts.operators import service as operators
from services.accounts.operators.errors import AccountNoInvalid
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.vault import Vault
from shared.db import Database, Session

# A window serves a person in some minutes. More cards than that are of made-up people.
CARDS_QUOTA = Quota("window_family_card", at_most=40, window_s=86_400)
_WINDOWS = uuid.UUID("2d6f7a0c-5b1e-5f6b-9f4e-2a7d1f0c9b33")


async def open_card(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    operator: str,
    kind: CardKind,
    limit_mg: int,
    policy_version: str,
    reason: str,
) -> CardWithCode:
    """Open a card without a proxy. Its holder is present and consents. Raises QuotaExceeded, PolicyVersionUnknown."""
    await quotas.count_use(session, user_id=uuid.uuid5(_WINDOWS, operator), quota=CARDS_QUOTA)
    opened = await service.open_card(
        session,
        settings=settings,
        vault=vault,
        doer=WINDOW,
        kind=kind,
        label=None,
        limit_mg=limit_mg,
        policy_version=policy_version,
    )
    after = {"kind": kind, "policy_version": policy_version}
    await _audit(session, operator, "family_card.open", opened.card.card_id, reason, after=after)
    return opened


async def check_card(
    database: Database,
    *,
    vault: Vault,
    operator: str,
    qr: str | None,
    account_no: str | None,
    reason: str,
) -> CardView:
    """Find a card by the code on it or by its number. It counts as a look-up, also if it finds nothing.

    Raises TooManyLookUps, AccountNoInvalid, FamilyCardNotFound.
    """
    if account_no is not None and not carbon_accounts.is_account_no(account_no):
        raise AccountNoInvalid
    await operators.count_look_up(database, operator=operator, account_no=account_no or "family-card")
    async with database.transaction() as session:
        if qr is not None:
            found = await service.find_by_code(session, vault=vault, qr=qr)
        else:
            found = await service.find_by_number(session, vault=vault, account_no=account_no or "")
        about = str(found.card_id) if found else "-"
        await log.record(session, subject=operator, action="family_card.check", about=about, reason=reason)
    if found is None:  # raised after the commit, so that the audit record stays
        raise FamilyCardNotFound
    return found


async def renew_code(session: Session, *, vault: Vault, operator: str, card_id: uuid.UUID, reason: str) -> CardWithCode:
    """Replace the code on a lost card. Raises FamilyCardNotFound."""
    renewed = await service.renew_code(session, vault=vault, doer=WINDOW, card_id=card_id)
    await _audit(session, operator, "family_card.renew_code", card_id, reason)
    return renewed


async def issue_code(
    session: Session, *, operator: str, card_id: uuid.UUID, qr: str, purpose: CodePurpose, reason: str
) -> ShownCode:
    """Issue a code for the handover, or for a new proxy. Raises FamilyCardNotFound, FamilyCardRenewedLately."""
    code = await service.issue_code(session, doer=WINDOW, card_id=card_id, purpose=purpose, qr=qr)
    await _audit(session, operator, "family_card.issue_code", card_id, reason, after={"purpose": purpose})
    return code


async def end_card(session: Session, *, settings: Settings, operator: str, card_id: uuid.UUID, reason: str) -> None:
    """End a card. Raises FamilyCardNotFound."""
    await service.end_card(session, settings=settings, doer=WINDOW, card_id=card_id)
    await _audit(session, operator, "family_card.end", card_id, reason)


async def _audit(
    session: Session,
    operator: str,
    action: str,
    card_id: uuid.UUID,
    reason: str,
    *,
    after: dict[str, str] | None = None,
) -> None:
    await log.record(session, subject=operator, action=action, about=str(card_id), reason=reason, after=after)
