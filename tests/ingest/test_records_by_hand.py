"""Further changes by hand, each found and each refused by the intake; and what existed before records were kept."""

import asyncio
import json
import secrets
from typing import Any

import asyncpg
import pytest
from alembic import command

from services.ingest.partners.service import ChangeListener, PartnerRegistry
from services.ingest.records import service
from services.ingest.settings import Settings, sealer_of
from shared import migrations
from shared.auth import cp1
from shared.db import Database
from shared.ids import new_id
from tests.databases import make_database
from tests.ingest.conftest import Settle
from tests.ingest.signing import pair
from tests.ingest.superuser import FORGED_KEY, Ingest

OTHER_PUBLIC = pair(cp1.ED25519, "thief").registered
KEY = "UPDATE ingest.partner_key SET {} WHERE app_key = (SELECT max(app_key) FROM ingest.partner_key"
KEY += " WHERE partner_id = 'hand')"
PARTNER = "UPDATE ingest.partner SET {} WHERE partner_id = 'hand'"
EDITS = [
    (KEY.format(f"public_key = '{OTHER_PUBLIC}', secret_sealed = NULL, algorithm = 'CP1-ED25519'"), "公钥与记录不符"),
    (KEY.format("partner_id = 'bike'"), "没有签发记录"),
    (KEY.format("not_before = NULL"), "有效期比记录长"),
    (PARTNER.format("environment = 'sandbox'"), ""),
    (PARTNER.format("status = 'active'"), "没有恢复记录"),
    (PARTNER.format("source = '//bike.example.net'"), "条款比记录宽"),
    (PARTNER.format("events_per_day = NULL"), "条款比记录宽"),
    (PARTNER.format("allowed_networks = '{}'"), "条款比记录宽"),
    (PARTNER.format("event_types = event_types || '{cn.carboninclusion.energy.saved.v1}'::text[]"), "条款比记录宽"),
]


@pytest.mark.parametrize(("edit", "text"), EDITS)
async def test_a2_a_change_by_hand_that_opens_anything_is_found(
    ingest: Ingest, superuser: Any, edit: str, text: str
) -> None:
    await ingest.operators.partner("hand", allowed_networks=["203.0.113.0/24"])
    await ingest.operators.key("hand", not_before="2026-01-01T00:00:00Z")
    await ingest.operators.call("POST", "/hand/suspend", {"reason": "数据异常"}, expect=200)
    assert await ingest.findings() == []
    await superuser.execute(edit)
    texts = await ingest.texts()
    assert text in texts
    assert "hand" in texts


async def test_a2_an_old_secret_put_back_is_found(ingest: Ingest, superuser: Any, settle: Settle) -> None:
    """A leaked secret was replaced by the seed file. Its sealed bytes of yesterday open, so only the records tell."""
    query = "SELECT secret_sealed FROM ingest.partner_key WHERE app_key = 'ak-bike'"
    leaked = await superuser.fetchval(query)
    await ingest.seed_again()
    assert await superuser.fetchval(query) != leaked
    assert await ingest.findings() == []
    await superuser.execute("UPDATE ingest.partner_key SET secret_sealed = $1 WHERE app_key = 'ak-bike'", leaked)
    texts = await ingest.texts()
    assert "bike ak-bike 改动没有审计记录" in texts or "bike ak-bike 与最后一次记录不符" in texts


async def test_a2_a_forged_entry_of_the_migration_is_found_by_the_seal(ingest: Ingest) -> None:
    """Entries of the migration have no seal of their own. They count only at its moment, whose day is sealed."""
    await ingest.age(2)
    await ingest.seal()
    await ingest.admin.execute(FORGED_KEY, OTHER_PUBLIC)
    await ingest.admin.execute(
        "INSERT INTO ingest.audit_log (entry_id, at, subject, action, object, reason, after)"
        " SELECT gen_random_uuid(), at, '~before-records', action, object, reason, after - 'seal' FROM ingest.audit_log"
        " WHERE action = 'partner.register' AND object = 'partner/bike'"
    )
    texts = await ingest.texts()
    assert "运营记录被改动" in texts
    assert "bike ak-forged" in texts


