"""Under 14 a guardian decides: codes, consents for the child, and every way in which a guardianship ends."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.guardians import service as guardians
from services.accounts.guardians.domain import latest_14th_birthday, turns_14_on
from services.accounts.guardians.errors import GuardianRequired, WardNotFound
from services.accounts.people import service as people_service
from services.accounts.settings import Settings
from services.accounts.users import service as users
from services.accounts.wards import service as wards_service
from shared import clock
from shared.db import Database
from tests.accounts.conftest import Db, PartnerClient, People, Person, code_of, published

OPEN = {"consent": {"policy_version": "2026-11"}}
CONSENT = {"policy_version": "2026-11"}


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    real = clock.now
    return lambda ahead: monkeypatch.setattr(clock, "now", lambda: real() + ahead)


def month_of(years_ago: int) -> str:
    today = clock.now()
    return f"{today.year - years_ago}-{today.month:02d}"


async def new_child(people: People, **age: Any) -> Person:
    child = await people.new(with_account=False)
    refused = await child.call("POST", "/me/carbon-account", json={**OPEN, **(age or {"under_14": True})})
    assert code_of(refused) == (403, "GUARDIAN_REQUIRED")
    return child


async def show_code(child: Person) -> str:
    answer = await child.call("POST", "/me/guardian/invitations")
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.json()["token"])


async def accept(guardian: Person, code: str, **more: Any) -> httpx.Response:
    return await guardian.call("POST", "/me/wards", json={"code": code, "consent": CONSENT, **more})


async def guarded(people: People) -> tuple[Person, Person, str]:
    """Return child with account, guardian and the guardianship's id."""
    child, guardian = await new_child(people), await people.new()
    answer = await accept(guardian, await show_code(child))
    assert answer.status_code == 201, answer.text
    await child.open_account()
    return child, guardian, str(answer.json()["ward_id"])


async def give_for(guardian: Person, ward_id: str, purpose: str) -> httpx.Response:
    body = {"purpose": purpose, "policy_version": "2026-11"}
    return await guardian.call("POST", f"/me/wards/{ward_id}/consents", json=body)


async def withdraw_for(guardian: Person, ward_id: str, purpose: str) -> httpx.Response:
    return await guardian.call("DELETE", f"/me/wards/{ward_id}/consents", params={"purpose": purpose})


async def live_purposes(person: Person) -> set[str]:
    items = (await person.call("GET", "/me/consents")).json()["items"]
    return {item["purpose"] for item in items if not item["withdrawn_at"] and not item["superseded_at"]}


async def test_a_child_opens_an_account_after_a_guardian_consented(people: People, db: Db) -> None:
    child, guardian, ward_id = await guarded(people)
    assert await live_purposes(child) == {"data_processing"}
    [change] = (await child.call("GET", "/me/consents/history")).json()["items"]
    assert (change["by"], change["channel"]) == ("guardian", "guardian")
    [ward] = (await guardian.call("GET", "/me/wards")).json()["items"]
    assert ward["ward_id"] == ward_id
    assert "user_id" not in ward


async def test_a_child_alone_can_neither_consent_nor_bind(people: People) -> None:
    child = await new_child(people)
    body = {"purpose": "messages", "policy_version": "2026-11"}
    assert code_of(await child.call("POST", "/me/consents", json=body)) == (403, "GUARDIAN_REQUIRED")
    assert code_of(await child.call("POST", "/me/carbon-account", json=OPEN)) == (403, "GUARDIAN_REQUIRED")
    child, guardian, ward_id = await guarded(people)
    assert code_of(await child.bind("didi")) == (403, "GUARDIAN_REQUIRED")
    assert (
        code_of(await child.call("POST", "/me/bindings/token", json={"partner_id": "didi"}))[1] == "GUARDIAN_REQUIRED"
    )
    assert code_of(await child.call("POST", "/me/bindings/token")) == (403, "GUARDIAN_REQUIRED")
    assert (await give_for(guardian, ward_id, "partner:didi")).status_code == 201
    assert (await child.bind("didi")).status_code == 201
    assert code_of(await child.bind("metro")) == (403, "GUARDIAN_REQUIRED")


