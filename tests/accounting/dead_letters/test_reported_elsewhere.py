"""Faults of other dead-letter queues, from public reports, tried on replays and mends."""

import asyncio
import json
from typing import Any

import pytest

from tests.accounting.dead_letters.test_dead_letters import LetterDesk, published, reported
from tests.accounting.driver import Accounting
from tests.databases import Dsns

SPELLED = ["２３６０", "2,360", "２，３６０", "2 360", "2'360", "2.36e3", "2360.00", " +2360 "]


@pytest.mark.parametrize("spelled", SPELLED)
async def test_b2_a_number_in_the_digits_of_an_input_method_stays_that_number(
    accounting: Accounting, accounting_dsns: Dsns, spelled: str
) -> None:
    """kjolley/BIGSdb#202, Adyen/adyen-web#300, whatwg/html#11616: full-width digits are digits to people."""
    plain = reported(await accounting.citizen())
    plain["act"]["distance_m"] = spelled
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    for other in (236_000, None):
        refused = await desk.replay(patch={"act": {"distance_m": other}})
        assert (refused.status_code, refused.json()["code"]) == (422, "MEND_NOT_ALLOWED"), other
    assert (await desk.replay(patch={"act": {"distance_m": 2_360}})).status_code == 202


@pytest.mark.parametrize("spelled", ["2,36", "2.36", "1e99999999", "far", "², ３", "--5"])
async def test_b2_what_spells_no_whole_number_is_mended_by_two_people(
    accounting: Accounting, accounting_dsns: Dsns, spelled: str
) -> None:
    """arthurdejong/python-stdnum#96: characters that count as digits and are no number."""
    plain = reported(await accounting.citizen())
    plain["act"]["distance_m"] = spelled
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    assert (await desk.replay(patch={"act": {"distance_m": 2_360}})).status_code == 202


async def test_b2_replays_at_once_publish_once_and_a_second_delivery_credits_nothing(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    """Pulsefy/Soter#1081, JiRaska/open-bank-oss#4308, mafintosh/sqs#41: a replayed letter is processed twice."""
    person = await accounting.citizen()
    plain = reported(person)
    whole = json.dumps(plain).encode()
    act = plain.pop("act")
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    answers = await asyncio.gather(*(desk.replay(f"operator-{n}") for n in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    assert len(await published(accounting_dsns)) == 1
    assert act
    for _delivery in range(2):
        assert not await accounting.post(whole)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000


@pytest.mark.parametrize(
    ("window_s", "verdict"), [(400 * 86_400, ("credited", "CREDITED")), (3_600, ("refused", "TOO_LATE"))]
)
async def test_b2_a_mended_record_is_judged_as_its_partners_at_its_own_time(
    accounting: Accounting, accounting_dsns: Dsns, admin: Any, window_s: int, verdict: tuple[str, str]
) -> None:
    """UnitOneAI/SecuritySkills#1908: letters are processed with the rights and at the time of the operators."""
    plain = reported(await accounting.citizen())
    right = plain["act"]["city_code"]
    plain |= {"late_window_s": window_s, "act": {**plain["act"], "city_code": int(right)}}
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    mend = (await desk.replay(patch={"act": {"city_code": right}})).json()["mend"]
    assert (await desk.decide("approve", mend["proposal_id"], by="bob")).status_code == 200
    (value,) = await published(accounting_dsns)
    assert not await accounting.post(value)
    (state,) = await admin.fetch("SELECT status, reason_code FROM accounting.activity")
    assert tuple(state) == verdict
    requested = [row[0] for row in await admin.fetch("SELECT requested_by FROM accounting.posting")]
    assert requested == ([f"partner:{plain['partner_id']}"] if verdict[0] == "credited" else [])
