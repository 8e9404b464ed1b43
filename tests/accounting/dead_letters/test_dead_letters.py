"""Dead letters: replayed unchanged by one operator, mended by two, published once, then posted and explained."""

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from shared.contracts import topics
from tests.accounting.driver import Accounting
from tests.accounting.reports import PARTNER, Reports
from tests.databases import Dsns

OPS = "/api/v1/accounting/ops/dead-letters"
PHONE = "13812345678"


async def set_aside(accounting: Accounting, dsns: Dsns, value: bytes, *, topic: str = topics.ACTIVITIES) -> int:
    """Store a dead letter as the consumer does. Return its id."""
    (letter,) = await accounting.post(value)
    connection = await asyncpg.connect(dsns.admin)
    try:
        found = await connection.fetchval(
            'INSERT INTO accounting.dead_letter (consumer, topic, partition, "offset", reason, message, key, value,'
            " appended_at) VALUES ('accounting.posting', $1, 0, 0, $2, $3, $4, $5, now()) RETURNING id",
            topic, letter.reason, letter.message, letter.record.key, letter.record.value,
        )  # fmt: skip
    finally:
        await connection.close()
    return int(found)


async def published(dsns: Dsns) -> list[bytes]:
    """Return the values in the outbox for the topic of events."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = await connection.fetch(
            "SELECT records FROM accounting.outbox WHERE topic = $1 ORDER BY id", topics.ACTIVITIES
        )
    finally:
        await connection.close()
    return [value for row in rows for _key, value, _headers in msgspec.msgpack.decode(row["records"])]


Letter = dict[str, Any]


def reported(person: Reports) -> Letter:
    """A bus ride as plain JSON values."""
    plain: Letter = msgspec.to_builtins(person.bus())
    return plain


class LetterDesk:
    """Operators at the dead letters of one record."""

    def __init__(self, accounting: Accounting, letter: int) -> None:
        self.client, self.tokens, self.letter = accounting.client, accounting.tokens, letter

    @classmethod
    async def of(cls, accounting: Accounting, dsns: Dsns, value: bytes) -> "LetterDesk":
        return cls(accounting, await set_aside(accounting, dsns, value))

    def headers(self, subject: str) -> dict[str, str]:
        return self.tokens.operator("ops:read ops:ledger", subject=subject)

    async def replay(self, by: str = "ann", /, **body: Any) -> httpx.Response:
        place = f"{OPS}/{self.letter}/replay"
        return await self.client.post(place, json={"reason": "字段有误", **body}, headers=self.headers(by))

    async def decide(self, step: str, proposal_id: str, *, by: str) -> httpx.Response:
        body = {"reason": "已与合作方核对"}
        return await self.client.post(f"{OPS}/mends/{proposal_id}/{step}", json=body, headers=self.headers(by))

    async def get(self) -> Letter:
        shown: Letter = (await self.client.get(f"{OPS}/{self.letter}", headers=self.headers("ann"))).json()
        return shown


async def test_b2_a_mend_is_approved_by_a_second_person_published_once_and_explained(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    plain = reported(person)
    right = plain["act"]["city_code"]
    plain["act"]["city_code"] = f"call {PHONE}" * 100
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    shown = await desk.get()
    assert (shown["state"], shown["reason"], shown["mend"]) == ("open", "UNREADABLE_RECORD", None)
    assert PHONE not in str(shown)
    unmended = await desk.replay()
    assert (unmended.status_code, unmended.json()["code"]) == (422, "STILL_UNREADABLE")

    proposed = await desk.replay(patch={"act": {"city_code": right}})
    assert (proposed.status_code, proposed.json()["state"]) == (202, "open")
    mend = proposed.json()["mend"]
    assert [(one["field"], one["after"]) for one in mend["fields"]] == [("act.city_code", right)]
    assert PHONE not in proposed.text
    assert (await desk.get())["mend"] == mend
    assert await published(accounting_dsns) == []
    twice = await desk.replay("bob", patch={"act": {"city_code": "420106"}})
    assert (twice.status_code, twice.json()["code"]) == (409, "PROPOSAL_OPEN")
    for same in ("ann", "Ann"):
        alone = await desk.decide("approve", mend["proposal_id"], by=same)
        assert (alone.status_code, alone.json()["code"]) == (409, "SECOND_PERSON_NEEDED")
    assert await published(accounting_dsns) == []

    answers = await asyncio.gather(*(desk.decide("approve", mend["proposal_id"], by=f"bob-{n}") for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    (value,) = await published(accounting_dsns)
    record = json.loads(value)
    assert record.pop("mend") == {"proposal_id": mend["proposal_id"], "fields": ["act.city_code"]}
    assert record == {**plain, "act": {**plain["act"], "city_code": right}}
    assert not await accounting.post(value)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000
    detail: Any = await accounting.get(person, f"/me/activities/{plain['event_key']}")
    told = detail["explanation"]["mend"]
    assert (told["proposal_id"], told["fields"]) == (mend["proposal_id"], ["act.city_code"])
    assert mend["proposal_id"] in told["text"]["zh"]
    assert detail["raw_event_sha256"] == plain["raw_sha256"]
    about = f"/api/v1/accounting/ops/audit?object=dead_letter:{desk.letter}"
    log = (await accounting.client.get(about, headers=desk.headers("ann"))).json()
    assert [entry["action"] for entry in log["items"]] == ["dead_letter.mend.approve", "dead_letter.mend.propose"]
    assert PHONE not in str(log)
    later = await desk.replay()
    assert (later.status_code, later.headers["idempotent-replayed"]) == (200, "true")
    assert len(await published(accounting_dsns)) == 1


async def test_an_unmended_event_has_no_mend_in_its_explanation(accounting: Accounting) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    detail: Any = await accounting.get(person, f"/me/activities/{ride.event_key}")
    assert detail["explanation"]["mend"] is None


async def test_b2_the_mark_of_a_mend_survives_parking(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen("elsewhere")
    plain = reported(person)
    plain["act"]["distance_m"] = "2,360"
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    mend = (await desk.replay(patch={"act": {"distance_m": 2360}})).json()["mend"]
    assert (await desk.decide("approve", mend["proposal_id"], by="bob")).status_code == 200
    (value,) = await published(accounting_dsns)
    await accounting.post(value)
    await accounting.bind(person)
    await accounting.release()
    detail: Any = await accounting.get(person, f"/me/activities/{plain['event_key']}")
    assert detail["explanation"]["mend"]["proposal_id"] == mend["proposal_id"]


async def test_b2_a_mend_may_change_nothing_that_could_be_read(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen()
    other = await accounting.citizen()
    plain = reported(person)
    right = plain["act"]["city_code"]
    plain["act"]["city_code"] = 420100
    plain["act"]["distance_m"] = 5_000
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    mended = {"act": {"city_code": right}}
    beyond: dict[str, Any] = {
        "person": {"account_key": other.key_at(PARTNER)},
        "tier": {"evidence_tier": "navigation_trace"},
        "partner": {"partner_id": "metro"},
        "event id": {"event_id": "another", "event_key": str(uuid.uuid4())},
        "raw hash": {"raw_sha256": "0" * 64},
        "window": {"late_window_s": 300_000_000},
        "received": {"received_at": "2026-01-01T00:00:00Z"},
        "a readable amount": {"act": {"city_code": right, "distance_m": 500_000}},
        "an absent amount": {"act": {"city_code": right, "passenger_count": 1}},
        "a readable amount removed": {"act": {"city_code": right, "distance_m": None}},
        "a forged mark": {"mend": {"proposal_id": str(uuid.uuid4()), "fields": ["act.count"]}},
        "a number in other words": {"act": {"city_code": "999999"}},
        "an object": {"act": {"city_code": {"a": 1}}},
        "a dotted name": {"act.city_code": right},
    }
    for name, patch in beyond.items():
        refused = await desk.replay(patch={**mended, **patch})
        assert (refused.status_code, refused.json()["code"]) == (422, "MEND_NOT_ALLOWED"), name
        whole = await desk.replay(value={**plain, **mended, **patch, "act": {**plain["act"], **patch.get("act", {})}})
        assert whole.status_code == 422, name
    empty = await desk.replay(patch={})
    assert (empty.status_code, empty.json()["code"]) == (422, "MEND_NOT_ALLOWED")
    assert (await desk.get())["mend"] is None


@pytest.mark.parametrize(
    "original", [b"\xff rubbish", b"", b"[]", b'{"act":{},"act":{}}', b'{"act":NaN}', b'"\\ud800"']
)
async def test_b2_a_whole_record_cannot_be_invented(
    accounting: Accounting, accounting_dsns: Dsns, original: bytes
) -> None:
    person = await accounting.citizen()
    desk = await LetterDesk.of(accounting, accounting_dsns, original)
    for form in ("value", "patch"):
        refused = await desk.replay(**{form: reported(person)})
        assert (refused.status_code, refused.json()["code"]) == (422, "NOT_A_JSON_OBJECT")
    assert await published(accounting_dsns) == []


@pytest.mark.parametrize("original", [{}, {"act": "lost"}, {"partner_id": PARTNER}])
async def test_b2_what_is_missing_of_a_record_cannot_be_invented(
    accounting: Accounting, accounting_dsns: Dsns, original: Letter
) -> None:
    person = await accounting.citizen()
    plain = reported(person)
    start = {} if original == {} else {**plain, **original}
    if original == {"partner_id": PARTNER}:
        del start["account_key"]
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(start).encode())
    refused = await desk.replay(value=plain)
    assert (refused.status_code, refused.json()["code"]) == (422, "MEND_NOT_ALLOWED")


async def test_b2_a_readable_record_without_its_act_gets_none(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen()
    plain = reported(person)
    act = plain.pop("act")
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    assert (await desk.get())["reason"] == "ACT_MISSING"
    refused = await desk.replay(patch={"act": act})
    assert (refused.status_code, refused.json()["code"]) == (409, "MEND_NOT_NEEDED")


async def test_b2_a_number_written_in_another_type_stays_that_number(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    plain = reported(person)
    plain["act"]["distance_m"] = "2360"
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    for other in (2361, None, 999_999):
        refused = await desk.replay(patch={"act": {"distance_m": other}})
        assert (refused.status_code, refused.json()["code"]) == (422, "MEND_NOT_ALLOWED")
    assert (await desk.replay(patch={"act": {"distance_m": 2360}})).status_code == 202


async def test_b2_a_binding_is_never_mended(accounting: Accounting, accounting_dsns: Dsns) -> None:
    """A mended binding would give one person's acts to another."""
    person, thief = await accounting.citizen(), await accounting.citizen()
    binding = msgspec.to_builtins(person.binding(since=timedelta(days=1)))
    letter = await set_aside(
        accounting, accounting_dsns, json.dumps({**binding, "account_id": "lost"}).encode(), topic=topics.BINDINGS
    )
    desk = LetterDesk(accounting, letter)
    refused = await desk.replay(patch={"account_id": str(thief.account_id)})
    assert (refused.status_code, refused.json()["code"]) == (422, "MEND_NOT_ALLOWED")


