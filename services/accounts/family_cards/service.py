"""Family cards: open, renew the code, bind, end, hand over. Each change is published in the same transaction.

Lock order: the caller's user row, the card, the user row of the card. The holder of a card never logs in before the
handover, so nobody takes these locks the other way round. A window has no user row and begins with the card.
"""

import hmac
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from services.accounts.bindings import service as bindings
from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.family_cards import repository
from services.accounts.family_cards.domain import CODE_LIFE, LIVE_CARDS_MAX, RENEWAL_WAIT, CardKind, CodePurpose
from services.accounts.family_cards.errors import FamilyCardLimitReached, FamilyCardNotFound, FamilyCardRenewedLately
from services.accounts.family_cards.models import FamilyCard, FamilyCardCode, FamilyCardEvent
from services.accounts.family_cards.publishing import publish_card, publish_forgotten
from services.accounts.one_time_codes import ShownCode, digest_token, draw_token, paint_code, show_code
from services.accounts.people import service as people
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.vault import Vault
from shared import clock, telemetry
from shared.db import Session
from shared.ids import new_id
from shared.instants import next_minute, next_second, stamp

# Each card leaves rows for ever.
CARDS_QUOTA = Quota("family_card", at_most=5, window_s=30 * 86_400)
CODES_QUOTA = Quota("family_card_code", at_most=10, window_s=86_400)
# Five new cards a month for decades.
_OF_PROXY_MAX = 1_000
_QR_PREFIX, _CODE_PREFIX = "cfc_", "cfh_"


@dataclass(frozen=True, slots=True)
class Doer:
    """The actor on a card: its proxy, or an operator at a service window (without a user id)."""

    by: str
    user_id: uuid.UUID | None = None


WINDOW = Doer("window")


@dataclass(frozen=True, slots=True)
class CardView:
    """A card as its proxy or a window sees it. The label is for the proxy only."""

    card_id: uuid.UUID
    account_id: uuid.UUID
    account_no: str
    kind: str
    label: str | None
    limit_mg: int
    opened_at: datetime
    opened_through: str
    has_proxy: bool
    ended_at: datetime | None
    ended_reason: str | None


@dataclass(frozen=True, slots=True)
class CardWithCode:
    """A card with the code to print on it. The code is shown only now."""

    card: CardView
    qr: str
    qr_svg: str


async def open_card(
    session: Session,
    *,
    settings: Settings,
    vault: Vault,
    doer: Doer,
    kind: CardKind,
    label: str | None,
    limit_mg: int,
    policy_version: str,
) -> CardWithCode:
    """Open a card with its own carbon account. Its holder consents through the proxy or at the window.

    Raises CarbonAccountNotOpened (of the proxy), FamilyCardLimitReached, QuotaExceeded, PolicyVersionUnknown,
    PolicyVersionOutdated, Unauthenticated.
    """
    if doer.user_id is not None:
        await users.lock_user(session, user_id=doer.user_id)
        await require_room(session, user_id=doer.user_id)
        await quotas.count_use(session, user_id=doer.user_id, quota=CARDS_QUOTA)
    holder = await users.create_without_identity(session)
    await people.open_account(session, settings=settings, user_id=holder, policy_version=policy_version)
    now, card_id, qr = clock.now(), new_id(), draw_token(_QR_PREFIX)
    card = FamilyCard(
        card_id=card_id,
        user_id=holder,
        kind=kind,
        qr_sha256=digest_token(qr),
        proxy_user_id=doer.user_id,
        label_sealed=None if label is None else vault.seal("card_label", card_id, label),
        limit_mg=limit_mg,
        version=1,
        opened_at=now,
        opened_through="window" if doer.user_id is None else "proxy",
        changed_at=now,
    )
    await repository.add(session, card)
    await record(session, card, "opened", doer, policy_version=policy_version)
    await publish_card(session, settings=settings, row=card)
    return await _with_code(session, vault, card, qr, doer)


async def require_room(session: Session, *, user_id: uuid.UUID) -> None:
    """Require that a person may be the proxy of one more card. The caller holds the person's lock.

    Raises CarbonAccountNotOpened, FamilyCardLimitReached.
    """
    await carbon_accounts.require_personal(session, user_id=user_id)
    if await repository.count_live(session, proxy_user_id=user_id) >= LIVE_CARDS_MAX:
        raise FamilyCardLimitReached(limit=LIVE_CARDS_MAX)


