"""Dead letters of the posting consumer: read, corrected, published once, then posted like any other event."""

import json
from typing import Any

import asyncpg
import msgspec

from shared.contracts import topics
from tests.accounting.driver import Accounting
from tests.databases import Dsns

OPS = "/api/v1/accounting/ops/dead-letters"
PHONE = "13812345678"


async def set_aside(accounting: Accounting, dsns: Dsns, value: bytes) -> int:
    """Store a dead letter as the consumer does. Return its id."""
    (letter,) = await accounting.post(value)
    connection = await asyncpg.connect(dsns.admin)
    try:
        found = await connection.fetchval(
            'INSERT INTO accounting.dead_letter (consumer, topic, partition, "offset", reason, message, key, value,'
            " appended_at) VALUES ('accounting.posting', $1, 0, 0, $2, $3, $4, $5, now()) RETURNING id",
            topics.ACTIVITIES, letter.reason, letter.message, letter.record.key, letter.record.value,
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


async def test_a_corrected_dead_letter_is_published_once_and_earns(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    plain: dict[str, Any] = msgspec.to_builtins(person.bus())
    right = plain["act"]["city_code"]
    plain["act"]["city_code"] = f"call {PHONE}" * 100
    letter = await set_aside(accounting, accounting_dsns, json.dumps(plain).encode())
    operator, client = accounting.tokens.operator("ops:read ops:ledger"), accounting.client
    shown = (await client.get(f"{OPS}/{letter}", headers=operator)).json()
    assert (shown["state"], shown["reason"], shown["consumer"]) == ("open", "UNREADABLE_RECORD", "accounting.posting")
    assert PHONE not in str(shown)
    unmended = await client.post(f"{OPS}/{letter}/replay", json={"reason": "r"}, headers=operator)
    assert (unmended.status_code, unmended.json()["code"]) == (422, "STILL_UNREADABLE")
    assert await published(accounting_dsns) == []
    change = {"reason": "城市代码有误", "patch": {"act": {"city_code": right}}}
    answers = [await client.post(f"{OPS}/{letter}/replay", json=change, headers=operator) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["idempotent-replayed"] == "true"
    (value,) = await published(accounting_dsns)
    assert not await accounting.post(value)
    assert (await accounting.get(person, "/me/balance"))["available_mg"] == 150_000
    log = (await client.get(f"/api/v1/accounting/ops/audit?object=dead_letter:{letter}", headers=operator)).json()
    assert [entry["action"] for entry in log["items"]] == ["dead_letter.replay"]


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
