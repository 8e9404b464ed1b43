"""Allowances over HTTP."""

from typing import Any

from tests.accounting.driver import Accounting


async def test_allowances_show_the_rest_of_each_cap(accounting: Accounting) -> None:
    person = await accounting.citizen()
    allowances: Any = await accounting.get(person, "/me/allowances")
    scenes = {item["scene"]: item for item in allowances["items"]}
    assert set(scenes) == {"bus", "metro", "ev_ride", "bike", "own_bag", "recycling", "power_saving"}
    assert [(c["period"], c["limit"], c["left"]) for c in scenes["bus"]["caps"]] == [("day", 2, 2)]
    assert scenes["power_saving"]["caps"] == []
