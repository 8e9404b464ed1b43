"""The chart of accounts: kinds of account, and the accounts that each kind of posting may debit and credit. Pure.

    issuance:<methodology>   source of credits; its balance is minus what it has issued
    person, household,       available grams; the balance is never below zero
    enterprise
    pending, debt            sub-accounts of one of these: not vested yet; reversed after being spent
    hold                     grams set aside for one order or donation; its account id is the hold's id
    redeemed:<sponsor>       spent on rewards of a sponsor
    donated:<campaign>       given to a campaign
    expired:<year>           expired grams of one calendar year
    withdrawn:erasure        grams left when a person was erased

A posting moves one positive amount from a debit account to a credit account, so all balances sum to zero. A new way to
move value needs one entry in `CHART` and one call of `ledger.service.post`. The database has the same chart in
`posting_rule`, which every migration run writes, and refuses a posting that the chart does not list.
"""

import uuid
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

_NAMESPACE: Final = uuid.UUID("0c9a1c7e-54a6-5d0f-8f0b-3a3c2f6a9be1")

MAY_BE_NEGATIVE: Final = frozenset({"issuance", "debt"})
SUB_ACCOUNTS: Final = frozenset({"pending", "debt"})
WITHDRAWN: Final = "withdrawn:erasure"
# Accounts with available grams. New grams repay a debt of their owner first.
SPENDABLE: Final = frozenset({"person", "household", "enterprise"})
_OWNERS: Final = ("person", "household", "enterprise")


class Rule(NamedTuple):
    """The kinds of account that one kind of posting may debit, and those that it may credit."""

    debit: tuple[str, ...]
    credit: tuple[str, ...]


CHART: Final[Mapping[str, Rule]] = {
    "credit": Rule(("issuance",), (*_OWNERS, "pending")),
    "vest": Rule(("pending",), _OWNERS),
    "reversal": Rule((*_OWNERS, "pending", "debt"), ("issuance",)),
    "repayment": Rule(_OWNERS, ("debt",)),
    "hold": Rule(_OWNERS, ("hold",)),
    "capture": Rule(("hold",), ("redeemed", "donated")),
    "release": Rule(("hold",), _OWNERS),
    # Back to the hold, from where a release gives the grams to their owner.
    "refund": Rule(("redeemed",), ("hold",)),
    "expire": Rule(("person",), ("expired",)),
    "withdraw": Rule(("person",), ("withdrawn",)),
}


def allowed_movements() -> Iterator[tuple[str, str, str]]:
    """Yield (kind of posting, kind of debit account, kind of credit account), every combination in the chart."""
    for kind, rule in CHART.items():
        for debit in rule.debit:
            for credit in rule.credit:
                yield kind, debit, credit


class Account(NamedTuple):
    """One account. `owner` is the person, household or enterprise of a sub-account.

    An account with a code is shared, except holds: all workers change its balance, so a transaction changes it last.
    """

    account_id: uuid.UUID
    kind: str
    code: str | None = None
    owner: "Account | None" = None


def person(account_id: uuid.UUID) -> Account:
    return Account(account_id, "person")


def household(account_id: uuid.UUID) -> Account:
    return Account(account_id, "household")


def enterprise(account_id: uuid.UUID) -> Account:
    return Account(account_id, "enterprise")


def spendable(account_id: uuid.UUID, kind: str) -> Account:
    """Return the account of a person, of a household or of an enterprise."""
    return Account(account_id, kind) if kind in SPENDABLE else person(account_id)


def hold(hold_id: uuid.UUID) -> Account:
    return Account(hold_id, "hold", f"hold:{hold_id}")


def sub_account(owner: Account, kind: str) -> Account:
    """Return the `pending` or `debt` account of a person or household."""
    return Account(sub_account_id(owner.account_id, kind), kind, None, owner)


@lru_cache(maxsize=4096)  # one code per methodology, sponsor and campaign; posting uses each thousands of times
def shared(code: str) -> Account:
    """Return the shared account of a code such as `issuance:WH-APP-BUS`."""
    return Account(system_account_id(code), code.partition(":")[0], code)


@lru_cache(maxsize=4096)
def issuance(methodology_code: str) -> Account:
    return shared(issuance_code(methodology_code))


def issuance_code(methodology_code: str) -> str:
    return f"issuance:{methodology_code}"


@lru_cache(maxsize=4096)
def system_account_id(code: str) -> uuid.UUID:
    """Derive the account id from its code, so that posting needs no look-up."""
    return uuid.uuid5(_NAMESPACE, code)


def sub_account_id(owner_id: uuid.UUID, kind: str) -> uuid.UUID:
    return uuid.uuid5(owner_id, kind)
