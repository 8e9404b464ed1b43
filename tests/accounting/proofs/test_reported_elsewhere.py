"""Faults of other transparency logs, audit chains and verifiers, from public reports, tried on seals and proofs."""

import json
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from services.accounting.proofs import nightly, rechecking, sealing
from services.accounting.proofs.schemas import Bundle
from services.accounting.proofs.verification import check_bundle
from services.accounting.verify import app
from shared.seals.digest_file import read_lines
from shared.seals.signer import DigestSigner
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import Days, Verifier
from tests.accounting.proofs.test_assurance import old_records, seal_records
from tests.accounting.proofs.test_ledger_verifier import run, two_sealed_days
from tests.accounting.proofs.test_proofs import earn, first_activity, new_pem, public
from tests.accounting.reports import YESTERDAY
from tests.databases import Dsns


async def findings(accounting: Accounting, path: Path | None = None, keys: Collection[str] = ()) -> list[str]:
    """All sentences of the recheck: both chains, and the copy in the file."""
    async with accounting.database.transaction() as session:
        found = [finding async for day in rechecking.check_days(session, keys) for finding in day.findings]
        found += await sealing.RECORDS.check(session, keys)
        found += await nightly.check_copy(session, path) if path else []
    return [finding.text.zh for finding in found]


async def copied(accounting: Accounting, path: Path) -> int:
    async with accounting.database.transaction() as session:
        return await sealing.append_digests(session, path=path)


BITS = {
    "a posting": "UPDATE accounting.posting SET amount_mg = amount_mg # 1 WHERE posting_id ="
    " (SELECT posting_id FROM accounting.posting ORDER BY posting_id LIMIT 1)",
    "a block of postings": "UPDATE accounting.digest_block SET root = set_bit(root, 77, 1 - get_bit(root, 77))",
    "a block of activities": "UPDATE accounting.activity_block SET root = set_bit(root, 9, 1 - get_bit(root, 9))",
    "the salts of a day": "UPDATE accounting.daily_digest SET secret = set_bit(secret, 3, 1 - get_bit(secret, 3))",
    "a raw hash": "UPDATE accounting.activity SET raw_sha256 = set_bit(raw_sha256, 255, 1 - get_bit(raw_sha256, 255))",
}


async def test_a3_a_single_flipped_bit_is_found(accounting: Accounting, days: Days, admin: Any) -> None:
    """DigiCert's log Yeti 2022, one bit of one entry: groups.google.com/a/chromium.org/g/ct-policy/c/PCkKU357M2Q."""
    await earn(accounting, days)
    await days.seal()
    assert await findings(accounting) == []
    for name, flip in BITS.items():
        await admin.execute(flip)
        assert await findings(accounting), name
        await admin.execute(flip)
    assert await findings(accounting) == []


