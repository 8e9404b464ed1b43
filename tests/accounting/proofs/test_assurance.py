"""Signed digests, their copies, the second chain, and the nightly recheck that finds what a superuser changed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from services.accounting.proofs import nightly, sealing
from shared.contracts.digests_v1 import DaySealed
from shared.eventlog import Record
from shared.seals.signer import DigestSigner, is_signature_valid
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import DELAY_S, Days, Verifier
from tests.accounting.proofs.test_ledger_verifier import run, two_sealed_days
from tests.accounting.proofs.test_proofs import earn, new_pem, public
from tests.databases import Dsns

FREEZE = "/api/v1/accounting/ops/accounts/{}/freeze"


async def seal_records(accounting: Accounting, signer: DigestSigner | None = None) -> int:
    """Run the timed job until it has nothing to do. Return the number of sealed days."""
    sealed = 0
    while True:
        async with accounting.database.transaction() as session:
            zone = accounting.settings.time_zone
            if (await sealing.seal_next_records(session, time_zone=zone, delay_s=DELAY_S, signer=signer)) is None:
                return sealed
        sealed += 1


async def recheck(accounting: Accounting, *, path: Path | None = None, step_s: float = 60.0) -> int:
    """Run the nightly job until its run is complete. Return the number of steps."""
    for step in range(1, 200):
        async with accounting.database.transaction() as session:
            await nightly.check_step(session, digest_file_path=path, step_s=step_s)
            if await nightly.open_run(session) is None:
                return step
    raise AssertionError("the run does not end")


async def seals(accounting: Accounting) -> Any:
    answer = await accounting.client.get("/api/v1/accounting/ops/ledger/seals", headers=accounting.tokens.operator())
    assert answer.status_code == 200, answer.text
    return answer.json()


async def announced(admin: Any) -> list[DaySealed]:
    rows = await admin.fetch("SELECT records FROM accounting.outbox WHERE topic = 'accounting.digests.v1' ORDER BY id")
    records = [record for row in rows for record in msgspec.msgpack.decode(row["records"], type=list[Record])]
    assert {dict(record.headers)["ce_type"] for record in records} <= {b"cn.carboninclusion.day.sealed.v1"}
    return [msgspec.json.decode(record.value or b"", type=DaySealed) for record in records]


async def old_records(accounting: Accounting, admin: Any, *, days: int = 3) -> str:
    """Freeze an account, then make all records of operators so many days older. Return the account."""
    person = await accounting.citizen()
    await accounting.post(person.bus())
    headers = accounting.tokens.operator()
    answer = await accounting.client.post(
        FREEZE.format(person.account_id), json={"reason": "核查异常账户"}, headers=headers
    )
    assert answer.status_code in {200, 201, 204}, answer.text
    await admin.execute("UPDATE accounting.audit_log SET at = at - $1::interval", timedelta(days=days))
    return str(person.account_id)


async def test_a3_digests_are_signed_published_and_copied_to_a_file(
    accounting: Accounting, days: Days, admin: Any, tmp_path: Path
) -> None:
    signer = DigestSigner(new_pem())
    await earn(accounting, days, ago=3)
    sealed = await days.seal(signer)
    found = await announced(admin)
    assert [(one.chain, one.day) for one in found] == [("postings", day) for day in sealed]
    assert all(
        is_signature_valid(one.statement, public_key=signer.public_key, signature=str(one.signature)) for one in found
    )
    path = tmp_path / "elsewhere" / "digests.jsonl"
    for added in (len(sealed), 0):
        async with accounting.database.transaction() as session:
            assert await sealing.append_digests(session, path=path) == added
    lines = [msgspec.json.decode(line, type=DaySealed) for line in path.read_bytes().splitlines()]
    assert [line.statement for line in lines] == [one.statement for one in found]


async def test_a2_records_of_operators_are_a_chain_of_their_own(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns, admin: Any
) -> None:
    await old_records(accounting, admin)
    await days.shift(3)
    await days.seal()
    assert await seal_records(accounting) >= 3
    digests = (await public(accounting, "/digests"))["items"]
    assert sum(item["records"]["records"] for item in digests if item["records"]) >= 1
    assert (await run(verify, accounting_dsns))[0] == 0
    await admin.execute("UPDATE accounting.audit_log SET subject = 'somebody-else'")
    code, output = await run(verify, accounting_dsns)
    assert (code, "运营记录被改动" in output) == (1, True), output


async def test_a2_an_account_frozen_or_unfrozen_by_hand_is_found(accounting: Accounting, admin: Any) -> None:
    account_id = await old_records(accounting, admin)
    assert (await accounting.check())["ok"]
    await admin.execute("UPDATE accounting.ledger_account SET frozen_at = NULL WHERE account_id = $1::uuid", account_id)
    assert not (await accounting.check())["ok"]
    await admin.execute(
        "UPDATE accounting.ledger_account SET frozen_at = now() WHERE account_id = $1::uuid", account_id
    )
    assert (await accounting.check())["ok"]


async def test_a3_the_nightly_recheck_goes_on_where_it_stopped(
    accounting: Accounting, days: Days, admin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await seals(accounting))["ok"] is None
    await two_sealed_days(accounting, days)
    assert await recheck(accounting, step_s=0.0) > 10  # a piece of a day or one equation a step
    state = await seals(accounting)
    assert (state["ok"], state["running"], state["last"]["findings"]) == (True, None, [])
    assert set(state["last"]["equations"].values()) == {0}
    digests = (await public(accounting, "/digests"))["items"]
    assert {item["intact"] for item in digests} == {True}
    assert state["last"]["days"] == len(digests)
    assert REGISTRY.get_sample_value("carbon_seal_findings") == 0


async def test_a3_the_nightly_recheck_finds_changes(
    accounting: Accounting, days: Days, admin: Any, tmp_path: Path
) -> None:
    path = tmp_path / "digests.jsonl"
    await two_sealed_days(accounting, days)
    async with accounting.database.transaction() as session:
        await sealing.append_digests(session, path=path)
    activity_id = await admin.fetchval("SELECT activity_id FROM accounting.activity ORDER BY recorded_at LIMIT 1")
    raw = await admin.fetchval("SELECT raw_sha256 FROM accounting.activity WHERE activity_id = $1", activity_id)
    change = "UPDATE accounting.activity SET raw_sha256 = $2 WHERE activity_id = $1"
    await admin.execute(change, activity_id, b"other")
    lift = "UPDATE accounting.ledger_account SET balance_mg = balance_mg + $1 WHERE kind = 'person'"
    await admin.execute(lift, 1_000_000)  # idle balances
    first = path.read_bytes().splitlines()[0]
    altered = json.loads(first) | {"statement": "{}"}
    path.write_bytes(path.read_bytes().replace(first, json.dumps(altered).encode()))
    await recheck(accounting, path=path)
    state = await seals(accounting)
    assert state["ok"] is False
    texts = [finding["text"] for finding in state["last"]["findings"]]
    assert any("行为或其判定被改动" in text for text in texts), texts
    assert any("库外摘要副本" in text for text in texts), texts
    assert state["last"]["equations"]["balances_differing"] > 0
    digests = (await public(accounting, "/digests"))["items"]
    assert [item["intact"] for item in digests].count(False) == 1
    assert (REGISTRY.get_sample_value("carbon_seal_findings") or 0) >= 4
    await admin.execute(change, activity_id, raw)
    await admin.execute(lift, -1_000_000)
