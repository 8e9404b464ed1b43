"""The sealing key of voucher codes: `python -m services.rewards.keys status|seal|new`.

Safe to kill, to repeat, and twice at once. docs/operators.md leads through a rotation.
"""

from services.rewards.settings import Settings
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared.db import Database
from shared.key_command import Opened, sealing_app
from shared.rotation import Sealed


def sealed_columns(sealer: CodeSealer) -> list[Sealed]:
    """Everything that the key seals."""
    return [
        Sealed(
            "券码 voucher codes",
            lambda session: vouchers.count_sealed_otherwise(session, sealer),
            lambda session, after, at_most: vouchers.reseal_some(session, sealer, after, at_most),
        )
    ]


def _open() -> Opened:
    settings = Settings()
    database = Database(settings.database_url, pool_size=1, application_name="rewards-keys")
    return database, sealed_columns(CodeSealer(settings.voucher_keys))


app = sealing_app("rewards", _open, after="现在可以从配置里去掉旧密钥 the former keys may leave the settings")

if __name__ == "__main__":
    app()