async def test_b2_a_mend_that_was_overtaken_cannot_be_approved(accounting: Accounting, accounting_dsns: Dsns) -> None:
    person = await accounting.citizen()
    plain = reported(person)
    plain["act"]["distance_m"] = "far"
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    mend = (await desk.replay(patch={"act": {"distance_m": 2360}})).json()["mend"]
    discard = f"{OPS}/{desk.letter}/discard"
    assert (await desk.client.post(discard, json={"reason": "重复"}, headers=desk.headers("cai"))).status_code == 200
    late = await desk.decide("approve", mend["proposal_id"], by="bob")
    assert (late.status_code, late.json()["code"]) == (409, "DEAD_LETTER_RESOLVED")
    assert await published(accounting_dsns) == []


async def test_b12_a_rejected_mend_leaves_an_audit_entry_with_its_reason(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    plain = reported(person)
    plain["act"]["distance_m"] = "far"
    desk = await LetterDesk.of(accounting, accounting_dsns, json.dumps(plain).encode())
    mend = (await desk.replay(patch={"act": {"distance_m": 2360}})).json()["mend"]
    rejected = await desk.decide("reject", mend["proposal_id"], by="bob")
    assert (rejected.status_code, rejected.json()["status"]) == (200, "rejected")
    listed = (await desk.client.get(f"{OPS}/mends?status=rejected", headers=desk.headers("ann"))).json()["items"]
    assert [one["proposal_id"] for one in listed] == [mend["proposal_id"]]
    about = f"/api/v1/accounting/ops/audit?object=dead_letter:{desk.letter}"
    log = (await desk.client.get(about, headers=desk.headers("ann"))).json()["items"]
    assert (log[0]["action"], log[0]["subject"], log[0]["reason"]) == (
        "dead_letter.mend.reject",
        "bob",
        "已与合作方核对",
    )
    again = await desk.decide("approve", mend["proposal_id"], by="bob")
    assert (again.status_code, again.json()["code"]) == (409, "PROPOSAL_DECIDED")
    assert (await desk.replay(patch={"act": {"distance_m": 2361}})).status_code == 202


async def test_only_operators_of_the_ledger_may_correct_or_discard_a_dead_letter(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    letter = await set_aside(accounting, accounting_dsns, b"\xff rubbish")
    client, tokens = accounting.client, accounting.tokens
    assert (await client.get(OPS)).status_code == 401
    reader = tokens.operator("ops:read")
    for action in ("replay", "discard"):
        refused = await client.post(f"{OPS}/{letter}/{action}", json={"reason": "r"}, headers=reader)
        assert refused.status_code == 403
    writer = tokens.operator("ops:read ops:ledger")
    put_away = await client.post(f"{OPS}/{letter}/discard", json={"reason": "乱码"}, headers=writer)
    assert (put_away.status_code, put_away.json()["state"]) == (200, "discarded")
    again = await client.post(f"{OPS}/{letter}/replay", json={"reason": "r"}, headers=writer)
    assert (again.status_code, again.json()["code"]) == (409, "DEAD_LETTER_RESOLVED")
    listed = (await client.get(f"{OPS}?state=open", headers=reader)).json()
    assert listed["items"] == []
