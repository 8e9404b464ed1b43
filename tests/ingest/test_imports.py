"""Imports over HTTP: the same checks as the intake, rejected lines by their numbers, safe to repeat."""

import hashlib
import json
import time
from typing import Any

import httpx
import pytest

from services.ingest import event_types
from services.ingest.imports import domain
from services.ingest.imports.columns import COLUMNS, template
from tests.ingest.conftest import Reader, Settle
from tests.ingest.files import (
    CSV,
    GZIP,
    HEADER,
    IMPORTS,
    NDJSON,
    TRIPS,
    announce,
    csv_file,
    errors_of,
    finished,
    imported,
    packed,
    row,
    send,
    upload_in_parts,
)  # fmt: skip
from tests.ingest.samples import PartnerClient, event, receipt, reports, revision, status

pytestmark = pytest.mark.usefixtures("worker")


async def published_reports(published: Reader, count: int, settle: Settle) -> list[Any]:
    found: list[Any] = []

    async def enough() -> bool:
        found.extend(await published.new_records())
        return len(found) >= count

    await settle(enough)
    return reports(found)


async def test_every_good_line_is_published_as_the_intake_would(
    bike: PartnerClient, published: Reader, settle: Settle
) -> None:
    done = await imported(bike, csv_file([row("f-1"), row("f-2", distance=5000)]))
    assert (done["status"], done["failure"]) == ("done", None)
    assert done["progress"] == {
        "bytes_total": done["progress"]["bytes_total"], "bytes_read": done["progress"]["bytes_total"], "percent": 100,
        "lines_read": 3, "accepted": 2, "rejected": 0,
    }  # fmt: skip
    await bike.push(event("f-direct", trip_id="f-1"))
    by_id = {one.event_id: one for one in await published_reports(published, 3, settle)}
    first, second, direct = by_id["f-1"], by_id["f-2"], by_id["f-direct"]
    assert direct.act == first.act  # the same trip, once in a file and once in a request
    assert second.act.distance_m == 5000
    assert (first.receipt_accepted, first.receipt_rejected) == (2, 0)
    line = row("f-1").encode()
    assert first.raw_sha256 == hashlib.sha256(line).hexdigest()


async def test_an_imported_event_has_a_status_and_a_receipt(bike: PartnerClient, settle: Settle) -> None:
    done = await imported(bike, csv_file([row("st-1"), row("st-2", distance="far"), row("st-3")]))

    async def archived() -> bool:
        return (await status(bike, "st-3")).status_code == 200

    await settle(archived)
    one = (await status(bike, "st-1")).json()
    assert one["status"] == "received"
    whole = await receipt(bike, one["receipt_id"])
    assert (whole["accepted"], whole["rejected"]) == (2, 0)
    again = (await bike.get(f"{IMPORTS}/{done['import_id']}")).json()
    assert again["outcomes"]["received"] == 2


async def test_bad_lines_are_reported_and_do_not_affect_other_lines(bike: PartnerClient) -> None:
    lines = [
        row("b-1"),
        row("b-2", distance="2.5"),
        row("b-3", distance=-1),
        row("b-4") + ",more",
        row("b-5").replace("+08:00", ""),
        "",
        row("b-6").replace("420100", "110000"),
        row("b-7").replace("bicycle", '"bicycle'),
        row("b-8").replace("b-8", "x" * 20_000),
        row("b-9").replace("account_no", "phone_hash"),
    ]
    body = csv_file(lines) + (row("b-11") + "\r\n").encode()
    done = await imported(bike, body)
    assert (done["status"], done["progress"]["accepted"], done["progress"]["rejected"]) == ("done", 2, 8)
    assert await errors_of(bike, done["import_id"]) == [
        (3, "INVALID_TYPE", "data.distance"),
        (4, "INVALID_VALUE", "data.distance"),
        (5, "COLUMN_COUNT", None),
        (6, "INVALID_TIME", "data.start_time"),
        (8, "CITY_NOT_ALLOWED", "data.city_code"),
        (9, "MALFORMED_LINE", None),
        (10, "LINE_TOO_LONG", None),
        (11, "INVALID_ACCOUNT_REF", "data.account_ref.value"),
    ]
    page = (await bike.get(f"{IMPORTS}/{done['import_id']}/errors?limit=4")).json()
    assert page["has_more"] is True
    assert page["items"][0]["id"] == "b-2"
    assert "米" in page["items"][0]["message"]
    target = f"{IMPORTS}/{done['import_id']}/errors?limit=100&cursor={page['next_cursor']}"
    following = (await bike.get(target, headers={"Accept-Language": "en"})).json()
    assert [one["line"] for one in following["items"]] == [8, 9, 10, 11]
    assert "64 hexadecimal" in following["items"][-1]["message"]
    assert following["has_more"] is False


