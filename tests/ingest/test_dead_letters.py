"""Dead letters: shown without personal data, then repaired and published once, or discarded."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from shared import clock
from shared.contracts import topics
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.identity import event_key
from shared.dead_letter_mends import merge_patch
from shared.dead_letters import masked
from shared.eventlog import EventLog, Record
from shared.ids import new_id
from tests.cloud_events import read_event
from tests.ingest.conftest import Reader, Settle
from tests.ingest.samples import PartnerClient, status
from tests.tokens import TokenFactory

OPS = "/api/v1/ingest/ops/dead-letters"
PHONE = "13812345678"
ACCOUNT = "0123456789abcdef0123456789abcdef"


def broken(event_id: str) -> bytes:
    """A trip whose distance is text and contains a phone number."""
    act = Act(kind="trip", started_at=clock.now() - timedelta(hours=1), city_code="420100", distance_m=2360)
    report = ActivityReported(
        event_key=event_key("bike", event_id), partner_id="bike", event_id=event_id, receipt_id=new_id(), index=0,
        account_key=ACCOUNT, act=act, fingerprint="0" * 64, raw_sha256="1" * 64, received_at=clock.now(),
        late_window_s=1, receipt_accepted=1,
    )  # fmt: skip
    value = msgspec.to_builtins(report)
    value["act"]["distance_m"] = f"call {PHONE}"
    return json.dumps(value).encode()


async def letter_of(api: httpx.AsyncClient, operator: dict[str, str], log: EventLog, value: bytes) -> int:
    """Publish a record, wait until it is a dead letter, and return its id."""
    newest = (await api.get(f"{OPS}?limit=1", headers=operator)).json()["items"]
    last = newest[0]["dead_letter_id"] if newest else 0
    await log.publish(topics.ACTIVITIES, [Record(key=b"bike:" + ACCOUNT.encode(), value=value)])
    async with asyncio.timeout(10):
        while True:
            query = f"{OPS}?state=open&consumer=ingest.archive&limit=1"
            items = (await api.get(query, headers=operator)).json()["items"]
            if items and items[0]["dead_letter_id"] > last:
                return int(items[0]["dead_letter_id"])
            await asyncio.sleep(0.05)


async def test_b2_a_dead_letter_is_mended_by_two_and_published_once(
    bike: PartnerClient, worker: EventLog, tokens: TokenFactory, published: Reader, settle: Settle
) -> None:
    api, operator = bike.http, tokens.operator()
    letter = await letter_of(api, operator, worker, broken("mend-1"))
    detail = (await api.get(f"{OPS}/{letter}", headers=operator)).json()
    assert (detail["state"], detail["reason"], detail["resolution"]) == ("open", "UNREADABLE_RECORD", None)
    assert "distance_m" in detail["message"]
    assert PHONE not in str(detail)
    assert ACCOUNT not in str(detail)
    place = f"{OPS}/{letter}/replay"
    as_it_was = await api.post(place, json={"reason": "try"}, headers=operator)
    assert (as_it_was.status_code, as_it_was.json()["code"]) == (422, "STILL_UNREADABLE")
    change = {"reason": "里程是文字", "patch": {"act": {"distance_m": 2360}}}
    answers = await asyncio.gather(*(api.post(place, json=change, headers=operator) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    (mend,) = [answer.json()["mend"] for answer in answers if answer.status_code == 202]
    decision, because = f"{OPS}/mends/{mend['proposal_id']}/approve", {"reason": "与合作方核对过"}
    alone = await api.post(decision, json=because, headers=operator)
    assert (alone.status_code, alone.json()["code"]) == (409, "SECOND_PERSON_NEEDED")
    second = tokens.operator(subject="operator-2")
    answers = await asyncio.gather(*(api.post(decision, json=because, headers=second) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    resolution = (await api.get(f"{OPS}/{letter}", headers=operator)).json()["resolution"]
    assert (resolution["action"], resolution["edited"], resolution["reason"]) == ("replayed", True, "里程是文字")
    assert resolution["subject"] == "operator-1+operator-2"

    async def archived() -> bool:
        return (await status(bike, "mend-1")).status_code == 200

    await settle(archived)
    read = await published.new_records(are_ours=False)
    good, again = [one for one in read if b"mend-1" in (one.value or b"")], []
    mended_event = read_event(topics.ACTIVITIES, good[1].key, good[1].value or b"", good[1].headers)  # D6
    assert (mended_event.get_source(), mended_event.get_id()) == ("/ingest", f"replay:{letter}")
    assert [one.key for one in good] == [b"bike:" + ACCOUNT.encode()] * 2  # as received, and repaired
    mended = msgspec.json.decode(good[1].value or b"", type=ActivityReported)
    assert mended.mend is not None
    assert (str(mended.mend.proposal_id), mended.mend.fields) == (mend["proposal_id"], ("act.distance_m",))
    assert mended.raw_sha256 == "1" * 64
    again += [one for one in await published.new_records() if b"mend-1" in (one.value or b"")]
    assert again == []
    refused = await api.post(f"{OPS}/{letter}/discard", json={"reason": "no"}, headers=operator)
    assert (refused.status_code, refused.json()["code"]) == (409, "DEAD_LETTER_RESOLVED")
    written = (await api.get(f"/api/v1/ingest/ops/audit?object=dead_letter:{letter}", headers=operator)).json()
    assert [entry["action"] for entry in written["items"]] == ["dead_letter.mend.approve", "dead_letter.mend.propose"]
    assert PHONE not in str(written)


async def test_a_dead_letter_is_discarded_with_a_reason(
    bike: PartnerClient, worker: EventLog, tokens: TokenFactory
) -> None:
    api, operator = bike.http, tokens.operator()
    letter = await letter_of(api, operator, worker, b"\xff\x00 rubbish")
    patched = await api.post(f"{OPS}/{letter}/replay", json={"reason": "r", "patch": {"a": 1}}, headers=operator)
    assert (patched.status_code, patched.json()["code"]) == (422, "NOT_A_JSON_OBJECT")
    answers = [await api.post(f"{OPS}/{letter}/discard", json={"reason": "乱码"}, headers=operator) for _ in range(2)]
    assert [answer.json()["state"] for answer in answers] == ["discarded", "discarded"]
    refused = await api.post(f"{OPS}/{letter}/replay", json={"reason": "r"}, headers=operator)
    assert refused.status_code == 409
    listed = (await api.get(f"{OPS}?state=discarded&limit=1", headers=operator)).json()["items"]
    assert listed[0]["dead_letter_id"] == letter


async def test_dead_letters_need_the_operator_scopes(bike: PartnerClient, tokens: TokenFactory) -> None:
    api, reader = bike.http, tokens.operator("ops:read")
    assert (await api.get(OPS)).status_code == 401
    assert (await api.get(OPS, headers=tokens.operator("ops:rewards"))).status_code == 403
    assert (await api.post(f"{OPS}/1/replay", json={"reason": "r"}, headers=reader)).status_code == 403
    assert (await api.post(f"{OPS}/1/discard", json={"reason": "r"}, headers=reader)).status_code == 403
    missing = await api.get(f"{OPS}/{2**62}", headers=reader)
    assert (missing.status_code, missing.json()["code"]) == (404, "DEAD_LETTER_NOT_FOUND")
    assert (await api.post(f"{OPS}/1/replay", json={}, headers=tokens.operator())).status_code == 422


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"tel {PHONE}.", PHONE),
        ("+8613812345678", "12345678"),
        ("id 11010519491231002X", "11010519491231002X"),
        ("mail li.lei@example.cn", "li.lei"),
        (f'"account_key":"{ACCOUNT}"', ACCOUNT),
        ('"lat":30.592761', "592761"),
    ],
)
def test_personal_data_in_dead_letters_is_masked(text: str, hidden: str) -> None:
    assert hidden not in masked(text)


def test_masking_keeps_the_rest_of_a_dead_letter_readable() -> None:
    plain = '{"distance_m":2360,"started_at":"2026-11-23T08:10:00Z","event_id":"order-20261123-000001"}'
    assert masked(plain) == plain


def test_the_merge_patch_follows_rfc_7396() -> None:
    target: Any = {"a": "b", "c": {"d": "e", "f": "g"}}
    assert merge_patch(target, {"a": "z", "c": {"f": None}}) == {"a": "z", "c": {"d": "e"}}
    assert merge_patch({"a": [1]}, {"a": {"b": None}}) == {"a": {}}
    assert merge_patch([], {"a": 1}) == {"a": 1}
