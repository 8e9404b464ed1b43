"""The database's notifications about partners and keys: triggers on both tables NOTIFY at every commit."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg

CHANNEL = "ingest_partners"
CONNECT_TIMEOUT_S = 5.0


async def listen(dsn: str, *, on_listening: Callable[[], None], on_change: Callable[[], None]) -> None:
    """Listen on a separate connection until it is lost. Raises the driver's errors of connecting."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S)
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda *_: lost.set())
        await connection.add_listener(CHANNEL, lambda *_: on_change())
        on_listening()
        await lost.wait()
    finally:
        if not connection.is_closed():
            connection.terminate()