async def test_ndjson_files_may_hold_every_event_type_and_revisions(
    bike: PartnerClient, published: Reader, settle: Settle
) -> None:
    events = [
        *(event(f"nd-{number}", kind) for number, kind in enumerate(event_types.REPORTS)),
        revision("nd-c", event_types.CANCELLED, "nd-0"),
        event("nd-x", source="//other"),
    ]
    events[-1]["source"] = "//other"
    body = "\n".join([*(json.dumps(one) for one in events), "{", "[]"]).encode()
    answer = await send(bike, body, IMPORTS, **NDJSON)
    done = await finished(bike, answer.json()["import_id"])
    assert (done["progress"]["accepted"], done["progress"]["rejected"]) == (6, 3)
    codes = [code for _, code, _ in await errors_of(bike, done["import_id"])]
    assert codes == ["SOURCE_MISMATCH", "MALFORMED_EVENT", "MALFORMED_EVENT"]
    kinds = [one.act.kind if one.act else one.operation for one in await published_reports(published, 6, settle)]
    assert sorted(kinds) == ["bag", "cancel", "energy", "recycling", "transit", "trip"]


async def test_csv_files_may_hold_corrections_and_mixed_types(
    bike: PartnerClient, published: Reader, settle: Settle
) -> None:
    header = "id,type,original_id,reason,account_ref.type,account_ref.value,receipt_no,count,occurred_at,city_code"
    rest = "account_no,A,r-1,2,2026-11-23T08:10:00+08:00,420100"
    lines = [
        f"m-1,bag.reused,,,{rest}",
        f"m-2,event.corrected.v1,m-1,数量有误,{rest}",
        'm-3,event.cancelled,m-1,"错单, 作废",account_no,A,,,,',
        f"m-4,nonsense,,,{rest}",
    ]
    done = await imported(bike, b"\xef\xbb\xbf" + csv_file(lines, header), IMPORTS)
    assert (done["status"], done["progress"]["accepted"]) == ("done", 3)
    assert await errors_of(bike, done["import_id"]) == [(5, "UNKNOWN_EVENT_TYPE", "type")]
    found = {one.event_id: one for one in await published_reports(published, 3, settle)}
    assert (found["m-2"].operation, found["m-2"].original_event_id, found["m-2"].act.count) == ("correct", "m-1", 2)
    assert (found["m-3"].operation, found["m-3"].reason) == ("cancel", "错单, 作废")


async def test_a_file_sent_twice_makes_copies_and_no_second_event(
    bike: PartnerClient, published: Reader, settle: Settle
) -> None:
    body = csv_file([row("tw-1"), row("tw-2")])
    first = await imported(bike, body)
    second = await imported(bike, packed(body), **GZIP)
    assert first["import_id"] != second["import_id"]
    found = await published_reports(published, 4, settle)
    assert len({(one.event_key, one.fingerprint) for one in found}) == 2  # accounting counts each key once


@pytest.mark.parametrize("kind", [name.removeprefix(event_types.PREFIX) for name in COLUMNS])
async def test_the_template_of_each_event_type_imports_without_errors(bike: PartnerClient, kind: str) -> None:
    answer = await bike.http.get(f"{IMPORTS}/template.csv?type={kind.removesuffix('.v1')}")
    assert answer.status_code == 200
    assert answer.text == template(event_types.PREFIX + kind)
    done = await imported(bike, answer.content, f"{IMPORTS}?dry_run=true")
    assert (done["status"], done["progress"]["accepted"], done["progress"]["rejected"]) == ("done", 1, 0)


@pytest.mark.parametrize(
    ("body", "headers", "code", "word"),
    [
        (csv_file([row("x")], HEADER.replace("distance", "distence")), {}, "UNKNOWN_COLUMN", "distence"),
        (csv_file([row("x")], HEADER + ",distance"), {}, "DUPLICATE_COLUMN", "distance"),
        (csv_file([row("x")], HEADER[3:]), {}, "MISSING_COLUMN", "id"),
        ("编号,类型\n".encode("gbk"), {}, "NOT_UTF8", "GBK"),
        (HEADER.encode("utf-16"), {}, "NOT_UTF8", "UTF-16"),
        (b"\n\n", NDJSON, "EMPTY_FILE", ""),
        (b"no gzip at all", GZIP, "BAD_GZIP", "gzip"),
        (packed(csv_file([row("x")]))[:-9], GZIP, "BAD_GZIP", "gzip"),
    ],
)
async def test_a_file_with_a_wrong_encoding_or_header_is_rejected_as_a_whole(
    bike: PartnerClient, published: Reader, body: bytes, headers: dict[str, str], code: str, word: str
) -> None:
    done = await imported(bike, body, **headers)
    assert (done["status"], done["failure"]["code"]) == ("failed", code)
    assert word in done["failure"]["message"]
    assert done["progress"]["accepted"] == 0
    assert await published.new_records() == []


