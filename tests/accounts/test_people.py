"""Use cases of the people room, called as another caller inside the service would call them: without any route."""

import ast
from pathlib import Path

import pytest
from fastapi import FastAPI

import services.accounts
from services.accounts.consents.service import Purpose
from services.accounts.people import service as people_service
from services.accounts.settings import Settings
from shared.db import Database
from tests.accounts.conftest import Db, People, published

SERVICE_FOLDER = Path(services.accounts.__path__[0])
# Single steps of the use cases. Alone, each would leave consent or phone number and the bindings of a person out of
# step.
STEPS_OF_PEOPLE = {
    "bindings.end_phone_bindings",
    "carbon_accounts.open_personal_account",
    "consents.record_given",
    "consents.record_withdrawn",
    "phones.store_number",
}


async def test_withdrawal_without_a_route_suspends_the_bindings(
    people: People, settings: Settings, database: Database, db: Db
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    async with database.transaction() as session:
        await people_service.withdraw_consent(
            session, settings=settings, user_id=anna.user_id, purpose=Purpose.DATA_PROCESSING
        )
    _bound, suspended = await published(db)
    assert suspended.consent_withdrawn_at is not None
    items = (await anna.call("GET", "/me/consents")).json()["items"]
    [consent] = [item for item in items if item["purpose"] == "data_processing"]
    assert consent["withdrawn_at"] is not None


@pytest.mark.parametrize("use_case", ["give_consent", "open_account"])
async def test_consent_given_again_without_a_route_starts_successors(
    people: People, settings: Settings, database: Database, db: Db, use_case: str
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    async with database.transaction() as session:
        await people_service.withdraw_consent(
            session, settings=settings, user_id=anna.user_id, purpose=Purpose.DATA_PROCESSING
        )
    async with database.transaction() as session:
        if use_case == "give_consent":
            await people_service.give_consent(
                session,
                settings=settings,
                user_id=anna.user_id,
                purpose=Purpose.DATA_PROCESSING,
                policy_version="2026-11",
            )
        else:
            await people_service.open_account(
                session, settings=settings, user_id=anna.user_id, policy_version="2026-11"
            )
    _bound, suspended, ended, successor = await published(db)
    assert (ended.status, ended.ended_at) == ("ended", suspended.consent_withdrawn_at)
    assert (successor.status, successor.consent_withdrawn_at) == ("active", None)


async def test_a_new_number_without_a_route_ends_phone_bindings(
    people: People, settings: Settings, app: FastAPI, db: Db
) -> None:
    anna = await people.new()
    await anna.call("PUT", "/me/phone", json={"code": "dev-phone:13812345678"})
    await anna.bind("metro", "phone_hash")
    await anna.step_up()
    resources = app.state.resources
    async with resources.database.transaction() as session:
        masked = await people_service.change_phone(
            session,
            database=resources.database,
            wechat=resources.wechat,
            vault=resources.vault,
            settings=settings,
            user_id=anna.user_id,
            token_id=anna.token_id,
            code="dev-phone:13900000000",
        )
    assert masked == "139****0000"
    assert (await published(db))[-1].status == "ended"


async def test_a_failed_withdrawal_changes_neither_consent_nor_bindings(
    people: People, settings: Settings, database: Database, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await people.new()
    await anna.bind("didi")
    monkeypatch.setattr("services.accounts.bindings.publishing.EVENT_SOURCE", None)
    with pytest.raises(AttributeError):
        async with database.transaction() as session:
            await people_service.withdraw_consent(
                session, settings=settings, user_id=anna.user_id, purpose=Purpose.DATA_PROCESSING
            )
    assert len(await published(db)) == 1
    assert (await anna.call("GET", "/me")).json()["data_processing_consent"] is True


def steps_used(text: str) -> set[str]:
    """Return the names of STEPS_OF_PEOPLE that a module uses, under any import alias."""
    found: set[str] = set()
    aliases: dict[str, str] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("services.accounts."):
            room = (node.module or "").split(".")[2]
            for alias in node.names:
                if alias.name == "service":
                    aliases[alias.asname or "service"] = room
                found.add(f"{room}.{alias.name}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            found.add(f"{aliases[node.value.id]}.{node.attr}")
    return found & STEPS_OF_PEOPLE


def test_only_the_people_room_uses_the_steps_that_belong_together() -> None:
    users = {
        path.relative_to(SERVICE_FOLDER).as_posix(): used
        for path in sorted(SERVICE_FOLDER.rglob("*.py"))
        if (used := steps_used(path.read_text()))
    }
    assert users == {
        "bindings/service.py": {"consents.record_given"},  # binding a partner is consent to this partner
        "people/service.py": STEPS_OF_PEOPLE,
    }


@pytest.mark.parametrize(
    "line",
    [
        "from services.accounts.consents import service as other\nother.record_withdrawn()\n",
        "from services.accounts.consents import service\nservice.record_withdrawn()\n",
        "from services.accounts.consents.service import record_withdrawn as end\nend()\n",
    ],
)
def test_a_step_used_elsewhere_is_noticed(line: str) -> None:
    assert steps_used(line) == {"consents.record_withdrawn"}
