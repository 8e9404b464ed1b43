"""Faults that users of other systems reported in public, tried here. Each case names its report."""

import asyncio
import json
import secrets
from typing import Any

import pytest

from services.ingest import event_types
from shared import clock
from shared.auth import cp1
from shared.eventlog import EventLogError
from tests.ingest.conftest import RunApp, Settle
from tests.ingest.files import HEADER, IMPORTS, TRIPS, csv_file, errors_of, imported, row
from tests.ingest.samples import BATCH, EVENTS, ONE, PartnerClient, event, receipt, secret_of, status

DRY_RUN = EVENTS + "?dry_run=true"
SHANGHAI = IMPORTS + TRIPS + "&zone=Asia/Shanghai"


async def code_of(partner: PartnerClient, body: bytes, media_type: str = ONE, **headers: str) -> tuple[int, str | None]:
    answer = await partner.post(body, media_type, target=DRY_RUN, headers=headers)
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        # cloudevents/spec#558: the JSON of data as a text.
        ({"data": json.dumps(event("x")["data"])}, (422, "INVALID_TYPE")),
        # cloudevents/spec#933: binary data without a content type.
        ({"data": None, "data_base64": "aGVsbG8gd29ybGQK"}, (422, "DATA_TWICE")),
        # cloudevents/sdk-go#133: any type with the suffix +json is JSON.
        ({"datacontenttype": "application/cloudevents+json"}, (202, None)),
        # cloudevents/sdk-python#300: an SDK writes attribute names that the specification forbids.
        ({"example-extension": "123"}, (202, None)),
        # neuroglia-io/cloud-streams#63: a broker adds attributes, and writes the sequence as a number.
        ({"$traceId": "9ac4", "$spanId": "6e15", "sequencetype": "long", "sequence": 37824}, (202, None)),
        # knative-extensions/eventing-kafka-broker#720: a name of more than twenty characters.
        ({"kafkaheadercontenttype": "application/json"}, (202, None)),
    ],
)
async def test_d2_d3_d4_attributes_of_other_sdks_and_brokers(
    bike: PartnerClient, box: PartnerClient, change: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    for partner, name in ((bike, "bike"), (box, "box")):
        assert await code_of(partner, json.dumps({**event("d3", partner=name), **change}).encode()) == expected


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        # cloudevents/sdk-go#483: data without a usable type was acknowledged with 200 and dropped.
        ("text/plain", (415, "BINARY_MODE_NOT_SUPPORTED")),
        # cloudevents/sdk-javascript#117: binary mode without a content type.
        ("", (415, "BINARY_MODE_NOT_SUPPORTED")),
        # cloudevents/sdk-java#361: a structured format that is not known must not be taken for binary mode.
        ("application/cloudevents+xml", (415, "UNSUPPORTED_MEDIA_TYPE")),
        # cloudevents/sdk-javascript#301: the headers say structured, the body holds only the data.
        (ONE, (422, "MISSING_FIELD")),
    ],
)
async def test_d5_modes_that_receivers_confused(
    bike: PartnerClient, media_type: str, expected: tuple[int, str | None]
) -> None:
    one = event("d5")
    headers = {f"ce-{name}": one[name] for name in ("specversion", "id", "source", "type")}
    assert await code_of(bike, json.dumps(one["data"]).encode(), media_type, **headers) == expected


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [
        # SoftInstigate/restheart#6: of several documents one after the other only the first was stored.
        (b"{},{}", ONE, (400, "MALFORMED_BODY")),
        (b"{}\n{}", ONE, (400, "MALFORMED_BODY")),
        # rax-maas/blueflood#638: a comma after the last item was accepted, one item without it was not.
        (json.dumps([event("one")]).encode(), BATCH, (202, None)),
        (json.dumps([event("one")]).encode()[:-1] + b",]", BATCH, (400, "MALFORMED_BODY")),
        # MTES-MCT/qualicharge#127 and ZJONSSON/node-etl#66: a batch of one, and one item in place of a batch.
        (json.dumps(event("one")).encode(), BATCH, (400, "BATCH_EXPECTED")),
    ],
)
async def test_d18_bodies_that_bulk_interfaces_confused(
    bike: PartnerClient, body: bytes, media_type: str, expected: tuple[int, str | None]
) -> None:
    assert await code_of(bike, body, media_type) == expected


