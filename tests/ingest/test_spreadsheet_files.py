"""Files as spreadsheets and data frames export them: rewritten numbers, encodings, naive times, empty rows."""

import gzip
import json
from typing import Any

import pytest

from services.ingest.imports.domain import BLOCK_LINES
from services.ingest.imports.text import EncodingCheck
from tests.ingest.conftest import Reader, Settle
from tests.ingest.files import (
    HEADER,
    IMPORTS,
    NDJSON,
    TRIPS,
    announce,
    csv_file,
    errors_of,
    finished,
    imported,
    row,
    send,
    upload_in_parts,
)  # fmt: skip
from tests.ingest.samples import PartnerClient, event, reports, status

pytestmark = pytest.mark.usefixtures("worker")

GBK, UTF8 = "&charset=gb18030", "&charset=utf-8"
SHANGHAI = "&zone=Asia/Shanghai"


async def published_reports(published: Reader, count: int, settle: Settle) -> list[Any]:
    found: list[Any] = []

    async def enough() -> bool:
        found.extend(await published.new_records())
        return len(found) >= count

    await settle(enough)
    return reports(found)


async def refused(bike: PartnerClient, body: bytes, more: str = "", **headers: str) -> str:
    """The code of a file that is refused as a whole."""
    done = await imported(bike, body, IMPORTS + TRIPS + more, **headers)
    assert done["status"] == "failed", done
    assert (done["progress"]["accepted"], done["progress"]["lines_read"]) == (0, 0)
    assert "没有任何一行生效" in done["failure"]["message"]
    return str(done["failure"]["code"])


# --- D9: numbers that a program rewrote -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mangled",
    ["1.23457E+17", "1.23457e+17", "1E+17", "1.23456789012346E+17", "-1.5E-05", "1001234.0", "123.0", '"4,687E+11"',
     '"=""0012"""', "#N/A", "#NAME?", "########"],
)  # fmt: skip
async def test_d9_a_number_that_a_program_rewrote_is_refused_by_its_line(bike: PartnerClient, mangled: str) -> None:
    trip = row("fine-2").replace(",fine-2,", f",{mangled},")
    whole = row("name").replace("name,", f"{mangled},", 1)
    done = await imported(bike, csv_file([row("fine"), whole, trip, row("x", account=mangled)]))
    assert (done["status"], done["progress"]["accepted"]) == ("done", 1)
    assert await errors_of(bike, done["import_id"]) == [
        (3, "MANGLED_NUMBER", "id"),
        (4, "MANGLED_NUMBER", "data.trip_id"),
        (5, "MANGLED_NUMBER", "data.account_ref.value"),
    ]
    page = (await bike.get(f"{IMPORTS}/{done['import_id']}/errors")).json()
    assert "请把该列设为“文本”" in page["items"][0]["message"]


@pytest.mark.parametrize("name", ["20261123-000001", "1E5", "E17", "12.5", "1.00", "abc1E+17", "1-2", "0012", "v1.0"])
async def test_d9_ordinary_names_are_accepted(bike: PartnerClient, name: str) -> None:
    assert (await imported(bike, csv_file([row(name)])))["progress"]["accepted"] == 1


# --- D9: one encoding for a whole file --------------------------------------------------------------------------------


def named(name: str, cat: str) -> str:
    return row(name).replace(f",{name},bicycle", f",{cat},bicycle")


async def test_d9_a_gbk_file_with_an_ascii_header_is_refused_before_any_line_takes_effect(
    bike: PartnerClient, published: Reader
) -> None:
    many = [row(f"ascii-{n}") for n in range(3 * BLOCK_LINES)]
    body = csv_file(many) + (named("last", "武汉订单") + "\n").encode("gbk")
    assert await refused(bike, body) == "NOT_UTF8"
    assert await published.new_records() == []
    assert (await status(bike, "ascii-0")).status_code == 404


async def test_d9_gbk_bytes_that_could_be_utf_8_are_not_guessed(bike: PartnerClient, published: Reader) -> None:
    body = csv_file([row("plain")]) + (named("cat", "猫") + "\n").encode("gbk")
    assert "è" in body.decode()
    assert await refused(bike, body) == "ENCODING_UNCLEAR"
    assert await published.new_records() == []


@pytest.mark.parametrize("charset", ["gb18030", "GBK", "gb2312"])
async def test_d9_a_file_in_the_stated_charset_is_read_as_it_was_written(
    bike: PartnerClient, published: Reader, settle: Settle, charset: str
) -> None:
    lines = [named("gb-1", "猫"), named("gb-2", "武汉，订单一"), row("gb-3")]
    body = csv_file(lines).decode().encode("gbk")
    done = await imported(bike, body, IMPORTS + TRIPS + f"&charset={charset}")
    assert (done["status"], done["charset"], done["progress"]["accepted"]) == ("done", "gb18030", 3)
    await imported(bike, csv_file(lines), IMPORTS + TRIPS + UTF8)
    found = await published_reports(published, 6, settle)
    assert len({(one.event_id, one.fingerprint) for one in found}) == 3  # the same three in both encodings


