"""`PROFILE=production`: a service refuses to start on unsafe settings and names all of them at once."""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import APIRouter, Depends, FastAPI

from deploy.check_settings import SETTINGS, findings_of
from deploy.local.partners import PARTNER_ENVIRONMENTS, ingest_seed
from deploy.local.plan import HOUSEHOLD_METHODOLOGY
from deploy.local.secrets_file import Secrets
from services.accounting import seed as accounting_seed
from services.accounting.settings import Settings as AccountingSettings
from services.accounts.settings import Settings as AccountsSettings
from services.ingest import seed as ingest_seed_command
from services.ingest.settings import Settings as IngestSettings
from services.rewards import seed as rewards_seed
from services.rewards.settings import Settings as RewardsSettings
from shared import clock
from shared.app import build_app
from shared.auth.tokens import Operator, require_scope
from shared.production import Profile, UnsafeSettings, is_inside, is_known_key, is_weak_secret
from tests.tokens import TokenFactory

ROOT = Path(__file__).resolve().parents[2]


def _pem(seed: bytes | None = None) -> str:
    key = Ed25519PrivateKey.from_private_bytes(seed) if seed else Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def safe(service: str) -> dict[str, str]:
    """Variables with which a service may start in production."""
    common = {
        "DATABASE_URL": f"postgresql://{service}:{secrets.token_urlsafe(18)}@db.internal/carbon?ssl=verify-full",
        "EVENT_LOG_URL": f"kafkas://carbon:{secrets.token_urlsafe(18)}@k1.internal:9093,k2.internal:9093",
        "JWKS_URL": "http://accounts:8101/api/v1/accounts/.well-known/jwks.json",
    }
    own: dict[str, dict[str, str]] = {
        "accounts": {
            "WECHAT_APP_ID": "wx0123456789abcdef",
            "WECHAT_APP_SECRET": secrets.token_hex(16),
            "TOKEN_SIGNING_KEY": _pem(),
            "PHONE_PEPPER": secrets.token_urlsafe(32),
            "PHONE_ENCRYPTION_KEY": _key(),
            "ACCOUNT_REF_PEPPER": secrets.token_urlsafe(32),
            "SERVICE_KEY": _pem(),
            "INGEST_BASE_URL": "http://ingest:8102",
            "ACCOUNTING_BASE_URL": "http://accounting:8103",
        },
        "ingest": {
            "ACCOUNT_REF_PEPPER": secrets.token_urlsafe(32),
            "KEY_ENCRYPTION_KEY": _key(),
            "DIGEST_SIGNING_KEY": _pem(),
        },
        "accounting": {"DIGEST_SIGNING_KEY": _pem(), "SERVICE_KEY": _pem()},
        "rewards": {
            "SERVICE_KEY": _pem(),
            "ACCOUNTING_BASE_URL": "http://accounting:8103",
            "VOUCHER_KEY": _key(),
            "PUBLIC_BASE_URL": "https://carbon.wuhan.gov.cn",
        },
    }
    named = {f"{service.upper()}_{name}": value for name, value in (common | own[service]).items()}
    return {"PROFILE": "production", **named}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    def set_all(values: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith(("ACCOUNT", "INGEST_", "REWARDS_", "PROFILE"))]:
            monkeypatch.delenv(name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


def refused(service: str) -> list[str]:
    """The variables that the service refuses, in order."""
    try:
        SETTINGS[service]()
    except UnsafeSettings as exc:
        return [finding.variable for finding in exc.findings]
    return []


@pytest.mark.parametrize("service", SETTINGS)
def test_b10_safe_settings_start_in_production(service: str, variables: Callable[[Mapping[str, str]], None]) -> None:
    variables(safe(service))
    assert refused(service) == []
    assert SETTINGS[service]().profile == "production"


# The same in each process: it is part of the names of tests.
STRONG_KEY = base64.b64encode(hashlib.sha256(b"a strong key of these tests").digest()).decode()
WEAK_KEY = base64.b64encode(b"A" * 32).decode()
UNSAFE = [
    ("accounts", "PHONE_ENCRYPTION_KEYS_FORMER", "1:" + WEAK_KEY),
    ("accounts", "PHONE_ENCRYPTION_KEYS_FORMER", "2:" + base64.b64encode(bytes(range(32))).decode()),
    ("accounts", "PHONE_ENCRYPTION_KEYS_FORMER", STRONG_KEY),  # two keys without a number
    ("accounts", "PHONE_ENCRYPTION_KEY", "300:" + STRONG_KEY),
    ("accounts", "PHONE_PEPPERS_FORMER", "changeme-changeme-changeme"),
    ("accounts", "PHONE_PEPPERS_FORMER", "short"),
    ("ingest", "KEY_ENCRYPTION_KEYS_FORMER", "2:" + WEAK_KEY),
    ("rewards", "VOUCHER_KEYS_FORMER", "2:" + WEAK_KEY),
    ("rewards", "VOUCHER_KEYS_FORMER", "2:"),
    ("ingest", "WEBHOOK_ALLOW_LOOPBACK", "true"),
    ("ingest", "WEBHOOK_ALLOW_LOOPBACK", "1"),
    ("accounts", "PARTNER_ALLOW_LOOPBACK", "true"),
    ("accounts", "ERASURE_COOLING_OFF_DAYS", "0"),
    ("accounts", "ERASURE_COOLING_OFF_DAYS", " 00"),
    ("ingest", "DIGEST_SIGNING_KEY", ""),
    ("accounting", "DIGEST_SIGNING_KEY", " "),
    ("accounting", "DIGEST_SIGNING_KEY", _pem(bytes(32))),
    ("accounts", "WECHAT_BASE_URL", "http://127.0.0.1:8110"),
    ("accounts", "WECHAT_BASE_URL", "https://api.weixin.qq.com.evil.cn"),
    ("accounts", "WECHAT_BASE_URL", "http://api.weixin.qq.com"),
    ("accounts", "WECHAT_APP_ID", "wxdev0123456789"),
    ("accounts", "WECHAT_APP_SECRET", "wechat-secret-canary-91c7"),
    # The private key of RFC 8032 and RFC 8037, which many examples quote.
    (
        "accounts",
        "TOKEN_SIGNING_KEY",
        _pem(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")),
    ),
    ("accounts", "PHONE_PEPPER", "phone-pepper-for-tests-test"),
    ("accounts", "PHONE_ENCRYPTION_KEY", base64.b64encode(bytes(range(32))).decode()),
    ("accounts", "PHONE_ENCRYPTION_KEY", "00" * 32),
    ("accounts", "OIDC_ISSUER", "http://id.city.gov.cn"),
    ("accounts", "OIDC_ISSUER", "https://localhost:9000"),
    ("accounts", "OIDC_REDIRECT_URI", "http://console.city.gov.cn/callback"),
    ("accounts", "OIDC_CLIENT_SECRET", "changeme-changeme"),
    ("accounts", "INGEST_BASE_URL", "http://ingest.city.gov.cn"),
    ("rewards", "ACCOUNTING_BASE_URL", "http://8.8.8.8:8103"),
    ("rewards", "VOUCHER_KEY", base64.b64encode(b"A" * 32).decode()),
    ("rewards", "JWKS_URL", "http://accounts.city.gov.cn/jwks.json"),
    ("rewards", "PUBLIC_BASE_URL", "http://carbon.wuhan.gov.cn"),
    ("rewards", "PUBLIC_BASE_URL", "https://127.0.0.1:8080"),
    ("rewards", "SERVICE_KEY", _pem(b"A" * 32)),
    ("accounts", "PHONE_PEPPER", "dev-secret-key-change-me-in-production"),
    ("accounts", "ACCOUNT_REF_PEPPER", "a" * 48),
    ("rewards", "DATABASE_URL", "postgresql://rewards:rewards@127.0.0.1/carbon"),
    ("rewards", "DATABASE_URL", "postgresql://rewards@127.0.0.1/carbon"),
    ("rewards", "DATABASE_URL", "postgresql://rewards:Zk8mWc2xTn5rQh3v@db.internal/carbon"),
    ("rewards", "DATABASE_URL", "postgresql://rewards:Zk8mWc2xTn5rQh3v@db.internal/carbon?ssl=prefer"),
    ("rewards", "EVENT_LOG_URL", "kafka://k1.internal:9092"),
    ("rewards", "EVENT_LOG_URL", "kafka://127.0.0.1:9092,k1.internal"),
    ("rewards", "EVENT_LOG_URL", "postgresql://eventlog:eventlog@127.0.0.1/carbon"),
    ("rewards", "TRUSTED_PROXIES", '["10.0.0.0/8", "0.0.0.0/0"]'),
    ("rewards", "TRUSTED_PROXIES", '["::/0"]'),
    ("rewards", "LOG_LEVEL", "DEBUG"),
]


@pytest.mark.parametrize(("service", "name", "value"), UNSAFE)
def test_b10_an_unsafe_setting_is_refused_by_the_name_of_its_variable(
    service: str, name: str, value: str, variables: Callable[[Mapping[str, str]], None]
) -> None:
    variable = f"{service.upper()}_{name}"
    variables({**safe(service), variable: value})
    assert variable in refused(service)


def test_b10_everything_unsafe_missing_and_malformed_is_named_at_once(
    variables: Callable[[Mapping[str, str]], None],
) -> None:
    values = safe("ingest")
    del values["INGEST_ACCOUNT_REF_PEPPER"]
    values |= {
        "INGEST_KEY_ENCRYPTION_KEY": "not base64!",
        "INGEST_WEBHOOK_ALLOW_LOOPBACK": "true",
        "INGEST_DIGEST_SIGNING_KEY": "",
        "INGEST_EVENT_LOG_URL": "postgresql://eventlog:Zk8mWc2xTn5rQh3v@127.0.0.1/carbon",
        "INGEST_DATABASE_POOL_SIZE": "many",
    }
    variables(values)
    assert refused("ingest") == [
        "INGEST_ACCOUNT_REF_PEPPER",
        "INGEST_DATABASE_POOL_SIZE",
        "INGEST_DIGEST_FILE",
        "INGEST_DIGEST_SIGNING_KEY",
        "INGEST_KEY_ENCRYPTION_KEY",
        "INGEST_WEBHOOK_ALLOW_LOOPBACK",
    ]


def test_b10_the_same_secret_for_two_purposes_is_refused(variables: Callable[[Mapping[str, str]], None]) -> None:
    values = safe("accounts")
    values["ACCOUNTS_ACCOUNT_REF_PEPPER"] = values["ACCOUNTS_PHONE_PEPPER"]
    variables(values)
    assert refused("accounts") == ["ACCOUNTS_ACCOUNT_REF_PEPPER"]


@pytest.mark.parametrize("profile", ["Production", "prod", "staging", ""])
def test_b10_a_misspelt_profile_is_not_taken_for_development(
    variables: Callable[[Mapping[str, str]], None], profile: str
) -> None:
    variables({**safe("rewards"), "PROFILE": profile, "REWARDS_VOUCHER_KEY": WEAK_KEY})
    assert refused("rewards") == ["PROFILE", "REWARDS_VOUCHER_KEY"]


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "uvicorn", "services.rewards.main:create_app", "--factory", "--port", "0"],
        ["-m", "services.rewards.worker"],
    ],
    ids=["api", "worker"],
)
def test_b10_a_process_ends_at_once_and_prints_the_list_without_values(command: list[str]) -> None:
    values = {**safe("rewards"), "REWARDS_VOUCHER_KEY": WEAK_KEY, "REWARDS_EVENT_LOG_URL": "kafka://k:1"}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **values}
    ended = subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    shown = ended.stderr + ended.stdout
    assert "REWARDS_VOUCHER_KEY" in shown
    assert "REWARDS_EVENT_LOG_URL" in shown
    assert "Traceback" not in shown
    assert WEAK_KEY not in shown


