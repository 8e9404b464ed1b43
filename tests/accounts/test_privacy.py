"""No personal data and no secret appears in a log line, a record, an answer or a row."""

import hashlib
import io
import logging

import httpx
import pytest

from shared import telemetry
from tests.accounts.conftest import BASE, REF_PEPPER, WX_SECRET, Db, PartnerClient, People, Person
from tests.accounts.fakes import KEYS, METRO_PEPPER, OAUTH_SECRET, Hello, answering
from tests.tokens import SERVICE_KEYS, TokenFactory

OPENID, PHONE, RIDER, MEMBER = "canary-openid-7f3a", "13877776666", "canary-rider-55", "canary-member-66"
METER = "canary-meter-77"
BAD_CODE = "canary-code-88"
SECRETS = [
    WX_SECRET,
    METRO_PEPPER,
    OAUTH_SECRET,
    SERVICE_KEYS["accounts"],
    REF_PEPPER,
    KEYS["ak_didi"][1],
    "PRIVATE KEY",
]


def granted_by(hello: Hello) -> list[str]:
    granted = [token for grant in hello.partner._grants for token in (grant.access_token, grant.refresh_token)]
    assert granted
    return granted


async def lied_to(person: Person, hello: Hello) -> httpx.Response:
    """A confirmation whose exchange the partner answers with nonsense that holds the customer's number."""
    hello.trick = answering({"open_id": {"id": RIDER}}, 200)
    return await person.bind_hello(RIDER)


async def test_personal_data_and_secrets_appear_nowhere_in_plain_text(
    client: httpx.AsyncClient,
    people: People,
    partners: PartnerClient,
    tokens: TokenFactory,
    hello: Hello,
    db: Db,
    logs: io.StringIO,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)  # of the root logger; client libraries have their own, higher level
    assert logging.getLogger("httpx").level == logging.WARNING
    anna = await people.new(OPENID)
    answers = [
        await anna.call("PUT", "/me/phone", json={"code": f"dev-phone:{PHONE}"}),
        await anna.bind("metro", "phone_hash"),
        await anna.bind_hello(RIDER),
        await partners.confirm(await anna.token(), MEMBER),
        # failures are where data leaks
        await client.post(f"{BASE}/sessions", json={"code": "dev-error:-1"}),
        await client.post(f"{BASE}/sessions", json={"code": "dev-error:40125"}),
        await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": anna.refresh_token}),
        await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": "cir_" + "0" * 43}),
        await anna.bind("hello", "oauth", code=BAD_CODE, state="forged.state"),
        await lied_to(anna, hello),
        await anna.call("POST", "/households", json={"meter_ref": METER}),
        await anna.call("POST", "/households/join", json={"token": "chi_nobody"}),
        await anna.call("GET", "/me"),
        await anna.call("GET", "/me/bindings"),
        await anna.call("GET", "/scenes"),
        await client.get(
            f"{BASE}/ops/accounts/{anna.account['account_no']}?reason=complaint", headers=tokens.operator()
        ),
    ]
    assert [answer.status_code for answer in answers] == [
        200, 201, 201, 201, 503, 503, 200, 401, 422, 503, 201, 404, 200, 200, 200, 200,
    ]  # fmt: skip
    data = [OPENID, PHONE, RIDER, hello.partner.open_id(RIDER), MEMBER, METER, BAD_CODE, *granted_by(hello), *SECRETS]
    logged = logs.getvalue() + caplog.text
    assert "wechat_refused" in logged  # the log is not empty
    outbox = b"".join(row["records"] for row in await db.fetch("SELECT records FROM accounts.outbox"))
    assert outbox
    answered = "".join(answer.text for answer in answers)
    for canary in [*data, "session_key"]:
        assert canary not in logged, canary
        assert canary.encode() not in outbox, canary
        assert canary not in answered, canary
    assert anna.refresh_token not in logged
    everything = await _all_rows(db)
    assert hashlib.sha256(OPENID.encode()).digest()[:16] not in everything  # the session_key that the fake returns
    for canary in [*data, anna.refresh_token]:
        assert canary.encode() not in everything, canary


async def _all_rows(db: Db) -> bytes:
    """Return every value of every table of the schema as bytes."""
    found = bytearray()
    for table in await db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'accounts'"):
        for row in await db.fetch(f'SELECT * FROM accounts."{table["tablename"]}"'):
            for value in row.values():
                found += value if isinstance(value, bytes) else str(value).encode()
    return bytes(found)


def test_problem_metrics_have_no_personal_labels() -> None:
    assert set(telemetry.PROBLEMS._labelnames) == {"code"}