async def test_a_partner_does_not_learn_that_a_guardian_withdrew(people: People, partners: PartnerClient) -> None:
    child, guardian, ward_id = await guarded(people)
    await give_for(guardian, ward_id, "partner:didi")
    token = await child.token(partner_id="didi")
    await withdraw_for(guardian, ward_id, "partner:didi")
    assert code_of(await partners.confirm(token)) == (404, "BINDING_TOKEN_INVALID")


async def test_a_guardian_withdraws_and_gives_again_and_bindings_follow(people: People, db: Db) -> None:
    child, guardian, ward_id = await guarded(people)
    await give_for(guardian, ward_id, "partner:didi")
    await child.bind("didi")
    assert (await withdraw_for(guardian, ward_id, "data_processing")).status_code == 204
    assert (await published(db))[-1].consent_withdrawn_at is not None
    assert code_of(await child.call("POST", "/me/carbon-account", json=OPEN)) == (403, "GUARDIAN_REQUIRED")
    assert (await give_for(guardian, ward_id, "data_processing")).status_code == 201
    assert (await published(db))[-1].consent_withdrawn_at is None
    history = (await guardian.call("GET", f"/me/wards/{ward_id}/consents/history")).json()["items"]
    assert {item["by"] for item in history} == {"guardian"}
    seen = (await guardian.call("GET", f"/me/wards/{ward_id}/consents")).json()["items"]
    assert seen == (await child.call("GET", "/me/consents")).json()["items"]


async def test_a_child_may_withdraw_alone(people: People) -> None:
    child, _, _ = await guarded(people)
    assert (await child.call("DELETE", "/me/consents?purpose=data_processing")).status_code == 204
    assert await live_purposes(child) == set()


async def test_a_code_works_once_and_its_user_gets_the_same_answer_again(people: People) -> None:
    child, guardian, other = await new_child(people), await people.new(), await people.new()
    code = await show_code(child)
    first = await accept(guardian, code)
    again = await accept(guardian, code)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert code_of(await accept(other, code)) == (404, "GUARDIAN_CODE_INVALID")
    assert code_of(await accept(other, "cig_nobody")) == (404, "GUARDIAN_CODE_INVALID")
    assert code_of(await child.call("POST", "/me/guardian/invitations")) == (409, "GUARDIAN_ALREADY")


async def test_a_code_ends_after_15_minutes(people: People, travel: Callable[[timedelta], None]) -> None:
    child, guardian = await new_child(people), await people.new()
    code = await show_code(child)
    travel(timedelta(minutes=15, seconds=1))
    assert code_of(await accept(guardian, code)) == (404, "GUARDIAN_CODE_INVALID")


async def test_two_guardians_who_scan_at_once_leave_one(people: People, db: Db) -> None:
    child, first, second = await new_child(people), await people.new(), await people.new()
    codes = [await show_code(child), await show_code(child)]
    answers = await asyncio.gather(accept(first, codes[0]), accept(second, codes[1]), accept(second, codes[0]))
    assert min(answer.status_code for answer in answers) == 201
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.guardianship WHERE ended_at IS NULL") == 1


async def test_a_guardian_is_another_adult_with_an_account(people: People) -> None:
    child, stranger, minor = await new_child(people), await people.new(with_account=False), await new_child(people)
    code = await show_code(child)
    assert code_of(await accept(child, code)) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    assert code_of(await accept(stranger, code)) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    assert code_of(await accept(minor, code)) == (409, "CARBON_ACCOUNT_NOT_OPENED")
    guarded_child, _, _ = await guarded(people)
    assert code_of(await accept(guarded_child, code)) == (409, "GUARDIAN_UNSUITABLE")


async def test_nobody_is_the_own_guardian(people: People) -> None:
    """The account was opened first. The age was told afterwards."""
    anna = await people.new()
    told = await anna.call("POST", "/me/carbon-account", json={**OPEN, "birth_month": month_of(10)})
    assert code_of(told) == (403, "GUARDIAN_REQUIRED")
    code = await show_code(anna)
    assert code_of(await accept(anna, code)) == (409, "CONSENT_REQUIRED")


