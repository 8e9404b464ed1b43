"""Use cases of operators about items.

    draft ──edited by anybody──▶ draft ──published by a second person──▶ published ──withdrawn by anybody──▶ withdrawn
                                            changed by a second person ──┘   ▲                               │
                                                                             └────published again by two ────┘

Whatever gives value away needs two persons. Whatever takes it back, one. A proposal names the version of the item that
it is about, so that nobody approves something else than what was proposed.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.rewards.approvals.domain import MallProposal
from services.rewards.audit.service import log
from services.rewards.budgets import service as budgets
from services.rewards.catalogue import service as catalogue
from services.rewards.catalogue.domain import ItemStatus
from services.rewards.catalogue.service import Item
from services.rewards.categories import service as categories
from services.rewards.mall.domain import CONTENT, differences, to_columns, to_json
from services.rewards.mall.errors import (
    ItemChanged,
    ItemNotADraft,
    ItemNotPublished,
    ItemPublished,
    NothingChanged,
    TooManyItems,
)
from services.rewards.merchants import service as merchants
from services.rewards.pictures import service as pictures
from services.rewards.vouchers import stocking, using
from services.rewards.vouchers.sealing import CodeSealer
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal
from shared.auth.tokens import Operator
from shared.db import Session

SCOPE: Final = "ops:rewards"
PUBLISH: Final = MallProposal.PUBLISH_ITEM
CHANGE: Final = MallProposal.CHANGE_ITEM


async def create_draft(
    session: Session, *, item_id: str, content: Mapping[str, Any], reason: str, operator: str
) -> Item:
    """Raises ItemExists, TooManyItems, and CategoryNotFound, PictureNotFound, BudgetNotFound, BudgetClosed,
    ShopNotFound about what it names.
    """
    if await catalogue.count_items(session) >= catalogue.ITEMS_MAX:
        raise TooManyItems(most=catalogue.ITEMS_MAX)
    await _require_known(session, content)
    await catalogue.add_draft(session, item_id=item_id, columns=to_columns(content))
    await log.record(
        session,
        subject=operator,
        action="item.draft",
        about=item_id,
        reason=reason,
        after={"status": "draft", **content},
    )
    return await catalogue.get_any_item(session, item_id=item_id)


async def edit_draft(session: Session, *, item_id: str, content: Mapping[str, Any], reason: str, operator: str) -> Item:
    """Replace the content of a draft or of a withdrawn item.

    Raises ItemNotFound, ItemNotADraft for a published one, SaleOutlastsValidity, and the errors of `create_draft`.
    """
    row = await catalogue.lock_item(session, item_id=item_id)
    if row.status == ItemStatus.PUBLISHED:
        raise ItemNotADraft
    before = to_json(row._mapping)
    if changed := differences(before, content):
        await _require_known(session, content)
        await _require_valid_after_sale(session, item_id, content)
        await catalogue.change_item(session, item_id=item_id, columns=to_columns(changed))
        await log.record(
            session,
            subject=operator,
            action="item.edit",
            about=item_id,
            reason=reason,
            before={name: before[name] for name in changed},
            after=changed,
        )
    return await catalogue.get_any_item(session, item_id=item_id)


async def withdraw(session: Session, *, item_id: str, reason: str, operator: str) -> Item:
    """Take an item off the mall at once. Its orders go on. Raises ItemNotFound, ItemNotPublished."""
    row = await catalogue.lock_item(session, item_id=item_id)
    if row.status != ItemStatus.PUBLISHED:
        raise ItemNotPublished
    await catalogue.withdraw(session, item_id=item_id)
    await log.record(
        session,
        subject=operator,
        action="item.withdraw",
        about=item_id,
        reason=reason,
        before={"status": row.status},
        after={"status": ItemStatus.WITHDRAWN},
    )
    return await catalogue.get_any_item(session, item_id=item_id)


async def change_stock(
    session: Session, *, sealer: CodeSealer, item_id: str, pieces: int, reason: str, operator: str
) -> Item:
    """Raise or, with a negative number, lower the stock. Raises ItemNotFound, StockTooLow, CodesOfPartner."""
    before = await catalogue.lock_stock(session, item_id=item_id)
    if pieces > 0:
        await stocking.raise_stock(session, sealer=sealer, item_id=item_id, quantity=pieces)
    else:
        await stocking.lower_stock(session, item_id=item_id, quantity=-pieces)
    await log.record(
        session,
        subject=operator,
        action="item.stock",
        about=item_id,
        reason=reason,
        before={"loaded": before},
        after={"loaded": before + pieces},
    )
    return await catalogue.get_any_item(session, item_id=item_id)


async def _require_known(session: Session, content: Mapping[str, Any]) -> None:
    """Raises CategoryNotFound, PictureNotFound, BudgetNotFound, BudgetClosed, ShopNotFound."""
    await categories.require(session, category_id=content["category"])
    await pictures.require(session, hashes=[path.rpartition("/")[2] for path in content["images"]])
    await budgets.require_open(session, budget_id=content["budget_id"])
    await merchants.require_shops(session, shop_ids=content["shops"])


async def _require_valid_after_sale(session: Session, item_id: str, content: Mapping[str, Any]) -> None:
    """Raises SaleOutlastsValidity."""
    ends_at = to_columns(content)["sale_ends_at"]
    await using.require_valid_after_sale(session, item_id=item_id, sale_ends_at=ends_at)


# --- two persons ------------------------------------------------------------------------------------------------------


async def propose_publication(
    session: Session, approvals: Approvals, *, item_id: str, reason: str, operator: Operator
) -> Proposal:
    """Raises ItemNotFound, ItemPublished, ProposalOpen, SaleOutlastsValidity, and the errors of `create_draft` about
    what it names.
    """
    row = await catalogue.lock_item(session, item_id=item_id)
    return await approvals.propose(
        session, kind=PUBLISH, subject=item_id, content={"version": row.version}, reason=reason, operator=operator
    )


async def propose_change(
    session: Session,
    approvals: Approvals,
    *,
    item_id: str,
    content: Mapping[str, Any],
    reason: str,
    operator: Operator,
) -> Proposal:
    """Propose other content for a published item.

    Raises ItemNotFound, ItemNotPublished, NothingChanged, ProposalOpen, SaleOutlastsValidity, and the errors of
    `create_draft`.
    """
    row = await catalogue.lock_item(session, item_id=item_id)
    changed = differences(to_json(row._mapping), content)
    if not changed:
        raise NothingChanged
    return await approvals.propose(
        session,
        kind=CHANGE,
        subject=item_id,
        content={"version": row.version, **changed},
        reason=reason,
        operator=operator,
    )


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(name=PUBLISH, scope=SCOPE, preview=_preview_publication, act=_publish),
        Kind(name=CHANGE, scope=SCOPE, preview=_preview_change, act=_change),
    )


async def _preview_publication(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    row = await catalogue.lock_item(session, item_id=subject)
    if row.status == ItemStatus.PUBLISHED:
        raise ItemPublished
    if row.version != content["version"]:
        raise ItemChanged
    shown = to_json(row._mapping)
    await _require_known(session, shown)
    await _require_valid_after_sale(session, subject, shown)
    return Change({"status": row.status, **shown}, {"status": ItemStatus.PUBLISHED, **shown})


async def _publish(session: Session, proposal: Proposal) -> None:
    await catalogue.publish(session, item_id=proposal.subject)


async def _preview_change(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    row = await catalogue.lock_item(session, item_id=subject)
    if row.status != ItemStatus.PUBLISHED:
        raise ItemNotPublished
    if row.version != content["version"]:
        raise ItemChanged
    before = to_json(row._mapping)
    changed = _content_of(content)
    await _require_known(session, {**before, **changed})
    await _require_valid_after_sale(session, subject, {**before, **changed})
    return Change({name: before[name] for name in changed}, changed)


async def _change(session: Session, proposal: Proposal) -> None:
    columns = to_columns(_content_of(proposal.content))
    await catalogue.change_item(session, item_id=proposal.subject, columns=columns)


def _content_of(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name in CONTENT}
