"""Codes of a merchant as CSV: what is new is loaded, each other line is reported, a second import adds nothing."""

from typing import Any

import pytest

from services.rewards.vouchers.sealing import CodeSealer
from tests.rewards.conftest import API, Rewards
from tests.rewards.tills import bought, ops, shown

FILE = "门店,券码\n户部巷,HY-0001\n户部巷,HY-0002\n,\n户部巷,HY-0001\n户部巷,不是券码\n户部巷, ＨＹ-0003 \n"


async def upload(rewards: Rewards, content: bytes | str, *, media_type: str = "text/csv", **params: str) -> Any:
    answer = await rewards.client.post(
        f"{API}/ops/voucher-imports",
        params={"item_id": "reganmian", "reason": "商家第一批", **params},
        content=content,
        headers={**rewards.tokens.operator(), "Content-Type": media_type},
    )
    return answer.json() | {"status": answer.status_code}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_each_line_is_added_or_reported_and_twice_is_harmless(rewards: Rewards, encoding: str) -> None:
    await rewards.add_item(stock=0)
    first = await upload(rewards, FILE.encode(encoding), media_type="text/csv; charset=x")
    assert first["status"] == 201, first
    assert (first["added"], first["known"], first["repeated"], first["refused"]) == (3, 0, 1, 1)
    assert first["lines"] == [{"line": 5, "state": "repeated"}, {"line": 6, "state": "refused"}]
    again = await upload(rewards, FILE.encode(encoding))
    assert (again["added"], again["known"]) == (0, 3)
    assert (await rewards.stock())["available"] == 3
    report = await ops(rewards, "GET", f"/voucher-imports/{first['import_id']}", status=200)
    assert report["lines"] == first["lines"]
    assert "HY-0001" not in str(await rewards.sql("SELECT to_jsonb(i)::text FROM rewards.voucher_import i"))
    entries = (await ops(rewards, "GET", "/audit?object=item:reganmian", status=200))["items"]
    assert [one["action"] for one in entries] == ["vouchers.import", "vouchers.import"]


async def test_an_imported_code_is_sealed_and_shown_to_its_owner(rewards: Rewards) -> None:
    await rewards.add_item(stock=0)
    await upload(rewards, "code\nHY-0001\n")
    [row] = await rewards.sql("SELECT code_sealed FROM rewards.voucher")
    assert b"HY-0001" not in bytes(row["code_sealed"])
    view = await shown(rewards, *await bought(rewards))
    assert view["code"] == "HY-0001"
    assert view["code_qr_svg"].startswith("<svg")
    assert view["qr"].startswith("CIV1.")


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        ("name\nHY-0001\n", "text/csv", 422, "VOUCHER_FILE_UNREADABLE"),
        ("code\n", "text/csv", 422, "VOUCHER_FILE_UNREADABLE"),
        (b"\xff\xfe\x00", "text/csv", 422, "VOUCHER_FILE_UNREADABLE"),
        ("code\nHY-0001\n", "application/json", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("code\n" + "\n".join(f"HY-{n:06}" for n in range(20_001)), "text/csv", 422, "VOUCHER_FILE_TOO_LONG"),
        (b"x" * (1024 * 1024 + 1), "text/csv", 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_a_file_that_cannot_be_read_changes_nothing(
    rewards: Rewards, content: bytes | str, media_type: str, status: int, code: str
) -> None:
    await rewards.add_item(stock=0)
    refused = await upload(rewards, content, media_type=media_type)
    assert (refused["status"], refused["code"]) == (status, code)
    assert (await rewards.stock())["available"] == 0


async def test_the_list_of_pools_shows_what_runs_out(rewards: Rewards) -> None:
    await rewards.add_item(stock=11)
    await rewards.add_item("donghu-boat", stock=11, per_user_limit=None)
    user = rewards.citizen(balance_mg=100_000_000)
    assert (await rewards.order(user, "donghu-boat", quantity=10)).status_code == 201
    pools = (await ops(rewards, "GET", "/voucher-pools", status=200))["pools"]
    assert [(one["item_id"], one["available"], one["low"]) for one in pools] == [
        ("donghu-boat", 1, True),
        ("reganmian", 11, False),
    ]
    low = (await ops(rewards, "GET", "/voucher-pools?low=true", status=200))["pools"]
    assert [one["item_id"] for one in low] == ["donghu-boat"]


async def test_an_import_survives_a_change_of_the_key(rewards: Rewards) -> None:
    await rewards.add_item(stock=0)
    await upload(rewards, "code\nHY-0001\n")
    [row] = await rewards.sql("SELECT voucher_id, code_sealed FROM rewards.voucher")
    sealer = CodeSealer(rewards.settings.voucher_keys)
    assert sealer.open(bytes(row["code_sealed"]), voucher_id=row["voucher_id"]) == "HY-0001"


async def test_a_typed_code_is_found_by_an_index(rewards: Rewards) -> None:
    await rewards.add_item(stock=0)
    await rewards.sql(
        "INSERT INTO rewards.voucher (voucher_id, item_id, code_hash, code_sealed, order_id, order_line, user_id,"
        " assigned_at) SELECT gen_random_uuid(), 'reganmian', sha256(n::text::bytea), '', gen_random_uuid(), 1,"
        " gen_random_uuid(), now() FROM generate_series(1, 20000) n"
    )
    await rewards.sql("ANALYZE rewards.voucher")
    plan = await rewards.sql(
        "EXPLAIN SELECT * FROM rewards.voucher WHERE code_hash = ANY (ARRAY[sha256('7'), sha256('8')])"
        " AND order_id IS NOT NULL"
    )
    await rewards.sql("DELETE FROM rewards.voucher")
    assert "ix_voucher_code" in str(plan)
