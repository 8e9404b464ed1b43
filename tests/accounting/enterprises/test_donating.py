"""A maker donates an enterprise's grams. Nobody else can, and the maker can spend them on nothing else."""

import uuid
from typing import Any

from services.accounting.ledger import chart, service
from services.accounting.ledger.service import Posting
from shared.contracts.identity import enterprise_account_id
from shared.db import driver
from tests.accounting.driver import Accounting
from tests.accounting.enterprises.test_roles import Member, enterprise, handle
from tests.accounting.holds import Holds
from tests.accounting.ledger.test_spends import spend, wanted
from tests.accounting.reports import Reports

MARATHON = "donated:zero-carbon-marathon"
BUS_MG = 150_000


async def rich_enterprise(accounting: Accounting) -> uuid.UUID:
    """An enterprise with BUS_MG. No methodology credits an enterprise yet: the grams come from a ride."""
    enterprise_id, hold_id = uuid.uuid4(), uuid.uuid4()
    rider = await accounting.citizen()
    await accounting.post(rider.bus())
    owner = chart.enterprise(enterprise_account_id(enterprise_id))
    moved = [
        Posting("hold", chart.person(rider.account_id), chart.hold(hold_id), BUS_MG, "test"),
        Posting("release", chart.hold(hold_id), owner, BUS_MG, "test"),
    ]
    async with accounting.database.transaction() as session:
        await service.post(await driver(session), moved)
    return enterprise_id


async def person_of(accounting: Accounting, enterprise_id: uuid.UUID, *roles: Any) -> Reports:
    person = await accounting.citizen()
    member = Member(enterprise_id, *roles)
    member.user_id = person.user_id
    await handle(accounting, member.fact())
    return person


def given(
    enterprise_id: uuid.UUID, person: Reports, amount_mg: int, *, about: str = "donation:zero-carbon-marathon"
) -> dict[str, Any]:
    who = {"account_id": str(person.account_id), "about": about}
    to = MARATHON if about.startswith("donation") else "redeemed:guozao"
    return wanted(person, amount_mg, account_id=str(enterprise_account_id(enterprise_id)), spender=who, to=to)


async def test_a_maker_donates_what_the_enterprise_has_and_no_more(accounting: Accounting, holds: Holds) -> None:
    enterprise_id = await rich_enterprise(accounting)
    await handle(accounting, enterprise(enterprise_id))
    maker = await person_of(accounting, enterprise_id, "maker")
    assert await spend(holds, given(enterprise_id, maker, 100_000)) == [("captured", None)]
    assert await spend(holds, given(enterprise_id, maker, 50_001)) == [("voided", "INSUFFICIENT_BALANCE")]
    assert await spend(holds, given(enterprise_id, maker, 50_000)) == [("captured", None)]
    path = f"/api/v1/accounting/enterprises/{enterprise_id}/balance"
    answer = await accounting.client.get(path, headers=accounting.tokens.citizen(maker.user_id))
    assert answer.json()["available_mg"] == 0


async def test_nobody_else_spends_the_grams_of_an_enterprise(accounting: Accounting, holds: Holds) -> None:
    enterprise_id = await rich_enterprise(accounting)
    await handle(accounting, enterprise(enterprise_id))
    others = [await person_of(accounting, enterprise_id, role) for role in ("admin", "checker", "viewer")]
    for person in [*others, await accounting.citizen(), await person_of(accounting, uuid.uuid4(), "maker")]:
        assert await spend(holds, given(enterprise_id, person, 1_000)) == [("voided", "SPENDER_NOT_ALLOWED")]
    maker = await person_of(accounting, enterprise_id, "maker")
    lunch = given(enterprise_id, maker, 1_000, about="order:reganmian")
    assert await spend(holds, lunch) == [("voided", "SPENDER_NOT_ALLOWED")]
    await handle(accounting, enterprise(enterprise_id, 2, "suspended"))
    assert await spend(holds, given(enterprise_id, maker, 1_000)) == [("voided", "SPENDER_NOT_ALLOWED")]