async def test_d9_the_charset_may_stand_in_the_content_type(bike: PartnerClient) -> None:
    body = csv_file([named("ct-1", "猫猫狗")]).decode().encode("gbk")
    done = await imported(bike, body, **{"Content-Type": "text/csv; Charset=GBK"})
    assert (done["status"], done["charset"]) == ("done", "gb18030")
    latin = await imported(bike, csv_file([row("ct-2")]), **{"Content-Type": "text/csv; charset=ISO-8859-1"})
    assert (latin["status"], latin["charset"]) == ("done", None)  # a library's default, over ASCII


async def test_d9_a_stated_charset_that_the_file_is_not_in_refuses_it(bike: PartnerClient) -> None:
    chinese = csv_file([named("w-1", "武汉订单")])
    assert await refused(bike, chinese, GBK) == "NOT_IN_CHARSET"  # readable as GB18030, as 姝︽眽…
    assert await refused(bike, chinese.decode().encode("gbk"), UTF8) == "NOT_UTF8"
    assert await refused(bike, chinese.decode().encode("utf-16"), GBK) == "NOT_IN_CHARSET"
    assert await refused(bike, chinese.decode().encode("utf-16")) == "NOT_UTF8"


async def test_d9_other_scripts_are_accepted_as_utf_8(bike: PartnerClient) -> None:
    for name, text in enumerate(("武汉 café", "😀", "café 武", "ночь 夜")):
        assert (await imported(bike, csv_file([named(f"s-{name}", text)])))["progress"]["accepted"] == 1
    assert (await imported(bike, csv_file([named("s-9", "café")]), IMPORTS + TRIPS + UTF8))["status"] == "done"


async def test_d9_an_unknown_charset_is_refused_at_once(bike: PartnerClient) -> None:
    answer = await send(bike, csv_file([row("u")]), IMPORTS + TRIPS + "&charset=latin-1")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "UNKNOWN_CHARSET")
    assert "gb18030" in answer.json()["errors"][0]["message"]


async def test_d9_nothing_is_posted_from_a_file_that_is_damaged_near_its_end(
    bike: PartnerClient, published: Reader
) -> None:
    packed = gzip.compress(csv_file([row(f"cut-{n}") for n in range(4 * BLOCK_LINES)]), mtime=0)
    done = await imported(bike, packed[:-20], IMPORTS + TRIPS, **{"Content-Encoding": "gzip"})
    assert (done["status"], done["failure"]["code"], done["progress"]["accepted"]) == ("failed", "BAD_GZIP", 0)
    assert await published.new_records() == []


async def test_d9_json_lines_in_gb18030_are_read(bike: PartnerClient, published: Reader, settle: Settle) -> None:
    body = json.dumps(event("gb-json", trip_id="订单猫"), ensure_ascii=False).encode("gb18030") + b"\n"
    assert await refused(bike, body, **NDJSON) == "NOT_UTF8"
    done = await imported(bike, body, IMPORTS + TRIPS + GBK, **NDJSON)
    assert done["progress"]["accepted"] == 1
    await bike.push(event("gb-json", trip_id="订单猫"))
    first, second = await published_reports(published, 2, settle)
    assert first.fingerprint == second.fingerprint


async def test_d9_an_announced_file_states_its_form_in_json(bike: PartnerClient) -> None:
    body = csv_file([named("an-1", "猫猫").replace("2026-11-23T08:10:00+08:00", "2026/11/23 8:10")])
    form = {"charset": "gbk", "zone": "Asia/Shanghai", "event_type": "trip.completed"}
    import_id = await upload_in_parts(bike, body.decode().encode("gbk"), form)
    shown = await finished(bike, import_id)
    assert shown["status"] == "done"
    assert (shown["charset"], shown["zone"]) == ("gb18030", "Asia/Shanghai")
    twice = b'{"format": "csv", "format": "ndjson", "size_bytes": 1, "sha256": "' + b"0" * 64 + b'"}'
    answer = await bike.send("POST", IMPORTS, twice, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "DUPLICATE_KEY")
    answer = await announce(bike, {"format": "csv", "size_bytes": 1, "sha256": "0" * 64, "zone": "Mars/Olympus"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "UNKNOWN_ZONE")


def test_d9_the_encoding_is_decided_by_all_pieces_of_a_file() -> None:
    check = EncodingCheck(None)
    check.add(["猫".encode("gbk")])
    check.add(["武汉".encode()])  # UTF-8 further down makes the whole file clear
    check.finish()


# --- D10: times without an offset, empty rows and columns -------------------------------------------------------------


def at(name: str, start: str, end: str) -> str:
    return f"{name},account_no,WH0000000017,{name},bicycle,{start},{end},2360,420100"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026/11/23 8:05", "2026/11/23 8:25"),
        ("2026-11-23 08:05:00", "2026-11-23 08:25:00"),
        ("2026-11-23T08:05", "2026-11-23T08:25:00.000"),
        ("2026年11月23日 8:05", "2026年11月23日 8:25"),
        ("2026-11-23T08:05:00+08:00", "2026-11-23T00:25:00Z"),  # an offset in the cell wins
        ("1795392300000", "1795393500000"),
    ],
)
async def test_d10_times_without_an_offset_are_read_in_the_stated_zone(
    bike: PartnerClient, published: Reader, settle: Settle, start: str, end: str
) -> None:
    done = await imported(bike, csv_file([at("zone", start, end)]), IMPORTS + TRIPS + SHANGHAI)
    assert (done["progress"]["accepted"], done["zone"]) == (1, "Asia/Shanghai"), done
    report = next(one for one in await published_reports(published, 1, settle) if one.event_id == "zone")
    assert (report.act.started_at.isoformat(), report.act.ended_at.isoformat()) == (
        "2026-11-23T00:05:00+00:00",
        "2026-11-23T00:25:00+00:00",
    )


