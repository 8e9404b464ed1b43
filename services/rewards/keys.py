"""The sealing key of voucher codes and of merchants' secrets: `python -m services.rewards.keys status|seal|new`.

Safe to kill, to repeat, and twice at once. docs/operators.md leads through a rotation.
"""

import uuid

from services.rewards.merchants import credentials
from services.rewards.merchants.sealing import merchant_sealer
from services.rewards.settings import Settings
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared.db import Database, Session
from shared.key_command import Opened, sealing_app
from shared.rotation import Sealed, Step
from shared.sealing_keys import SealingKeys


def sealed_columns(sealer: CodeSealer) -> list[Sealed]:
    """Everything that the key seals."""
    return [
        Sealed(
            "券码 voucher codes",
            lambda session: vouchers.count_sealed_otherwise(session, sealer),
            lambda session, after, at_most: vouchers.reseal_some(session, sealer, after, at_most),
        )
    ]


def sealed_merchant_keys(keys: SealingKeys) -> Sealed:
    sealer, version = merchant_sealer(keys), keys.current.version

    async def step(session: Session, _after: uuid.UUID | None, _at_most: int) -> Step:
        count = await credentials.reseal_keys(session, sealer=sealer, version=version)
        return Step(None, count, is_last=not count)

    return Sealed(
        "商家密钥 merchants' keys",
        lambda session: credentials.count_sealed_otherwise(session, version=version),
        step,
    )


def _open() -> Opened:
    settings = Settings()
    database = Database(settings.database_url, pool_size=1, application_name="rewards-keys")
    columns = [*sealed_columns(CodeSealer(settings.voucher_keys)), sealed_merchant_keys(settings.voucher_keys)]
    return database, columns


app = sealing_app("rewards", _open, after="现在可以从配置里去掉旧密钥 the former keys may leave the settings")

if __name__ == "__main__":
    app()
