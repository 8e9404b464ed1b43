"""Bindings of a family card: partners report with the account number of the card."""

import uuid
from collections.abc import Sequence

from services.accounts.bindings import service as bindings
from services.accounts.bindings.domain import Mode
from services.accounts.bindings.service import BindingView
from services.accounts.family_cards import repository, service
from services.accounts.family_cards.errors import FamilyCardNotFound
from services.accounts.family_cards.service import Doer
from services.accounts.resources import Resources
from services.accounts.settings import Settings
from shared.db import Session


async def bind_card(
    session: Session, *, resources: Resources, doer: Doer, card_id: uuid.UUID, partner_id: str
) -> BindingView:
    """Bind a card to a partner. The same binding again is answered with itself.

    The list of partners was read before the first statement. Raises FamilyCardNotFound and everything that
    `bindings.bind_partner` raises.
    """
    card = await service.enter(session, doer=doer, card_id=card_id)
    result = await bindings.bind_partner(
        session,
        settings=resources.settings,
        vault=resources.vault,
        partners=resources.partners,
        user_id=card.user_id,
        partner_id=partner_id,
        mode=Mode.ACCOUNT_NO,
        counts_from=None,
    )
    if result.is_new:
        await service.record(session, card, f"bound:{partner_id}", doer)
    return result.binding


async def unbind_card(
    session: Session, *, settings: Settings, doer: Doer, card_id: uuid.UUID, binding_id: uuid.UUID
) -> None:
    """End a binding of a card. Raises FamilyCardNotFound, BindingNotFound."""
    card = await service.enter(session, doer=doer, card_id=card_id)
    await bindings.end_binding(session, settings=settings, user_id=card.user_id, binding_id=binding_id)
    await service.record(session, card, "unbound", doer)


async def list_bindings(
    session: Session, *, user_id: uuid.UUID, card_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[BindingView]:
    """Return the bindings of a card in use, newest first. Raises FamilyCardNotFound."""
    card = await repository.find_card(session, card_id=card_id)
    if card is None or card.proxy_user_id != user_id or card.ended_at is not None:
        raise FamilyCardNotFound
    return await bindings.list_page(session, user_id=card.user_id, status=None, before=before, limit=limit)
