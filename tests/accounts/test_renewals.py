"""Consents end when their text is replaced: at its date, announced before, without a job at that second."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts import seed
from services.accounts.people import renewals
from services.accounts.policies.domain import FAMILIES, PolicyDates, end_of_consent, families_of
from services.accounts.policies.service import RENEWAL_NOTICE_MIN, PolicyNoticeTooShort
from services.accounts.settings import Settings
from services.accounts.users import service as users_service
from shared import clock
from shared.db import Database
from tests.accounts.conftest import BASE, Db, People, code_of, published
from tests.accounts.consenting import MONTH, announce, consents_published, give, history, new_text


@pytest.fixture(autouse=True)
async def own_policies(db: Db) -> AsyncIterator[None]:
    yield
    await db.execute("DELETE FROM accounts.policy WHERE version LIKE '2027%'")
    await db.execute("UPDATE accounts.policy SET accepted_until = NULL")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(settings.database_url)
    yield opened
    await opened.stop()


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let the service's clock run ahead. Tokens are verified by the real one."""
    real = clock.now
    return lambda ahead: monkeypatch.setattr(clock, "now", lambda: real() + ahead)


async def test_a_new_text_ends_older_consents_at_its_date_without_any_job(
    people: People, settings: Settings, db: Db, travel: Callable[[timedelta], None]
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await new_text(settings, "general", renew_in=MONTH)
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is True
    [_, item] = (await anna.call("GET", "/me/consents")).json()["items"]
    assert item["ends_at"] is not None
    travel(MONTH + timedelta(seconds=1))
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is False
    [_, item] = (await anna.call("GET", "/me/consents")).json()["items"]
    assert item["expired_at"] is not None
    assert code_of(await anna.bind("metro")) == (409, "CONSENT_REQUIRED")


async def test_the_end_of_a_text_is_in_the_projections_in_advance(
    people: People, settings: Settings, database: Database, db: Db, travel: Callable[[timedelta], None]
) -> None:
    anna, bert = await people.new(), await people.new()
    await anna.bind("didi")
    await bert.bind("didi")
    ends = await new_text(settings, "general", renew_in=MONTH)
    assert await announce(database, settings) == 2
    assert await announce(database, settings) == 0
    assert {change.consent_withdrawn_at for change in (await published(db))[-2:]} == {ends}
    told = [one for one in await consents_published(db) if one.ends_at is not None]
    assert [(one.purpose, one.version, one.ends_at) for one in told] == [("data_processing", 2, ends)] * 2
    assert (await give(anna, "data_processing", "2027-01")).status_code == 201
    renewed = (await published(db))[-1]
    assert (renewed.user_id, renewed.version, renewed.consent_withdrawn_at) == (anna.user_id, 3, None)
    travel(MONTH + timedelta(seconds=1))
    assert code_of(await give(bert, "data_processing", "2026-11")) == (422, "POLICY_VERSION_OUTDATED")
    assert (await give(bert, "data_processing", "2027-01")).status_code == 201
    ended, successor = (await published(db))[-2:]
    assert (ended.user_id, ended.status, ended.ended_at) == (bert.user_id, "ended", ends)
    assert successor.counts_from > ends
    changes = [(purpose, change, by) for purpose, change, by, _ in await history(bert)]
    assert changes[:2] == [("data_processing", "given", "self"), ("data_processing", "expired", "policy")]


async def test_expiry_is_recorded_at_its_moment_however_late_the_job_runs(
    people: People, settings: Settings, database: Database, db: Db, travel: Callable[[timedelta], None]
) -> None:
    anna = await people.new()
    ends = await new_text(settings, "general", renew_in=MONTH)
    await announce(database, settings)
    travel(MONTH + timedelta(days=2))
    for _ in range(2):
        async with database.transaction() as session:
            await renewals.record_expired(session)
    rows = await db.fetch("SELECT at FROM accounts.consent_change WHERE change = 'expired'")
    assert [row["at"] for row in rows] == [ends]
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is False


async def test_a_partners_own_text_ends_consents_to_the_general_one_for_this_partner_only(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    await anna.bind("metro")
    ends = await new_text(settings, "partner:didi", renew_in=MONTH)
    assert await announce(database, settings) == 1
    changed = (await published(db))[-1]
    assert (changed.partner_id, changed.consent_withdrawn_at) == ("didi", ends)
    assert code_of(await give(anna, "partner:didi", "2026-11")) == (422, "POLICY_VERSION_UNKNOWN")
    assert (await give(anna, "partner:didi", "2027-01")).status_code == 201
    assert (await published(db))[-1].consent_withdrawn_at is None
    assert (await give(anna, "partner:metro", "2026-11")).status_code == 201


async def test_a_binding_made_in_the_warning_period_ends_with_its_consent(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna = await people.new()
    ends = await new_text(settings, "general", renew_in=MONTH)
    await anna.bind("didi")
    assert (await published(db))[-1].consent_withdrawn_at == ends


async def test_consents_do_not_end_without_notice(settings: Settings) -> None:
    begins = clock.now() - MONTH
    policy = {"version": "2027-01", "title_zh": "新", "title_en": "New", "effective_from": begins.isoformat()}
    soon = (begins + RENEWAL_NOTICE_MIN).isoformat()
    with pytest.raises(PolicyNoticeTooShort):
        await seed.seed(settings, json.dumps([{**policy, "renew_by": soon}]).encode())


async def test_an_announced_end_does_not_move_forward(settings: Settings) -> None:
    await new_text(settings, "messages", renew_in=2 * MONTH)
    with pytest.raises(PolicyNoticeTooShort):
        await new_text(settings, "messages", renew_in=MONTH, version="2027-02")


async def test_the_texts_of_the_repository_are_those_of_the_migration(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    assert await seed.seed(settings, seed.OWN_FILE.read_bytes()) == 0
    items = (await client.get(f"{BASE}/policies")).json()["items"]
    assert {item["family"] for item in items} == set(FAMILIES)
    own = (await client.get(f"{BASE}/policies?purpose=partner:didi")).json()["items"]
    assert {item["family"] for item in own} == {"partner_sharing"}


async def test_announcing_does_not_wait_for_a_person_who_is_changing_something(
    people: People, settings: Settings, database: Database
) -> None:
    anna, _bert = await people.new(), await people.new()
    await new_text(settings, "general", renew_in=MONTH)
    async with database.transaction() as busy:
        await users_service.lock_user(busy, user_id=anna.user_id)
        assert await announce(database, settings) == 1
    assert await announce(database, settings) == 1


def _policy(family: str, number: int, begins: int, renew: int | None) -> PolicyDates:
    at = datetime(2026, 1, 1).astimezone()
    return PolicyDates(
        family,
        f"v{number}",
        at + timedelta(days=begins),
        None if renew is None else at + timedelta(days=begins + renew),
    )


TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["partner:didi", "partner:metro", "partner_sharing", "general"]),
        st.integers(0, 100),
        st.none() | st.integers(14, 90),
    ),
    max_size=12,
)


@given(TEXTS)
def test_consent_ends_by_the_first_later_text_and_never_before_it_begins(texts: list[Any]) -> None:
    published_ = [_policy(family, n, begins, renew) for n, (family, begins, renew) in enumerate(texts)]
    for text in published_:
        if text.family not in families_of("partner:didi"):
            continue
        end = end_of_consent(published_, purpose="partner:didi", family=text.family, version=text.version)
        later = [
            one
            for one in published_
            if one.family in families_of("partner:didi")
            and one.renew_by is not None
            and (one.family != text.family or one.effective_from > text.effective_from)
            and not (text.family == "partner:didi" and one.family == "partner_sharing")
        ]
        assert end == min((one.renew_by for one in later if one.renew_by), default=None)