async def test_d10_without_a_zone_such_times_are_refused_with_the_remedy(bike: PartnerClient) -> None:
    done = await imported(bike, csv_file([at("nozone", "2026/11/23 8:05", "2026/11/23 8:25")]))
    page = (await bike.get(f"{IMPORTS}/{done['import_id']}/errors")).json()
    assert [one["code"] for one in page["items"]] == ["INVALID_TIME"]
    assert "zone=Asia/Shanghai" in page["items"][0]["message"]


@pytest.mark.parametrize("time", ["2026/13/01 8:05", "2026/11/31 8:05", "2026/11/23", "2026/11/23 24:00", "8:05"])
async def test_d10_what_is_no_time_stays_refused(bike: PartnerClient, time: str) -> None:
    done = await imported(bike, csv_file([at("notime", time, "2026/11/23 8:25")]), IMPORTS + TRIPS + SHANGHAI)
    assert await errors_of(bike, done["import_id"]) == [(2, "INVALID_TIME", "data.start_time")]


@pytest.mark.parametrize("time", ["2026-03-08 02:30", "2026-11-01 01:30"])
async def test_d10_a_time_that_the_zone_skips_or_has_twice_is_refused(bike: PartnerClient, time: str) -> None:
    target = IMPORTS + TRIPS + "&zone=America/New_York"
    done = await imported(bike, csv_file([at("dst", time, "2026-11-23 08:25")]), target)
    assert await errors_of(bike, done["import_id"]) == [(2, "INVALID_TIME", "data.start_time")]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "UTC%2B8", "", "Asia/", "+08:00"])
async def test_d10_an_unknown_zone_is_refused_at_once(bike: PartnerClient, zone: str) -> None:
    answer = await send(bike, csv_file([row("z")]), IMPORTS + TRIPS + f"&zone={zone}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "UNKNOWN_ZONE")


async def test_d10_a_zone_is_for_csv_files_only(bike: PartnerClient) -> None:
    answer = await send(bike, b"{}\n", IMPORTS + TRIPS + SHANGHAI, **NDJSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "CSV_ONLY")


async def test_d10_empty_rows_and_columns_are_skipped(bike: PartnerClient) -> None:
    empty = "," * HEADER.count(",")
    lines = [",,,", "", HEADER + ",,", row("e-1") + ",,", empty + ",,", " , ," + empty, row("e-2") + ",,,,", empty]
    done = await imported(bike, "\r\n".join([*lines, ""]).encode())
    assert (done["status"], done["progress"]["accepted"], done["progress"]["rejected"]) == ("done", 2, 0), done


async def test_d10_an_empty_column_between_others_and_a_stray_value(bike: PartnerClient) -> None:
    header = HEADER.replace("trip_id,", "trip_id,,")
    good, stray = (row(name).replace(f",{name},bicycle", f",{name},{cell},bicycle") for name, cell in
                   (("g-1", ""), ("g-2", "note")))  # fmt: skip
    done = await imported(bike, csv_file([good, stray, row("g-3")], header=header))
    assert done["progress"]["accepted"] == 1
    assert await errors_of(bike, done["import_id"]) == [
        (3, "VALUE_WITHOUT_COLUMN", None),
        (4, "COLUMN_COUNT", None),
    ]


async def test_d10_the_hint_about_the_separator_is_skipped(bike: PartnerClient) -> None:
    done = await imported(bike, b"sep=,\r\n" + csv_file([row("sep")]))
    assert (done["status"], done["progress"]["accepted"]) == ("done", 1)


@pytest.mark.parametrize("separator", [";", "\t"])
async def test_d10_another_separator_is_told(bike: PartnerClient, separator: str) -> None:
    assert await refused(bike, csv_file([row("s")]).replace(b",", separator.encode())) == "WRONG_SEPARATOR"


async def test_d10_a_file_of_empty_rows_is_empty(bike: PartnerClient) -> None:
    done = await imported(bike, b",,,\n,,,\n")
    assert (done["status"], done["failure"]["code"]) == ("failed", "EMPTY_FILE")
