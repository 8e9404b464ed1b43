"""What a superuser changes in partners, keys, approvals and the audit log, and how it is found."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from prometheus_client import REGISTRY

from services.ingest.records import service
from services.ingest.records.nightly import NightlyCheck
from services.ingest.seed import seed
from shared.auth import cp1
from shared.contracts.digests_v1 import DaySealed
from shared.eventlog import Record
from shared.ids import new_id
from shared.seals.signer import DigestSigner, is_signature_valid
from tests.accounting.proofs.test_proofs import new_pem
from tests.ingest.conftest import Settle
from tests.ingest.operators import accepted_by, terms
from tests.ingest.samples import event, oauth_terms, secret_of, seed_partner
from tests.ingest.signing import Pair, Signer
from tests.ingest.signing import pair as key_pair
from tests.ingest.superuser import FORGED_KEY, Ingest, answered, refused
from tests.ingest.test_partners import service_headers


async def test_a2_partners_keys_and_operators_records_are_sealed_every_day(ingest: Ingest, tmp_path: Path) -> None:
    await ingest.operators.partner("sealed")
    await ingest.operators.signer("sealed")
    assert await ingest.findings() == []
    await ingest.age(3)
    signer = DigestSigner(new_pem())
    assert await ingest.seal(signer) == 3
    assert await ingest.findings() == []
    rows = await ingest.admin.fetch("SELECT records FROM ingest.outbox WHERE topic = 'ingest.digests.v1' ORDER BY id")
    records = [record for row in rows for record in msgspec.msgpack.decode(row["records"], type=list[Record])]
    days = [msgspec.json.decode(record.value or b"", type=DaySealed) for record in records]
    assert [day.chain for day in days] == ["partners"] * 3
    assert dict(records[0].headers)["ce_source"] == b"/ingest"
    assert all(is_signature_valid(d.statement, public_key=signer.public_key, signature=str(d.signature)) for d in days)
    kept = await ingest.admin.fetch("SELECT facts::text FROM ingest.partner_record")
    sealed = await ingest.admin.fetch("SELECT encode(secret_sealed, 'hex') AS secret FROM ingest.partner_key")
    assert len(kept) == 6  # three partners, three keys
    assert not any(row["secret"] in str(kept) for row in sealed)
    code, output = await ingest.verify()
    assert code == 0, output
    await ingest.admin.execute("DELETE FROM ingest.audit_log WHERE action = 'key.issue.propose'")
    code, output = await ingest.verify()
    assert (code, "运营记录被改动" in output) == (1, True), output


async def test_a2_a_forged_key_is_unknown_to_the_intake_and_found(
    ingest: Ingest, superuser: Any, settle: Settle
) -> None:
    pair = key_pair(cp1.ED25519)
    await superuser.execute(FORGED_KEY, pair.registered)
    signer = Signer(ingest.operators.http, "ak-forged", pair)
    for _ in range(3):
        await asyncio.sleep(0.6)
        answer = await signer.post(json.dumps([event("e-1", partner="bike")]).encode())
        assert (answer.status_code, answer.json()["code"]) == (401, "UNKNOWN_APP_KEY")
    assert (await answered(ingest, "ak-bike")).status_code == 202
    assert "bike ak-forged 没有签发记录" in await ingest.texts()
    code, output = await ingest.verify()
    assert (code, "ak-forged" in output) == (1, True), output
    check = NightlyCheck(opens=ingest.opens, copy=None)
    async with ingest.database.transaction() as session:
        await check.run(session)
    assert (REGISTRY.get_sample_value("carbon_record_findings", {"check": "partners"}) or 0) >= 1


async def test_a2_a_forged_live_partner_is_unknown_to_the_intake_and_found(
    ingest: Ingest, superuser: Any, settle: Settle
) -> None:
    await superuser.execute("UPDATE ingest.partner SET environment = 'live' WHERE partner_id = 'box'")
    await superuser.execute("UPDATE ingest.partner_key SET environment = 'live' WHERE partner_id = 'box'")
    await superuser.execute(
        "INSERT INTO ingest.partner (partner_id, name, name_en, source, scenes, event_types, cities, late_window_s,"
        " binding_modes, environment) SELECT 'ghost', name, name_en, '//ghost', scenes, event_types, cities,"
        " late_window_s, binding_modes, 'live' FROM ingest.partner WHERE partner_id = 'bike'"
    )
    signer = Signer(ingest.operators.http, "ak-box", Pair(cp1.HMAC_SHA256, secret_of("ak-box"), ""))
    await refused(ingest, settle, signer, "box")
    texts = await ingest.texts()
    assert "ghost None 没有登记记录" in texts
    assert "box None 登记为沙箱" in texts
    assert "box ak-box 算法、环境或公钥与记录不符" in texts
    listed = await ingest.operators.http.get("/internal/ingest/partners", headers=service_headers())
    assert {item["partner_id"] for item in listed.json()["items"]} == {"bike"}
    await ingest.seed_again()  # gives the partner its environment back, and does not launder the key
    texts = await ingest.texts()
    assert "box None" not in texts
    assert "box ak-box 算法、环境或公钥与记录不符" in texts


async def test_a2_wider_terms_by_hand_are_found_and_end_the_partners_intake(
    ingest: Ingest, superuser: Any, settle: Settle
) -> None:
    await ingest.operators.partner("wide")
    signer = await ingest.operators.signer("wide")
    await settle(accepted_by(signer, "wide"))
    await superuser.execute("UPDATE ingest.partner SET cities = '{}' WHERE partner_id = 'wide'")
    await refused(ingest, settle, signer, "wide")
    assert "wide None 条款比记录宽" in await ingest.texts()


async def test_a2_a_key_made_valid_again_by_hand_is_found(ingest: Ingest, superuser: Any, settle: Settle) -> None:
    signer = await ingest.operators.signer("bike")
    await settle(accepted_by(signer, "bike"))
    await ingest.operators.call("POST", f"/bike/keys/{signer.app_key}/revoke", {"reason": "疑似泄露"}, expect=200)
    await settle(accepted_by(signer, "bike", status=401))
    await superuser.execute("UPDATE ingest.partner_key SET revoked_at = NULL WHERE app_key = $1", signer.app_key)
    await asyncio.sleep(1.5)
    assert (await signer.post(b"[]")).json()["code"] == "UNKNOWN_APP_KEY"
    assert f"bike {signer.app_key} 记录中已吊销" in await ingest.texts()
    # The seed file does not launder it.
    await seed(ingest.settings, json.dumps([seed_partner("bike")]).encode())
    assert f"bike {signer.app_key} 记录中已吊销" in await ingest.texts()


async def test_a2_a_keys_end_moved_by_hand_is_found(ingest: Ingest, superuser: Any, settle: Settle) -> None:
    signer = await ingest.operators.signer("bike", not_after="2026-12-31T00:00:00Z")
    await settle(accepted_by(signer, "bike"))
    assert await ingest.findings() == []
    move = "UPDATE ingest.partner_key SET not_after = '2036-01-01' WHERE app_key = $1"
    await superuser.execute(move, signer.app_key)
    await refused(ingest, settle, signer, "bike")
    assert f"bike {signer.app_key} 有效期比记录长" in await ingest.texts()


async def test_a2_a_deleted_audit_entry_is_found(ingest: Ingest, settle: Settle) -> None:
    signer = await ingest.operators.signer("bike")
    await ingest.operators.call("POST", f"/bike/keys/{signer.app_key}/revoke", {"reason": "疑似泄露"}, expect=200)
    await ingest.age(2)
    await ingest.seal()
    assert await ingest.findings() == []
    await ingest.admin.execute("DELETE FROM ingest.audit_log WHERE action = 'key.revoke'")
    texts = await ingest.texts()
    assert "运营记录被改动" in texts
    assert f"bike {signer.app_key} 改动没有审计记录" in texts
    await ingest.admin.execute("DELETE FROM ingest.audit_log WHERE action = 'key.issue'")
    await ingest.admin.execute("UPDATE ingest.partner_key SET revoked_at = NULL")
    assert f"bike {signer.app_key} 没有签发记录" in await ingest.texts()


@pytest.mark.parametrize("approver", ["OPERATOR-1 ", "oper\u200bator-1", "ｏperator-1", None])
async def test_a2_an_approval_by_the_proposer_in_another_spelling_is_found(
    ingest: Ingest, settle: Settle, approver: str | None
) -> None:
    """Without an approver: the approval was deleted and only the audit entry names it."""
    signer = await ingest.operators.signer("bike")
    await settle(accepted_by(signer, "bike"))
    if approver is None:
        await ingest.admin.execute("DELETE FROM ingest.approval")
    else:
        await ingest.admin.execute("ALTER TABLE ingest.approval DROP CONSTRAINT IF EXISTS ck_approval_two_people")
        await ingest.admin.execute("UPDATE ingest.approval SET decided_by = $1", approver)
        await ingest.admin.execute("UPDATE ingest.audit_log SET subject = $1 WHERE action = 'key.issue'", approver)
    assert f"bike {signer.app_key} 没有签发记录" in await ingest.texts()
    code, output = await ingest.verify(key=False)
    assert (code, signer.app_key in output) == (1, True), output


async def test_a2_one_approval_does_not_prove_two_keys(ingest: Ingest) -> None:
    """A superuser copies the key, its audit entry and the name of its approval under another app_key."""
    signer = await ingest.operators.signer("bike")
    forged = f"{signer.app_key}-2"
    await ingest.admin.execute(
        "INSERT INTO ingest.partner_key (app_key, partner_id, algorithm, environment, secret_sealed)"
        " SELECT $1, partner_id, algorithm, environment, secret_sealed FROM ingest.partner_key WHERE app_key = $2",
        forged,
        signer.app_key,
    )
    await ingest.admin.execute(
        "INSERT INTO ingest.audit_log (entry_id, subject, action, object, reason, after)"
        " SELECT gen_random_uuid(), subject, action, object, reason, after || jsonb_build_object('app_key', $1::text)"
        " FROM ingest.audit_log WHERE action = 'key.issue'",
        forged,
    )
    assert f"bike {forged} 没有签发记录" in await ingest.texts()


async def test_a2_a_key_forged_with_approval_and_audit_entry_is_unknown_and_found(
    ingest: Ingest, superuser: Any, settle: Settle
) -> None:
    """Only the seal is missing: the superuser lacks the key encryption key, and copies the seal of another approval."""
    await ingest.operators.signer("bike")
    pair = key_pair(cp1.ED25519)
    digest = hashlib.sha256(pair.registered.encode()).hexdigest()
    async with superuser.transaction():
        await superuser.execute(FORGED_KEY, pair.registered)
        await superuser.execute(
            "WITH a AS (INSERT INTO ingest.approval SELECT gen_random_uuid(), kind, subject,"
            " jsonb_set(content, '{key}', content -> 'key' ||"
            " jsonb_build_object('app_key', 'ak-forged', 'algorithm', 'CP1-ED25519', 'public_key',"
            " $1::text)), reason, status, proposed_by, now(), expires_at, decided_by, now() FROM ingest.approval"
            " RETURNING *) INSERT INTO ingest.audit_log (entry_id, subject, action, object, reason, after)"
            " SELECT $3, l.subject, action, object, l.reason, after || (a.content -> 'key') || jsonb_build_object("
            " 'public_key_sha256', $2::text, 'proposal', jsonb_build_object('proposal_id', a.proposal_id, 'status',"
            " 'approved', 'content', a.content)) FROM ingest.audit_log l, a WHERE action = 'key.issue'",
            pair.registered, digest, new_id(),
        )  # fmt: skip
    signer = Signer(ingest.operators.http, "ak-forged", pair)
    await asyncio.sleep(1.5)
    assert (await signer.post(b"[]")).json()["code"] == "UNKNOWN_APP_KEY"
    assert "bike ak-forged 没有签发记录" in await ingest.texts()
    async with ingest.database.transaction() as session:  # without the key everything fits
        found = await service.check_partners(session, opens=None)
    assert "没有签发记录" not in str(found)


async def test_a2_a_forged_entry_of_the_seed_proves_nothing(ingest: Ingest) -> None:
    """It lacks the seal that only a holder of the key encryption key can make."""
    pair = key_pair(cp1.ED25519)
    await ingest.admin.execute(FORGED_KEY, pair.registered)
    for subject in ("~seed", "~before-records"):
        await ingest.admin.execute(
            "INSERT INTO ingest.audit_log (entry_id, subject, action, object, reason, after)"
            " SELECT gen_random_uuid(), $1, action, object, reason,"
            " jsonb_set(after, '{keys,0,app_key}', '\"ak-forged\"')"
            " FROM ingest.audit_log WHERE action = 'partner.register' AND object = 'partner/bike'",
            subject,
        )
    assert "bike ak-forged 没有签发记录" in await ingest.texts()


async def test_a2_an_address_for_results_changed_past_the_trigger_is_found(ingest: Ingest) -> None:
    await ingest.admin.execute(
        "INSERT INTO ingest.webhook_endpoint (partner_id, url, secret_sealed, changed_by)"
        " VALUES ('bike', 'https://thief.example', 'x', 'ak-bike')"
    )
    assert "bike None 与最后一次记录不符" in await ingest.texts()


async def test_a2_a_restored_backup_of_ingest_is_found_by_the_copy(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "ingest-digests.jsonl"
    await ingest.age(3)
    assert await ingest.seal() == 3
    async with ingest.database.transaction() as session:
        assert await service.append_digests(session, path=path) == 3
    assert (await ingest.verify("--copy", path))[0] == 0
    await ingest.admin.execute("DELETE FROM ingest.record_digest")
    code, output = await ingest.verify("--copy", path)
    assert (code, "恢复了旧备份" in output) == (1, True), output
    assert await ingest.seal() == 3  # with other salts
    code, output = await ingest.verify("--copy", path)
    assert (code, "与库外摘要副本不同" in output) == (1, True), output
    check = NightlyCheck(opens=ingest.opens, copy=path)
    async with ingest.database.transaction() as session:
        await check.run(session)
    assert REGISTRY.get_sample_value("carbon_record_findings", {"check": "seals"}) == 3


async def test_an_operator_closes_an_incident_by_revoking_and_suspending(ingest: Ingest) -> None:
    hand = await asyncpg.connect(ingest.dsns.admin)
    await hand.execute(FORGED_KEY, key_pair(cp1.ED25519).registered)
    await hand.execute(
        "INSERT INTO ingest.partner (partner_id, name, name_en, source, scenes, event_types, cities, late_window_s,"
        " binding_modes, environment) VALUES ('ghost', 'g', 'g', '//g', '{}', '{}', '{}', 1, '{}', 'live')"
    )
    await hand.execute("UPDATE ingest.partner SET cities = '{}' WHERE partner_id = 'bike'")
    await hand.close()
    assert {one["partner_id"] for one in await ingest.findings()} == {"bike", "ghost"}
    await ingest.operators.call("POST", "/bike/keys/ak-forged/revoke", {"reason": "伪造"}, expect=200)
    await ingest.operators.call("POST", "/ghost/suspend", {"reason": "伪造"}, expect=200)
    await ingest.seed_again()
    assert await ingest.findings() == []


async def test_a2_every_change_by_operators_leaves_a_record_that_proves_it(ingest: Ingest, settle: Settle) -> None:
    ops = ingest.operators
    await ops.partner("whole", allowed_networks=["203.0.113.0/24"], phone_pepper="pepper-of-whole-1234")
    changed = {name: value for name, value in terms("whole").items() if name != "partner_id"}
    await ops.call_together("PUT", "/whole", {**changed, "cities": [], "oauth": oauth_terms("s3cret-of-whole")})
    await ops.call("PUT", "/whole", {**changed, "events_per_day": 1_000}, expect=200)
    await ops.call("POST", "/whole/suspend", {"reason": "数据异常"}, expect=200)
    await ops.call_together("POST", "/whole/resume", {"reason": "已核实"})
    signer = await ops.signer("whole")
    public = await ops.key("whole", cp1.ED25519, public_key=key_pair(cp1.ED25519).registered)
    await ops.key("whole", environment="sandbox")
    path = f"/whole/keys/{signer.app_key}"
    await ops.call("PUT", path, {"not_after": "2027-01-01T00:00:00Z", "reason": "到期"}, expect=200)
    await ops.call_together("PUT", path, {"not_after": "2028-01-01T00:00:00Z", "reason": "续签"})
    await ops.call("POST", f"/whole/keys/{public['app_key']}/revoke", {"reason": "停用"}, expect=200)
    await ops.call("POST", "", terms("sand", environment="sandbox"), expect=201)
    await seed(ingest.settings, json.dumps([seed_partner("bike", name="新名字")]).encode())
    assert await ingest.findings() == []
    assert await ingest.findings() == []
    await settle(accepted_by(signer, "whole"))