async def test_gzip_files_of_several_members_are_read_and_bombs_rejected(
    bike: PartnerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = csv_file([row("gz-1"), row("gz-2")])
    done = await imported(bike, packed(whole[:50]) + packed(whole[50:]) + b"\0" * 512, **GZIP)
    assert (done["status"], done["progress"]["accepted"]) == ("done", 2)
    monkeypatch.setattr("services.ingest.imports.files.UNPACKED_BYTES_MAX", 8 * domain.PART_BYTES)
    bomb = packed(HEADER.encode() + b"\n" + b"x" * (9 * domain.PART_BYTES))
    done = await imported(bike, bomb, f"{IMPORTS}?event_type=trip.completed&dry_run=true", **GZIP)
    assert (done["status"], done["failure"]["code"]) == ("failed", "FILE_TOO_LONG")


SMALL_PART = 64 * 1024


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.imports.service.PART_BYTES", SMALL_PART)


def large_file(name: str, rows: int) -> bytes:
    return csv_file(row(f"{name}-{number}") for number in range(rows))


@pytest.mark.usefixtures("small_parts")
async def test_the_parts_of_a_large_file_may_come_in_any_order(bike: PartnerClient) -> None:
    content = large_file("big", 2_500)
    assert len(content) > 3 * SMALL_PART
    announced = {"dry_run": True, "event_type": "trip.completed"}
    import_id = await upload_in_parts(bike, content, announced, order=lambda parts: [*parts[::-1], parts[0]])
    done = await finished(bike, import_id)
    assert (done["status"], done["progress"]["accepted"], done["progress"]["lines_read"]) == ("done", 2_500, 2_501)
    assert done["parts"]["missing"] == []
    late = await bike.send("PUT", f"{IMPORTS}/{import_id}/parts/0", content[:SMALL_PART])
    assert (late.status_code, late.json()["code"]) == (409, "UPLOAD_CLOSED")
    listed = (await bike.get(f"{IMPORTS}?limit=1")).json()
    assert listed["items"][0]["import_id"] == import_id
    older = (await bike.get(f"{IMPORTS}?limit=1&cursor={listed['next_cursor']}")).json()
    assert older["items"][0]["import_id"] < import_id


@pytest.mark.usefixtures("small_parts")
async def test_wrong_missing_or_changed_parts_are_refused(bike: PartnerClient, metro: PartnerClient) -> None:
    content = large_file("parts", 800)
    announced = {
        "format": "csv", "size_bytes": len(content), "sha256": "0" * 64, "event_type": "trip.completed",
    }  # fmt: skip
    first = (await announce(bike, announced)).json()
    place = f"{IMPORTS}/{first['import_id']}"
    assert (first["status"], first["parts"]["missing"]) == ("uploading", [0, 1])
    assert (await announce(bike, announced)).json()["import_id"] == first[
        "import_id"
    ]  # announced again: the same import
    for number, part, code in (
        (0, b"short", "PART_UNEXPECTED"),
        (2, b"beyond", "PART_UNEXPECTED"),
        (1, b"", "PART_UNEXPECTED"),
    ):
        answer = await bike.send("PUT", f"{place}/parts/{number}", part)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    part = content[:SMALL_PART]
    assert (await bike.send("PUT", f"{place}/parts/0", part)).json()["parts"]["missing"] == [1]
    assert (await bike.send("PUT", f"{place}/parts/0", part)).status_code == 200
    other = await bike.send("PUT", f"{place}/parts/0", bytes(len(part)))
    assert (other.status_code, other.json()["code"]) == (409, "PART_DIFFERS")
    early = await bike.send("POST", f"{place}/complete")
    assert (early.status_code, early.json()["code"], early.json()["missing"]) == (409, "PARTS_MISSING", [1])
    too_much = await bike.send("PUT", f"{place}/parts/1", bytes(domain.PART_BYTES + 1))
    assert too_much.status_code == 413
    foreign = await metro.get(place)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "IMPORT_NOT_FOUND")
    assert (await metro.send("PUT", f"{place}/parts/0", part)).status_code == 404
    assert (await bike.http.put(f"{place}/parts/0", content=part)).json()["code"] == "SIGNATURE_MISSING"
    wrong = await bike.send("PUT", f"{place}/parts/0", part, signed=b"other")
    assert wrong.json()["code"] == "SIGNATURE_INVALID"
    assert (await bike.send("PUT", f"{place}/parts/1", content[SMALL_PART:])).status_code == 200
    assert (await bike.send("POST", f"{place}/complete")).status_code == 202
    done = await finished(bike, first["import_id"])  # the announced hash was wrong
    assert (done["status"], done["failure"]["code"], done["progress"]["accepted"]) == ("failed", "SHA256_MISMATCH", 0)