def test_b10_the_check_prints_the_list_of_every_service_without_starting_one(
    variables: Callable[[Mapping[str, str]], None],
) -> None:
    values = {name: value for service in SETTINGS for name, value in safe(service).items() if name != "PROFILE"}
    unsafe = {"INGEST_WEBHOOK_ALLOW_LOOPBACK": "true", "GATEWAY_ADMIN_HOST": "0.0.0.0"}
    variables({**values, **unsafe, "PROFILE": "development"})
    found = {service: [finding.variable for finding in findings_of(service)] for service in (*SETTINGS, "gateway")}
    assert found.pop("ingest") == ["INGEST_WEBHOOK_ALLOW_LOOPBACK"]
    assert found.pop("gateway") == ["GATEWAY_ADMIN_HOST"]
    assert all(names == [] for names in found.values()), found


def test_b10_the_gateway_prints_no_configuration_that_is_unsafe_in_production() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "GATEWAY_ADMIN_HOST": "0.0.0.0"}
    for profile, code in (("development", 0), ("production", 1)):
        ended = subprocess.run(
            [sys.executable, "-m", "deploy.gateway"],
            env={**environment, "PROFILE": profile},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
        assert ("GATEWAY_ADMIN_HOST" in ended.stderr) is (code == 1)
        assert bool(ended.stdout) is (code == 0)


def test_b10_generated_secrets_are_not_taken_for_examples() -> None:
    for _ in range(300):
        for made in (secrets.token_urlsafe(48), secrets.token_urlsafe(32), secrets.token_hex(16), _key()):
            assert not is_weak_secret(made), made
    assert not is_known_key(_pem())


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("accounts", True),
        ("accounts.carbon.svc.cluster.local", True),
        ("10.1.2.3", True),
        ("::1", True),
        ("fd00::1", True),
        ("accounts.city.gov.cn", False),
        ("8.8.8.8", False),
        ("2606:4700::1", False),
    ],
)
def test_b10_plain_http_is_for_the_inside_only(host: str, inside: bool) -> None:
    assert is_inside(host) is inside


