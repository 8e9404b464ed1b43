"""Secrets, credentials and errors about busy ports."""

import json
import os
import socket
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import ValidationError

from deploy.local.errors import StackError
from deploy.local.partners import PARTNER_ENVIRONMENTS, PARTNERS, credentials, ingest_seed
from deploy.local.plan import Plan
from deploy.local.ports import require_free
from deploy.local.secrets_file import Secrets
from deploy.local.settings import SERVICES, LocalSettings
from deploy.local.state import RunDirectory

SERVERS = "http://127.0.0.1:8112"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


def test_secrets_are_created_once_and_readable_by_the_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        first = Secrets(path, PARTNER_ENVIRONMENTS)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    second = Secrets(path, PARTNER_ENVIRONMENTS)
    assert second["token_signing_key"] == first["token_signing_key"]
    assert second.partner_key("t3") == first.partner_key("t3")
    assert len(set(first.roles.values())) == len(first.roles) == 9


def test_older_secrets_file_gets_the_missing_secrets(path: Path) -> None:
    path.write_text(json.dumps({"postgres_password": "kept", "partners": {}}), encoding="utf-8")
    secrets = Secrets(path, PARTNER_ENVIRONMENTS)
    assert secrets["postgres_password"] == "kept"
    callers = json.loads(secrets.service_callers("accounts", "rewards"))
    assert callers["accounts"] != callers["rewards"]
    assert "PRIVATE" not in "".join(callers.values())
    assert path.stat().st_mode & 0o777 == 0o600


def test_operator_token_has_the_claims_the_services_require(path: Path) -> None:
    secrets = Secrets(path, {})
    key = load_pem_private_key(secrets["token_signing_key"].encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    token = secrets.ops_token()
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], len(header["kid"])) == ("EdDSA", "at+jwt", 16)
    claims = jwt.decode(token, key.public_key(), algorithms=["EdDSA"], audience="carbon-api", issuer="carbon-inclusion")
    assert {"exp", "iat", "jti", "sub"} <= set(claims)
    assert "ops:ledger" in claims["scope"].split()


def test_b10_a_token_of_development_lives_no_longer_than_a_session(path: Path) -> None:
    claims = jwt.decode(Secrets(path, {}).ops_token(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 8 * 3600
    assert "sid" not in claims, "services in production accept tokens of a session only"


def test_b10_two_operators_have_secrets_of_their_own_made_once(path: Path) -> None:
    secrets = Secrets(path, {})
    made = [secrets.operator(name) for name in ("ops-local", "ops-second")]
    assert len({part for operator in made for part in operator}) == 4
    assert [Secrets(path, {}).operator(name) for name in ("ops-local", "ops-second")] == made


def test_b10_the_local_stack_is_not_for_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFILE", "production")
    with pytest.raises(ValidationError, match="development"):
        LocalSettings()


def test_credentials_hold_everything_a_client_needs(path: Path) -> None:
    secrets = Secrets(path, PARTNER_ENVIRONMENTS)
    content = credentials(secrets, "http://127.0.0.1:8080", SERVERS, "http://127.0.0.1:8110")
    tokens = {"ops_token", "second_ops_token"}
    addresses = {"gateway_url", "partner_servers_url", "wechat_url"}
    assert set(content) == {*addresses, *tokens, "partners", "wechat_code_prefix"}
    assert secrets["bike_oauth_secret"] not in json.dumps(content)
    subjects = [
        jwt.decode(content[name], options={"verify_signature": False})["sub"]
        for name in ("ops_token", "second_ops_token")
    ]
    assert subjects == ["ops-local", "ops-second"]
    seeded = ingest_seed(secrets, SERVERS)
    for partner, seed in zip(content["partners"], seeded, strict=True):
        assert set(partner) == {"partner_id", "name", "source", "app_key", "secret", "algorithm"}
        assert seed["keys"] == [{name: partner[name] for name in ("app_key", "algorithm", "secret")}]
        assert (seed["partner_id"], seed["source"]) == (partner["partner_id"], partner["source"])
    assert {partner.partner_id for partner in PARTNERS} == {seed["partner_id"] for seed in seeded}


def test_service_environment_holds_only_its_own_secrets(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ACCOUNTING_LEASE_S", "3")
    secrets = Secrets(path, PARTNER_ENVIRONMENTS)
    plan = Plan(LocalSettings(), secrets, RunDirectory(tmp_path), "postgresql://postgres:admin@127.0.0.1:1/postgres")
    environments = {service: plan.service_environment(service) for service in SERVICES}
    assert environments["accounting"]["ACCOUNTING_LEASE_S"] == "3"
    for service, environment in environments.items():
        assert "HTTP_PROXY" not in environment
        text = json.dumps(environment)
        assert "admin" not in text
        for role, password in secrets.roles.items():
            assert (password in text) is (role in {service, "eventlog"})
        for name, owner in (
            ("token_signing_key", "accounts"),
            ("digest_signing_key", "accounting"),
            ("ingest_digest_signing_key", "ingest"),
            ("accounts_service_key", "accounts"),
            ("accounting_service_key", "accounting"),
            ("rewards_service_key", "rewards"),
        ):
            assert (secrets[name] in environment.values()) is (service == owner)


def test_b7_each_service_knows_its_callers_and_its_own_key_only(path: Path, tmp_path: Path) -> None:
    secrets = Secrets(path, PARTNER_ENVIRONMENTS)
    plan = Plan(LocalSettings(), secrets, RunDirectory(tmp_path), "postgresql://postgres:admin@127.0.0.1:1/postgres")
    callers = {
        service: set(json.loads(plan.service_environment(service).get(f"{service.upper()}_SERVICE_CALLERS", "{}")))
        for service in SERVICES
    }
    assert callers["ingest"] == {"accounts"}
    assert callers["accounting"] == {"accounts", "rewards"}
    assert callers["accounts"] == {"accounting", "rewards"}
    assert callers["rewards"] == {"accounts"}


@pytest.mark.parametrize(("cores", "asked", "processes"), [(1, 0, 1), (2, 0, 1), (4, 0, 2), (64, 0, 4), (2, 3, 3)])
def test_c1_crowded_apis_run_as_several_processes_where_cores_allow(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, asked: int, processes: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    settings, secrets = LocalSettings(api_processes=asked), Secrets(path, PARTNER_ENVIRONMENTS)
    plan = Plan(settings, secrets, RunDirectory(tmp_path), "postgresql://postgres:admin@127.0.0.1:1/postgres")
    for program in plan.apis():
        several = processes > 1 and program.name != "ingest-api"
        assert (f"--workers {processes}" in " ".join(program.command)) is several
        assert ("PROMETHEUS_MULTIPROC_DIR" in program.environment) is several


def test_port_offset_moves_the_gateway_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_OFFSET", "1000")
    assert LocalSettings().gateway_url == "http://127.0.0.1:9080"


def test_busy_port_error_names_the_process_and_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError) as refused:
            require_free(port, "gateway", "GATEWAY_PORT")
    for sentence in (refused.value.zh, refused.value.en):
        assert str(port) in sentence
        assert "make run GATEWAY_PORT=" in sentence
        if Path("/proc/net/tcp").exists():
            assert str(os.getpid()) in sentence
    require_free(port, "gateway", "GATEWAY_PORT")
