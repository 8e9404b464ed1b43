"""Steps of WeChat: decrypted with a key that nobody keeps, whole days only, from the consent on, each day once."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from deploy.local.fake_wechat.encryption import encrypted
from deploy.local.fake_wechat.state import FakeWechat, Fault
from services.accounts.steps import service
from services.accounts.steps.domain import StepsUnreadable, days_to_report, steps_by_day
from services.accounts.wechat.decryption import NotDecrypted, decrypt
from shared import clock
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, Person, code_of, published
from tests.accounts.fakes import FakeIngest

LOG_IN = "/sns/jscode2session"
ZONE = "Asia/Shanghai"
# The official vectors of WeChat's documentation.
APP, KEY, IV = "wx4f4bc4dec97d474b", SecretStr("tiihtNczf5v6AKRyjwEUhQ=="), "r7BXXKkLb8qrSNn05n0qiA=="
STEPS = (
    "XoLUxF76jN/OsfTGUqF/ZqRn+2PtO66lAMg/g0D3bg1L2/Nds8gTQrH7fGmbTgGtUC2R9lbJh7fLEaO9boeCqru1Em2BD/IbfN6lI/nu55iYlOd"
    "vBG/PicU8pMeVU32B3O68Ot2mP0ivKxccJMLOPJwaDp/O8FhyKxuZSLi8M0AC48OKXqIiPKxM2OIIlsSmlDqW+i51Tiwz1TBtaV+3bw=="
)


def test_the_vector_of_the_reference_is_decrypted() -> None:
    document = decrypt(encrypted_data=STEPS, iv=IV, session_key=KEY, app_id=APP)
    assert document["stepInfoList"] == [
        {"timestamp": 1445866601, "step": 100},
        {"timestamp": 1445876601, "step": 120},
    ]
    at = datetime.fromtimestamp(1445876700, UTC)
    assert steps_by_day(document, now=at, time_zone=ZONE) == {date(2015, 10, 26): 100, date(2015, 10, 27): 120}


@pytest.mark.parametrize(
    "changed",
    [
        {"app_id": "wx-other"},
        {"session_key": SecretStr(base64.b64encode(bytes(16)).decode())},
        {"session_key": SecretStr(base64.b64encode(bytes(32)).decode())},
        {"session_key": SecretStr("not base64")},
        {"iv": base64.b64encode(bytes(15)).decode()},
        {"encrypted_data": STEPS[:-24] + "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"encrypted_data": STEPS[:40]},
        {"encrypted_data": "===="},
    ],
)
def test_anything_else_is_not_decrypted_and_says_nothing(changed: dict[str, Any]) -> None:
    with pytest.raises(NotDecrypted) as raised:
        decrypt(**{"encrypted_data": STEPS, "iv": IV, "session_key": KEY, "app_id": APP, **changed})
    assert str(raised.value) == ""
    assert raised.value.__cause__ is None


@given(st.binary(max_size=200), st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_no_bytes_crash_the_decryption(data: bytes, key: bytes, iv: bytes) -> None:
    texts = [base64.b64encode(one).decode() for one in (data, key, iv)]
    with pytest.raises(NotDecrypted):
        decrypt(encrypted_data=texts[0], iv=texts[2], session_key=SecretStr(texts[1]), app_id=APP)


NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda one: st.lists(one, max_size=3), max_leaves=5
)


@given(
    st.fixed_dictionaries({"watermark": st.fixed_dictionaries({"timestamp": _json})}, optional={"stepInfoList": _json})
)
def test_a_document_of_another_shape_is_unreadable(document: dict[str, Any]) -> None:
    with pytest.raises(StepsUnreadable):
        steps_by_day(document, now=NOW, time_zone=ZONE)


@given(
    st.dictionaries(st.dates(date(2026, 10, 1), date(2026, 12, 10)), st.integers(0, 100_000), max_size=40),
    st.datetimes(datetime(2026, 9, 1), datetime(2026, 11, 27)).map(lambda at: at.replace(tzinfo=UTC)),
    st.none() | st.dates(date(2026, 10, 1), date(2026, 12, 1)),
)
def test_only_whole_new_days_after_the_consent_are_reported(
    by_day: dict[date, int], since: datetime, through: date | None
) -> None:
    found = days_to_report(by_day, now=NOW, since=since, reported_through=through, time_zone=ZONE)
    assert len(found) <= 30
    for day, steps in found.items():
        assert by_day[day] == steps > 0
        assert day < date(2026, 11, 27)
        assert through is None or day > through
        assert datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=8) >= since


# Through HTTP.


@pytest.fixture
async def phone(wechat_server: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(wechat_server)
    async with httpx.AsyncClient(transport=transport, base_url="http://wechat.test") as opened:
        yield opened


def ago(days: int) -> str:
    return (clock.local_date(clock.now(), ZONE) - timedelta(days=days)).isoformat()


WEEK = {ago(number): 1000 * number + 500 for number in range(8)}


async def walker(people: People, db: Db, openid: str = "anna", *, consent_days_ago: int = 10) -> Person:
    """A person who allowed the reading some days ago."""
    person = await people.new(openid)
    body = {"purpose": "health_steps", "policy_version": "2026-11"}
    assert (await person.call("POST", "/me/consents", json=body)).status_code == 201
    await db.execute("UPDATE accounts.consent SET given_at = given_at - make_interval(days => $1)", consent_days_ago)
    return person


async def read_steps(phone: httpx.AsyncClient, openid: str = "anna", **more: Any) -> dict[str, str]:
    answer = await phone.post("/_phone/steps", json={"openid": openid, "days": WEEK, **more})
    found: dict[str, str] = answer.json()
    return found


async def test_whole_days_are_reported_once(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest
) -> None:
    anna = await walker(people, db)
    answer = await anna.call("POST", "/me/steps", json=await read_steps(phone))
    assert answer.status_code == 200, answer.text
    days = [{"day": ago(number), "steps": WEEK[ago(number)]} for number in range(7, 0, -1)]
    assert answer.json() == {"items": days}
    [report] = ingest.reports
    assert report == {
        "partner_id": "wechat",
        "account_ref": {"type": "account_no", "value": anna.account["account_no"]},
        "city_code": "420100",
        "days": days,
    }
    again = await anna.call("POST", "/me/steps", json=await read_steps(phone))
    assert again.json() == {"items": []}
    assert len(ingest.reports) == 1


async def test_the_binding_counts_from_the_consent(people: People, db: Db, phone: httpx.AsyncClient) -> None:
    anna = await walker(people, db)
    await anna.call("POST", "/me/steps", json=await read_steps(phone))
    await anna.call("POST", "/me/steps", json=await read_steps(phone))
    [binding] = await published(db)
    assert binding.partner_id == "wechat"
    given_at = await db.fetchval("SELECT given_at FROM accounts.consent WHERE purpose = 'health_steps'")
    assert abs(binding.counts_from - given_at) < timedelta(seconds=1)


async def test_days_before_the_consent_are_not_read(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest
) -> None:
    anna = await walker(people, db, consent_days_ago=3)
    await anna.call("POST", "/me/steps", json=await read_steps(phone))
    [report] = ingest.reports
    assert [one["day"] for one in report["days"]] == [ago(2), ago(1)]


async def test_without_consent_or_account_wechat_is_not_even_asked(
    people: People, phone: httpx.AsyncClient, fake: FakeWechat
) -> None:
    anna, ben = await people.new("anna"), await people.new("ben", with_account=False)
    before = fake.calls[LOG_IN]
    assert code_of(await anna.call("POST", "/me/steps", json=await read_steps(phone))) == (409, "CONSENT_REQUIRED")
    refused = await ben.call("POST", "/me/steps", json=await read_steps(phone, "ben"))
    assert code_of(refused) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    assert fake.calls[LOG_IN] == before


async def test_consent_withdrawn_stops_the_reading_at_once(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest
) -> None:
    anna = await walker(people, db)
    await anna.call("DELETE", "/me/consents?purpose=health_steps")
    assert code_of(await anna.call("POST", "/me/steps", json=await read_steps(phone))) == (409, "CONSENT_REQUIRED")
    assert ingest.reports == []


async def test_another_persons_steps_are_refused(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest
) -> None:
    anna = await walker(people, db)
    answer = await anna.call("POST", "/me/steps", json=await read_steps(phone, "ben"))
    assert code_of(answer) == (403, "WX_OTHER_PERSON")
    assert ingest.reports == []


@pytest.mark.parametrize("way", ["stale_key", "other_app", "old", "future", "used_code", "garbage", "long_list"])
async def test_what_cannot_be_read_asks_for_a_new_log_in(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest, fake: FakeWechat, way: str
) -> None:
    anna = await walker(people, db)
    now_s = int(datetime.now(UTC).timestamp())
    more: dict[str, dict[str, Any]] = {
        "other_app": {"appid": "wx-other"},
        "old": {"timestamp": now_s - 900},
        "future": {"timestamp": now_s + 900},
    }
    body = await read_steps(phone, **more.get(way, {}))
    if way == "stale_key":
        await phone.post("/_phone/log-in?openid=anna")  # another wx.login: the key has changed
    elif way == "used_code":
        await anna.call("POST", "/me/steps", json=body)
        ingest.reports.clear()
        body["encrypted_data"] = (await read_steps(phone))["encrypted_data"]
    elif way == "garbage":
        body["encrypted_data"] = base64.b64encode(bytes(64)).decode()
    elif way == "long_list":
        document = {"stepInfoList": [{"timestamp": 1, "step": 1}] * 99, "watermark": fake.watermark()}
        body |= encrypted(document, fake.user("anna").session_key)
    answer = await anna.call("POST", "/me/steps", json=body)
    assert code_of(answer) == (409, "WX_LOG_IN_AGAIN")
    assert ingest.reports == []


async def test_five_copies_of_a_request_are_one_exchange_and_one_report(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest, fake: FakeWechat
) -> None:
    anna = await walker(people, db)
    body, before = await read_steps(phone), fake.calls[LOG_IN]
    answers = await asyncio.gather(*(anna.call("POST", "/me/steps", json=body) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert fake.calls[LOG_IN] == before + 1
    assert len(ingest.reports) == 1


async def test_a_code_serves_either_a_log_in_or_the_steps(
    people: People, db: Db, phone: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    anna = await walker(people, db)
    body = await read_steps(phone)
    both = await asyncio.gather(
        anna.call("POST", "/me/steps", json=body), client.post(f"{BASE}/sessions", json={"code": body["code"]})
    )
    assert sorted(answer.status_code for answer in both) in ([200, 401], [201, 409])


async def test_an_ingest_that_is_away_loses_no_day(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest
) -> None:
    anna = await walker(people, db)
    ingest.down = True
    answer = await anna.call("POST", "/me/steps", json=await read_steps(phone))
    assert code_of(answer) == (503, "STEPS_NOT_REPORTED")
    assert "retry-after" in answer.headers
    ingest.down = False
    answer = await anna.call("POST", "/me/steps", json=await read_steps(phone))
    assert len(answer.json()["items"]) == 7


async def test_a_crash_after_the_report_only_repeats_it(
    people: People, db: Db, phone: httpx.AsyncClient, ingest: FakeIngest, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await walker(people, db)

    async def crash(*_: Any, **__: Any) -> None:
        raise ConnectionError("the process dies")

    with monkeypatch.context() as patched:
        patched.setattr("services.accounts.steps.repository.note_reported", crash)
        assert (await anna.call("POST", "/me/steps", json=await read_steps(phone))).status_code == 503
    await anna.call("POST", "/me/steps", json=await read_steps(phone))
    first, second = ingest.reports
    assert first == second


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(LOG_IN, errcode=45011), (429, "WX_RATE_LIMITED")),
        (Fault(LOG_IN, errcode=40226), (403, "WX_USER_BLOCKED")),
        (Fault(LOG_IN, errcode=-1), (503, "WX_UNAVAILABLE")),
        (Fault(LOG_IN, raw='{"openid": "anna"}'), (503, "WX_UNAVAILABLE")),
        (Fault(LOG_IN, raw='{"openid": "anna", "session_key": "short"}'), (503, "WX_UNAVAILABLE")),
    ],
)
async def test_a_failing_wechat_is_a_typed_error(
    people: People,
    db: Db,
    phone: httpx.AsyncClient,
    fake: FakeWechat,
    fault: Fault,
    expected: tuple[int, str],
) -> None:
    anna = await walker(people, db)
    body = await read_steps(phone)
    fake.faults.append(fault)
    assert code_of(await anna.call("POST", "/me/steps", json=body)) == expected


async def test_reports_of_a_person_are_limited(people: People, db: Db, phone: httpx.AsyncClient) -> None:
    anna = await walker(people, db)
    statuses = [(await anna.call("POST", "/me/steps", json=await read_steps(phone))).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


async def test_the_session_key_is_in_no_row_log_or_answer(
    people: People, db: Db, phone: httpx.AsyncClient, fake: FakeWechat, logs: io.StringIO, database: Database
) -> None:
    anna = await walker(people, db)
    body = await read_steps(phone)
    key = fake.user("anna").session_key
    answers = [await anna.call("POST", "/me/steps", json=body)]
    answers.append(await anna.call("POST", "/me/steps", json={**body, "encrypted_data": "AAAA"}))
    tables = await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'accounts'")
    rows = [str(await db.fetch(f'SELECT t::text FROM accounts."{table["tablename"]}" t')) for table in tables]
    hexed = base64.b64decode(key).hex()
    for text in (logs.getvalue(), *rows, *(answer.text for answer in answers)):
        assert key not in text
        assert hexed not in text
        assert body["encrypted_data"] not in text
    assert json.loads(answers[0].text)["items"]
    async with database.transaction() as session:
        await service.erase_user(session, user_id=anna.user_id)
    assert await db.fetchval("SELECT count(*) FROM accounts.steps_reported") == 0
