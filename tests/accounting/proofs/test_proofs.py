"""Digests and proofs over HTTP, and the verifier as a process, with valid and falsified files."""

import json
import re
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.accounting.ledger import history
from services.accounting.proofs import sealing
from services.accounting.proofs.schemas import Proof
from services.accounting.proofs.verification import check_proof
from services.accounting.settings import Settings
from shared.seals.signer import DigestSigner
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import DELAY_S, Days, Verifier
from tests.accounting.reports import YESTERDAY, Reports
from tests.answer_times import wrong_times_of
from tests.databases import Dsns

PATH = "/api/v1/accounting"


def new_pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def earn(accounting: Accounting, days: Days, *, ago: int = 3, acts: int = 3) -> Reports:
    """Return a citizen with some credits that were posted `ago` days ago."""
    person = await accounting.citizen()
    await accounting.post(*(person.car(YESTERDAY - timedelta(days=n)) for n in range(acts)))
    await days.shift(ago)
    return person


async def first_activity(accounting: Accounting, person: Reports) -> str:
    page: Any = await accounting.get(person, "/me/activities")
    return str(page["items"][0]["activity_id"])


async def public(accounting: Accounting, path: str) -> Any:
    answer = await accounting.client.get(f"{PATH}/public{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_days_are_sealed_without_gaps_and_chained(accounting: Accounting, days: Days) -> None:
    await earn(accounting, days, ago=4)
    await earn(accounting, days, ago=2)
    sealed = await days.seal()
    assert len(sealed) >= 3  # with the empty day between them; today is not closed
    listed = (await public(accounting, "/digests"))["items"]
    assert [item["day"] for item in listed] == [day.isoformat() for day in reversed(sealed)]
    assert sum(item["postings"] for item in listed) == 6
    assert [item["previous"] for item in listed] == [item["sha256"] for item in listed[1:]] + [None]
    assert {item["signature"] for item in listed} == {None}
    one = await public(accounting, f"/digests/{sealed[0]}")
    assert one == listed[-1]
    assert await days.seal() == []  # a second worker, or the next minute: nothing changes
    assert (await public(accounting, "/digests"))["items"] == listed


async def test_digests_come_in_pages(accounting: Accounting, days: Days) -> None:
    await earn(accounting, days, ago=5)
    sealed = await days.seal()
    seen: list[str] = []
    cursor = ""
    while True:
        page = await public(accounting, f"/digests?limit=2{cursor}")
        seen += [item["day"] for item in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [day.isoformat() for day in reversed(sealed)]


@pytest.mark.parametrize("block", [1, 2, 1024])
async def test_every_credit_has_a_proof(
    accounting: Accounting, days: Days, verify: Verifier, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    for module in ("domain", "trees", "service"):
        monkeypatch.setattr(f"services.accounting.proofs.{module}.BLOCK_LEAVES", block)
    person = await earn(accounting, days, acts=5)
    await days.seal(DigestSigner(new_pem()))
    page: Any = await accounting.get(person, "/me/activities")
    for item in page["items"]:
        proof = await public(accounting, f"/proofs/{item['activity_id']}")
        assert proof["credit"] is None
        assert str(person.account_id) not in json.dumps(proof)  # the id of the activity does not reveal the person
        assert json.loads(proof["leaf"])["amount_mg"] == item["amount_mg"]
        assert all(check.ok for check in check_proof(Proof.model_validate(proof)))
    code, output = await verify.run("proof", verify.save("proof.json", json.dumps(proof)))
    assert (code, "通过" in output) == (0, True), output


async def test_a_missing_proof_is_refused_with_its_reason(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    activity_id = await first_activity(accounting, person)
    early = await accounting.client.get(f"{PATH}/public/proofs/{activity_id}")
    assert (early.status_code, early.json()["code"]) == (409, "NOT_YET_SEALED")
    assert wrong_times_of(early) == []
    assert re.search(r"在\d{4}年\d+月\d+日 \d\d:\d\d以后封账", early.json()["detail"])
    assert int(early.headers["retry-after"]) >= 60
    unknown = await accounting.client.get(f"{PATH}/public/proofs/{uuid.uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "CREDIT_NOT_FOUND")
    no_day = await accounting.client.get(f"{PATH}/public/digests/2001-01-01")
    assert (no_day.status_code, no_day.json()["code"]) == (404, "DIGEST_NOT_FOUND")
    no_date = await accounting.client.get(f"{PATH}/public/digests/yesterday")
    assert no_date.status_code == 422


async def test_the_verifier_checks_signatures_and_chains_and_finds_falsified_proofs(
    accounting: Accounting, days: Days, verify: Verifier
) -> None:
    person = await earn(accounting, days, ago=3)
    signer = DigestSigner(new_pem())
    await days.seal(signer)
    proof = await public(accounting, f"/proofs/{await first_activity(accounting, person)}")
    saved = verify.save("digests.json", json.dumps(await public(accounting, "/digests")))
    good = verify.save("proof.json", json.dumps(proof))
    assert (await verify.run("proof", good, "--public-key", signer.public_key, "--digests", saved))[0] == 0
    assert (await verify.run("digests", saved))[0] == 0
    code, output = await verify.run("proof", good, "--public-key", "00" * 32)
    assert code == 1
    assert "signature" in output

    leaf = json.loads(proof["leaf"])
    falsified: list[dict[str, Any]] = [
        proof | {"leaf": proof["leaf"].replace(f'"amount_mg":{leaf["amount_mg"]}', '"amount_mg":999999999')},
        proof | {"activity_id": str(uuid.uuid4())},
        proof | {"leaf_index": proof["leaf_index"] + 1},
        proof | {"path": proof["path"][::-1]},
        proof | {"digest": proof["digest"] | {"sha256": "0" * 64}},
        proof | {"debit": proof["debit"] | {"account_id": str(uuid.uuid4())}},
    ]
    for number, changed in enumerate(falsified):
        assert changed != proof
        checks = check_proof(Proof.model_validate_json(json.dumps(changed)))
        assert not all(check.ok for check in checks), number
    code, output = await verify.run("proof", verify.save("bad.json", json.dumps(falsified[0])))
    assert (code, "FAILED" in output) == (1, True), output
    assert (await verify.run("proof", verify.save("bad.json", "{}")))[0] == 2

    page = json.loads(saved.read_text())
    del page["items"][1]
    assert (await verify.run("digests", verify.save("gap.json", json.dumps(page))))[0] == 1


async def test_an_open_transaction_delays_the_seal(accounting: Accounting, accounting_dsns: Dsns) -> None:
    """The time of a posting is the start of its transaction, so later days are not sealed before it ends."""
    slow = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        transaction = slow.transaction()
        await transaction.start()
        began = await slow.fetchval("SELECT now()")
        async with accounting.database.transaction() as session:
            assert await history.settled_before(session) <= began
        await transaction.rollback()
        async with accounting.database.transaction() as session:
            later = await history.settled_before(session)
    finally:
        await slow.close()
    assert later > began - timedelta(seconds=1)


async def test_a_day_is_sealed_only_after_the_delay(accounting: Accounting, days: Days) -> None:
    await earn(accounting, days, ago=2)
    async with accounting.database.transaction() as session:
        zone = accounting.settings.time_zone
        assert await sealing.seal_next_day(session, time_zone=zone, delay_s=9 * 86_400, signer=None) is None
        assert await sealing.seal_next_day(session, time_zone=zone, delay_s=DELAY_S, signer=None) is not None


async def test_the_service_cannot_change_a_seal(accounting: Accounting, days: Days, accounting_dsns: Dsns) -> None:
    await earn(accounting, days)
    await days.seal()
    service = await asyncpg.connect(accounting_dsns.app("accounting"))
    try:
        for table in ("daily_digest", "digest_block"):
            for statement in (f"DELETE FROM accounting.{table}", f"UPDATE accounting.{table} SET day = day"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await service.execute(statement)
    finally:
        await service.close()


def test_the_key_is_checked_when_the_settings_are_read(accounting_settings: Settings) -> None:
    values = accounting_settings.model_dump()
    assert Settings(**values).digest_signer is None
    assert Settings(**{**values, "digest_signing_key": " "}).digest_signer is None
    one_line = new_pem().strip().replace("\n", "\\n")
    signer = Settings(**{**values, "digest_signing_key": one_line}).digest_signer
    assert signer is not None
    assert signer.public_key == DigestSigner(one_line).public_key
    with pytest.raises(ValueError, match="Ed25519"):
        Settings(**{**values, "digest_signing_key": "nonsense"})