async def test_a3_a_line_torn_by_a_crash_neither_stops_the_copy_nor_swallows_the_next(
    accounting: Accounting, days: Days, tmp_path: Path
) -> None:
    """elizaOS/eliza#30878, anthony-chaudhary/fak#11857, matrixarkai/TemporalStore#527."""
    path = tmp_path / "digests.jsonl"
    await earn(accounting, days)
    await days.seal()
    sealed = await copied(accounting, path)
    whole = path.read_bytes()
    last = whole.splitlines()[-1]
    for left in (0, 3, len(last) // 2, len(last)):
        torn = whole[: -len(last) - 1] + last[:left]
        path.write_bytes(torn)
        assert await copied(accounting, path) == (left < len(last))
        assert path.read_bytes().startswith(torn)  # only ever appended
        assert len(read_lines(path)[0]) == sealed
        assert await findings(accounting, path) == []  # the trace of an append that was repeated
        assert await copied(accounting, path) == 0
    path.write_bytes(path.read_bytes().replace(b'"postings"', b'"p0stings"', 1))
    assert any("无法读取" in sentence for sentence in await findings(accounting, path))


def _sign(row: Any, signer: DigestSigner | None) -> tuple[str | None, str | None]:
    return (signer.public_key, signer.sign(row["statement"])) if signer else (None, None)


async def test_a3_signatures_that_are_gone_or_of_another_key_are_found(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any, tmp_path: Path
) -> None:
    """ruvnet/rvm#20, alphaonedev/ai-memory-mcp#1850: a verifier skips signatures that are missing or of any key."""
    signer, path = DigestSigner(new_pem()), tmp_path / "digests.jsonl"
    await earn(accounting, days)
    await days.seal(signer)
    await old_records(accounting, admin)
    await seal_records(accounting, signer)
    await copied(accounting, path)
    assert await findings(accounting, path, keys=[signer.public_key]) == []
    rows = {
        table: await admin.fetch(f"SELECT * FROM accounting.{table} ORDER BY day")
        for table in ("daily_digest", "record_digest")
    }
    change = "UPDATE accounting.{} SET public_key = $2, signature = $3 WHERE day = $1"
    for other in (None, DigestSigner(new_pem())):
        for table, days_of in rows.items():
            for row in days_of[1:]:
                await admin.execute(change.format(table), row["day"], *_sign(row, other))
        found = await findings(accounting, path, keys=[signer.public_key])
        for chain in ("", "记录摘要："):
            fault = "缺少签名" if other is None else "不是公布的公钥的签名"
            assert chain + fault in found
        assert sum("副本" in sentence for sentence in found) == sum(len(days_of) - 1 for days_of in rows.values())
        if other is None:  # known without key and copy: a signed day is followed by unsigned ones
            assert {"缺少签名", "记录摘要：缺少签名"} <= set(await findings(accounting))
    code, output = await run(verify, accounting_dsns, "--public-key", signer.public_key)
    assert (code, "不是公布的公钥的签名" in output) == (1, True), output


async def test_a3_digests_saved_as_an_empty_list_are_no_comparison(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns
) -> None:
    """Coder-s-OG-s/Trajectory-IR#364, hcantolino/Nuphorm-#586: a check over nothing says that all is well."""
    person = await earn(accounting, days)
    await days.seal()
    found = await public(accounting, f"/proofs/{await first_activity(accounting, person)}")
    proof = str(verify.save("proof.json", json.dumps(found)))
    empty = str(verify.save("digests.json", json.dumps({"items": [], "next_cursor": None, "has_more": False})))
    command = CliRunner()
    assert command.invoke(app, ["proof", proof]).exit_code == 0
    for compared in (["proof", proof], ["ledger", "--database-url", accounting_dsns.app("accounting")]):
        assert command.invoke(app, [*compared, "--digests", empty]).exit_code == 2
    assert command.invoke(app, ["digests", empty]).exit_code != 0


async def test_a2_the_newest_days_removed_with_all_their_rows_are_missed(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any, tmp_path: Path
) -> None:
    """mikkelkrogsholm/rentemester#133, flare19/payment-reconciliation-agent-platform#18: a shorter chain verifies."""
    path = tmp_path / "digests.jsonl"
    await two_sealed_days(accounting, days)
    await copied(accounting, path)
    saved = verify.save("digests.json", json.dumps(await public(accounting, "/digests")))
    began = await admin.fetchval("SELECT max(posted_at) - interval '1 hour' FROM accounting.posting")
    removed = [
        f"DELETE FROM accounting.{table} WHERE day > (SELECT min(day) FROM accounting.daily_digest)"
        for table in ("digest_block", "activity_block", "daily_digest")
    ]
    removed += [
        f"DELETE FROM accounting.{table} WHERE {column} > '{began}'"
        for table, column in (("posting", "posted_at"), ("activity", "recorded_at"))
    ]
    for statement in removed:
        await admin.execute(statement)
    assert await findings(accounting) == []  # by itself the rest is whole
    assert len(set(await findings(accounting, path))) == 1
    code, output = await run(verify, accounting_dsns, "--digests", saved, "--copy", path)
    assert (code, "不见了" in output, "副本" in output) == (1, True, True), output
    assert await days.seal()  # the emptied days, sealed again
    assert await findings(accounting) == []
    assert await findings(accounting, path)
    tables = ("ledger_account", "posting", "activity", "cap_usage")
    await admin.execute("TRUNCATE " + ", ".join(f"accounting.{table}" for table in tables))


async def test_a16_a_bundle_with_the_valid_proof_of_another_act_is_refused(accounting: Accounting, days: Days) -> None:
    """CVE-2026-22703 and CVE-2022-36056 of cosign: a valid log entry of something else passes."""
    people = [await earn(accounting, days, acts=1) for _ in range(2)]
    await days.seal()
    bundles: list[Any] = []
    for person in people:
        activity_id = await first_activity(accounting, person)
        bundles.append(await accounting.get(person, f"/me/activities/{activity_id}/bundle"))
    mine, other = bundles
    assert all(check.ok for bundle in bundles for check in check_bundle(Bundle.model_validate(bundle)))
    swaps: dict[str, Callable[[], Any]] = {
        "the proof": lambda: mine | {"proof": other["proof"]},
        "the sealed act": lambda: mine | {"proof": mine["proof"] | {"activity": other["proof"]["activity"]}},
        "the posting": lambda: (
            mine
            | {
                "proof": other["proof"]
                | {"activity": mine["proof"]["activity"], "activity_id": mine["proof"]["activity_id"]}
            }
        ),
        "the openings": lambda: (
            mine
            | {
                "proof": mine["proof"]
                | {"activity": mine["proof"]["activity"] | {"openings": other["proof"]["activity"]["openings"]}}
            }
        ),
    }
    for name, swapped in swaps.items():
        assert not all(check.ok for check in check_bundle(Bundle.model_validate(swapped()))), name


async def test_a2_columns_beside_the_leaf_follow_from_it(accounting: Accounting, days: Days, admin: Any) -> None:
    """theam/facility#225: fields of the same row that no hash covers can be rewritten."""
    person = await accounting.citizen()
    await accounting.post(*(person.bus(YESTERDAY + timedelta(hours=7 + n)) for n in range(4)))
    await days.shift(2)
    await days.seal()
    assert (await accounting.check())["ok"]
    for edit in (
        "partner_id = 'another-partner'",
        "event_id = event_id || '-2'",
        "occurred_at = occurred_at - interval '1 day'",
        "ended_at = ended_at + interval '1 hour'",
    ):
        await admin.execute("CREATE TABLE accounting.kept AS TABLE accounting.activity")
        await admin.execute(f"UPDATE accounting.activity SET {edit}")
        found: Any = await accounting.check()
        await admin.execute("TRUNCATE accounting.activity")
        await admin.execute("INSERT INTO accounting.activity TABLE accounting.kept")
        await admin.execute("DROP TABLE accounting.kept")
        figures = {one["name"]: one["figure"] for one in found["equations"]}
        assert figures["origins_differing"] == 4, (edit, figures)
    assert (await accounting.check())["ok"]
