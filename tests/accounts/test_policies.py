"""Policies are data with dates: consent names a version that is in force."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from services.accounts import seed
from services.accounts.policies.service import PolicyChanged
from services.accounts.settings import Settings
from shared import clock
from tests.accounts.conftest import BASE, Db, People, code_of

GIVEN = ("2026-01", "2026-11")


@pytest.fixture(autouse=True)
async def as_migrated(db: Db) -> AsyncIterator[None]:
    yield
    await db.execute("DELETE FROM accounts.policy WHERE version <> ALL($1::text[])", list(GIVEN))
    await db.execute("UPDATE accounts.policy SET accepted_until = NULL")


def policy(version: str, begins_in: timedelta, **more: Any) -> dict[str, Any]:
    begins = (clock.now() + begins_in).isoformat()
    return {"version": version, "title_zh": "规则", "title_en": "Policy", "effective_from": begins, **more}


async def publish(settings: Settings, *policies: dict[str, Any]) -> int:
    return await seed.seed(settings, json.dumps(policies).encode())


async def consent(people: People, version: str) -> httpx.Response:
    anna = await people.new(with_account=False)
    return await anna.call("POST", "/me/consents", json={"purpose": "messages", "policy_version": version})


@pytest.mark.parametrize("version", ["9999-moon", "2026-1", "2026-01 ".strip() + ".", "0"])
async def test_c15_an_unknown_version_is_refused_with_the_current_one(people: People, version: str) -> None:
    refused = await consent(people, version)
    assert code_of(refused) == (422, "POLICY_VERSION_UNKNOWN")
    problem = refused.json()
    assert problem["current_version"] == "2026-11"
    assert problem["errors"][0]["field"] == "body.policy_version"
    assert "2026-11" in problem["detail"]


async def test_c15_an_account_is_not_opened_with_an_unknown_version(people: People, db: Db) -> None:
    anna = await people.new(with_account=False)
    body = {"consent": {"policy_version": "9999-moon"}}
    assert code_of(await anna.call("POST", "/me/carbon-account", json=body)) == (422, "POLICY_VERSION_UNKNOWN")
    assert await db.fetchval("SELECT count(*) FROM accounts.carbon_account") == 0
    assert await db.fetchval("SELECT count(*) FROM accounts.consent") == 0


@pytest.mark.parametrize("version", GIVEN)
async def test_c15_versions_that_clients_send_today_are_accepted(people: People, version: str) -> None:
    assert (await consent(people, version)).status_code == 201


async def test_c15_a_new_version_ends_those_before_it(people: People, settings: Settings) -> None:
    assert await publish(settings, policy("2027-01", -timedelta(seconds=1), family="messages")) == 1
    assert (await consent(people, "2027-01")).status_code == 201
    for version in GIVEN:
        refused = await consent(people, version)
        assert code_of(refused) == (422, "POLICY_VERSION_OUTDATED")
        assert refused.json()["current_version"] == "2027-01"


async def test_c15_a_cached_form_is_not_recorded_as_consent_to_a_newer_version(
    people: People, settings: Settings
) -> None:
    """matrix-org/synapse#4004: somebody sees an old copy of the form, and the server records the version of today."""
    anna = await people.new()
    await publish(settings, policy("2027-01", -timedelta(seconds=1), family="messages"))
    body = {"purpose": "messages", "policy_version": "2026-11"}
    refused = await anna.call("POST", "/me/consents", json=body)
    assert code_of(refused) == (422, "POLICY_VERSION_OUTDATED")
    items = (await anna.call("GET", "/me/consents")).json()["items"]
    assert [(item["purpose"], item["policy_version"]) for item in items] == [("data_processing", "2026-11")]


async def test_c15_a_version_of_tomorrow_is_unknown_today_and_not_listed(
    client: httpx.AsyncClient, people: People, settings: Settings
) -> None:
    await publish(settings, policy("2027-05", timedelta(days=1), family="messages"))
    assert code_of(await consent(people, "2027-05")) == (422, "POLICY_VERSION_UNKNOWN")
    assert (await consent(people, "2026-11")).status_code == 201
    listed = (await client.get(f"{BASE}/policies?purpose=messages")).json()["items"]
    assert [item["version"] for item in listed] == ["2026-11", "2026-01"]
    assert listed[0]["accepted_until"] is not None


async def test_c15_consent_to_an_ended_version_stays_and_can_be_withdrawn(people: People, settings: Settings) -> None:
    anna = await people.new()
    await publish(settings, policy("2027-01", -timedelta(seconds=1), family="messages"))
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is True
    assert (await anna.call("DELETE", "/me/consents?purpose=data_processing")).status_code == 204


async def test_c15_policies_are_listed_without_a_token_newest_first(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{BASE}/policies", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item["version"] for item in items if item["family"] == "general"] == ["2026-11", "2026-01"]
    assert items[0]["title"] == "Processing of personal data, November 2026"
    assert all(item["is_accepted"] for item in items)


async def test_c15_a_published_version_never_changes(settings: Settings) -> None:
    first = policy("2027-01", timedelta(days=3))
    assert await publish(settings, first) == 1
    assert await publish(settings, first) == 0
    with pytest.raises(PolicyChanged):
        await publish(settings, {**first, "title_zh": "另一份规则"})
    with pytest.raises(PolicyChanged):
        await publish(settings, {**first, "effective_from": "2030-01-01T00:00:00+08:00"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"effective_from": "2027-01-01T00:00:00"},
        {"effective_from": "2027-01-01T00:00:00+08:00", "accepted_until": "2026-01-01T00:00:00+08:00"},
        {"version": "with space"},
        {"title_zh": ""},
        {"url": "http://plain.example"},
        {"unknown": 1},
    ],
)
async def test_c15_a_file_with_a_fault_publishes_nothing(settings: Settings, db: Db, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await publish(settings, policy("2027-01", timedelta(0)), {**policy("2027-02", timedelta(1)), **wrong})
    assert await db.fetchval("SELECT count(*) FROM accounts.policy WHERE family = 'general'") == len(GIVEN)


async def test_c15_the_command_says_what_is_wrong(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seed.main(["one", "two"]) == 2
    assert "FILE" in capsys.readouterr().err
