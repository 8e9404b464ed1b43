"""The sealing key of partners' secrets: `python -m services.ingest.keys status|seal|new`.

Safe to kill, to repeat, and twice at once. docs/operators.md leads through a rotation.
"""

import uuid
from collections.abc import Awaitable, Callable

from services.ingest.deliveries import service as deliveries
from services.ingest.partners import proof
from services.ingest.partners import service as partners
from services.ingest.settings import Settings, sealer_of
from shared.db import Database, Session
from shared.key_command import Opened, sealing_app
from shared.rotation import Sealed, Step
from shared.sealing import Sealer

AFTER = "没有待批的提案时，可以从配置里去掉旧密钥 the former keys may leave the settings, unless a proposal still waits"


def sealed_columns(sealer: Sealer) -> list[Sealed]:
    """Everything that the key seals. The audit log only grows: it gets the new seals beside the former ones."""

    def stepping(seal: Callable[..., Awaitable[int]]) -> Callable[..., Awaitable[Step]]:
        async def step(session: Session, after: uuid.UUID | None, at_most: int) -> Step:
            del after  # a city has some hundred partners: each step reads them all
            count = await seal(session, sealer, at_most=at_most)
            return Step(None, count, is_last=not count)

        return step

    return [
        Sealed(
            "合作方 partners",
            lambda session: partners.count_sealed_otherwise(session, sealer),
            stepping(partners.reseal_some),
        ),
        Sealed(
            "回执 webhooks",
            lambda session: deliveries.count_sealed_otherwise(session, sealer),
            stepping(deliveries.reseal_some),
        ),
        Sealed(
            "审计记录 records",
            lambda session: proof.count_seals_of_former_keys(session, sealer),
            stepping(proof.renew_seals),
        ),
    ]


def _open() -> Opened:
    settings = Settings()
    database = Database(settings.database_url, pool_size=1, application_name="ingest-keys")
    return database, sealed_columns(sealer_of(settings.sealing_keys))


app = sealing_app("ingest", _open, after=AFTER)

if __name__ == "__main__":
    app()