async def renew_code(session: Session, *, vault: Vault, doer: Doer, card_id: uuid.UUID) -> CardWithCode:
    """Replace the code on a card. The old one is dead at once. Raises FamilyCardNotFound, QuotaExceeded."""
    card = await enter(session, doer=doer, card_id=card_id)
    await _count_code(session, doer)
    qr = draw_token(_QR_PREFIX)
    card.qr_sha256, card.changed_at = digest_token(qr), clock.now()
    if doer == WINDOW:
        card.window_renewed_at = card.changed_at
    await repository.flush_changes(session)
    await record(session, card, "code_renewed", doer)
    return await _with_code(session, vault, card, qr, doer)


async def end_card(session: Session, *, settings: Settings, doer: Doer, card_id: uuid.UUID) -> None:
    """End a card: its code is dead, its bindings end, its proxy spends no more. Its account stays.

    Raises FamilyCardNotFound.
    """
    card = await enter(session, doer=doer, card_id=card_id)
    for binding in await bindings.list_live(session, user_id=card.user_id):
        await bindings.end_binding(session, settings=settings, user_id=card.user_id, binding_id=binding.binding_id)
    await close(session, settings=settings, card=card, reason="ended")
    await record(session, card, "ended", doer)


async def close(session: Session, *, settings: Settings, card: FamilyCard, reason: str) -> None:
    """Make a card useless, with its codes. The caller holds its lock."""
    now = max(clock.now(), card.opened_at)
    card.qr_sha256, card.changed_at, card.version = None, now, card.version + 1
    card.ended_at, card.ended_reason = card.ended_at or now, reason
    await repository.delete_codes(session, card_id=card.card_id)
    await repository.flush_changes(session)
    await publish_card(session, settings=settings, row=card)


async def issue_code(
    session: Session, *, doer: Doer, card_id: uuid.UUID, purpose: CodePurpose, qr: str | None = None
) -> ShownCode:
    """Issue a code by which a person takes over the account, or becomes the proxy. It replaces earlier codes.

    A window needs the code on the card: its bearer is present. After a window replaced that code, it
    waits, so that one operator alone cannot take an account. Raises FamilyCardNotFound, FamilyCardRenewedLately,
    QuotaExceeded.
    """
    card = await enter(session, doer=doer, card_id=card_id)
    if doer == WINDOW:
        _require_presence(card, qr)
    await _count_code(session, doer)
    token, now = draw_token(_CODE_PREFIX), clock.now()
    await repository.delete_codes(session, card_id=card_id)
    code = FamilyCardCode(
        token_sha256=digest_token(token),
        card_id=card.card_id,
        purpose=purpose,
        created_at=now,
        expires_at=now + CODE_LIFE,
    )
    await repository.add(session, code)
    await record(session, card, f"{purpose}_code", doer)
    return show_code(token, code.expires_at)


def _require_presence(card: FamilyCard, qr: str | None) -> None:
    if qr is None or card.qr_sha256 is None or not hmac.compare_digest(card.qr_sha256, digest_token(qr)):
        raise FamilyCardNotFound
    if card.window_renewed_at is not None and clock.now() < card.window_renewed_at + RENEWAL_WAIT:
        earliest = card.window_renewed_at + RENEWAL_WAIT
        raise FamilyCardRenewedLately(
            days=RENEWAL_WAIT.days,
            earliest=next_minute(earliest),
            extensions={"earliest": stamp(next_second(earliest))},
        )


async def enter(session: Session, *, doer: Doer, card_id: uuid.UUID) -> FamilyCard:
    """Lock the proxy and the card. Raises FamilyCardNotFound, Unauthenticated."""
    if doer.user_id is not None:
        await users.lock_user(session, user_id=doer.user_id)
    card = await repository.lock_card(session, card_id=card_id)
    if card is None or card.ended_at is not None or (doer != WINDOW and card.proxy_user_id != doer.user_id):
        raise FamilyCardNotFound
    return card


@dataclass(frozen=True, slots=True)
class CardEvent:
    """An act on a card. `by`: proxy, window or person."""

    event_id: uuid.UUID
    at: datetime
    action: str
    by: str