async def test_guardians_never_form_a_circle(people: People) -> None:
    """Anna guards Bert, then tells that she is under 14, and Bert shall guard her."""
    bert, anna, ward_id = await guarded(people)
    told = await anna.call("POST", "/me/carbon-account", json={**OPEN, "under_14": True})
    assert code_of(told) == (403, "GUARDIAN_REQUIRED")
    assert await live_purposes(bert) == set()
    assert await live_purposes(anna) == set()
    code = await show_code(anna)
    assert code_of(await accept(bert, code)) == (409, "CONSENT_REQUIRED")
    assert code_of(await give_for(anna, ward_id, "data_processing")) == (404, "WARD_NOT_FOUND")


async def test_a_guardian_who_withdrew_the_own_consent_can_withdraw_for_the_child_and_not_give(
    people: People,
) -> None:
    child, guardian, ward_id = await guarded(people)
    await give_for(guardian, ward_id, "messages")
    await guardian.call("DELETE", "/me/consents?purpose=data_processing")
    assert await live_purposes(child) == {"data_processing", "messages"}
    assert code_of(await give_for(guardian, ward_id, "rankings")) == (409, "CONSENT_REQUIRED")
    assert (await withdraw_for(guardian, ward_id, "messages")).status_code == 204
    assert await live_purposes(child) == {"data_processing"}


async def test_ending_a_guardianship_ends_the_childs_consents_until_another_guardian_consents(people: People) -> None:
    child, guardian, ward_id = await guarded(people)
    assert (await guardian.call("DELETE", f"/me/wards/{ward_id}")).status_code == 204
    assert await live_purposes(child) == set()
    assert code_of(await guardian.call("DELETE", f"/me/wards/{ward_id}")) == (404, "WARD_NOT_FOUND")
    other = await people.new()
    assert (await accept(other, await show_code(child))).status_code == 201
    assert await live_purposes(child) == {"data_processing"}


@pytest.mark.parametrize("who", ["guardian", "child"])
async def test_erasing_either_side_leaves_no_row_and_no_consent_without_a_guardian(
    people: People, settings: Settings, db: Db, who: str
) -> None:
    child, guardian, _ = await guarded(people)
    erased = guardian if who == "guardian" else child
    database = Database(settings.database_url)
    async with database.transaction() as session:
        await wards_service.erase_user(session, settings=settings, user_id=erased.user_id)
    await database.stop()
    assert await db.fetchval("SELECT count(*) FROM accounts.guardianship") == 0
    assert await db.fetchval("SELECT count(*) FROM accounts.declared_age") == (1 if who == "guardian" else 0)
    if who == "guardian":
        assert await live_purposes(child) == set()


async def test_consent_for_a_child_that_waits_for_the_end_of_the_guardianship_is_refused(
    people: People, settings: Settings
) -> None:
    child, guardian, ward_id = await guarded(people)
    database = Database(settings.database_url)
    async with database.transaction() as ending:
        await users.lock_user(ending, user_id=child.user_id)
        waiting = asyncio.create_task(give_for(guardian, ward_id, "messages"))
        await asyncio.sleep(0.5)
        await wards_service.end_guardianship(
            ending, settings=settings, guardian_id=guardian.user_id, ward_id=uuid.UUID(ward_id)
        )
    assert code_of(await waiting) == (404, "WARD_NOT_FOUND")
    await database.stop()
    assert await live_purposes(child) == set()


async def test_other_people_see_nothing_of_a_child(people: People) -> None:
    _, _, ward_id = await guarded(people)
    other = await people.new()
    for method, path in (("GET", "consents"), ("GET", "consents/history")):
        assert code_of(await other.call(method, f"/me/wards/{ward_id}/{path}")) == (404, "WARD_NOT_FOUND")
    assert code_of(await give_for(other, ward_id, "messages")) == (404, "WARD_NOT_FOUND")
    assert code_of(await withdraw_for(other, ward_id, "messages")) == (404, "WARD_NOT_FOUND")
    assert (await other.call("GET", "/me/wards")).json() == {"items": []}


