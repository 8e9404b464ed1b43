"""Reads the outcomes that wait in the outbox."""

import asyncpg
import msgspec
from cloudevents.core.base import BaseCloudEvent

from shared.contracts import topics
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.outbox import records_in
from tests.cloud_events import Header, read_event
from tests.databases import Dsns


async def outcomes(dsns: Dsns) -> list[ActivityJudged]:
    """Return the outcomes in the outbox, in order."""
    records = await records_of(dsns, topics.OUTCOMES)
    events = [read_event(*record) for record in records]
    assert len({event.get_id() for event in events}) == len(set(records))
    return [msgspec.json.decode(value, type=ActivityJudged) for _, _, value, _ in records]


async def outcome_events(dsns: Dsns) -> list[BaseCloudEvent]:
    """Return the same as an official CloudEvents package reads them."""
    return [read_event(*record) for record in await records_of(dsns, topics.OUTCOMES)]


async def records_of(dsns: Dsns, topic: str) -> list[tuple[str, bytes, bytes, tuple[Header, ...]]]:
    """Return topic, key, value and headers of the records of a topic in the outbox, in order."""
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = await connection.fetch(
            "SELECT topic, records FROM accounting.outbox WHERE topic = $1 ORDER BY id", topic
        )
    finally:
        await connection.close()
    found = []
    for row in rows:
        for record in records_in(row["records"]):
            assert record.value is not None
            found.append((row["topic"], record.key, record.value, record.headers))
    return found
