"""Use cases of a till without a line: it checks signatures itself, hands out pieces, and reports them later.

The rule of double use: the use that this service records first stands, in the order in which requests arrive, and
within one report by the time of acceptance. The other one becomes a dispute. A till's own time decides nothing between
two tills, because a till could write any time.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.catalogue import service as catalogue
from services.rewards.disputes import service as disputes
from services.rewards.disputes.domain import DisputeKind
from services.rewards.offline_reports import repository
from services.rewards.offline_reports.domain import SPAN, ReportOutcome, is_in_time, was_shown
from services.rewards.orders import service as orders
from services.rewards.redemptions import service as redemptions
from services.rewards.redemptions.domain import Place
from services.rewards.vouchers import using
from services.rewards.vouchers.domain import VoucherStatus
from services.rewards.vouchers.sealing import CodeSealer
from services.rewards.vouchers.using import Presented, SignedCode
from shared import clock
from shared.db import Session
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Accepted:
    """A voucher that a till says it accepted."""

    report_id: uuid.UUID
    qr: str
    accepted_at: datetime


async def report(
    session: Session, *, sealer: CodeSealer, place: Place, line_lost_at: datetime, accepted: Sequence[Accepted]
) -> list[Any]:
    """Settle what a till accepted. Return the rows of the reports, in the order of the request.

    Vouchers are locked by id first, so that two reports never wait for each other in a ring.
    """
    known = await repository.known(session, actor=place.actor, report_ids=[one.report_id for one in accepted])
    fresh = [one for one in accepted if one.report_id not in known]
    codes = {one.report_id: using.read_signed(sealer, one.qr) for one in fresh}
    await using.lock_many(session, voucher_ids={code.voucher_id for code in codes.values() if code is not None})
    for one in sorted(fresh, key=lambda one: (one.accepted_at, one.report_id)):
        if one.report_id in known:  # twice in one request
            continue
        values = await _settle(session, sealer, place, line_lost_at, one, codes[one.report_id])
        known[one.report_id] = await repository.add(
            session,
            {
                "entry_id": new_id(),
                "actor": place.actor,
                "report_id": one.report_id,
                "merchant_id": place.merchant_id,
                "shop_id": place.shop_id,
                "accepted_at": one.accepted_at,
                **values,
            },
        )
    return [known[one.report_id] for one in accepted]


def _refused(code: str, voucher: Presented | None = None) -> dict[str, Any]:
    return {"outcome": ReportOutcome.REFUSED, "code": code, **_about(voucher)}


def _about(voucher: Presented | None) -> dict[str, Any]:
    return {} if voucher is None else {"voucher_id": voucher.voucher_id, "order_id": voucher.order_id}


async def _settle(
    session: Session,
    sealer: CodeSealer,
    place: Place,
    line_lost_at: datetime,
    one: Accepted,
    code: SignedCode | None,
) -> Mapping[str, Any]:
    """Use the voucher, or open a dispute, or refuse. Return the outcome as columns."""
    voucher = None if code is None else await using.find_signed(session, sealer=sealer, code=code)
    if code is None or voucher is None:
        return _refused("VOUCHER_NOT_FOUND")
    if not is_in_time(one.accepted_at, line_lost_at=line_lost_at, now=clock.now()):
        return _refused("OFFLINE_NOT_IN_TIME", voucher)
    if not was_shown(code.step, accepted_at=one.accepted_at):
        return _refused("VOUCHER_CODE_STALE", voucher)
    if not await catalogue.takes_in_shop(session, item_id=voucher.item_id, shop_id=place.shop_id):
        return _refused("VOUCHER_NOT_TAKEN_HERE", voucher)
    if voucher.status is VoucherStatus.USED:
        return await _used_before(session, place, one, voucher)
    if voucher.status is VoucherStatus.GIVEN_BACK:
        return await _disputed(session, place, one, voucher, DisputeKind.GIVEN_BACK)
    redemption_id = new_id()
    used_at = await using.use(
        session, voucher_id=voucher.voucher_id, use_id=redemption_id, shop_id=place.shop_id, at=one.accepted_at
    )
    if used_at is None:
        return _refused("VOUCHER_EXPIRED", voucher)
    await redemptions.record(
        session, voucher=voucher, place=place, redemption_id=redemption_id, redeemed_at=used_at, offline=True
    )
    return {"outcome": ReportOutcome.REDEEMED, "redemption_id": redemption_id, **_about(voucher)}


async def _used_before(session: Session, place: Place, one: Accepted, voucher: Presented) -> Mapping[str, Any]:
    """A till whose answer was lost reports its own redemption. Any other use is a dispute."""
    assert voucher.use_id is not None
    actor = await redemptions.get_actor(session, redemption_id=voucher.use_id)
    assert voucher.used_at is not None
    if actor == place.actor and abs(voucher.used_at - one.accepted_at) <= SPAN:
        return {"outcome": ReportOutcome.KNOWN, "redemption_id": voucher.use_id, **_about(voucher)}
    return await _disputed(session, place, one, voucher, DisputeKind.DOUBLE_USE)


async def _disputed(
    session: Session, place: Place, one: Accepted, voucher: Presented, kind: DisputeKind
) -> Mapping[str, Any]:
    piece = await orders.get_piece(session, order_id=voucher.order_id)
    dispute_id = await disputes.open_from_report(
        session,
        kind=kind,
        voucher=voucher,
        place=place,
        report_id=new_id(),
        accepted_at=one.accepted_at,
        sponsor_id=piece.sponsor_id,
        fen=piece.fen,
        claim="断网期间收的券，之前或之后已另行使用或退回 accepted without a line, used elsewhere or given back",
    )
    return {
        "outcome": ReportOutcome(kind),
        "dispute_id": dispute_id,
        "redemption_id": voucher.use_id,
        **_about(voucher),
    }


async def list_reports(
    session: Session, *, shop_id: str | None, outcome: ReportOutcome | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Newest first."""
    return await repository.page(session, shop_id=shop_id, outcome=outcome, before=before, limit=limit)