async def test_it_ends_on_the_day_of_turning_14_without_any_job(
    people: People, settings: Settings, travel: Callable[[timedelta], None]
) -> None:
    """Tokens of today do not live so long, so the use cases are asked below the routes."""
    child, guardian = await new_child(people), await people.new()
    last_month = clock.now().replace(day=1) - timedelta(days=1)
    born = f"{last_month.year - 13}-{last_month.month:02d}"
    ward = (await accept(guardian, await show_code(child), birth_month=born)).json()
    turns = date.fromisoformat(ward["turns_14_on"])
    assert turns == turns_14_on(born)
    midnight = datetime.combine(turns, time.min, ZoneInfo("Asia/Shanghai"))
    now = clock.now()
    give: dict[str, Any] = {
        "settings": settings,
        "user_id": child.user_id,
        "purpose": "messages",
        "policy_version": "2026-11",
    }
    ask: dict[str, Any] = {"settings": settings, "guardian_id": guardian.user_id, "ward_id": uuid.UUID(ward["ward_id"])}
    database = Database(settings.database_url)
    travel(midnight - now - timedelta(seconds=30))
    with pytest.raises(GuardianRequired):
        async with database.transaction() as session:
            await people_service.give_consent(session, **give)
    async with database.transaction() as session:
        assert await wards_service.list_consents(session, **ask)
    travel(midnight - now + timedelta(seconds=30))
    async with database.transaction() as session:
        assert (await people_service.give_consent(session, **give)).withdrawn_at is None
        with pytest.raises(WardNotFound):
            await wards_service.list_consents(session, **ask)
        assert not await guardians.list_wards(session, settings=settings, guardian_id=guardian.user_id)
    await database.stop()
    assert await live_purposes(child) >= {"data_processing"}


@pytest.mark.parametrize("lie", [{}, {"birth_month": "1980-01"}, {"under_14": False}])
async def test_a_told_age_is_not_taken_back(people: People, lie: dict[str, Any]) -> None:
    child = await new_child(people, birth_month=month_of(9))
    assert code_of(await child.call("POST", "/me/carbon-account", json={**OPEN, **lie})) == (403, "GUARDIAN_REQUIRED")


async def test_an_adults_month_of_birth_leaves_nothing(people: People, db: Db) -> None:
    anna = await people.new(with_account=False)
    opened = await anna.call("POST", "/me/carbon-account", json={**OPEN, "birth_month": "1980-01"})
    assert opened.status_code == 201
    assert await db.fetchval("SELECT count(*) FROM accounts.declared_age") == 0
    assert code_of(await anna.call("POST", "/me/guardian/invitations")) == (409, "GUARDIAN_NOT_NEEDED")


async def test_only_the_sealed_day_is_kept(people: People, db: Db) -> None:
    await new_child(people, birth_month=month_of(9))
    row = await db.fetchrow("SELECT * FROM accounts.declared_age")
    assert row is not None
    assert set(row.keys()) == {"user_id", "account_id", "turns_14_sealed"}
    assert str(clock.now().year + 5).encode() not in row["turns_14_sealed"]


@pytest.mark.parametrize("month", ["2013-13", "2013-00", "2013-5", "13-05", "2013-05-01", "１９９０-01"])
async def test_a_malformed_month_of_birth_is_refused(people: People, month: str) -> None:
    child = await people.new(with_account=False)
    answer = await child.call("POST", "/me/carbon-account", json={**OPEN, "birth_month": month})
    assert code_of(answer) == (422, "INVALID_REQUEST")


async def test_a_guardian_cannot_tell_that_a_child_is_older(people: People) -> None:
    child, guardian = await new_child(people), await people.new()
    answer = await accept(guardian, await show_code(child), birth_month="1980-01")
    assert code_of(answer) == (409, "GUARDIAN_NOT_NEEDED")
    assert code_of(await child.call("POST", "/me/carbon-account", json=OPEN)) == (403, "GUARDIAN_REQUIRED")


@given(st.dates(date(1990, 1, 1), date(2030, 12, 31)))
def test_the_day_of_turning_14_is_never_too_early_and_at_most_a_month_late(born: date) -> None:
    turns = turns_14_on(f"{born:%Y-%m}")
    birthday = born.replace(year=born.year + 14, day=min(born.day, 28))
    assert birthday < turns <= birthday + timedelta(days=35)
    assert latest_14th_birthday(born) <= birthday