async def test_the_number_of_unfinished_imports_of_a_partner_is_limited(metro: PartnerClient) -> None:
    def announcement(number: int) -> dict[str, Any]:
        return {"format": "csv", "size_bytes": 10, "sha256": f"{number:064x}", "event_type": "transit.ridden"}

    begun = [await announce(metro, announcement(number)) for number in range(domain.OPEN_PER_PARTNER_MAX)]
    assert {answer.status_code for answer in begun} == {202}
    refused = await announce(metro, announcement(99))
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_IMPORTS")
    assert int(refused.headers["retry-after"]) > 0
    for answer in begun:
        place = f"{IMPORTS}/{answer.json()['import_id']}"
        await metro.send("PUT", f"{place}/parts/0", b"0123456789")
        await metro.send("POST", f"{place}/complete")
        assert (await finished(metro, answer.json()["import_id"]))["status"] == "failed"


@pytest.mark.parametrize(
    ("headers", "body", "status_code", "code"),
    [
        ({"Content-Type": "text/plain"}, b"x", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({**CSV, "Content-Encoding": "br"}, b"x", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (CSV, b"", 422, "FILE_EMPTY"),
        ({"Content-Type": "application/json"}, b"{", 400, "MALFORMED_BODY"),
        ({"Content-Type": "application/json"}, b'{"format": "xls"}', 422, "INVALID_REQUEST"),
        ({"Content-Type": "application/json"}, b"[" * 10_000, 400, "MALFORMED_BODY"),
    ],
)
async def test_import_requests_of_a_wrong_form_are_refused(
    bike: PartnerClient, headers: dict[str, str], body: bytes, status_code: int, code: str
) -> None:
    answer: httpx.Response = await bike.send("POST", IMPORTS + TRIPS, body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status_code, code)
    assert (await bike.send("POST", IMPORTS + "?event_type=walk", b"x", headers=CSV)).status_code == 422


async def test_an_import_of_a_sandbox_is_checked_strictly_and_publishes_nothing(
    box: PartnerClient, published: Reader
) -> None:
    good = json.dumps(event("sb-1", partner="box"))
    bad = json.dumps(event("sb-2", partner="box", colour="red"))
    answer = await send(box, f"{good}\n{bad}".encode(), IMPORTS, **NDJSON)
    done = await finished(box, answer.json()["import_id"])
    assert (done["dry_run"], done["progress"]["accepted"], done["progress"]["rejected"]) == (True, 1, 1)
    assert await errors_of(box, done["import_id"]) == [(2, "UNKNOWN_FIELD", "data.colour")]
    assert await published.new_records() == []


async def test_d11_a_small_file_does_not_wait_for_the_large_file_of_another_partner(
    bike: PartnerClient, api: httpx.AsyncClient, settle: Settle
) -> None:
    """30,000 lines are 15 turns. The file of one line needs a single turn."""
    other = PartnerClient(api, "ak-metro")
    large = packed(csv_file(row(f"big-{n}") for n in range(30_000)))
    started = time.monotonic()
    big = (await send(bike, large, **GZIP)).json()["import_id"]

    async def running() -> bool:
        return bool((await bike.get(f"{IMPORTS}/{big}")).json()["progress"]["lines_read"] > 0)

    await settle(running)
    asked = time.monotonic()
    line = row("one").replace("bicycle", "metro")
    done = await imported(other, csv_file([line]))
    waited_s = time.monotonic() - asked
    state = (await bike.get(f"{IMPORTS}/{big}")).json()
    assert done["status"] == "done"
    assert state["status"] == "running", f"too quick to show anything: {time.monotonic() - started:.1f} s"
    print(f"one line behind 30,000 lines of another partner: {waited_s:.2f} s, {state['progress']['percent']} % read")
    assert waited_s < 5
    assert (await finished(bike, big))["progress"]["accepted"] == 30_000
