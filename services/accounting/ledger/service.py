"""Use cases of the ledger: move value, lock people, reverse a credit, freeze an account, read balances and entries.

`post` is the only function that moves value. It writes postings and balances, and refuses a movement that the chart
does not list. Only this room writes `posting` and `ledger_account`.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from services.accounting.ledger import repository
from services.accounting.ledger.chart import (
    SPENDABLE,
    WITHDRAWN,
    Account,
    allowed_movements,
    issuance_code,
    person,
    shared,
    sub_account,
    sub_account_id,
    system_account_id,
)
from services.accounting.ledger.errors import AccountFrozen, AccountNotFound, AccountNotFrozen, MovementNotAllowed
from services.accounting.ledger.repository import PostingRow
from shared.db import Connection, Database, Session, driver
from shared.ids import new_id

_ALLOWED = frozenset(allowed_movements())

# Changes of shared accounts for the end of a transaction: milligrams by account code.
SharedBalances: TypeAlias = dict[str, int]


class Posting(NamedTuple):
    """One movement of `amount_mg` (> 0) from the debit account to the credit account."""

    kind: str
    debit: Account
    credit: Account
    amount_mg: int
    requested_by: str
    activity_id: uuid.UUID | None = None
    hold_id: uuid.UUID | None = None
    reverses_id: uuid.UUID | None = None


async def lock_people(
    connection: Connection, account_ids: Collection[uuid.UUID], *, wait: bool = True
) -> set[uuid.UUID]:
    """Lock personal accounts until the end of the transaction. Return the locked ones.

    With `wait=True` it opens missing accounts and locks all accounts by id, so transactions cannot deadlock. With
    `wait=False` it locks only existing accounts that no other transaction has locked.
    """
    if not account_ids:
        return set()
    if wait:
        await repository.lock_people(connection, sorted(account_ids))
        return set(account_ids)
    return await repository.lock_free_people(connection, list(account_ids))


async def lock_frozen(connection: Connection, account_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Lock the accounts of people that exist, by id, until the end of the transaction. Return the frozen ones."""
    rows = await repository.locked_people(connection, sorted(account_ids))
    return {row["account_id"] for row in rows if row["frozen_at"] is not None}


async def post(
    connection: Connection,
    postings: Sequence[Posting],
    *,
    shared_balances: SharedBalances | None = None,
    locked: bool = False,
) -> None:
    """Write a set of postings and the balances that they change. Open missing accounts.

    Grams that a person or household receives repay a debt of this owner first, by a separate posting.
    With `locked=True`, the caller has locked all people of the postings by `lock_people`. With `shared_balances`, the
    changes of shared accounts are added there, for `post_shared` at the end of the transaction. Without, they are
    written now. Raises MovementNotAllowed. An overdraft or a second reversal fails in the database and ends the
    transaction.
    """
    if not postings:
        return
    if not locked:
        await lock_people(connection, _people_of(postings))
    changes = _Changes()
    changes.add(postings)
    if repayments := await _repayments(connection, changes.received_mg()):
        changes.add(repayments)
        postings = [*postings, *repayments]
    if missing := changes.missing():
        await repository.open_accounts(connection, missing)
    await repository.insert_postings(connection, [_row(posting) for posting in postings])
    if changes.credited_mg:
        await repository.add_credits(connection, changes.credited_mg)
    if changes.balances_mg or changes.lifetimes_mg:
        await repository.add_balances(connection, changes.balances_mg, changes.lifetimes_mg)
    if shared_balances is None:
        await post_shared(connection, changes.shared_mg)
    else:
        for code, amount_mg in changes.shared_mg.items():
            shared_balances[code] = shared_balances.get(code, 0) + amount_mg


async def post_shared(connection: Connection, shared_balances: SharedBalances) -> None:
    """Write the balances of shared accounts. All workers wait for these rows: make it the last statement."""
    changed = {system_account_id(code): amount_mg for code, amount_mg in shared_balances.items() if amount_mg}
    if changed:
        await repository.add_shared_balances(connection, changed)


