"""Assignment of partitions to workers in PostgreSQL: a lease per (consumer, topic, partition) beside its offset.

There is no group membership, hence no rebalance: the partitions of a dead worker are free when its lease ends. A worker
that wakes up too late fails the compare-and-set of offset, holder and epoch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.eventlog import TopicPartition


class Fenced(Exception):
    """Another worker holds a partition of this batch, or its offset moved. Nothing of the batch was stored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition held by this worker. `epoch` changes with every change of holder."""

    next_offset: int
    epoch: int


class Leases:
    def __init__(self, *, schema: str, consumer: str, holder: str, lease_s: int) -> None:
        self._consumer, self._holder, self._lease_s = consumer, holder, lease_s
        self._partition_table = f'"{schema}".consumer_partition'
        self._worker_table = f'"{schema}".consumer_worker'

    async def _run(self, session: AsyncSession, sql: str, **params: object) -> Sequence[Any]:
        values = {"consumer": self._consumer, "holder": self._holder, "lease": self._lease_s, **params}
        result = await session.execute(text(sql.format(p=self._partition_table, w=self._worker_table)), values)
        return cast("CursorResult[Any]", result).all() if cast("CursorResult[Any]", result).returns_rows else []

    async def register(self, session: AsyncSession, begins: Mapping[TopicPartition, int]) -> None:
        """Insert a row for each partition never consumed before, at the log's first offset."""
        for tp, offset in sorted(begins.items()):
            await self._run(
                session,
                "INSERT INTO {p} (consumer, topic, partition, next_offset) VALUES (:consumer, :topic, :part, :offset)"
                " ON CONFLICT DO NOTHING",
                topic=tp.topic,
                part=tp.partition,
                offset=offset,
            )

    async def renew(self, session: AsyncSession) -> dict[TopicPartition, Claim]:
        """Extend, claim or release leases so that live workers share the partitions evenly. Return those held now."""
        await self._run(
            session,
            "INSERT INTO {w} (consumer, holder, alive_until) VALUES (:consumer, :holder,"
            " clock_timestamp() + make_interval(secs => :lease)) ON CONFLICT (consumer, holder)"
            " DO UPDATE SET alive_until = EXCLUDED.alive_until",
        )
        await self._run(session, "DELETE FROM {w} WHERE consumer = :consumer AND alive_until < clock_timestamp()")
        counts = await self._run(
            session,
            "SELECT (SELECT count(*) FROM {w} WHERE consumer = :consumer),"
            " (SELECT count(*) FROM {p} WHERE consumer = :consumer),"
            " (SELECT count(*) FROM {p} WHERE consumer = :consumer AND holder = :holder)",
        )
        workers, partitions, held = counts[0]
        share = math.ceil(partitions / max(workers, 1))
        await self._run(
            session,
            "UPDATE {p} SET lease_until = clock_timestamp() + make_interval(secs => :lease)"
            " WHERE consumer = :consumer AND holder = :holder",
        )
        if held > share:
            await self._release_some(session, held - share)
        elif held < share:
            await self._claim(session, share - held)
        rows = await self._run(
            session,
            "SELECT topic, partition, next_offset, epoch FROM {p} WHERE consumer = :consumer AND holder = :holder",
        )
        return {TopicPartition(topic, part): Claim(offset, epoch) for topic, part, offset, epoch in rows}

    async def _release_some(self, session: AsyncSession, count: int) -> None:
        await self._run(
            session,
            "UPDATE {p} SET holder = NULL, lease_until = NULL, epoch = epoch + 1 WHERE consumer = :consumer"
            " AND (topic, partition) IN (SELECT topic, partition FROM {p} WHERE consumer = :consumer"
            " AND holder = :holder ORDER BY topic, partition DESC LIMIT :count FOR UPDATE SKIP LOCKED)",
            count=count,
        )

    async def _claim(self, session: AsyncSession, count: int) -> None:
        await self._run(
            session,
            "UPDATE {p} SET holder = :holder, epoch = epoch + 1,"
            " lease_until = clock_timestamp() + make_interval(secs => :lease)"
            " WHERE consumer = :consumer AND (topic, partition) IN (SELECT topic, partition FROM {p}"
            " WHERE consumer = :consumer AND (holder IS NULL OR lease_until < clock_timestamp())"
            " ORDER BY topic, partition LIMIT :count FOR UPDATE SKIP LOCKED)",
            count=count,
        )

    async def release_all(self, session: AsyncSession) -> None:
        """Release all leases at a clean stop, so that other workers need not wait for their end."""
        await self._run(
            session,
            "UPDATE {p} SET holder = NULL, lease_until = NULL, epoch = epoch + 1"
            " WHERE consumer = :consumer AND holder = :holder",
        )
        await self._run(session, "DELETE FROM {w} WHERE consumer = :consumer AND holder = :holder")

    async def advance(
        self,
        session: AsyncSession,
        moves: Mapping[TopicPartition, tuple[int, int]],
        claims: Mapping[TopicPartition, Claim],
    ) -> None:
        """Move the offsets of a poll, given as (from, to), by compare-and-set. Raises Fenced if one does not match."""
        order = sorted(moves)
        result = await session.execute(
            text(
                f"UPDATE {self._partition_table} c SET next_offset = v.next"
                " FROM unnest(CAST(:topics AS text[]), CAST(:parts AS int[]), CAST(:froms AS bigint[]),"
                " CAST(:tos AS bigint[]), CAST(:epochs AS bigint[])) AS v(topic, part, expected, next, epoch)"
                " WHERE c.consumer = :consumer AND c.topic = v.topic AND c.partition = v.part"
                " AND c.next_offset = v.expected AND c.holder = :holder AND c.epoch = v.epoch RETURNING 1"
            ),
            {
                "topics": [tp.topic for tp in order],
                "parts": [tp.partition for tp in order],
                "froms": [moves[tp][0] for tp in order],
                "tos": [moves[tp][1] for tp in order],
                "epochs": [claims[tp].epoch for tp in order],
                "consumer": self._consumer,
                "holder": self._holder,
            },
        )
        if len(result.all()) != len(order):
            raise Fenced
