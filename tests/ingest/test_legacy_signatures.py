"""Legacy signatures: the platforms' own vectors, and the rules that hold for every form, over HTTP."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import ValidationError

from services.ingest.partners.legacy import PRESETS, LegacyRule, string_to_sign
from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared import clock
from shared.auth import cp1
from shared.auth.signers import signer_of
from tests.ingest.conftest import Reader, Settle
from tests.ingest.samples import EVENTS, PartnerClient, event, secret_of, seed_partner
from tests.ingest.signing import pair

FORM = "application/x-www-form-urlencoded"
ALIPAY = pair(cp1.RSA_SHA256, "alipay")


def test_the_published_vector_of_meituan_is_reproduced() -> None:
    fields = {
        "appkey": "test",
        "timestamp": "1477395862",
        "version": "1.0",
        "number": "123",
        "string": "测试",
        "double": "123.123",
        "boolean": "true",
        "empty": "",
        "sign": "x",
    }
    text = string_to_sign(PRESETS["LEGACY-MEITUAN-DELIVERY"], fields, b"", "test")
    assert text.decode() == ("testappkeytestbooleantruedouble123.123number123string测试timestamp1477395862version1.0")
    assert hashlib.sha1(text).hexdigest() == "8943ba698f4b009f80dc2fd69ff9b313381263bd"


def test_other_rules_build_the_expected_strings() -> None:
    fields = {"app_id": "a1", "sign_type": "RSA2", "b": "2", "a": "1 &=", "none": "", "sign": "x"}
    shown = {
        "LEGACY-ALIPAY-RSA2": b"a=1 &=&app_id=a1&b=2&sign_type=RSA2",
        "LEGACY-ALIPAY-RSA2-NOTIFY": b"a=1 &=&app_id=a1&b=2",
        "LEGACY-MEITUAN-RIDE": b"a1 &=app_ida1b2sign_keyS3sign_typeRSA2",
        "LEGACY-SORTED-SHA1-BODY": b"a=1 &=&app_id=a1&b=2&sign_type=RSA2&body=[]&secret=S3",
        "LEGACY-SORTED-MD5-UPPER": b"a=1 &=&app_id=a1&b=2&secretKey=S3&sign_type=RSA2",
        "LEGACY-SORTED-HMAC-SHA256-BODY": b"a=1 &=&app_id=a1&b=2&sign_type=RSA2&body=[]",
    }
    assert {name: string_to_sign(PRESETS[name], fields, b"[]", "S3") for name in shown} == shown


@pytest.mark.parametrize(
    "changes",
    [
        {"payload_field": None},
        {"body_text": "&body="},
        {"secret": "parameter"},
        {"secret": "outside"},
        {"digest": "hmac-sha256"},
        {"unsigned_fields": ["events"]},
        {"digest": "crc32"},
    ],
)
def test_inconsistent_or_insecure_rules_are_refused(changes: dict[str, Any]) -> None:
    whole = PRESETS["LEGACY-MEITUAN-DELIVERY"].model_dump() | changes
    with pytest.raises(ValidationError):
        LegacyRule.model_validate(whole)


@pytest.fixture(scope="module")
async def legacy(seeded: Settings, api: httpx.AsyncClient, settle: Settle) -> httpx.AsyncClient:
    def key(algorithm: str, name: str, **held: Any) -> dict[str, Any]:
        return {"app_key": name, "algorithm": algorithm, **(held or {"secret": secret_of(name)})}

    partners = [
        seed_partner("meituan", keys=[key("LEGACY-MEITUAN-RIDE", "mt-channel")]),
        seed_partner("alipay", keys=[key("LEGACY-ALIPAY-RSA2", "ali-app", public_key=ALIPAY.registered)]),
        seed_partner("courier", keys=[key("LEGACY-SORTED-SHA1-BODY", "courier-key")]),
    ]
    await seed(seeded, json.dumps(partners).encode())

    async def known() -> bool:
        return (await send(api, meituan())).status_code == 202

    await settle(known)
    return api


def meituan(**changes: str) -> dict[str, str]:
    events = json.dumps([event(secrets.token_hex(8), partner="meituan")])
    at_ms = str(int(clock.now().timestamp() * 1000))
    fields = {"channel": "mt-channel", "timestamp": at_ms, "events": events} | changes
    joined = "".join(k + v for k, v in sorted({**fields, "sign_key": secret_of("mt-channel")}.items()))
    return {**fields, "sign": hashlib.sha1(joined.encode()).hexdigest()}


async def send(http: httpx.AsyncClient, fields: Mapping[str, str]) -> httpx.Response:
    return await http.post(EVENTS, content=urlencode(fields), headers={"Content-Type": FORM})


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_request_signed_like_meituan_is_accepted(legacy: httpx.AsyncClient, published: Reader) -> None:
    fields = meituan()
    answer = await send(legacy, fields)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert refused(await send(legacy, fields)) == (409, "SIGNATURE_REPLAYED")
    assert len(await published.new_records()) == 1
    changed = fields | {"events": fields["events"].replace("2360", "2361")}
    assert refused(await send(legacy, changed)) == (401, "SIGNATURE_INVALID")
    late = meituan(timestamp=str(int((clock.now().timestamp() - 400) * 1000)))
    assert refused(await send(legacy, late)) == (401, "TIMESTAMP_OUT_OF_WINDOW")
    for wrong in ({"sign": fields["sign"].upper()}, {"timestamp": fields["timestamp"][:10]}, {"sign": ""}):
        assert refused(await send(legacy, fields | wrong)) == (401, "SIGNATURE_MALFORMED")
    assert refused(await send(legacy, fields | {"channel": "courier-key"})) == (401, "SIGNATURE_MISSING")
    assert await published.new_records() == []


async def test_a_body_outside_the_signed_fields_is_refused(legacy: httpx.AsyncClient) -> None:
    fields = meituan()
    unsigned = json.dumps([event("smuggled", partner="meituan")])
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    answer = await legacy.post(f"{EVENTS}?{urlencode(fields)}", content=unsigned, headers=headers)
    assert refused(answer) == (401, "SIGNATURE_MALFORMED")
    twice = await legacy.post(f"{EVENTS}?channel=mt-channel", content=urlencode(fields), headers={"Content-Type": FORM})
    assert refused(twice) == (401, "SIGNATURE_MISSING")


async def test_a_request_signed_like_alipay_is_accepted(legacy: httpx.AsyncClient, published: Reader) -> None:
    written = clock.now().astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")
    fields = {
        "app_id": "ali-app",
        "method": "carbon.events.push",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": written,
        "version": "1.0",
        "biz_content": json.dumps(event("ali-1", partner="alipay"), ensure_ascii=False),
    }
    joined = "&".join(f"{k}={v}" for k, v in sorted(fields.items()))
    sign = base64.b64encode(signer_of(cp1.RSA_SHA256, ALIPAY.private)(joined.encode())).decode()
    answer = await send(legacy, {**fields, "sign": sign})
    assert answer.status_code == 202, answer.text
    assert len(await published.new_records()) == 1
    assert refused(await send(legacy, {**fields, "charset": "gbk", "sign": sign})) == (401, "SIGNATURE_INVALID")


async def test_a_rule_with_sorted_parameters_and_raw_body_is_accepted(
    legacy: httpx.AsyncClient, published: Reader
) -> None:
    body = json.dumps([event("c-1", partner="courier")])
    fields = {"appkey": "courier-key", "nonce": secrets.token_hex(8), "timestamp": str(int(clock.now().timestamp()))}
    joined = "&".join(f"{k}={v}" for k, v in sorted(fields.items())) + f"&body={body}&secret={secret_of('courier-key')}"
    target = f"{EVENTS}?{urlencode({**fields, 'sign': hashlib.sha1(joined.encode()).hexdigest()})}"
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    tampered = await legacy.post(target, content=body + " ", headers=headers)
    assert refused(tampered) == (401, "SIGNATURE_INVALID")
    assert (await legacy.post(target, content=body, headers=headers)).status_code == 202
    assert refused(await legacy.post(target, content=body, headers=headers)) == (409, "SIGNATURE_REPLAYED")
    assert len(await published.new_records()) == 1


async def test_a_legacy_key_cannot_sign_with_cp1(legacy: httpx.AsyncClient) -> None:
    answer = await PartnerClient(legacy, "mt-channel").post(b"[]")
    assert refused(answer) == (401, "SIGNATURE_ALGORITHM_MISMATCH")
