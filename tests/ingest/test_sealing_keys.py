"""The sealing key of partners' secrets changes: partners sign on, records stay proved, old bytes still open."""

import asyncio
import base64

from services.ingest import keys
from services.ingest.partners.registry import key_place
from services.ingest.settings import Settings, sealer_of
from shared.rotation import seal_anew
from tests.ingest.conftest import RunApp
from tests.ingest.samples import PartnerClient, event
from tests.ingest.superuser import CHECK, Ingest

SECOND_KEY = "2:" + base64.b64encode(bytes(range(100, 132))).decode()


def changed(settings: Settings, current: str, former: str) -> Settings:
    values = {name: getattr(settings, name) for name in type(settings).model_fields if name != "profile"}
    return Settings.model_validate(values | {"key_encryption_key": current, "key_encryption_keys_former": former})


async def seal_all(ingest: Ingest, settings: Settings) -> int:
    columns = keys.sealed_columns(sealer_of(settings.sealing_keys))
    return await seal_anew(ingest.database, name="ingest.seal", columns=columns)


async def test_partners_sign_before_during_and_after_the_change_and_every_record_stays_proved(
    ingest: Ingest, run_app: RunApp
) -> None:
    first = ingest.settings.key_encryption_key.get_secret_value()
    prepared, both = changed(ingest.settings, first, SECOND_KEY), changed(ingest.settings, SECOND_KEY, first)
    await ingest.operators.signer("bike")  # approved by two, and sealed with the first key
    async with run_app(prepared) as before, run_app(both) as after:
        clients = [PartnerClient(client, "ak-bike") for client in (before, after)]
        for number, bike in enumerate(clients):
            assert (await bike.push(event(f"before-{number}")))["accepted"] == 1
        counts = await asyncio.gather(*[seal_all(ingest, both) for _ in range(2)])
        # Two keys of the seed file, and the new one; the records of two registrations and of one approval.
        assert sum(counts) == 3 + 3
        assert await seal_all(ingest, both) == 0
        await asyncio.sleep(1.0)  # the registries hear of the change
        for number, bike in enumerate(clients):
            assert (await bike.push(event(f"after-{number}")))["accepted"] == 1
        for client in (before, after):
            found = await client.get(CHECK, headers=ingest.operators.headers)
            assert found.json()["findings"] == []
    sealed = await ingest.admin.fetchval("SELECT secret_sealed FROM ingest.partner_key WHERE app_key = 'ak-bike'")
    assert sealed[0] == 2
    assert sealer_of(both.sealing_keys).open(sealed, key_place("ak-bike"))


async def test_without_the_former_key_every_record_stays_proved(ingest: Ingest, run_app: RunApp) -> None:
    first = ingest.settings.key_encryption_key.get_secret_value()
    await ingest.operators.signer("bike")
    both, second = changed(ingest.settings, SECOND_KEY, first), changed(ingest.settings, SECOND_KEY, "")
    log = "SELECT string_agg(row::text, '' ORDER BY entry_id) FROM ingest.audit_log row WHERE action <> 'seals.renew'"
    async with run_app(second) as client:
        found = (await client.get(CHECK, headers=ingest.operators.headers)).json()["findings"]
        assert found, "before the change the next key proves nothing"
    before = await ingest.admin.fetchval(log)
    await seal_all(ingest, both)
    entries = await ingest.admin.fetchval(log)
    assert entries.startswith(before), "the log only grows"
    async with run_app(second) as client:
        assert (await client.get(CHECK, headers=ingest.operators.headers)).json()["findings"] == []
        assert (await PartnerClient(client, "ak-bike").push(event("without")))["accepted"] == 1
    assert await seal_all(ingest, second) == 0


async def test_a_writer_of_the_database_cannot_renew_a_seal(ingest: Ingest, run_app: RunApp) -> None:
    """Seals of another place, of another key and of no key prove nothing, and stop no change of the key."""
    first = ingest.settings.key_encryption_key.get_secret_value()
    await ingest.operators.signer("bike")
    both, second = changed(ingest.settings, SECOND_KEY, first), changed(ingest.settings, SECOND_KEY, "")
    await seal_all(ingest, both)
    await ingest.admin.execute(
        "ALTER TABLE ingest.audit_log DISABLE TRIGGER USER;"
        "UPDATE ingest.audit_log SET after = jsonb_set(after, '{seals}', (SELECT jsonb_object_agg(key,"
        " (SELECT value FROM jsonb_each_text(after -> 'seals') ORDER BY key DESC LIMIT 1))"
        " FROM jsonb_each_text(after -> 'seals'))) WHERE action = 'seals.renew' AND object = 'partner/bike';"
        "ALTER TABLE ingest.audit_log ENABLE TRIGGER USER"
    )
    async with run_app(second) as client:
        found = (await client.get(CHECK, headers=ingest.operators.headers)).json()["findings"]
    assert "bike" in str(found)
