"""Use case of spends, also of the grams of a household, of a family card or of an enterprise.

A maker of an active enterprise may donate its grams, and may spend them on nothing else.

Membership, rule, limit and agreement are read in the transaction of the spend, after its accounts are locked. So two
members who spend at once are decided one after the other. Locks: people by id (the spenders, too), households by id,
agreements by id, then the locks of `ledger.spending`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.accounting.enterprises import service as enterprises
from services.accounting.families import repository
from services.accounting.families.domain import Agreement, month_of
from services.accounting.families.errors import AgreementRequired, MonthlyLimitReached
from services.accounting.households import service as households
from services.accounting.households.domain import CardRow
from services.accounting.households.service import SharedHome
from services.accounting.ledger import holds, spending
from services.accounting.ledger import service as ledger
from services.accounting.ledger.errors import AccountFrozen, SpenderNotAllowed
from shared import clock
from shared.amounts import grams
from shared.contracts.holds import Spender, SpendRequest, Spent
from shared.db import Session, driver

_Pair = tuple[uuid.UUID, uuid.UUID]


async def spend(session: Session, *, requests: Sequence[SpendRequest], caller: str, time_zone: str) -> list[Spent]:
    """Spend grams for each request, in their order. Return the end of each."""
    shared = [(one, one.spender) for one in requests if one.spender is not None]
    if not shared:
        return await spending.spend(session, requests=requests, caller=caller)
    now = clock.now()
    permits = await _load(session, requests, shared, now=now, month=month_of(clock.local_date(now, time_zone)))
    ended = await spending.spend(session, requests=requests, caller=caller, permits=permits)
    captured = {one.hold_id for one in ended if one.status == "captured"}
    await permits.store(session, captured)
    return ended


async def _load(
    session: Session,
    requests: Sequence[SpendRequest],
    shared: Sequence[tuple[SpendRequest, Spender]],
    *,
    now: datetime,
    month: date,
) -> "_Permits":
    connection = await driver(session)
    spenders = {spender.account_id for _, spender in shared}
    homes = await households.shared_homes(session, account_ids=spenders)
    home_ids = {home.account_id for home in homes.values()}
    people = {one.account_id for one in requests} | spenders
    frozen = await ledger.lock_frozen(connection, people - home_ids)
    await households.lock_subjects(connection, home_ids)
    # Again, under the locks: a member may have left, and another spend may have used up the limit.
    homes = await households.shared_homes(session, account_ids=spenders)
    pairs = sorted({(one.account_id, spender.account_id) for one, spender in shared})
    agreement_ids = sorted({spender.agreement_id for _, spender in shared if spender.agreement_id is not None})
    return _Permits(
        now=now,
        month=month,
        homes=homes,
        cards=await households.live_cards(session, account_ids=[one.account_id for one, _ in shared]),
        agreements=await repository.locked_agreements(session, agreement_ids) if agreement_ids else {},
        spent_mg=await _spent_in_month(session, pairs, month),
        donors=await enterprises.with_role(session, pairs=pairs, role="maker"),
        frozen=frozen,
        used=set(),
        accepted={},
    )


async def _spent_in_month(session: Session, pairs: Sequence[_Pair], month: date) -> dict[_Pair, int]:
    """Return what was spent alone in a month. Refunded grams can be spent again."""
    rows = await repository.spends_in_month(session, pairs, month)
    ends = await holds.ends_of(session, hold_ids=[row.hold_id for row in rows])
    spent_mg: dict[_Pair, int] = {}
    for row in rows:
        if ends[row.hold_id].is_spent:
            pair = (row.account_id, row.spender_account_id)
            spent_mg[pair] = spent_mg.get(pair, 0) + row.amount_mg
    return spent_mg


@dataclass(slots=True)
class _Permits:
    """What the spenders of one call may do.

    `donors`: (account of an enterprise, maker). `used`: agreements of this call. `accepted`: rows by hold.
    """

    now: datetime
    month: date
    homes: Mapping[uuid.UUID, SharedHome]
    cards: Mapping[uuid.UUID, CardRow]
    agreements: Mapping[uuid.UUID, Agreement]
    spent_mg: dict[_Pair, int]
    donors: set[_Pair]
    frozen: set[uuid.UUID]
    used: set[uuid.UUID]
    accepted: dict[uuid.UUID, dict[str, Any]]

    def require(self, request: SpendRequest) -> None:
        """Raise SpenderNotAllowed, AccountFrozen, MonthlyLimitReached or AgreementRequired."""
        spender = request.spender
        if spender is None:
            return
        if spender.account_id in self.frozen:
            raise AccountFrozen
        if self._donates(request, spender):
            return
        card, home = self.cards.get(request.account_id), self.homes.get(spender.account_id)
        if card is not None and card.proxy_account_id == spender.account_id:
            self._require_limit(request, spender, card.limit_mg)
        elif home is None or home.account_id != request.account_id:
            raise SpenderNotAllowed
        elif spender.agreement_id is not None:
            self._require_agreement(request, spender, home)
        elif home.rule.kind == "any_member_up_to":
            self._require_limit(request, spender, home.rule.limit_mg)
        elif len(home.people) > 1:
            raise AgreementRequired

    def _donates(self, request: SpendRequest, spender: Spender) -> bool:
        return (request.account_id, spender.account_id) in self.donors and spender.about.startswith("donation:")

    def _require_limit(self, request: SpendRequest, spender: Spender, limit_mg: int) -> None:
        left_mg = max(limit_mg - self.spent_mg.get((request.account_id, spender.account_id), 0), 0)
        if request.amount_mg > left_mg:
            raise MonthlyLimitReached(
                left=grams(left_mg),
                needed=grams(request.amount_mg),
                extensions={"left_mg": left_mg, "needed_mg": request.amount_mg},
            )

    def _require_agreement(self, request: SpendRequest, spender: Spender, home: SharedHome) -> None:
        found = self.agreements.get(spender.agreement_id) if spender.agreement_id is not None else None
        if (
            found is None
            or found.agreement_id in self.used
            or found.household_id != home.household_id
            or found.status_at(self.now) != "open"
            or not found.covers(
                spender=spender.account_id, about=spender.about, amount_mg=request.amount_mg, people=home.people
            )
        ):
            raise AgreementRequired

    def count(self, request: SpendRequest) -> None:
        """Count an accepted spend towards the limit, or use up its agreement."""
        spender = request.spender
        if spender is None or self._donates(request, spender):
            return
        agreement_id = None if request.account_id in self.cards else spender.agreement_id
        if agreement_id is not None:
            self.used.add(agreement_id)
        else:
            pair = (request.account_id, spender.account_id)
            self.spent_mg[pair] = self.spent_mg.get(pair, 0) + request.amount_mg
        self.accepted[request.hold_id] = {
            "hold_id": request.hold_id,
            "account_id": request.account_id,
            "spender_account_id": spender.account_id,
            "month": self.month,
            "amount_mg": request.amount_mg,
            "about": spender.about,
            "agreement_id": agreement_id,
        }

    async def store(self, session: Session, captured: set[uuid.UUID]) -> None:
        """Write what was spent, and end the agreements that were used."""
        rows = [row for hold_id, row in sorted(self.accepted.items()) if hold_id in captured]
        if rows:
            await repository.add_spends(session, rows)
        if used := [row["agreement_id"] for row in rows if row["agreement_id"] is not None]:
            await repository.end_agreements(session, used, "spent", self.now)
