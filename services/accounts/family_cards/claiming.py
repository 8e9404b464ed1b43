"""A person takes over the account of a family card, or becomes its proxy, by a code."""

import uuid
from typing import Literal

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.family_cards import repository, service
from services.accounts.family_cards.errors import FamilyCardCodeInvalid, OwnAccountOpened
from services.accounts.family_cards.models import FamilyCard
from services.accounts.family_cards.publishing import publish_card
from services.accounts.family_cards.service import Doer
from services.accounts.guardians import service as guardians
from services.accounts.guardians.errors import GuardianRequired
from services.accounts.one_time_codes import digest_token
from services.accounts.people import service as people
from services.accounts.phones import service as phones
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.sessions import service as sessions
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock
from shared.db import Database, Session

# Also wrong codes count.
CLAIMS_QUOTA = Quota("family_card_claim", at_most=10, window_s=86_400)


async def claim(
    session: Session,
    *,
    database: Database,
    settings: Settings,
    vault: Vault,
    user_id: uuid.UUID,
    code: str,
    policy_version: str | None,
) -> Literal["handover", "proxy"]:
    """Do what the code allows. The attempt is counted in a transaction of its own, so wrong codes count as well.

    After a handover, the person logs in anew and finds the account with its grams.
    Raises FamilyCardCodeInvalid, OwnAccountOpened, GuardianRequired, FamilyCardLimitReached, QuotaExceeded,
    CarbonAccountNotOpened, ConsentRequired, PolicyVersionUnknown, PolicyVersionOutdated, Unauthenticated.
    """
    async with database.transaction() as counting:
        await quotas.count_use(counting, user_id=user_id, quota=CLAIMS_QUOTA)
    await users.lock_user(session, user_id=user_id)
    found = await repository.find_code(session, token_sha256=digest_token(code))
    card = None if found is None else await repository.lock_card(session, card_id=found.card_id)
    # The code again, under the lock of its card: it may have been used or replaced meanwhile.
    found = await repository.lock_code(session, token_sha256=digest_token(code))
    if card is None or found is None or found.expires_at <= clock.now():
        raise FamilyCardCodeInvalid
    if found.purpose == "proxy":
        await _become_proxy(session, settings, card, user_id)
        return "proxy"
    await _take_over(session, settings, vault, card, user_id, policy_version)
    return "handover"


async def _become_proxy(session: Session, settings: Settings, card: FamilyCard, user_id: uuid.UUID) -> None:
    """Only a window issues such a code, so it may also replace a proxy, who may be gone."""
    await service.require_room(session, user_id=user_id)
    card.proxy_user_id, card.version, card.changed_at = user_id, card.version + 1, clock.now()
    await repository.delete_codes(session, card_id=card.card_id)
    await repository.flush_changes(session)
    await service.record(session, card, "proxy_set", Doer("proxy", user_id))
    await publish_card(session, settings=settings, row=card)


async def _take_over(
    session: Session,
    settings: Settings,
    vault: Vault,
    card: FamilyCard,
    user_id: uuid.UUID,
    policy_version: str | None,
) -> None:
    """Give the holder of the card the WeChat identity of this person, who has no account of their own yet."""
    if await carbon_accounts.find_personal(session, user_id=user_id) is not None:
        raise OwnAccountOpened
    if await phones.read_number(session, vault=vault, user_id=user_id) is not None:
        raise OwnAccountOpened
    if await guardians.is_under_14(session, settings=settings, user_id=user_id):
        raise GuardianRequired  # the age is known of this user only, who is empty afterwards
    await people.open_account(session, settings=settings, user_id=card.user_id, policy_version=policy_version or "")
    await users.move_identity(session, vault=vault, from_user_id=user_id, to_user_id=card.user_id)
    await sessions.end_for_good(session, user_id=user_id, reason="account_taken_over")
    await service.close(session, settings=settings, card=card, reason="handed_over")
    await service.record(session, card, "handed_over", Doer("person", card.user_id), policy_version=policy_version)