async def test_a2_records_kept_by_the_trigger_cannot_be_changed_by_the_service(ingest: Ingest) -> None:
    connection = await asyncpg.connect(ingest.dsns.app("ingest"))
    try:
        for statement in (
            "INSERT INTO ingest.partner_record (kind, name, partner_id) VALUES ('key', 'k', 'bike')",
            "UPDATE ingest.partner_record SET facts = NULL",
            "DELETE FROM ingest.partner_record",
            "UPDATE ingest.record_digest SET statement = ''",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_partners_that_existed_before_records_were_kept_go_on(
    postgres_admin_dsn: str, settings: Settings
) -> None:
    dsns = make_database(postgres_admin_dsn, "ingest_before_records", [])
    config = migrations.config_for("ingest", dsns.owner("ingest"))
    await asyncio.to_thread(command.upgrade, config, "20261127_0006")
    sealer = sealer_of(settings.sealing_keys)
    connection = await asyncpg.connect(dsns.admin)
    await connection.execute("SET timezone = 'Asia/Shanghai'")
    await connection.execute(
        "INSERT INTO ingest.partner (partner_id, name, name_en, source, scenes, event_types, cities, late_window_s,"
        " binding_modes, environment, status) SELECT p, p, p, '//' || p, '{bike}', '{t}', '{420100}', 1,"
        " '{account_no}', 'live', CASE p WHEN 'halted' THEN 'suspended' ELSE 'active' END"
        " FROM unnest('{old,halted}'::text[]) p"
    )
    add = (
        "INSERT INTO ingest.partner_key (app_key, partner_id, algorithm, environment, secret_sealed, public_key, rule,"
        " not_before, revoked_at) VALUES ($1, 'old', $2, 'live', $3, $4, $5, '2026-01-01', $6)"
    )
    sealed = sealer.seal(secrets.token_hex(20), "partner_key/ak-old/secret")
    await connection.execute(add, "ak-old", cp1.HMAC_SHA256, sealed, None, None, None)
    await connection.execute(add, "ak-public", cp1.ED25519, None, pair(cp1.ED25519).registered, None, None)
    revoked_at = await connection.fetchval("SELECT now()")
    await connection.execute(add, "ak-gone", cp1.ED25519, None, OTHER_PUBLIC, None, revoked_at)
    for action, status in (("partner.suspend", "suspended"), ("partner.resume", "active")):  # by one, as it was then
        await connection.execute(
            "INSERT INTO ingest.audit_log (entry_id, subject, action, object, reason, after)"
            " VALUES ($1, 'operator-1', $2, 'partner/old', '停用', $3)",
            new_id(),
            action,
            json.dumps({"status": status}),
        )
    await asyncio.to_thread(migrations.upgrade, "ingest", dsns.owner("ingest"))
    database = Database(dsns.app("ingest"), pool_size=1)
    try:
        registry = PartnerRegistry(database, sealer, ChangeListener(dsns.app("ingest")))
        await registry.refresh()
        assert {one.partner_id for one in registry.partners()} == {"old", "halted"}
        assert registry.key("ak-old") is not None
        assert registry.key("ak-public") is not None
        async with database.transaction() as session:
            assert await service.check_partners(session, opens=None) == []
        await connection.execute("UPDATE ingest.partner SET status = 'active' WHERE partner_id = 'halted'")
        await connection.execute("UPDATE ingest.partner_key SET revoked_at = NULL WHERE app_key = 'ak-gone'")
        await registry.refresh()
        assert {one.partner_id for one in registry.partners()} == {"old"}
        assert registry.key("ak-gone") is None
    finally:
        await connection.close()
        await database.stop()
