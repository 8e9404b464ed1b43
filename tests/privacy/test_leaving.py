"""A citizen's rows in all four schemas: every one is in the export, and after the erasure nothing names the person.

Tables come from the catalogue of the database, so that a new one is covered on the day of its migration.
"""

import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.accounting.proofs import rechecking
from services.accounts.exports import service as exports
from shared.personal_data import Erasure
from tests.accounting.reports import PARTNER, YESTERDAY
from tests.accounts.enterprises import CONTACT
from tests.contract.personal_data_page import SERVICES, register
from tests.privacy.city import CAMPAIGN, ITEM, Citizen, City
from tests.privacy.standing import stand

OPENID, PHONE = "canary-openid-leaving", "13877770042"
# Rows of these tables pass within seconds or days, and the register says so.
_PASSING = {"outbox", "dead_letter", "consumer_partition"}


async def live(city: City, openid: str = OPENID, phone: str = PHONE) -> Citizen:
    """A citizen with an account, a phone, a binding, a household, acts, an order, a donation and a look-up.

    And with consents that changed, a ward, enterprises, a mandate, a message, a text that waits and reported steps.
    """
    anna = await city.citizen(openid)
    await stand(city, anna, openid)
    assert (await anna.call("accounts", "PUT", "/me/phone", json={"code": f"dev-phone:{phone}"})).status_code == 200
    bound = await anna.call("accounts", "POST", "/me/bindings", json={"partner_id": PARTNER, "mode": "account_no"})
    assert bound.status_code == 201, bound.text
    home = (await anna.call("accounts", "POST", "/households", json={})).json()
    await anna.call("accounts", "POST", f"/households/{home['household_id']}/invitations")
    await city.relay()
    # The first act waits for the binding, so its first verdict names nobody.
    await city.report(anna.reports.bus(YESTERDAY + timedelta(hours=5)))
    await city.accounting.bind(anna.reports)
    await city.accounting.release()
    await city.report(*(anna.reports.bus(YESTERDAY + timedelta(hours=hour)) for hour in (7, 9, 11)))
    await city.accounting.release()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    ordered = await anna.call(
        "rewards", "POST", "/orders", json={"item_id": ITEM, "quantity": 1, "client_request_id": f"of-{openid}"},
        headers=key,
    )  # fmt: skip
    assert ordered.status_code == 201, ordered.text
    donated = await anna.call(
        "rewards", "POST", f"/campaigns/{CAMPAIGN}/donations", json={"amount_mg": 500}, headers=key
    )
    assert donated.status_code == 201, donated.text
    monthly = {"campaign_id": CAMPAIGN, "amount_mg": 500, "day": 31}
    for method, path, body in (
        ("POST", "/teams", {"name": "东湖骑行队"}),
        ("PUT", "/me/donor-name", {"name": "江城小雨"}),
        ("POST", "/me/standing-orders", monthly),
    ):
        answer = await anna.call("rewards", method, path, json=body)
        assert answer.is_success, answer.text
    number = (await anna.call("accounts", "GET", "/me")).json()["carbon_account"]["account_no"]
    seen = await city.http["accounts"].get(
        f"/api/v1/accounts/ops/accounts/{number}?reason=complaint", headers=city.tokens.operator()
    )
    assert seen.status_code == 200, seen.text
    await city.admin.execute("DELETE FROM accounts.outbox")
    return anna


async def everything(city: City) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Every row of every table of the four schemas, as the database prints it."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for schema in SERVICES:
        tables = await city.admin.fetch(
            "SELECT c.relname FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition",
            schema,
        )
        found[schema] = {}
        for (table,) in tables:
            rows = await city.admin.fetch(f'SELECT row_to_json(t)::text FROM "{schema}"."{table}" t')
            found[schema][table] = [json.loads(row[0]) for row in rows]
    return found


def names(row: Mapping[str, Any], ids: set[str]) -> bool:
    """Whether any cell is one of the ids."""
    return any(isinstance(cell, str) and cell in ids for cell in row.values())


