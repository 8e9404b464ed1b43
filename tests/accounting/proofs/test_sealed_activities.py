"""Activities in the daily seal: what was done, how it was judged, by which documents, and every later verdict."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.accounting.proofs import rechecking
from services.accounting.proofs.schemas import Bundle, Proof
from services.accounting.proofs.verification import check_bundle, check_proof
from tests.accounting.driver import Accounting
from tests.accounting.proofs.conftest import Days, Verifier
from tests.accounting.proofs.test_ledger_verifier import run
from tests.accounting.proofs.test_proofs import earn, first_activity, public
from tests.accounting.reports import YESTERDAY, Reports, cancel
from tests.databases import Dsns

CREDITED = "(SELECT activity_id FROM accounting.activity WHERE status = 'credited' ORDER BY activity_id LIMIT 1)"
REFUSED = "(SELECT activity_id FROM accounting.activity WHERE status = 'refused' ORDER BY activity_id LIMIT 1)"
EDIT = "UPDATE accounting.activity SET {set} WHERE activity_id = {of}"
EDITS = {
    "times": EDIT.format(set='act = act || \'{"started_at": "2026-01-01T00:00:00Z"}\'', of=CREDITED),
    "distance": EDIT.format(set="act = act || '{\"distance_m\": 1}'", of=CREDITED),
    "raw hash": EDIT.format(set="raw_sha256 = sha256('other')", of=CREDITED),
    "methodology": EDIT.format(set="methodology_code = 'WH-APP-METRO'", of=CREDITED),
    "version": EDIT.format(set="methodology_version = 7", of=CREDITED),
    "scene": EDIT.format(set="scene = 'metro'", of=CREDITED),
    "caps": EDIT.format(set="judgement = jsonb_set(judgement, '{caps}', '[]')", of=CREDITED),
    "inputs": EDIT.format(set='judgement = judgement || \'{"inputs": {"trips": 2}}\'', of=CREDITED),
    "person": EDIT.format(set="account_id = gen_random_uuid()", of=CREDITED),
    "time of receipt": EDIT.format(set="received_at = received_at - interval '1 day'", of=CREDITED),
    "time of record": EDIT.format(set="recorded_at = recorded_at + interval '1 microsecond'", of=CREDITED),
    "refused reason": EDIT.format(set="reason_code = 'TOO_LATE'", of=REFUSED),
    "refused deleted": f"DELETE FROM accounting.activity WHERE activity_id = {REFUSED}",
    "refused invented": "INSERT INTO accounting.activity SELECT (json_populate_record(a, json_build_object("
    f"'activity_id', gen_random_uuid()))).* FROM accounting.activity a WHERE activity_id = {REFUSED}",
    "factor": "UPDATE accounting.factor SET document = jsonb_set(document, '{value}', '\"999\"')"
    " WHERE factor_id = 'wuhan.app.bus'",
}


async def judged_acts(accounting: Accounting, days: Days) -> Reports:
    """A citizen with credits and refusals, sealed."""
    person = await accounting.citizen()
    await accounting.post(*(person.bus(YESTERDAY + timedelta(hours=hour)) for hour in range(7, 13)))
    await days.shift(3)
    assert len(await days.seal()) >= 2
    return person


async def findings(accounting: Accounting) -> list[str]:
    """Returns the sentences of all differences between sealed days and the rows as they are now."""
    async with accounting.database.transaction() as session:
        return [finding.text.zh async for day in rechecking.check_days(session) for finding in day.findings]


async def test_a2_an_edit_of_a_sealed_activity_is_found(accounting: Accounting, days: Days, admin: Any) -> None:
    await judged_acts(accounting, days)
    assert await findings(accounting) == []
    for name, edit in EDITS.items():
        for table in ("activity", "factor"):
            await admin.execute(f"CREATE TABLE accounting.kept_{table} AS SELECT * FROM accounting.{table}")
        try:
            done = await admin.execute(edit)
            assert done.endswith(" 1"), (name, done)
            found = await findings(accounting)
            assert any("行为或其判定被改动" in sentence for sentence in found), name
        finally:
            for table in ("activity", "factor"):
                await admin.execute(f"TRUNCATE accounting.{table}")
                await admin.execute(f"INSERT INTO accounting.{table} SELECT * FROM accounting.kept_{table}")
                await admin.execute(f"DROP TABLE accounting.kept_{table}")
    assert await findings(accounting) == []  # each edit was taken back before the next


async def test_a2_untouched_days_verify(
    accounting: Accounting, days: Days, verify: Verifier, accounting_dsns: Dsns
) -> None:
    person = await judged_acts(accounting, days)
    code, output = await run(verify, accounting_dsns)
    assert code == 0, output
    digests = (await public(accounting, "/digests"))["items"]
    assert sum(item["activities"] for item in digests) == 6  # refused ones as well
    bundle = await accounting.get(person, f"/me/activities/{await first_activity(accounting, person)}/bundle")
    assert all(check.ok for check in check_bundle(Bundle.model_validate(bundle)))


async def test_a2_a_public_proof_opens_act_and_methodology_without_a_person(
    accounting: Accounting, days: Days, verify: Verifier
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.recycling(YESTERDAY, weight_g=1200))
    await days.shift(3)
    await days.seal()
    activity_id = await first_activity(accounting, person)
    proof = await public(accounting, f"/proofs/{activity_id}")
    leaf = json.loads(proof["activity"]["leaf"])
    assert (leaf["act_kind"], leaf["scene"]) == ("recycling", "recycling")
    assert leaf["inputs"] == {"weight_g": 1200}
    assert leaf["methodology"]["sha256"] == proof["activity"]["methodology"]["sha256"]
    assert [factor["sha256"] for factor in leaf["factors"]] == [f["sha256"] for f in proof["activity"]["factors"]]
    assert proof["activity"]["openings"] is None
    for hidden in (person.account_id, person.user_id):
        assert str(hidden) not in json.dumps(proof)
    code, output = await verify.run("proof", verify.save("proof.json", json.dumps(proof)))
    assert (code, "按封存的输入重算" in output) == (0, True), output
    changes: tuple[dict[str, Any], ...] = (
        {"leaf": proof["activity"]["leaf"].replace('"weight_g":1200', '"weight_g":9200')},
        {"methodology": {**proof["activity"]["methodology"], "document": {}}},
        {"leaf_index": proof["activity"]["leaf_index"] + 1},
        {"factors": []},
    )
    for changed in changes:
        falsified = Proof.model_validate(proof | {"activity": proof["activity"] | changed})
        assert not all(check.ok for check in check_proof(falsified)), changed
    assert not all(check.ok for check in check_proof(Proof.model_validate(proof | {"activity": None})))


async def test_a2_a_bundle_opens_what_was_sealed(accounting: Accounting, days: Days) -> None:
    person = await earn(accounting, days)
    await days.seal()
    bundle: Any = await accounting.get(person, f"/me/activities/{await first_activity(accounting, person)}/bundle")
    assert all(check.ok for check in check_bundle(Bundle.model_validate(bundle)))
    for part, value in (
        ("act", bundle["act"] | {"natural_key": "other"}),
        ("activity", bundle["activity"] | {"raw_event_sha256": "0" * 64}),
        ("activity", bundle["activity"] | {"received_at": "2026-01-01T00:00:00Z"}),
    ):
        falsified = Bundle.model_validate(bundle | {part: value})
        assert not all(check.ok for check in check_bundle(falsified)), part


async def test_a2_later_verdicts_leave_the_sealed_day_as_it_was(accounting: Accounting, days: Days, admin: Any) -> None:
    person = await accounting.citizen()
    rides = [person.bus(YESTERDAY + timedelta(hours=hour)) for hour in range(7, 12)]
    await accounting.post(*rides)
    await days.shift(4)
    await days.seal()
    # Credited and refused for the cap. The refused ride between them gets the room.
    await accounting.post(cancel(person, rides[0]), cancel(person, rides[4]))
    await accounting.release()
    assert await findings(accounting) == []  # the first day is as it was, although a judgement was deleted
    assert await admin.fetchval("SELECT count(*) FROM accounting.activity_change") == 3
    proof = await public(accounting, f"/proofs/{rides[0].event_key}")
    assert json.loads(proof["activity"]["leaf"])["status"] == "credited"
    assert all(check.ok for check in check_proof(Proof.model_validate(proof)))


async def test_a2_later_verdicts_are_sealed_and_nobody_may_remove_them(
    accounting: Accounting, days: Days, accounting_dsns: Dsns, admin: Any
) -> None:
    person = await accounting.citizen()
    ride = person.bus(YESTERDAY + timedelta(hours=7))
    await accounting.post(ride)
    await accounting.post(cancel(person, ride))
    await accounting.release()
    await days.shift(2)
    await days.seal()
    digests = (await public(accounting, "/digests"))["items"]
    assert sum(item["activities"] for item in digests) == 2  # the credit and its reversal
    assert await findings(accounting) == []
    for role in (accounting_dsns.app("accounting"), accounting_dsns.owner("accounting")):
        connection = await asyncpg.connect(role)
        for statement in ("UPDATE accounting.activity_change SET status = 'x'", "TRUNCATE accounting.activity_change"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()
    await admin.execute("UPDATE accounting.activity_change SET reason_code = 'OTHER'")
    assert len(await findings(accounting)) == 1
    await admin.execute("DELETE FROM accounting.activity_change")
    assert len(await findings(accounting)) == 1
