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
        assert sum(counts) == 3  # two keys of the seed file, and the new one
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
