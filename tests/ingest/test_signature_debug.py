"""The signature debugger names the mistake and reveals no secret."""

import base64
import json
import secrets
from typing import Any

import httpx
import pytest

from services.ingest.debugging import domain, wording
from services.ingest.settings import Settings
from shared import clock
from shared.auth import cp1
from tests.ingest.conftest import RunApp
from tests.ingest.samples import EVENTS, event, secret_of

DEBUG = "/api/v1/ingest/signature-debug"
TARGET = EVENTS + "?dry_run=true&x=%E6%AD%A6"
BODY = json.dumps([event("d-1", partner="box")])
SECRET = secret_of("ak-box").encode()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.limits.service.DEBUGGING_BURST", 1_000)


def fields(**changes: str) -> dict[str, str]:
    at = str(int(clock.now().timestamp()))
    return {"app_key": "ak-box", "timestamp": at, "nonce": secrets.token_hex(16)} | changes


def header(of: dict[str, str], signature: str, algorithm: str = cp1.HMAC_SHA256) -> str:
    return f"{algorithm} " + ",".join(f'{k}="{v}"' for k, v in {**of, "signature": signature}.items())


def sign(message: bytes) -> str:
    return base64.b64encode(cp1.hmac_sha256(SECRET, message)).decode()


def attempt(of: dict[str, str]) -> domain.Attempt:
    return domain.Attempt("POST", TARGET, BODY.encode(), cp1.HMAC_SHA256, of)


async def ask(api: httpx.AsyncClient, authorization: str, expect: int = 200, **more: Any) -> Any:
    request = {"method": "POST", "target": TARGET, "body": BODY, "authorization": authorization, **more}
    answer = await api.post(DEBUG, json=request, headers={"Accept-Language": more.pop("language", "zh")})
    assert answer.status_code == expect, answer.text
    return answer.json()


def codes(report: Any) -> list[str]:
    return [cause["code"] for cause in report["causes"]]


async def test_a_valid_signature_is_reported_as_valid(api: httpx.AsyncClient) -> None:
    of = fields()
    report = await ask(api, header(of, sign(attempt(of).message())))
    assert (report["valid"], report["causes"], report["first_difference"]) == (True, [], None)
    assert report["string_to_sign"] == attempt(of).message().decode()


async def test_every_usual_mistake_is_found_from_the_signature_alone(api: httpx.AsyncClient) -> None:
    of = fields()
    mistakes = dict(domain.usual_mistakes(attempt(of)))
    assert len(mistakes) == 8
    for code, message in mistakes.items():
        report = await ask(api, header(of, sign(message)))
        assert (report["valid"], codes(report)) == (False, [code])
        assert report["causes"][0]["message"] == wording.sentence_of(code, "zh")
        answer = await ask(api, header(of, sign(message)), string_to_sign=message.decode())
        assert codes(answer) == [code]
        assert answer["first_difference"] is not None


async def test_each_mistake_in_the_header_is_found(api: httpx.AsyncClient) -> None:
    of = fields()
    right = cp1.hmac_sha256(SECRET, attempt(of).message())
    url_safe = base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode()
    at_ms = fields(timestamp=of["timestamp"] + "123")
    for authorization, code in (
        (header(of, right.hex()), "SIGNATURE_IN_HEX"),
        (header(of, url_safe), "SIGNATURE_URL_SAFE"),
        (header(of, "%%%"), "SIGNATURE_NOT_BASE64"),
        (header(of, sign(attempt(of).message()), "CP1-ED25519"), "OTHER_ALGORITHM"),
        (header(at_ms, sign(attempt(at_ms).message())), "TIMESTAMP_IN_MILLISECONDS"),
        (header(fields(timestamp="1700000000"), "AAAA"), "TIMESTAMP_OUT_OF_WINDOW"),
        (header(fields(timestamp="soon"), "AAAA"), "TIMESTAMP_NOT_SECONDS"),
        (header(fields(nonce="short"), "AAAA"), "NONCE_FORM"),
        ('CP1-HMAC-SHA256 app_key="ak-box"', "FIELD_MISSING"),
    ):
        report = await ask(api, authorization)
        assert code in codes(report)
        assert not report["valid"]


async def test_the_first_difference_between_the_strings_is_shown(api: httpx.AsyncClient) -> None:
    of = fields()
    yours = attempt(of).message().replace(b"2360", b"2361")
    report = await ask(api, header(of, sign(yours)), string_to_sign=yours.decode())
    found = report["first_difference"]
    assert (found["line"], found["ours"][0], found["yours"][0]) == ("body", "0", "1")
    assert found["offset_bytes"] == attempt(of).message().index(b"2360") + 3
    same = await ask(api, header(of, "AAAA"), string_to_sign=attempt(of).message().decode())
    assert codes(same) == ["KEY_OR_SIGNING"]
    assert codes(await ask(api, header(of, "AAAA"))) == ["UNKNOWN"]


async def test_the_debugger_reveals_no_secret_and_no_valid_signature(api: httpx.AsyncClient) -> None:
    of = fields()
    report = json.dumps(await ask(api, header(of, "AAAA")))
    assert sign(attempt(of).message()) not in report
    assert SECRET.decode() not in report
    live = await ask(api, header(fields(app_key="ak-bike"), "AAAA"), expect=403)
    assert live["code"] == "SANDBOX_KEYS_ONLY"
    assert (await ask(api, header(fields(app_key="nobody"), "AAAA"), expect=401))["code"] == "UNKNOWN_APP_KEY"
    await ask(api, "nonsense", expect=401)


async def test_requests_to_the_debugger_are_limited(
    seeded: Settings, run_app: RunApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.limits.service.DEBUGGING_BURST", 1)
    async with run_app(seeded) as client:
        statuses = [
            (
                await client.post(
                    DEBUG, json={"method": "POST", "target": "/x", "authorization": header(fields(), "AAAA")}
                )
            )
            for _ in range(6)
        ]
        assert statuses[0].status_code == 200
        assert "REQUEST_RATE_EXCEEDED" in {one.json().get("code") for one in statuses}


@pytest.mark.parametrize(
    "wrong",
    [{"body_base64": "e30="}, {"body": None, "body_base64": "%"}, {"target": "no path"}, {"x": 1}, {"method": "P T"}],
)
async def test_malformed_requests_to_the_debugger_are_refused(api: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    assert (await ask(api, header(fields(), "AAAA"), expect=422, **wrong))["code"] == "INVALID_REQUEST"


def test_every_finding_has_a_sentence_in_both_languages() -> None:
    assert {code for code, _ in domain.usual_mistakes(attempt(fields()))} <= wording.CODES
    assert all(wording.sentence_of(code, "zh") != wording.sentence_of(code, "en") for code in wording.CODES)


async def test_c16_a_scheme_in_lower_case_is_reported_as_valid(api: httpx.AsyncClient) -> None:
    of = fields()
    report = await ask(api, header(of, sign(attempt(of).message()), "cp1-hmac-sha256"))
    assert (report["valid"], report["causes"]) == (True, [])
