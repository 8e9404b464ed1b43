"""Steps of WeChat in accounting: refused with a reason until a methodology for steps is published."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.accounting.methodologies import repository
from services.accounting.methodologies.document import methodology_from_plain, parse_methodology
from services.accounting.methodologies.library import library_factors
from services.accounting.methodologies.shelf import shelved_version
from shared.contracts.activities_v1 import Act, ActivityReported
from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY, Reports
from tests.databases import Dsns, connect_past_triggers

CODE = "TTXQ-STEPS-2021"


def walk(person: Reports, *, days_ago: int = 0, steps: int = 7250) -> ActivityReported:
    start = YESTERDAY - timedelta(days=days_ago)
    act = Act(kind="steps", started_at=start, ended_at=start + timedelta(days=1), city_code="420100", steps=steps)
    return person.report(act, partner="wechat", event_id=f"steps:{person.user_id}:{start.date()}")


@pytest.fixture
async def published(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    """The document of the shelf, in force: what two operators would publish."""
    document, _ = parse_methodology(shelved_version(CODE, 1).text)
    content = {**document.model_dump(mode="json", by_alias=True, exclude_none=True), "effective_to": None}
    async with accounting.database.transaction() as session:
        await repository.add_methodology(session, methodology_from_plain(content))
    accounting.forget_library()
    yield
    connection = await connect_past_triggers(accounting_dsns)
    await connection.execute("DELETE FROM accounting.methodology_version WHERE code = $1", CODE)
    await connection.execute("DELETE FROM accounting.library_journal WHERE name = $1", CODE)
    await connection.close()


async def listed(accounting: Accounting, person: Reports) -> list[dict[str, Any]]:
    found: Any = await accounting.get(person, "/me/activities")
    return list(found["items"])


async def test_without_a_methodology_steps_are_refused_with_a_reason(accounting: Accounting) -> None:
    person = await accounting.citizen("wechat")
    await accounting.post(walk(person))
    [item] = await listed(accounting, person)
    assert (item["status"], item["reason_code"], item["amount_mg"]) == ("refused", "NO_METHODOLOGY", 0)
    assert item["reason"]


async def test_steps_of_a_stranger_wait_for_the_binding(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(walk(person))
    assert await listed(accounting, person) == []
    await accounting.bind(person, "wechat")
    await accounting.release()
    [item] = await listed(accounting, person)
    assert item["reason_code"] == "NO_METHODOLOGY"


async def test_with_the_methodology_each_day_is_credited_once(accounting: Accounting, published: None) -> None:
    assert ("ttxq.step", 2021) in library_factors()
    person = await accounting.citizen("wechat")
    await accounting.post(walk(person), walk(person, days_ago=1))
    await accounting.post(walk(person))
    await accounting.post(walk(person, steps=9000))  # the same day with another number
    items = await listed(accounting, person)
    assert [(item["status"], item["amount_mg"]) for item in items] == [("credited", 145_000)] * 2


async def test_an_implausible_day_earns_nothing(accounting: Accounting, published: None) -> None:
    person = await accounting.citizen("wechat")
    await accounting.post(walk(person, steps=100_001))
    [item] = await listed(accounting, person)
    assert (item["status"], item["reason_code"]) == ("refused", "IMPLAUSIBLE_AMOUNT")
