"""A full disk under PostgreSQL and under the broker: small volumes of their own, filled to the last byte."""

import asyncio
import os
from pathlib import Path

from tests.chaos.run import Fault, NotPossible, Scene

FULL_S = 10.0
BLOCK_BYTES = 1024 * 1024
FILLER = "filler.bin"


def fill(volume: Path) -> int:
    """Takes all space that is left; returns the bytes taken. The file belongs to whoever runs the test."""
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


async def _full(scene: Scene, volume: Path | None) -> None:
    if volume is None:
        raise NotPossible("a small volume needs the right to mount one (root); an ordinary account has no quota to set")
    answers = scene.load.history.answers
    unavailable = answers["503"]
    taken = await asyncio.to_thread(fill, volume)
    try:
        waited = 0.0
        while waited < FULL_S:
            await asyncio.sleep(0.5)
            waited += 0.5
            # What the servers let go of in the meantime is taken as well.
            await asyncio.to_thread(_top_up, volume)
    finally:
        (volume / FILLER).unlink(missing_ok=True)
        (volume / f"{FILLER}.more").unlink(missing_ok=True)
    scene.say(filled_mib=taken // BLOCK_BYTES, answered_503=answers["503"] - unavailable)


def _top_up(volume: Path) -> None:
    with (volume / f"{FILLER}.more").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return


async def database_full(scene: Scene) -> None:
    await _full(scene, scene.stack.volumes.get("postgres"))


async def broker_full(scene: Scene) -> None:
    """A broker whose only volume is full gives up; whoever supervises it starts it again once there is space."""
    kafka = scene.stack.kafka
    assert kafka is not None
    await _full(scene, scene.stack.volumes.get("broker"))
    if kafka.wait(0.1) is not None or kafka.pid is None:
        scene.say(broker_gave_up=True)
        await asyncio.to_thread(kafka.stop)
        await asyncio.to_thread(kafka.start)


FAULTS = (
    Fault("disk-full", "数据库磁盘写满", "a full disk under PostgreSQL", database_full),
    Fault("broker-disk-full", "Kafka 磁盘写满", "a full disk under the broker", broker_full, logs=("kafka",)),
)
