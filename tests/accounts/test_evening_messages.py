"""The messages of an evening, and those of orders: about whom to ask, at which time, and once."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from services.accounts import decoders
from services.accounts.grams.client import GramsReader
from services.accounts.messages import orders
from services.accounts.messages.evening import EveningMessages, present_evening
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.rewards_v1 import CertificateRevoked, OrderCancelled, OrderConfirmed, VouchersExpiring
from shared.db import Database
from shared.instants import CITY_ZONE
from tests.accounts.conftest import Db, People, Person
from tests.accounts.subscribers import consent, subscriber

# 20:30 in Wuhan.
EVENING = datetime(2099, 11, 27, 12, 30, tzinfo=UTC)  # after every consent of these tests


class FakeAccounting:
    """Answers about the people it knows, and remembers about whom it was asked."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.app.post("/internal/accounting/arrivals")(self._arrivals)
        self.app.post("/internal/accounting/expiring")(self._expiring)
        self.arrived: dict[str, tuple[int, int]] = {}
        self.expiring: dict[str, tuple[int, str]] = {}
        self.asked: list[dict[str, Any]] = []
        self.down = False
        self.raw: Any = None

    def _answer(self, items: list[dict[str, Any]]) -> JSONResponse:
        if self.down:
            return JSONResponse({}, 503)
        return JSONResponse({"items": items} if self.raw is None else self.raw)

    async def _arrivals(self, request: Request) -> JSONResponse:
        asked = await request.json()
        self.asked.append(asked)
        known = [one for one in asked["account_ids"] if one in self.arrived]
        return self._answer(
            [{"account_id": one, "amount_mg": self.arrived[one][0], "acts": self.arrived[one][1]} for one in known]
        )

    async def _expiring(self, request: Request) -> JSONResponse:
        asked = await request.json()
        self.asked.append(asked)
        known = [one for one in asked["account_ids"] if one in self.expiring]
        return self._answer(
            [
                {"account_id": one, "amount_mg": self.expiring[one][0], "expires_on": self.expiring[one][1]}
                for one in known
            ]
        )


@pytest.fixture
def accounting() -> FakeAccounting:
    return FakeAccounting()


@pytest.fixture
def job(database: Database, settings: Settings, accounting: FakeAccounting) -> EveningMessages:
    return job_of(database, settings, accounting)


def job_of(database: Database, settings: Settings, accounting: FakeAccounting) -> EveningMessages:
    reader = GramsReader(
        base_url="http://accounting.test",
        service_key=settings.service_key,
        transport=httpx.ASGITransport(accounting.app),
    )
    return EveningMessages(database, settings=settings, grams=reader)


@pytest.fixture
def at_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: EVENING)


def account(person: Person) -> str:
    return str(person.account["account_id"])


async def queued(db: Db) -> list[tuple[uuid.UUID, str, str, dict[str, Any]]]:
    rows = await db.fetch("SELECT user_id, kind, key, texts FROM accounts.message ORDER BY message_id")
    return [(row["user_id"], row["kind"], row["key"], msgspec.json.decode(row["texts"])) for row in rows]


async def test_the_evening_sums_the_day_for_those_who_asked(
    people: People, job: EveningMessages, accounting: FakeAccounting, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = await subscriber(people, "anna"), await people.new("ben")
    carla = await subscriber(people, "carla")
    accounting.arrived = {account(anna): (420_000, 3), account(ben): (9_000, 1)}
    monkeypatch.setattr(clock, "now", lambda: EVENING)
    await job.tick()
    texts = {"amount_mg": "420 克", "acts": "3", "day": "2099年11月27日"}
    assert await queued(db) == [(anna.user_id, "credited_today", "2099-11-27", texts)]
    asked = accounting.asked[0]
    assert set(asked["account_ids"]) == {account(anna), account(carla)}
    assert (asked["since"], asked["until"]) == ("2099-11-26T20:00:00+08:00", "2099-11-27T20:00:00+08:00")
    await job.tick()
    assert len(accounting.asked) == 1, "a finished run asks nobody"


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 27, 11, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 27, 12, 0, tzinfo=UTC), date(2026, 11, 27)),
        (datetime(2026, 11, 27, 14, 59, tzinfo=UTC), date(2026, 11, 27)),
        (datetime(2026, 11, 27, 15, 0, tzinfo=UTC), None),
        (datetime(2026, 11, 27, 19, 0, tzinfo=UTC), None),
    ],
)
def test_messages_come_in_the_evening_only(settings: Settings, at: datetime, day: date | None) -> None:
    found = present_evening(at, settings=settings)
    assert (found.day if found else None) == day


