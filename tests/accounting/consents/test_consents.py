"""The projection of consents: the newest version in any order, and who consents to a purpose at a time."""

import itertools
import uuid
from datetime import timedelta

import pytest

from services.accounting.consents import service as consents
from services.accounting.decoders import CONSENTS
from shared import clock
from shared.contracts.consents_v1 import ConsentChanged
from shared.db import driver
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.reports import as_records

NOW = clock.now()
DAY = timedelta(days=1)


def consent(account_id: uuid.UUID, version: int, purpose: str = "pooling", **times: timedelta) -> ConsentChanged:
    ends = times.get("ends")
    return ConsentChanged(
        account_id=account_id,
        purpose=purpose,
        version=version,
        policy_version="2026-11",
        given_at=NOW + times.get("given", -DAY),
        ends_at=None if ends is None else NOW + ends,
        changed_at=NOW,
    )


async def read(accounting: Accounting, *changes: ConsentChanged) -> None:
    async with accounting.database.transaction() as session:
        found = decoded(as_records(changes), CONSENTS)
        assert not found.dead
        await consents.handle_consents(session, found.items)


async def holders(accounting: Accounting, account_id: uuid.UUID, at: timedelta, purpose: str = "pooling") -> bool:
    async with accounting.database.transaction() as session:
        found = await consents.holders_of(
            await driver(session), purpose=purpose, account_ids={account_id, uuid.uuid4()}, at=NOW + at
        )
    return found == {account_id}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
async def test_the_newest_version_wins_in_any_order(
    accounting: Accounting, order: tuple[int, ...], together: bool
) -> None:
    account_id = uuid.uuid4()
    versions = [
        consent(account_id, 1, given=-3 * DAY),
        consent(account_id, 2, given=-3 * DAY, ends=-2 * DAY),
        consent(account_id, 3, given=-DAY),
    ]
    if together:
        await read(accounting, *(versions[place] for place in order))
    else:
        for place in order:
            await read(accounting, versions[place])
    assert await holders(accounting, account_id, timedelta(0))
    assert not await holders(accounting, account_id, -2 * DAY)
    assert not await holders(accounting, account_id, timedelta(0), "research")


async def test_an_announced_end_holds_from_its_second_on(accounting: Accounting) -> None:
    account_id = uuid.uuid4()
    await read(accounting, consent(account_id, 1, ends=DAY))
    assert await holders(accounting, account_id, DAY - timedelta(microseconds=1))
    assert not await holders(accounting, account_id, DAY)
    assert not await holders(accounting, account_id, -DAY - timedelta(microseconds=1))
