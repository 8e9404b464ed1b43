"""An old backup of accounting, restored by a superuser: the copy of the digests names the days that are missing."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.accounting.proofs import sealing
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import DELAY_S, Days, Verifier
from tests.accounting.proofs.test_assurance import old_records, recheck, seal_records, seals
from tests.accounting.proofs.test_ledger_verifier import run
from tests.accounting.proofs.test_proofs import earn
from tests.databases import Dsns
from tests.rewards.backups import Backup


@pytest.fixture
async def backup(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[Backup]:
    made = Backup(accounting_dsns, "accounting")
    yield made
    await made.drop()


async def seal_one_day(accounting: Accounting) -> Any:
    async with accounting.database.transaction() as session:
        zone = accounting.settings.time_zone
        return await sealing.seal_next_day(session, time_zone=zone, delay_s=DELAY_S, signer=None)


async def test_a2_a_restored_backup_of_accounting_is_found_by_the_copy(
    accounting: Accounting,
    days: Days,
    verify: Verifier,
    accounting_dsns: Dsns,
    admin: Any,
    backup: Backup,
    tmp_path: Path,
) -> None:
    path = tmp_path / "digests.jsonl"
    await earn(accounting, days, ago=3)
    assert await seal_one_day(accounting) is not None
    await admin.execute("DELETE FROM accounting.outbox")  # as the relay does once the topic has the day
    await backup.take()
    await earn(accounting, days, ago=2)
    lost, *_ = await days.seal()
    async with accounting.database.transaction() as session:
        await sealing.append_digests(session, path=path)
    assert (await run(verify, accounting_dsns, "--copy", path))[0] == 0

    await backup.restore()
    assert (await run(verify, accounting_dsns))[0] == 0  # the old state is consistent in itself
    code, output = await run(verify, accounting_dsns, "--copy", path)
    assert (code, f"{lost} 库外摘要副本有这一天，数据库没有" in output) == (1, True), output

    # The worker seals the lost day again, from what is there now. The file keeps what was sealed first.
    assert lost in await days.seal()
    async with accounting.database.transaction() as session:
        await sealing.append_digests(session, path=path)
    code, output = await run(verify, accounting_dsns, "--copy", path)
    assert (code, f"{lost} 与库外摘要副本不同" in output) == (1, True), output
    await recheck(accounting, path=path)
    state = await seals(accounting)
    assert state["ok"] is False
    found = {(finding["day"], finding["text"]) for finding in state["last"]["findings"]}
    assert (lost.isoformat(), "与库外摘要副本不同") in found


async def test_a3_the_nightly_recheck_names_a_day_that_only_the_copy_has(
    accounting: Accounting, days: Days, admin: Any, tmp_path: Path
) -> None:
    path = tmp_path / "digests.jsonl"
    await earn(accounting, days, ago=3)
    sealed = await days.seal()
    async with accounting.database.transaction() as session:
        await sealing.append_digests(session, path=path)
    line = json.loads(path.read_bytes().splitlines()[-1])
    later = line | {"day": (sealed[-1] + timedelta(days=1)).isoformat()}
    path.write_text(path.read_text() + json.dumps(later) + "\n")
    await recheck(accounting, path=path)
    (finding,) = (await seals(accounting))["last"]["findings"]
    assert (finding["day"], "数据库没有" in finding["text"]) == (later["day"], True)


async def test_a2_mended_reports_are_sealed_and_days_sealed_before_keep_their_leaves(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any
) -> None:
    insert = (
        "INSERT INTO accounting.mended_report (activity_id, proposal_id, fields, recorded_at, sealed_from)"
        " VALUES ($1, gen_random_uuid(), '{act.city_code}', now() - $2::interval, now() - $3::interval)"
    )
    await old_records(accounting, admin)
    older, newer = uuid.uuid4(), uuid.uuid4()
    # As the migration left it: recorded two days ago, sealed from yesterday on.
    await admin.execute(insert, older, timedelta(days=2), timedelta(days=1))
    await admin.execute(insert, newer, timedelta(days=1), timedelta(days=1))
    await days.shift(3)
    await days.seal()
    assert await seal_records(accounting) >= 3
    found = await admin.fetch("SELECT day, records FROM accounting.record_digest ORDER BY day")
    assert found[-1]["records"] == 2  # both with yesterday, none with the day before
    assert found[-2]["records"] == 0
    assert (await run(verify, accounting_dsns))[0] == 0
    for edit in (
        "UPDATE accounting.mended_report SET fields = '{}' WHERE activity_id = $1",
        "DELETE FROM accounting.mended_report WHERE activity_id = $1",
    ):
        await admin.execute(edit, older)
        code, output = await run(verify, accounting_dsns)
        assert (code, f"{found[-1]['day']} 运营记录被改动" in output) == (1, True), output