async def archive_of(city: City, anna: Citizen) -> zipfile.ZipFile:
    asked = await anna.call("accounts", "POST", "/me/export")
    assert asked.status_code == 202, asked.text
    path = f"/me/export/{asked.json()['export_id']}"
    waiting = await anna.call("accounts", "GET", path)
    assert (waiting.status_code, waiting.json()["status"]) == (202, "queued")
    await city.build_exports()
    ready = await anna.call("accounts", "GET", path)
    assert ready.headers["content-type"] == "application/zip", ready.text
    return zipfile.ZipFile(io.BytesIO(ready.content))


async def test_the_export_has_every_row_of_the_person_in_every_schema(city: City) -> None:
    await city.open_shop()
    anna = await live(city)
    ben = await live(city, "somebody-else", "13877770043")
    rows = await everything(city)
    archive = await archive_of(city, anna)
    exported = {schema: json.loads(archive.read(f"{schema}.json")) for schema in SERVICES}
    # Ids of the person, and of what is the person's: acts, bindings, orders.
    ids = {str(anna.user_id), str(anna.account_id), anna.user_id.hex}
    for schema, table, column in (
        ("accounting", "activity", "activity_id"),
        ("accounts", "binding", "binding_id"),
        ("accounts", "login_session", "session_id"),
        ("rewards", "orders", "order_id"),
        ("rewards", "donation", "donation_id"),
    ):
        ids |= {row[column] for row in rows[schema][table] if names(row, ids)}
    missing, found = [], 0
    for schema, tables in rows.items():
        for table, kept_rows in tables.items():
            hidden = register(schema)[table].hidden if table != "alembic_version" else frozenset()
            for row in kept_rows:
                if table in _PASSING or not names(row, ids):
                    continue
                found += 1
                shown = {column: cell for column, cell in row.items() if column not in hidden}
                if shown not in exported[schema].get(table, []):
                    missing.append(f"{schema}.{table} {shown}")
    assert missing == []
    assert found > 45
    for table in (
        "consent_change", "guardianship", "enterprise", "enterprise_document", "enterprise_member", "mandate",
        "message_choice", "message", "text_check", "steps_reported",
    ):  # fmt: skip
        assert exported["accounts"][table], table
    for table in ("consent", "enterprise_member", "mandate", "activity_change"):
        assert exported["accounting"][table], table
    [text] = exported["accounts"]["checked_text"]
    assert text["text"] == "待审的名字"
    assert {one["contact"]["name"] for one in exported["accounts"]["enterprise_application"]} == {CONTACT["name"]}
    assert {one["name"] for one in exported["accounts"]["enterprise_membership"]} == {CONTACT["name"]}
    assert exported["accounts"]["phone_number"] == [{"phone": f"+86{PHONE}"}]
    everything_told = "".join(archive.read(name).decode() for name in archive.namelist())
    assert str(ben.user_id) not in everything_told
    assert str(ben.account_id) not in everything_told
    page = archive.read("我的个人信息.html").decode()
    assert "低碳行为与判定" in page
    assert "http://" not in page
    assert "src=" not in page
    for secret in ("openid_sealed", "phone_sealed", "code_sealed", "key_sealed"):
        assert secret not in everything_told


async def test_exports_are_one_at_a_time_and_two_a_day(city: City) -> None:
    await city.open_shop()
    anna, ben = await city.citizen("exporter"), await city.citizen("curious")
    first = (await anna.call("accounts", "POST", "/me/export")).json()
    assert (await anna.call("accounts", "POST", "/me/export")).json() == first
    await city.build_exports()
    path = f"/me/export/{first['export_id']}"
    assert (await ben.call("accounts", "GET", path)).status_code == 404
    second = (await anna.call("accounts", "POST", "/me/export")).json()
    assert second["export_id"] != first["export_id"]
    await city.build_exports()
    refused = await anna.call("accounts", "POST", "/me/export")
    assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_EXCEEDED")
    await city.admin.execute("UPDATE accounts.data_export SET expires_at = now() - interval '1 s'")
    assert (await anna.call("accounts", "GET", path)).json()["code"] == "EXPORT_NOT_FOUND"
    async with city.databases["accounts"].transaction() as session:
        await exports.purge_expired(session, at_most=10)
    assert await city.admin.fetchval("SELECT count(*) FROM accounts.export_archive") == 0


