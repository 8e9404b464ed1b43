"""Turns at a gate: a crowd behind one key waits behind itself."""

import asyncio

import pytest

from shared.fair_gate import FairGate, GateBusy, KeyBusy


def gate(**changes: float) -> FairGate:
    values = {"active_max": 4, "active_per_key": 2, "waiting_max": 50, "waiting_per_key": 20, "wait_s": 5.0}
    return FairGate(**{**values, **changes})  # type: ignore[arg-type]  # counts and seconds in one mapping


class Crowd:
    def __init__(self, found: FairGate) -> None:
        self.gate, self.order, self.active, self.most = found, list[str](), dict[str, int](), dict[str, int]()

    async def visit(self, key: str, s: float = 0.01) -> None:
        async with self.gate.admit(key):
            self.active[key] = self.active.get(key, 0) + 1
            self.most[key] = max(self.most.get(key, 0), self.active[key])
            self.most["all"] = max(self.most.get("all", 0), sum(self.active.values()))
            self.order.append(key)
            await asyncio.sleep(s)
            self.active[key] -= 1


async def test_b4_a_late_comer_does_not_wait_for_the_crowd_of_another_key() -> None:
    crowd = Crowd(gate(active_max=2))
    many = [asyncio.create_task(crowd.visit("crowd")) for _ in range(20)]
    await asyncio.sleep(0)
    await crowd.visit("late")
    assert crowd.order.index("late") <= 4
    await asyncio.gather(*many)
    assert crowd.most == {"crowd": 2, "late": 1, "all": 2}


async def test_keys_take_turns() -> None:
    crowd = Crowd(gate(active_max=1, active_per_key=1))
    await asyncio.gather(*(crowd.visit(key) for key in ["a"] * 5 + ["b"] * 5 + ["c"] * 5))
    assert sorted(crowd.order[1:7]) == sorted("abcbca"[:6]) or crowd.order[:7].count("a") <= 3
    assert len(crowd.order) == 15


async def test_beyond_its_queue_a_key_is_refused_and_others_are_not() -> None:
    crowd = Crowd(gate(waiting_per_key=3))
    many = [asyncio.create_task(crowd.visit("crowd", 0.1)) for _ in range(8)]
    await asyncio.sleep(0)
    results = await asyncio.gather(*many, crowd.visit("other"), return_exceptions=True)
    assert [type(one) for one in results].count(KeyBusy) == 3
    assert results[-1] is None


async def test_beyond_all_queues_everybody_is_refused() -> None:
    crowd = Crowd(gate(active_max=1, waiting_max=2))
    many = [asyncio.create_task(crowd.visit(f"key-{n}", 0.1)) for n in range(5)]
    results = await asyncio.gather(*many, return_exceptions=True)
    assert [type(one) for one in results].count(GateBusy) == 2


async def test_nobody_waits_longer_than_agreed_and_no_place_is_lost() -> None:
    crowd = Crowd(gate(active_max=1, wait_s=0.05))
    first = asyncio.create_task(crowd.visit("a", 0.2))
    await asyncio.sleep(0)
    with pytest.raises(KeyBusy):
        await crowd.visit("b")
    await first
    await crowd.visit("b")


async def test_all_who_wait_may_go_away_at_once_with_the_one_who_is_in() -> None:
    crowd = Crowd(gate(active_max=1, active_per_key=1))
    tasks = [asyncio.create_task(crowd.visit("a", 0.05)) for _ in range(10)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in results} == {asyncio.CancelledError}
    await asyncio.wait_for(crowd.visit("b"), 1)


async def test_who_goes_away_leaves_no_place_taken() -> None:
    crowd = Crowd(gate(active_max=1, active_per_key=1))
    first = asyncio.create_task(crowd.visit("a", 0.05))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(crowd.visit("a")) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    await asyncio.gather(first, *waiting, return_exceptions=True)
    assert crowd.order == ["a"] * 3
    await crowd.visit("z")
    # Cancelled in the moment of its turn.
    holder = asyncio.create_task(crowd.visit("a", 0.01))
    await asyncio.sleep(0)
    next_one = asyncio.create_task(crowd.visit("a"))
    await asyncio.sleep(0.0101)
    next_one.cancel()
    await asyncio.gather(holder, next_one, return_exceptions=True)
    await asyncio.wait_for(crowd.visit("b"), 1)
