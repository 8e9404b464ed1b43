"""A bundle suffices to judge an act again. Any change of a bundle is found."""

import json
from typing import Any

import pytest

from services.accounting.proofs.schemas import Bundle
from services.accounting.proofs.verification import check_bundle
from tests.accounting.citizens import citizen_with_many_verdicts
from tests.accounting.driver import VESTING_DAYS, Accounting
from tests.accounting.proofs.conftest import Days, Verifier
from tests.accounting.reports import YESTERDAY, Reports, cancel


async def bundles(accounting: Accounting, person: Reports) -> list[dict[str, Any]]:
    page: Any = await accounting.get(person, "/me/activities?limit=100")
    return [await accounting.get(person, f"/me/activities/{item['activity_id']}/bundle") for item in page["items"]]


def failed(bundle: dict[str, Any]) -> list[str]:
    checks = check_bundle(Bundle.model_validate_json(json.dumps(bundle)))
    return [check.text.en for check in checks if not check.ok] + ([] if checks else ["nothing was checked"])


async def test_every_activity_recomputes_from_its_bundle(accounting: Accounting, days: Days, verify: Verifier) -> None:
    person = await citizen_with_many_verdicts(accounting)
    before = await bundles(accounting, person)
    assert {bundle["activity"]["status"] for bundle in before} == {"credited", "refused"}
    assert {"CREDITED", "DAILY_CAP"} < {bundle["activity"]["reason_code"] for bundle in before}
    for bundle in before:
        assert failed(bundle) == []
        assert bundle["proof"] is None
        assert (bundle["sealed_after"] is not None) == (bundle["activity"]["amount_mg"] > 0)
    await days.shift(2)
    await days.seal()
    for bundle in await bundles(accounting, person):
        assert failed(bundle) == []
        assert (bundle["proof"] is not None) == (bundle["activity"]["amount_mg"] > 0)
    credited = next(bundle for bundle in await bundles(accounting, person) if bundle["proof"])
    code, output = await verify.run("bundle", verify.save("bundle.json", json.dumps(credited)))
    assert code == 0, output
    assert str(credited["activity"]["amount_mg"]) in output
    assert "未签名" in output


async def test_any_change_of_a_bundle_is_found(accounting: Accounting, days: Days, verify: Verifier) -> None:
    person = await accounting.citizen()
    await accounting.post(person.recycling(YESTERDAY))
    await days.shift(2)
    await days.seal()
    (bundle,) = await bundles(accounting, person)
    assert failed(bundle) == []
    text = json.dumps(bundle)
    amount = bundle["activity"]["amount_mg"]

    def changed(**parts: Any) -> dict[str, Any]:
        copy: dict[str, Any] = json.loads(text)
        for path, value in parts.items():
            *way, last = path.split("__")
            target = copy
            for step in way:
                target = target[step]
            assert target[last] != value, path
            target[last] = value
        return copy

    more = amount + 1000
    wrong = [
        changed(activity__amount_mg=more),
        changed(activity__amount_mg=more, judgement__amount_mg=more, judgement__raw_mg=more),
        changed(judgement__raw_mg=more),
        changed(judgement__caps=[]) if bundle["judgement"]["caps"] else changed(judgement__inputs={}),
        changed(judgement__local_date="2030-01-01"),
        changed(judgement__factors=[["other", 2020]]),
        changed(act__weight_g=bundle["act"]["weight_g"] + 1000),
        changed(act__city_code="310000"),
        changed(time_zone="Nowhere/City"),
        changed(methodology__document__formula="2 * " + bundle["methodology"]["document"]["formula"]),
        changed(methodology__sha256="0" * 64),
        changed(methodology=None),
        changed(activity__account_id="11111111-1111-4111-8111-111111111111"),
        changed(proof__credit=None),
        changed(proof__credit__account_id="11111111-1111-4111-8111-111111111111"),
        changed(proof__path=[*bundle["proof"]["path"], "00" * 32]),
        changed(proof__leaf_salt="00"),
    ]
    for number, copy in enumerate(wrong):
        assert failed(copy), number
    for factor in range(len(bundle["factors"])):
        copy = json.loads(text)
        copy["factors"][factor]["document"]["value"] = "123.4"
        assert failed(copy)
    code, output = await verify.run("bundle", verify.save("bundle.json", json.dumps(wrong[1])))
    assert (code, "不通过" in output) == (1, True), output


@pytest.mark.usefixtures("vesting_bus")
async def test_a_pending_activity_recomputes_before_and_after_it_vests(
    accounting: Accounting, days: Days, verify: Verifier
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.slow_bus(), person.slow_bus(received_days_ago=VESTING_DAYS + 1))
    await accounting.release()
    assert [failed(bundle) for bundle in await bundles(accounting, person)] == [[], []]
    await days.shift(2)
    await days.seal()
    sealed = await bundles(accounting, person)
    assert {bundle["activity"]["status"] for bundle in sealed} == {"pending", "credited"}
    assert [failed(bundle) for bundle in sealed] == [[], []]
    pending = next(bundle for bundle in sealed if bundle["activity"]["status"] == "pending")
    code, output = await verify.run("bundle", verify.save("pending.json", json.dumps(pending)))
    assert code == 0, output
    # The sealed posting went to the person's pending account and to nobody else's.
    pending["proof"]["credit"]["account_id"] = pending["activity"]["account_id"]
    assert failed(pending)


async def test_a_reversed_activity_still_recomputes(accounting: Accounting) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    await accounting.post(cancel(person, ride))
    await accounting.release()
    (bundle,) = [b for b in await bundles(accounting, person) if b["activity"]["status"] == "reversed"]
    assert failed(bundle) == []


async def test_a_bundle_is_shown_to_its_owner_only(accounting: Accounting) -> None:
    person, stranger = await accounting.citizen(), await accounting.citizen()
    await accounting.post(person.bus())
    (bundle,) = await bundles(accounting, person)
    path = f"/api/v1/accounting/me/activities/{bundle['activity']['activity_id']}/bundle"
    assert (await accounting.client.get(path)).status_code == 401
    answer = await accounting.client.get(path, headers=accounting.tokens.citizen(stranger.user_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "ACTIVITY_NOT_FOUND")
