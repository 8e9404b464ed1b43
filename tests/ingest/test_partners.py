"""Registered partners: the seed file, sealed secrets, nonces, and the route for other services."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import ValidationError

from services.ingest.partners.errors import KeyBelongsElsewhere, SourceTaken, TooManyLiveKeys
from services.ingest.partners.nonces import KEPT_S, PER_KEY_MAX, SeenNonces
from services.ingest.seed import seed
from services.ingest.settings import Settings
from shared import migrations
from shared.sealing import SealBroken, Sealer
from tests.databases import Dsns, in_own_loop
from tests.ingest.conftest import OAUTH, RunApp, Settle, partners
from tests.ingest.samples import ALGORITHM, PartnerClient, event, seed_partner
from tests.tokens import service_token

ROOT = Path(__file__).parents[2]


async def apply(settings: Settings, *entries: dict[str, Any]) -> None:
    await seed(settings, json.dumps(list(entries)).encode())


async def rows(dsns: Dsns, query: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsns.admin)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


def service_headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token('accounts', 'ingest')}"}


async def test_other_services_get_the_registered_partners(api: httpx.AsyncClient) -> None:
    answer = await api.get("/internal/ingest/partners", headers=service_headers())
    assert answer.status_code == 200
    items = {item["partner_id"]: item for item in answer.json()["items"]}
    assert set(items) >= {"bike", "metro", "box"}
    assert items["metro"] == {
        "partner_id": "metro",
        "name": "合作方 metro",
        "name_en": "Partner metro",
        "source": "//metro.example",
        "scenes": ["bike_ride"],
        "event_types": ["cn.carboninclusion.transit.ridden.v1"],
        "cities": ["420100"],
        "late_window_s": 172_800,
        "binding_modes": ["account_no"],
        "environment": "live",
        "phone_pepper": "pepper-of-metro",
        "oauth": OAUTH,
    }
    assert items["box"]["environment"] == "sandbox"
    assert "cpsk_" not in answer.text


async def test_secrets_are_sealed_in_the_database(seeded: Settings, ingest_dsns: Dsns) -> None:
    found = await rows(ingest_dsns, "SELECT k, p FROM ingest.partner_key k JOIN ingest.partner p USING (partner_id)")
    text = str(found)
    sealed = await rows(ingest_dsns, "SELECT secret_sealed FROM ingest.partner_key WHERE public_key IS NULL")
    raw = b"".join(row["secret_sealed"] for row in sealed)
    assert len(found) > 5
    for secret in ("cpsk_", "pepper-of-metro", OAUTH["client_secret"]):
        assert secret not in text
        assert secret.encode() not in raw


async def test_seeding_is_repeatable_and_a_changed_file_changes_the_partner(
    seeded: Settings, ingest_dsns: Dsns
) -> None:
    query = "SELECT partner_id, name FROM ingest.partner ORDER BY 1"
    before = await rows(ingest_dsns, query)
    await apply(seeded, *partners())
    assert await rows(ingest_dsns, query) == before
    await apply(seeded, seed_partner("renamed", keys=[]))
    await apply(seeded, seed_partner("renamed", keys=[], name="新名字"))
    names = await rows(ingest_dsns, "SELECT name FROM ingest.partner WHERE partner_id = 'renamed'")
    assert [row["name"] for row in names] == ["新名字"]


async def test_a_new_partner_can_report_within_seconds(
    seeded: Settings, api: httpx.AsyncClient, settle: Settle
) -> None:
    await apply(seeded, seed_partner("newcomer"))
    partner = PartnerClient(api, "ak-newcomer")

    async def accepted() -> bool:
        return (await partner.post(json.dumps([event("n", partner="newcomer")]).encode())).status_code == 202

    await settle(accepted)


async def test_the_seed_refuses_taken_keys_taken_sources_and_too_many_keys(seeded: Settings, ingest_dsns: Dsns) -> None:
    def key(name: str) -> dict[str, str]:
        return {"app_key": name, "algorithm": ALGORITHM, "secret": "0123456789abcdef"}

    with pytest.raises(TooManyLiveKeys):
        await apply(seeded, seed_partner("greedy", keys=[key("g1"), key("g2"), key("g3")]))
    assert await rows(ingest_dsns, "SELECT 1 FROM ingest.partner WHERE partner_id = 'greedy'") == []
    with pytest.raises(KeyBelongsElsewhere):
        await apply(seeded, seed_partner("thief", keys=[key("ak-bike")]))
    with pytest.raises(SourceTaken):
        await apply(seeded, seed_partner("shadow", source="//bike.example", keys=[]))
    expired = {**key("g1"), "not_after": "2020-01-01T00:00:00Z"}
    await apply(seeded, seed_partner("greedy", keys=[expired, key("g2"), key("g3")]))


@pytest.mark.parametrize(
    "changes",
    [
        {"event_types": ["trip.invented"]},
        {"cities": ["武汉"]},
        {"environment": "test"},
        {"late_window_s": -1},
        {"binding_modes": ["telepathy"]},
        {"colour": "green"},
        {"partner_id": "a b"},
        {"keys": [{"app_key": "k", "algorithm": "CP1-NONE", "secret": "0123456789abcdef"}]},
        {"keys": [{"app_key": "k", "algorithm": ALGORITHM, "secret": "short"}]},
    ],
)
async def test_an_invalid_seed_file_is_refused(seeded: Settings, changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await apply(seeded, seed_partner("misfit") | changes)


def test_the_seed_command_reports_success_and_errors(settings: Settings, ingest_dsns: Dsns, tmp_path: Path) -> None:
    file = tmp_path / "partners.json"
    environment = {
        "INGEST_DATABASE_URL": settings.database_url,
        "INGEST_EVENT_LOG_URL": settings.event_log_url,
        "INGEST_JWKS_URL": settings.jwks_url,
        "INGEST_ACCOUNT_REF_PEPPER": settings.account_ref_pepper.get_secret_value(),
        "INGEST_KEY_ENCRYPTION_KEY": settings.key_encryption_key.get_secret_value(),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.ingest.seed", *arguments]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    file.write_text(json.dumps([seed_partner("commanded")]), encoding="utf-8")
    done = run(str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1" in done.stdout
    file.write_text(json.dumps([seed_partner("commanded", keys=[{"app_key": "x", "secret": "top-secret-value"}])]))
    failed = run(str(file))
    assert failed.returncode == 1
    assert "algorithm" in failed.stderr
    assert "top-secret-value" not in failed.stderr + failed.stdout
    found = in_own_loop(lambda: rows(ingest_dsns, "SELECT 1 FROM ingest.partner WHERE partner_id = 'commanded'"))
    assert len(found) == 1


async def test_a_secret_that_cannot_be_opened_disables_only_its_key(
    seeded: Settings, ingest_dsns: Dsns, run_app: RunApp
) -> None:
    await apply(seeded, seed_partner("swapped"))
    await rows(
        ingest_dsns,
        "UPDATE ingest.partner_key SET secret_sealed = (SELECT secret_sealed FROM ingest.partner_key"
        " WHERE app_key = 'ak-bike') WHERE app_key = 'ak-swapped'",
    )
    async with run_app(seeded) as client:
        body = json.dumps([event("s", partner="swapped")]).encode()
        answer = await PartnerClient(client, "ak-swapped").post(body)
        assert answer.json()["code"] == "UNKNOWN_APP_KEY"
        assert (await PartnerClient(client, "ak-bike").post(b"[]")).status_code == 202


def test_a_secret_sealed_for_one_place_cannot_be_opened_for_another() -> None:
    sealer, other = Sealer(b"a" * 32), Sealer(b"b" * 32)
    sealed = sealer.seal("秘密", "here")
    assert sealer.open(sealed, "here") == "秘密"
    assert sealer.seal("秘密", "here") != sealed
    for opener, sealed_bytes, place in ((sealer, sealed, "there"), (other, sealed, "here"), (sealer, b"", "here")):
        with pytest.raises(SealBroken):
            opener.open(sealed_bytes, place)


def test_nonces_are_kept_as_long_as_a_signature_is_valid() -> None:
    seen = SeenNonces()
    assert seen.claim("k", "n", at_s=0) is None
    assert seen.claim("k", "n", at_s=KEPT_S) is not None
    assert seen.claim("other", "n", at_s=KEPT_S) is None
    assert seen.claim("k", "n", at_s=KEPT_S + 1) is None
    seen.release("k", "n")
    assert seen.claim("k", "n", at_s=KEPT_S + 2) is None


def test_a_flood_of_nonces_drops_the_oldest() -> None:
    seen = SeenNonces()
    for number in range(PER_KEY_MAX + 1):
        assert seen.claim("k", str(number), at_s=1) is None
    assert seen.claim("k", str(PER_KEY_MAX), at_s=1) is not None
    assert seen.claim("k", "0", at_s=1) is None


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ=", "a" * 44])
def test_the_sealing_key_must_be_32_bytes(settings: Settings, key: str) -> None:
    values = {**settings.model_dump(), "key_encryption_key": key}
    with pytest.raises(ValidationError, match="key_encryption_key"):
        Settings.model_validate(values)


def test_tables_and_migrations_agree(ingest_dsns: Dsns) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        executor.submit(migrations.check, "ingest", ingest_dsns.owner("ingest")).result()


async def test_the_openapi_document_describes_the_intake(api: httpx.AsyncClient) -> None:
    document = (await api.get("/api/v1/ingest/openapi.json")).json()
    report = document["paths"]["/api/v1/ingest/events"]["post"]
    assert set(report["requestBody"]["content"]) == {
        "application/cloudevents-batch+json", "application/cloudevents+json",
    }  # fmt: skip
    answer = report["responses"]["202"]["content"]["application/json"]["schema"]
    assert set(answer["properties"]) >= {"receipt_id", "accepted", "rejected", "results"}
    assert "$ref" not in json.dumps(answer)
    ready = await api.get("/readyz")
    assert ready.json()["parts"] == {"database": "ok", "log": "ok", "partners": "ok"}