async def test_b10_seeds_of_the_demo_and_the_sandbox_are_refused(
    variables: Callable[[Mapping[str, str]], None], tmp_path: Path
) -> None:
    variables(safe("rewards"))
    with pytest.raises(UnsafeSettings, match="演示"):
        await rewards_seed.seed(RewardsSettings())
    variables(safe("accounting"))
    with pytest.raises(UnsafeSettings, match="两人"):
        await accounting_seed.seed(AccountingSettings(), [HOUSEHOLD_METHODOLOGY.read_text(encoding="utf-8")])
    variables(safe("ingest"))
    listed = ingest_seed(Secrets(tmp_path / "secrets.json", PARTNER_ENVIRONMENTS), "http://127.0.0.1:8112")
    with pytest.raises(UnsafeSettings) as found:
        await ingest_seed_command.seed(IngestSettings(), json.dumps(listed).encode())
    assert {"t3", "sandbox"} <= {finding.variable for finding in found.value.findings}


def test_b10_half_an_identity_provider_is_refused(variables: Callable[[Mapping[str, str]], None]) -> None:
    variables({**safe("accounts"), "ACCOUNTS_OIDC_ISSUER": "https://id.city.gov.cn"})
    with pytest.raises(UnsafeSettings, match="ACCOUNTS_OIDC_REDIRECT_URI"):
        AccountsSettings()


