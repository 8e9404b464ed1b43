"""C13 over HTTP: times of orders and vouchers."""

from tests.answer_times import times_of, wrong_times_of
from tests.rewards.conftest import PRICE_MG, Rewards


async def test_c13_orders_and_vouchers_have_offset_and_whole_seconds(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen(PRICE_MG)
    placed = await rewards.order(user)
    assert (len(times_of(placed)), wrong_times_of(placed)) == (2, [])
    for path in ("/me/orders", "/me/vouchers", "/items"):
        assert wrong_times_of(await rewards.get(path, user)) == [], path