async def test_d1_every_event_that_is_not_kept_is_a_4xx(bike: PartnerClient, metro: PartnerClient) -> None:
    """frain-dev/convoy#1931 and kubearchive/kubearchive#779: the sender read success of what was discarded.

    cloudevents/sdk-javascript#46: of a batch each item has its own result, and the others are kept.
    """
    not_allowed = event("not-theirs", partner="metro")
    answer = await metro.post(json.dumps(not_allowed).encode(), ONE)
    assert (answer.status_code, answer.json()["code"]) == (422, "EVENT_TYPE_NOT_ALLOWED")
    batch = await metro.push(not_allowed, event("theirs", event_types.TRANSIT, partner="metro"))
    assert [one.get("code") for one in batch["results"]] == ["EVENT_TYPE_NOT_ALLOWED", None]


@pytest.mark.parametrize(
    "twice",
    [
        '"qty": 1, "qty": -1',  # serde-rs/json#762
        '"roles": ["_admin"], "roles": []',  # AdaCore/gnatcoll-core#3: how CouchDB made an administrator
        '"user_id": "fred", "user_id": "fake"',  # OWASP/ASVS#1538
        '"a": 1, "a": 2',  # tidwall/gjson#393: two ways of one library differ
    ],
)
async def test_b16_keys_twice_that_opened_other_systems(bike: PartnerClient, twice: str) -> None:
    for where in ('"specversion"', '"distance"', '"account_ref"', '"type": "account_no"'):
        text = json.dumps(event("b16")).replace(where, f"{twice}, {where}", 1)
        assert await code_of(bike, text.encode()) == (422, "DUPLICATE_KEY")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "event_id",
    [
        "a/b/c",  # javalin/javalin#1887
        "io.github.owner/repo",  # smart-mcp-proxy/mcpproxy-go#624
        "urn:org:example:service/item-ABC123",  # microcks/microcks#2291
        "ends-with/",  # hawkular/hawkular-agent#37
    ],
)
async def test_b14_ids_that_other_systems_could_not_find_again(
    bike: PartnerClient, settle: Settle, event_id: str
) -> None:
    await bike.push(event(event_id))

    async def found() -> bool:
        answer = await bike.send("GET", EVENTS + "?id=" + event_id.replace("/", "%2F"))
        return answer.status_code == 200 and (await status(bike, event_id)).status_code == 200

    await settle(found)


async def test_b15_an_unknown_receipt_is_not_pending_for_ever(bike: PartnerClient) -> None:
    """celery/celery#4450, tastyware/streaq#50: an unknown id reads like one that waits."""
    issued = (await bike.push(event("b15")))["receipt_id"]
    assert (await receipt(bike, issued))["receipt_id"] == issued
    unknown = issued[:-1] + ("0" if issued[-1] != "0" else "1")
    answer = await bike.get(f"/api/v1/ingest/receipts/{unknown}")
    assert (answer.status_code, answer.json()["code"]) == (404, "RECEIPT_NOT_FOUND")


