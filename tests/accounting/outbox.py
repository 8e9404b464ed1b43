"""Reads the outcomes that wait in the outbox."""

import asyncpg
import msgspec

from shared.contracts.outcomes_v1 import ActivityJudged
from tests.databases import Dsns


async def outcomes(dsns: Dsns) -> list[ActivityJudged]:
    """Return the outcomes in the outbox, in order."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = await connection.fetch("SELECT records FROM accounting.outbox ORDER BY id")
    finally:
        await connection.close()
    return [
        msgspec.json.decode(value, type=ActivityJudged)
        for row in rows
        for _key, value, _headers in msgspec.msgpack.decode(row["records"])
    ]
