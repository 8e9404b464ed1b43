"""Times that no process writes do not stop the reconciliation with accounting."""

import pytest

from tests.accounting.conftest import (
    accounting,
    accounting_app,
    accounting_database,
    accounting_dsns,
    accounting_settings,
    accounts,
)
from tests.databases import Dsns
from tests.rewards.test_reconciliation import City, city, plant

__all__ = [
    "accounting",
    "accounting_app",
    "accounting_database",
    "accounting_dsns",
    "accounting_settings",
    "accounts",
    "city",
]  # fixtures


@pytest.mark.parametrize("time", ["infinity", "-infinity"])
@pytest.mark.parametrize(
    ("side", "statement"),
    [
        ("rewards", "UPDATE rewards.donation SET created_at = '{time}', settled_at = '{time}' WHERE donation_id = $1"),
        ("accounting", "UPDATE accounting.hold SET created_at = '{time}', settled_at = '{time}' WHERE hold_id = $1"),
    ],
)
async def test_b8_a_time_without_end_hides_no_difference(
    city: City, accounting_dsns: Dsns, rewards_dsns: Dsns, side: str, statement: str, time: str
) -> None:
    """The driver reads `infinity` as a time without an offset, which cannot be compared with others."""
    anna = await city.citizen()
    donation = await city.donate(anna)
    await plant(rewards_dsns, "UPDATE rewards.donation SET amount_mg = amount_mg + 1 WHERE donation_id = $1", donation)
    await plant(accounting_dsns if side == "accounting" else rewards_dsns, statement.format(time=time), donation)
    run = await city.reconcile()
    assert run["differences"] == {"FIELDS_DIFFER": 1}
    assert list(await city.differences(run)) == [donation]