async def test_two_evenings_leave_no_gap_and_no_overlap(settings: Settings) -> None:
    first = present_evening(EVENING, settings=settings)
    second = present_evening(EVENING + timedelta(days=1), settings=settings)
    assert first is not None
    assert second is not None
    assert first.until == second.since


async def test_accounting_away_makes_the_messages_late_not_lost(
    people: People, job: EveningMessages, accounting: FakeAccounting, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await subscriber(people, "anna")
    accounting.arrived = {account(anna): (420_000, 3)}
    monkeypatch.setattr(clock, "now", lambda: EVENING)
    accounting.down = True
    await job.tick()
    accounting.down, accounting.raw = False, {"items": [{"account_id": account(anna), "amount_mg": -1, "acts": 1}]}
    monkeypatch.setattr(clock, "now", lambda: EVENING + timedelta(seconds=61))
    await job.tick()
    assert await queued(db) == []
    accounting.raw = None
    monkeypatch.setattr(clock, "now", lambda: EVENING + timedelta(seconds=122))
    await job.tick()
    assert len(await queued(db)) == 1


async def test_accounting_cannot_name_people_who_were_not_asked_about(
    people: People, job: EveningMessages, accounting: FakeAccounting, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscriber(people, "anna")
    ben = await people.new("ben")
    accounting.raw = {"items": [{"account_id": account(ben), "amount_mg": 5, "acts": 1}]}
    monkeypatch.setattr(clock, "now", lambda: EVENING)
    await job.tick()
    assert await queued(db) == []


async def test_two_processes_and_a_crash_between_pages_queue_each_message_once(
    people: People,
    database: Database,
    settings: Settings,
    accounting: FakeAccounting,
    db: Db,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.accounts.messages.evening.ACCOUNTS_PER_PAGE_MAX", 2)
    everybody = [await subscriber(people, f"person-{number}", times=2) for number in range(7)]
    accounting.arrived = {account(person): (1000, 1) for person in everybody}
    jobs = [job_of(database, settings, accounting) for _ in range(2)]
    monkeypatch.setattr(clock, "now", lambda: EVENING)
    real, pages = jobs[0]._queue_page, []

    async def die_after_the_second_page(kind: Any, evening: Any, page: Sequence[uuid.UUID]) -> None:
        await real(kind, evening, page)
        pages.append(page)
        if len(pages) == 2:
            raise ConnectionError("the process dies")

    with monkeypatch.context() as patched:
        patched.setattr(jobs[0], "_queue_page", die_after_the_second_page)
        with pytest.raises(ConnectionError):
            await jobs[0].tick()
    assert len(await queued(db)) == 4
    moments = iter(range(61, 100_000))
    monkeypatch.setattr(clock, "now", lambda: EVENING + timedelta(seconds=61, milliseconds=next(moments)))
    for _ in range(5):
        await asyncio.gather(*(one.tick() for one in jobs))
    found = await queued(db)
    assert sorted(user_id for user_id, *_ in found) == sorted(person.user_id for person in everybody)


async def test_grams_that_expire_within_a_month_are_told_once(
    people: People, job: EveningMessages, accounting: FakeAccounting, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await subscriber(people, "anna", times=2, kind="expiring")
    accounting.expiring = {account(anna): (5_000_000, "2099-12-20")}
    for days in range(3):
        monkeypatch.setattr(clock, "now", lambda days=days: EVENING + timedelta(days=days))
        await job.tick()
    texts = {"what": "减碳量 5.00 千克", "on": "2099年12月20日", "hint": "到期后不能再使用，请尽快使用"}
    assert await queued(db) == [(anna.user_id, "expiring", "grams:2099-12-20", texts)]
    assert accounting.asked[0]["upto"] == "2099-12-27"


def confirmed(person: Person, order: int = 1) -> OrderConfirmed:
    return OrderConfirmed(
        event_id=uuid.uuid4(),
        order_id=uuid.UUID(int=order),
        account_id=uuid.UUID(account(person)),
        item_id="noodles",
        quantity=2,
        amount_mg=3_000_000,
        cost_fen=100,
        captured_to="redeemed:noodles",
        confirmed_at=EVENING,
    )


async def take(database: Database, *events: Any) -> None:
    records: Any = [(None, decoders.REWARDS.decode(msgspec.json.encode(event))) for event in events]
    async with database.transaction() as session:
        await orders.handle_rewards(session, records)


async def test_a_confirmed_order_is_told_once_to_its_owner(people: People, database: Database, db: Db) -> None:
    anna, ben = await subscriber(people, "anna", times=3, kind="order_confirmed"), await people.new("ben")
    await take(database, confirmed(anna), confirmed(anna), confirmed(ben, 2))
    await take(database, confirmed(anna))
    texts = {"amount_mg": "3.00 千克", "quantity": "2", "at": "2099年11月27日 20:30"}
    assert await queued(db) == [(anna.user_id, "order_confirmed", str(uuid.UUID(int=1)), texts)]


async def test_the_owner_of_vouchers_is_reminded_once_with_the_last_day(
    people: People, database: Database, db: Db
) -> None:
    anna = await subscriber(people, "anna", times=3, kind="expiring")
    event = VouchersExpiring(
        event_id=uuid.uuid4(),
        order_id=uuid.UUID(int=1),
        account_id=confirmed(anna).account_id,
        item_id="reganmian",
        title="一碗热干面",
        quantity=2,
        valid_until=datetime(2099, 11, 30, tzinfo=CITY_ZONE),
    )
    await take(database, event, event)
    [(_, kind, key, texts)] = await queued(db)
    assert (kind, key) == ("expiring", f"vouchers:{uuid.UUID(int=1)}")
    assert texts["what"] == "一碗热干面 2 张"
    assert "2099年11月29日" in texts["on"]


async def test_a_revoked_certificate_is_told_once_to_its_donor(people: People, database: Database, db: Db) -> None:
    anna = await subscriber(people, "anna", times=3, kind="certificate_revoked")
    revoked = CertificateRevoked(
        event_id=uuid.uuid4(),
        certificate_no="20261123048213977514",
        donation_id=uuid.uuid4(),
        account_id=confirmed(anna).account_id,
        amount_mg=3_000_000,
        revoked_at=EVENING,
    )
    await take(database, revoked)
    await take(database, revoked)
    texts = {
        "amount_mg": "3.00 千克",
        "at": "2099年11月27日 20:30",
        "hint": "点开查看撤销原因，有疑问请联系客服",
    }
    assert await queued(db) == [(anna.user_id, "certificate_revoked", "20261123048213977514", texts)]


async def test_a_cancelled_order_and_an_unknown_account_tell_nobody(people: People, database: Database, db: Db) -> None:
    anna = await subscriber(people, "anna", kind="order_confirmed")
    order = confirmed(anna)
    cancelled = OrderCancelled(
        event_id=uuid.uuid4(),
        order_id=order.order_id,
        account_id=order.account_id,
        item_id="noodles",
        quantity=1,
        amount_mg=1,
        cost_fen=1,
        cancelled_at=EVENING,
    )
    stranger = msgspec.structs.replace(order, account_id=uuid.uuid4())
    await take(database, cancelled, stranger)
    assert await queued(db) == []


async def test_consent_is_needed_in_the_evening_too(
    people: People, job: EveningMessages, accounting: FakeAccounting, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await subscriber(people, "anna")
    accounting.arrived = {account(anna): (420_000, 3)}
    await anna.call("DELETE", "/me/consents?purpose=messages")
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: EVENING)
        await job.tick()
    assert await queued(db) == []
    await consent(anna)
