"""The sealing key of voucher codes changes while people buy: each code opens, none is loaded twice."""

import asyncio
import base64
import uuid
from typing import Any

from pydantic import SecretStr

from services.rewards import keys
from services.rewards.settings import Settings
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared.db import Database
from shared.rotation import seal_anew
from tests.rewards.conftest import Rewards

SECOND_KEY = "2:" + base64.b64encode(bytes(range(100, 132))).decode()


def with_second(settings: Settings, *, former: bool = True) -> Settings:
    values: dict[str, Any] = {name: getattr(settings, name) for name in type(settings).model_fields}
    first = settings.voucher_key.get_secret_value()
    values |= {"voucher_key": SecretStr(SECOND_KEY), "voucher_keys_former": SecretStr(first if former else "")}
    return Settings(**{name: value for name, value in values.items() if name != "profile"})


async def seal_all(settings: Settings) -> int:
    database = Database(settings.database_url, pool_size=1)
    try:
        return await seal_anew(
            database, name="rewards.seal", columns=keys.sealed_columns(CodeSealer(settings.voucher_keys))
        )
    finally:
        await database.stop()


async def code_of(rewards: Rewards, sealer: CodeSealer, voucher_id: uuid.UUID) -> str:
    [row] = await rewards.sql(f"SELECT code_sealed FROM rewards.voucher WHERE voucher_id = '{voucher_id}'")
    return sealer.open(bytes(row["code_sealed"]), voucher_id=voucher_id)


async def test_codes_are_sealed_anew_and_open_with_the_new_key_alone(rewards: Rewards) -> None:
    codes = [new_code() for _ in range(7)]
    await rewards.add_item(codes=codes)
    assert await seal_all(with_second(rewards.settings)) == 7
    assert await seal_all(with_second(rewards.settings)) == 0
    alone = CodeSealer(with_second(rewards.settings, former=False).voucher_keys)
    rows = await rewards.sql("SELECT voucher_id, code_hash FROM rewards.voucher")
    opened = {await code_of(rewards, alone, row["voucher_id"]) for row in rows}
    assert opened == set(codes)
    assert {bytes(row["code_hash"]) for row in rows} == {alone.fingerprint(code) for code in codes}


async def test_a_code_of_the_former_key_is_not_loaded_a_second_time(rewards: Rewards) -> None:
    codes = [new_code() for _ in range(3)]
    await rewards.add_item(codes=codes)
    sealer = CodeSealer(with_second(rewards.settings).voucher_keys)
    async with rewards.database.transaction() as session:
        assert await vouchers.load_codes(session, sealer=sealer, item_id="reganmian", codes=[*codes, "one-more"]) == 1
    assert await rewards.stock() == {"available": 4, "reserved": 0, "sold": 0}


async def test_two_runs_and_a_load_at_once_lose_and_double_nothing(rewards: Rewards, monkeypatch: Any) -> None:
    monkeypatch.setattr("shared.rotation.ROWS_PER_STEP", 2)
    codes = [new_code() for _ in range(20)]
    await rewards.add_item(codes=codes)
    both = with_second(rewards.settings)

    async def load_again() -> int:
        async with rewards.database.transaction() as session:
            return await vouchers.load_codes(
                session, sealer=CodeSealer(both.voucher_keys), item_id="reganmian", codes=codes
            )

    done = await asyncio.gather(seal_all(both), seal_all(both), *[load_again() for _ in range(3)])
    assert (sum(done[:2]), done[2:]) == (20, [0, 0, 0])
    assert await rewards.stock() == {"available": 20, "reserved": 0, "sold": 0}