class _Changes:
    """The balance changes of a set of postings in milligrams: by account id, and for shared accounts by code.

    `credited_mg` are credits to people, the kind of nearly all postings. They change balance and lifetime alike.
    """

    def __init__(self) -> None:
        self.credited_mg: dict[uuid.UUID, int] = defaultdict(int)
        self.balances_mg: dict[uuid.UUID, int] = defaultdict(int)
        self.lifetimes_mg: dict[uuid.UUID, int] = defaultdict(int)
        self.received_otherwise_mg: dict[uuid.UUID, int] = defaultdict(int)
        self.shared_mg: SharedBalances = defaultdict(int)
        self.to_open: set[Account] = set()

    def add(self, postings: Sequence[Posting]) -> None:
        """Add the changes of postings. Raises MovementNotAllowed."""
        for posting in postings:
            kind, debit, credit, amount_mg = posting[:4]
            if (kind, debit.kind, credit.kind) not in _ALLOWED:
                raise MovementNotAllowed(extensions={"movement": f"{kind}: {debit.kind} → {credit.kind}"})
            if kind == "credit" and credit.kind == "person":  # the hot path, without a call
                self.shared_mg[str(debit.code)] -= amount_mg
                self.credited_mg[credit.account_id] += amount_mg
            else:
                self._add(kind, debit, credit, amount_mg)

    def _add(self, kind: str, debit: Account, credit: Account, amount_mg: int) -> None:
        self._add_side(debit, -amount_mg)
        self._add_side(credit, amount_mg)
        if credit.kind in SPENDABLE:
            self.received_otherwise_mg[credit.account_id] += amount_mg
        if kind == "credit":
            self.lifetimes_mg[(credit.owner or credit).account_id] += amount_mg
        elif kind == "reversal":
            self.lifetimes_mg[(debit.owner or debit).account_id] -= amount_mg

    def _add_side(self, account: Account, amount_mg: int) -> None:
        if account.code is not None and account.kind != "hold":
            self.shared_mg[account.code] += amount_mg
            return
        self.balances_mg[account.account_id] += amount_mg
        if account.kind != "person":
            self.to_open.add(account)
        if account.owner is not None and account.owner.kind != "person":
            self.to_open.add(account.owner)

    def received_mg(self) -> Mapping[uuid.UUID, int]:
        """Return what people and households receive, before they repay debts."""
        if not self.received_otherwise_mg:
            return self.credited_mg
        owners = self.credited_mg.keys() | self.received_otherwise_mg.keys()
        return {owner: self.credited_mg.get(owner, 0) + self.received_otherwise_mg.get(owner, 0) for owner in owners}

    def missing(self) -> set[Account]:
        """Return the accounts that may not exist yet. `lock_people` has opened those of people."""
        return self.to_open | {shared(code) for code in self.shared_mg}


def _people_of(postings: Sequence[Posting]) -> set[uuid.UUID]:
    accounts = {account for posting in postings for account in (posting.debit, posting.credit)}
    return {account.account_id for account in accounts if account.kind == "person"}


async def _repayments(connection: Connection, received_mg: Mapping[uuid.UUID, int]) -> list[Posting]:
    """Return the postings by which receivers repay their debts from what they receive."""
    debts = await repository.debts_of(connection, list(received_mg)) if received_mg else ()
    return [
        Posting(
            "repayment",
            owner,
            sub_account(owner, "debt"),
            min(owed_mg, received_mg[owner.account_id]),
            "accounting:debt",
        )
        for owner, owed_mg in debts
    ]


def _row(posting: Posting) -> PostingRow:
    kind, debit, credit, amount_mg, requested_by, activity_id, hold_id, reverses_id = posting
    return (new_id(), kind, debit[0], credit[0], amount_mg, activity_id, hold_id, reverses_id, requested_by)