def operator_app(profile: Profile, jwks: httpx.MockTransport) -> FastAPI:
    settings = RewardsSettings.model_construct(
        profile=profile,
        database_url="postgresql://nobody@127.0.0.1:9/none",
        jwks_url="http://keys.invalid/jwks",
    )
    router = APIRouter()

    @router.get("/ops")
    async def who(operator: Annotated[Operator, Depends(require_scope("ops:read"))]) -> dict[str, str]:
        return {"subject": operator.subject}

    return build_app(
        service="rewards", settings=settings, routers=[router], title_zh="-", title_en="-", jwks_transport=jwks
    )


async def test_b10_in_production_only_a_log_in_makes_operators_tokens(
    tokens: TokenFactory, jwks_transport: httpx.MockTransport
) -> None:
    """Every service refuses a token that was signed beside the log-in, or one that lives for weeks."""
    now, sid = clock.now(), str(uuid.uuid4())
    offered = {
        "of a log-in": tokens.access("wang", "ops:read", sid=sid, exp=now + timedelta(minutes=5)),
        "without a session": tokens.access("wang", "ops:read", exp=now + timedelta(minutes=5)),
        "of 30 days": tokens.access("wang", "ops:read", sid=sid, exp=now + timedelta(days=30)),
    }
    expected: dict[Profile, set[str]] = {"production": {"of a log-in"}, "development": set(offered)}
    for profile, accepted in expected.items():
        app = operator_app(profile, jwks_transport)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rewards.test") as client:
            for name, token in offered.items():
                answer = await client.get("/ops", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == (200 if name in accepted else 401), (profile, name)