async def test_a_worker_that_died_leaves_its_export_to_the_next(city: City) -> None:
    anna = await city.citizen("patient")
    asked = (await anna.call("accounts", "POST", "/me/export")).json()
    await city.admin.execute(
        "UPDATE accounts.data_export SET status = 'running', lease_until = now() - interval '1 s', attempts = 1"
    )
    await city.build_exports()
    ready = await anna.call("accounts", "GET", f"/me/export/{asked['export_id']}")
    assert ready.headers["content-type"] == "application/zip"


async def test_after_the_erasure_nothing_names_the_person_and_everything_adds_up(city: City) -> None:
    await city.open_shop()
    anna = await live(city)
    ben = await live(city, "somebody-else", "13877770043")
    await archive_of(city, anna)
    account_no = (await anna.call("accounts", "GET", "/me")).json()["carbon_account"]["account_no"]
    secrets = await city.admin.fetchrow(
        "SELECT encode(openid_hash, 'hex') AS a, encode(openid_sealed, 'hex') AS b, encode(phone_hash, 'hex') AS c,"
        " encode(phone_sealed, 'hex') AS d, account_key AS e, encode(key_sealed, 'hex') AS f FROM accounts.app_user"
        " JOIN accounts.phone USING (user_id) JOIN accounts.binding USING (user_id)"
        " JOIN accounts.person_key USING (user_id) WHERE user_id = $1",
        anna.user_id,
    )
    assert secrets is not None
    await anna.step_up()
    assert (await anna.call("accounts", "DELETE", "/me")).status_code == 202
    await city.end_cooling_off()
    await city.erase_all_due()
    rows = await everything(city)
    for canary in (OPENID, PHONE, f"of-{OPENID}", *secrets.values()):
        named = [
            f"{schema}.{table}" for schema, tables in rows.items() for table, found in tables.items()
            if canary in json.dumps(found, ensure_ascii=False)
        ]  # fmt: skip
        assert named == [], canary
    # The number of the account stands only where an operator once looked it up.
    assert {
        table for tables in rows.values() for table, found in tables.items() if account_no in json.dumps(found)
    } == {"operator_action"}
    # Rows that stay name an id, and the register says of each that it stays.
    ids = {str(anna.user_id), str(anna.account_id)}
    for schema, tables in rows.items():
        for table, found in tables.items():
            if any(names(row, ids) for row in found):
                erasure = register(schema)[table].erasure
                assert erasure in {Erasure.PSEUDONYM, Erasure.CLEAR, Erasure.RETAIN, Erasure.EXPIRE}, (schema, table)
    assert all(row["user_id"] is None for row in rows["accounts"]["erasure"])
    of_anna = [row for row in rows["ingest"]["reported_event"] if row["event_id"].startswith(str(anna.user_id))]
    assert [row["act"] for row in of_anna] == [None] * 4
    for table in ("steps_reported", "text_check", "message", "mandate"):
        assert [row["user_id"] for row in rows["accounts"][table]] == [str(ben.user_id)], table
    assert sum(row["applied_by"] is None for row in rows["accounts"]["enterprise"]) == 2
    assert sum(row["uploaded_by"] is None for row in rows["accounts"]["enterprise_document"]) == 1, "the approved one"
    # What others rely on still holds.
    assert (await city.accounting.check())["ok"]
    async with city.databases["accounting"].transaction() as session:
        assert [one async for day in rechecking.check_days(session) for one in day.findings] == []
    check = await city.http["rewards"].get("/api/v1/rewards/ops/stock-check", headers=city.tokens.operator())
    assert (check.json()["limits_differing"], check.json()["campaigns_differing"]) == (0, 0)
    assert (await ben.call("accounting", "GET", "/me/balance")).json()["available_mg"] > 0
    assert (await anna.call("accounts", "GET", "/me")).status_code == 401
    spent = await anna.call(
        "rewards", "POST", "/orders", json={"item_id": ITEM, "quantity": 1, "client_request_id": "late"},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )  # fmt: skip
    assert spent.status_code == 401