async def list_events(
    session: Session, *, user_id: uuid.UUID, card_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[CardEvent]:
    """Return the acts on a card of this proxy, newest first. Raises FamilyCardNotFound."""
    card = await repository.find_card(session, card_id=card_id)
    if card is None or card.proxy_user_id != user_id:
        raise FamilyCardNotFound
    rows = await repository.list_events(session, card_id=card_id, before=before, limit=limit)
    return [CardEvent(row.event_id, row.at, row.action, row.by) for row in rows]


async def read_card(session: Session, *, vault: Vault, user_id: uuid.UUID, card_id: uuid.UUID) -> CardView:
    """Return a card of this proxy. Raises FamilyCardNotFound."""
    card = await repository.find_card(session, card_id=card_id)
    if card is None or card.proxy_user_id != user_id:
        raise FamilyCardNotFound
    return await _view(session, vault, card, with_label=True)


async def list_cards(
    session: Session, *, vault: Vault, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> list[CardView]:
    """Return the cards of a proxy, newest first, ended ones too."""
    rows = await repository.list_of_proxy(session, proxy_user_id=user_id, before=before, limit=limit)
    return [await _view(session, vault, row, with_label=True) for row in rows]


async def find_by_code(session: Session, *, vault: Vault, qr: str) -> CardView | None:
    """Return the live card with this code on it, without its label."""
    card = await repository.find_by_qr(session, qr_sha256=digest_token(qr))
    return await _view(session, vault, card, with_label=False) if card else None


async def find_by_number(session: Session, *, vault: Vault, account_no: str) -> CardView | None:
    """Return the card with this account number, also an ended one, without its label."""
    account = await carbon_accounts.find_by_number(session, account_no=account_no)
    if account is None or account.user_id is None:
        return None
    card = await repository.find_by_user(session, user_id=account.user_id)
    return await _view(session, vault, card, with_label=False) if card else None


async def record(
    session: Session, card: FamilyCard, action: str, doer: Doer, *, policy_version: str | None = None
) -> None:
    """Store an act on a card."""
    event = FamilyCardEvent(
        event_id=new_id(),
        card_id=card.card_id,
        at=clock.now(),
        action=action,
        by=doer.by,
        policy_version=policy_version,
        request_id=telemetry.current_request_id(),
    )
    await repository.add(session, event)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """End the part of a proxy: nobody sees or spends the grams of the cards until a window sets another proxy.

    The cards are other people's and stay. The card that the person took over is forgotten by readers of the topic,
    and its former proxy no longer sees it. The caller holds the user's lock.
    """
    for row in await repository.list_of_proxy(session, proxy_user_id=user_id, before=None, limit=_OF_PROXY_MAX):
        card = await repository.lock_card(session, card_id=row.card_id)
        if card is None or card.proxy_user_id != user_id:
            continue
        card.proxy_user_id, card.label_sealed = None, None
        card.version, card.changed_at = card.version + 1, clock.now()
        await repository.delete_codes(session, card_id=card.card_id)
        await repository.flush_changes(session)
        await publish_card(session, settings=settings, row=card)
    own = await repository.find_by_user(session, user_id=user_id)
    card = None if own is None else await repository.lock_card(session, card_id=own.card_id)
    if card is not None:
        card.proxy_user_id, card.label_sealed = None, None
        await repository.flush_changes(session)
        await publish_forgotten(session, settings=settings, row=card)


async def export_user(session: Session, *, vault: Vault, user_id: uuid.UUID) -> list[dict[str, object]]:
    """Return what is held about a person as the proxy of cards, and about the card that the person took over."""
    cards = await list_cards(session, vault=vault, user_id=user_id, before=None, limit=_OF_PROXY_MAX)
    found: list[dict[str, object]] = [{"as": "proxy", **asdict(card)} for card in cards]
    own = await repository.find_by_user(session, user_id=user_id)
    if own is not None:
        found.append({"as": "holder", **asdict(await _view(session, vault, own, with_label=False))})
    return found


async def purge_codes(session: Session, *, at_most: int) -> None:
    """Delete expired codes, at most `at_most`."""
    await repository.delete_expired_codes(session, before=clock.now(), at_most=at_most)


async def _count_code(session: Session, doer: Doer) -> None:
    if doer.user_id is not None:
        await quotas.count_use(session, user_id=doer.user_id, quota=CODES_QUOTA)


async def _with_code(session: Session, vault: Vault, card: FamilyCard, qr: str, doer: Doer) -> CardWithCode:
    return CardWithCode(await _view(session, vault, card, with_label=doer != WINDOW), qr, paint_code(qr))


async def _view(session: Session, vault: Vault, card: FamilyCard, *, with_label: bool) -> CardView:
    account = await carbon_accounts.require_personal(session, user_id=card.user_id)
    label = card.label_sealed if with_label else None
    return CardView(
        card_id=card.card_id,
        account_id=account.account_id,
        account_no=account.account_no,
        kind=card.kind,
        label=None if label is None else vault.unseal("card_label", card.card_id, label),
        limit_mg=card.limit_mg,
        opened_at=card.opened_at,
        opened_through=card.opened_through,
        has_proxy=card.proxy_user_id is not None,
        ended_at=card.ended_at,
        ended_reason=card.ended_reason,
    )
