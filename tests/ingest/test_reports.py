"""Steps that the accounts service reports: one event a person and day, never of a day that is not over."""

from datetime import UTC, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from services.ingest.settings import Settings
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import account_key
from shared.eventlog import StoredRecord
from tests.ingest.conftest import Reader
from tests.ingest.operators import OperatorClient, terms
from tests.tokens import service_token

PATH = "/internal/ingest/reports"
TODAY = clock.local_date(clock.now(), "Asia/Shanghai")


def report(*days_ago: int, steps: int = 8000, **changed: Any) -> dict[str, Any]:
    days = [{"day": (TODAY - timedelta(days=ago)).isoformat(), "steps": steps} for ago in days_ago]
    ref = {"type": "account_no", "value": "WH123"}
    return {"partner_id": "wechat", "account_ref": ref, "city_code": "420100", "days": days, **changed}


async def send(api: httpx.AsyncClient, body: dict[str, Any], caller: str = "accounts") -> httpx.Response:
    headers = {"Authorization": f"Bearer {service_token(caller, 'ingest')}"}
    return await api.post(PATH, json=body, headers=headers)


def decoded(records: list[StoredRecord]) -> list[ActivityReported]:
    return [msgspec.json.decode(record.value or b"", type=ActivityReported) for record in records]


async def test_each_day_is_one_event_under_the_persons_key(
    api: httpx.AsyncClient, published: Reader, settings: Settings
) -> None:
    answer = await send(api, report(2, 1))
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2), answer.text
    events = decoded(await published.new_records())
    pepper = settings.account_ref_pepper.get_secret_value()
    assert {event.account_key for event in events} == {account_key(pepper, "wechat", "account_no", "WH123")}
    acts = [event.act for event in events if event.act is not None]
    assert [(act.kind, act.steps) for act in acts] == [("steps", 8000)] * 2
    first = acts[0]
    assert first.started_at.astimezone(UTC).hour == 16  # midnight of Asia/Shanghai
    assert first.ended_at is not None
    assert first.ended_at - first.started_at == timedelta(days=1)
    assert "WH123" not in str(events)


async def test_a_repeated_report_is_the_same_event(api: httpx.AsyncClient, published: Reader) -> None:
    for _ in range(2):
        assert (await send(api, report(1))).status_code == 202
    first, second = decoded(await published.new_records())
    assert (first.event_key, first.event_id, first.fingerprint) == (
        second.event_key, second.event_id, second.fingerprint,
    )  # fmt: skip
    await send(api, report(1, steps=9))
    [changed] = decoded(await published.new_records())
    assert changed.event_key == first.event_key
    assert changed.fingerprint != first.fingerprint


@pytest.mark.parametrize("ago", [0, -1])
async def test_a_day_that_is_not_over_is_refused_with_all_the_others(
    api: httpx.AsyncClient, published: Reader, ago: int
) -> None:
    answer = await send(api, report(1, ago))
    assert (answer.status_code, answer.json()["code"]) == (422, "DAY_NOT_OVER")
    assert await published.new_records() == []


@pytest.mark.parametrize(
    "wrong",
    [
        report(),
        report(*range(1, 33)),
        report(1, steps=-1),
        report(1, steps=2_000_000),
        report(1, partner_id="didi"),
        report(1, city_code="wuhan"),
        report(1, more=1),
    ],
)
async def test_what_no_phone_counts_is_refused(
    api: httpx.AsyncClient, published: Reader, wrong: dict[str, Any]
) -> None:
    assert (await send(api, wrong)).status_code == 422
    assert await published.new_records() == []


async def test_only_accounts_may_report(api: httpx.AsyncClient) -> None:
    assert (await send(api, report(1), caller="rewards")).status_code in {401, 403}
    assert (await api.post(PATH, json=report(1))).status_code == 401


async def test_no_partner_can_take_the_name(operators: OperatorClient) -> None:
    answer = await operators.send("POST", "", terms("wechat"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.partner_id"
