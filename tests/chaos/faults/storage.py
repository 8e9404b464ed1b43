"""A full disk under PostgreSQL and under the broker: small mounted volumes, filled to the last byte."""

import asyncio
import os
from pathlib import Path

from tests.chaos.run import Fault, FaultContext, NotPossible

FULL_S = 10.0
BLOCK_BYTES = 1024 * 1024
FILLER = "filler.bin"


def fill(volume: Path) -> int:
    """Fill the volume with one file of this account. Returns the bytes taken."""
    target = volume / FILLER
    taken = 0
    with target.open("wb", buffering=0) as file:
        free = os.statvfs(volume).f_bavail * os.statvfs(volume).f_frsize
        try:
            os.posix_fallocate(file.fileno(), 0, max(free - BLOCK_BYTES, BLOCK_BYTES))
            taken = file.seek(0, os.SEEK_END)
            while True:
                taken += file.write(b"\0" * 4096)
        except OSError:
            return taken


async def _fill_for_a_while(context: FaultContext, volume: Path | None) -> None:
    if volume is None:
        raise NotPossible("a small volume needs the right to mount one (root); an ordinary account has no quota to set")
    answers = context.load.history.answers
    unavailable = answers["503"]
    taken = await asyncio.to_thread(fill, volume)
    try:
        waited = 0.0
        while waited < FULL_S:
            await asyncio.sleep(0.5)
            waited += 0.5
            # Fill the space that the servers have freed meanwhile.
            await asyncio.to_thread(_top_up, volume)
    finally:
        (volume / FILLER).unlink(missing_ok=True)
        (volume / f"{FILLER}.more").unlink(missing_ok=True)
    context.add_facts(filled_mib=taken // BLOCK_BYTES, answered_503=answers["503"] - unavailable)


def _top_up(volume: Path) -> None:
    with (volume / f"{FILLER}.more").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return


async def database_full(context: FaultContext) -> None:
    await _fill_for_a_while(context, context.stack.volumes.get("postgres"))


async def broker_full(context: FaultContext) -> None:
    """Fill the broker's volume. A broker on a full volume exits; the supervisor's part here is to start it again."""
    kafka = context.stack.kafka
    assert kafka is not None
    await _fill_for_a_while(context, context.stack.volumes.get("broker"))
    if kafka.wait(0.1) is not None or kafka.pid is None:
        context.add_facts(broker_gave_up=True)
        await asyncio.to_thread(kafka.stop)
        await asyncio.to_thread(kafka.start)


FAULTS = (
    Fault("disk-full", "数据库磁盘写满", "a full disk under PostgreSQL", database_full),
    Fault("broker-disk-full", "Kafka 磁盘写满", "a full disk under the broker", broker_full, logs=("kafka",)),
)