async def reverse_credit(
    connection: Connection, *, activity_id: uuid.UUID, requested_by: str, shared_balances: SharedBalances
) -> None:
    """Reverse the credit of an activity. Debit the account that has the grams, and post the missing rest as a debt.

    The owner is locked. The database refuses a second reversal of the same posting.
    """
    credit = await repository.credit_with_holder(connection, activity_id)
    assert credit is not None  # a credited activity has its posting
    owner = Account(credit["owner_id"], credit["owner_kind"]) if credit["owner_id"] else None
    holder = Account(credit["account_id"], credit["kind"], None, owner)
    debt = sub_account(owner or holder, "debt")
    taken_mg = min(credit["amount_mg"], credit["balance_mg"])
    parts = ((holder, taken_mg), (debt, credit["amount_mg"] - taken_mg))
    issuance = shared(credit["issuance_code"])
    postings = [
        Posting("reversal", account, issuance, amount_mg, requested_by, activity_id, None, credit["posting_id"])
        for account, amount_mg in parts
        if amount_mg
    ]
    await post(connection, postings, shared_balances=shared_balances, locked=True)


@dataclass(frozen=True, slots=True)
class BalanceParts:
    """Milligrams CO2e."""

    available_mg: int
    pending_mg: int
    held_mg: int
    debt_mg: int
    lifetime_mg: int
    frozen_at: datetime | None


async def get_balance(source: Session | Database, *, account_id: uuid.UUID) -> BalanceParts:
    """Return the balance of an account. An account without credits has zeros."""
    row = await repository.balance(
        source,
        account_id,
        pending_id=sub_account_id(account_id, "pending"),
        debt_id=sub_account_id(account_id, "debt"),
    )
    return BalanceParts(
        available_mg=row.available_mg,
        pending_mg=row.pending_mg,
        held_mg=row.held_mg,
        debt_mg=row.debt_mg,
        lifetime_mg=row.lifetime_mg,
        frozen_at=row.frozen_at,
    )


async def withdraw_left(session: Session, *, account_id: uuid.UUID) -> int:
    """Move what a person has available to the programme, at erasure. Return the milligrams. The caller has the lock."""
    balance = await get_balance(session, account_id=account_id)
    if balance.available_mg > 0:
        withdrawn = shared(WITHDRAWN)
        movement = Posting("withdraw", person(account_id), withdrawn, balance.available_mg, "erasure")
        await post(await driver(session), [movement], locked=True)
    return balance.available_mg


async def list_entries(
    session: Session, *, account_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Return the postings of an account, newest first, each with what its hold was for."""
    return await repository.entries(session, account_id, before=before, limit=limit)


async def issued_mg(session: Session, *, codes: Sequence[str]) -> dict[str, int]:
    """Return the milligrams credited by each methodology, minus reversals."""
    ids = {system_account_id(issuance_code(code)): code for code in codes}
    found = await repository.balances(await driver(session), list(ids))
    return {code: -found[account_id] for account_id, code in ids.items() if account_id in found}


async def freeze_account(session: Session, *, account_id: uuid.UUID, reason: str | None = None) -> None:
    """Freeze an account: it accepts no new hold. Existing holds end as usual, and credits still arrive.

    Works for an account without credits, too. Raises AccountNotFound (not a person's account), AccountFrozen.
    """
    connection = await driver(session)
    await lock_people(connection, [account_id])
    account = await repository.account_of(connection, account_id)
    if account is None or account["kind"] != "person":
        raise AccountNotFound
    if account["frozen_at"] is not None:
        raise AccountFrozen
    await repository.set_frozen(session, account_id, frozen=True, reason=reason)


async def frozen_since(session: Session, *, account_id: uuid.UUID) -> tuple[datetime | None, str | None]:
    """Return when an account was frozen and the code of the reason, None if it is not."""
    return await repository.frozen_at(session, account_id)


async def require_frozen(session: Session, *, account_id: uuid.UUID) -> None:
    """Raise AccountNotFrozen unless the account is frozen."""
    account = await repository.account_of(await driver(session), account_id)
    if account is None or account["frozen_at"] is None:
        raise AccountNotFrozen


async def unfreeze_account(session: Session, *, account_id: uuid.UUID) -> None:
    """Unfreeze an account. Raises AccountNotFrozen."""
    await lock_people(await driver(session), [account_id])
    await require_frozen(session, account_id=account_id)
    await repository.set_frozen(session, account_id, frozen=False)