async def test_d16_the_same_bytes_may_come_again_after_a_503(
    bike: PartnerClient, run_app: RunApp, seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """publishlab/node-acme-client#103: a client repeats a 429 or 503 with the same nonce and is refused for it.

    ably/docs#286: the first request succeeded after its sender had given up, and the second is "replayed".
    """
    body = json.dumps([event("again-503")]).encode()
    fixed: dict[str, Any] = {"nonce": "a" * 32, "timestamp": int(clock.now().timestamp())}
    async with run_app(seeded) as client:
        partner = PartnerClient(client, "ak-bike")
        transport: Any = client._transport
        log = transport.app.state.resources.log
        publish = log.publish

        async def away(*_: Any) -> None:
            raise EventLogError("away")

        monkeypatch.setattr(log, "publish", away)
        assert (await partner.post(body, **fixed)).status_code == 503
        begun = asyncio.Event()
        go_on = asyncio.Event()

        async def slow(*arguments: Any) -> None:
            begun.set()
            await go_on.wait()
            await publish(*arguments)

        monkeypatch.setattr(log, "publish", slow)
        first = asyncio.create_task(partner.post(body, **fixed))
        await begun.wait()
        during = await partner.post(body, **fixed)
        go_on.set()
        answer = await first
        after = await partner.post(body, **fixed)
    assert (answer.status_code, during.status_code, after.status_code) == (202, 409, 409)
    assert during.json()["receipt_id"] == after.json()["receipt_id"] == answer.json()["receipt_id"]


@pytest.mark.parametrize(
    ("time", "accepted"),
    [
        (1_546_336_800, False),  # TOMP-WG/TOMP-API#186: the document says milliseconds, its example has seconds
        (1_546_336_800_000, True),
        (100_000_000_000, False),  # martijnarts/unix.click#4 and superplanehq/superplane#6042: between the two
        (2_147_483_647_000, True),  # the second after which 32 bits are not enough
    ],
)
async def test_d8_numbers_that_others_took_for_another_unit(bike: PartnerClient, time: int, accepted: bool) -> None:
    one = event("unit", start_time=time, end_time=2_147_483_648_000)
    assert await code_of(bike, json.dumps(one).encode()) == ((202, None) if accepted else (422, "INVALID_TIME"))


@pytest.fixture
async def importer(bike: PartnerClient, worker: Any) -> PartnerClient:
    return bike


@pytest.mark.parametrize(
    "name",
    [
        "3.91E+16",  # desihub/prospect#88: three different ids became one
        "1.5900181062945699E+17",  # leftshifters/excel-parser#44
        "123.0",  # the same report
        "9.91214E+15",  # pulibrary/orangelight#2695
    ],
)
async def test_d9_ids_that_spreadsheets_merged(importer: PartnerClient, name: str) -> None:
    done = await imported(importer, csv_file([row(name), row(name, distance=900), row("kept")]))
    assert (done["progress"]["accepted"], done["progress"]["rejected"]) == (1, 2)


async def test_d9_gbk_files_of_other_reports(importer: PartnerClient) -> None:
    """rap2hpoutre/fast-excel#56 (the bytes of 商品名称), vesoft-inc/nebula-importer#199, liaochong/myexcel#118."""
    body = csv_file([row("gbk")]).replace(b",gbk,bicycle", b",\xc9\xcc\xc6\xb7\xc3\xfb\xb3\xc6,bicycle")
    done = await imported(importer, body)
    assert (done["failure"]["code"], done["progress"]["accepted"]) == ("NOT_UTF8", 0)
    assert "charset=gb18030" in done["failure"]["message"]
    again = await imported(importer, body, IMPORTS + TRIPS + "&charset=gbk")
    assert again["progress"]["accepted"] == 1


async def test_d10_rows_without_content_of_other_reports(importer: PartnerClient) -> None:
    """firefly-iii#691 (before and after the header), flatten-tool#186 (a space), data-publisher#84 (columns).

    AzureStorageExplorer#3136 counted 1,247 of them, islandora_workbench#440 saw the same column name many times.
    """
    commas = "," * HEADER.count(",")
    lines = [commas, HEADER + ",,,", commas, row("r-1") + ",,,", " ," + commas[1:], *[commas + ",,,"] * 1_247]
    done = await imported(importer, "\n".join(lines).encode())
    assert (done["status"], done["progress"]["accepted"], done["progress"]["rejected"]) == ("done", 1, 0)


async def test_d10_a_row_that_lost_its_last_cells_is_told(importer: PartnerClient) -> None:
    """ddeboer/data-import#33: a program leaves out trailing empty cells. Here a shorter row may be a cut one."""
    done = await imported(importer, csv_file([row("short").removesuffix(",420100")]))
    assert await errors_of(importer, done["import_id"]) == [(2, "COLUMN_COUNT", None)]


async def test_d10_local_times_are_not_taken_for_utc(importer: PartnerClient) -> None:
    """rotki/rotki#12143, TNT-Likely/BeeCount-Cloud#39: eight hours late. FlexMeasures#507: clock changes."""
    naive = row("naive").replace("2026-11-23T08:10:00+08:00", "2026-11-23 08:10:00")
    done = await imported(importer, csv_file([naive]))
    assert await errors_of(importer, done["import_id"]) == [(2, "INVALID_TIME", "data.start_time")]
    assert (await imported(importer, csv_file([naive]), SHANGHAI))["progress"]["accepted"] == 1
    short = row("short").replace("2026-11-23T08:10:00+08:00", "2026-11-23 8:10:00+00")  # django-import-export#1165
    done = await imported(importer, csv_file([short]), SHANGHAI)
    assert await errors_of(importer, done["import_id"]) == [(2, "INVALID_TIME", "data.start_time")]


async def test_c16_schemes_that_other_systems_refused(bike: PartnerClient) -> None:
    """hyperium/headers#141 and divviup/janus#3107: case. ruvnet/RuView#929: more than one space."""
    body = json.dumps([event("c16")]).encode()
    for change in (
        lambda header: header.replace("CP1-HMAC-SHA256 ", "cp1-hmac-sha256   "),
        lambda header: header.replace("CP1-HMAC-SHA256 ", "CP1-hmac-SHA256 "),
        lambda header: header.replace('",', '" , '),
    ):
        answer = await bike.post(body, target=DRY_RUN, headers=await _changed(bike, body, change))
        assert answer.status_code == 202, answer.text


async def _changed(bike: PartnerClient, body: bytes, change: Any) -> dict[str, str]:
    header = cp1.authorization(
        app_key=bike.app_key, secret=secret_of(bike.app_key), method="POST", target=DRY_RUN,
        timestamp=int(clock.now().timestamp()), nonce=secrets.token_hex(16), body=body,
    )  # fmt: skip
    return {"Authorization": change(header)}
