"""The chain of operators' records of one service: seals closed days and compares them with the records as they are.

How a service gets its chain:

1. `record_digest = add_record_digest_table(metadata)` in a `models.py`. The migration takes UPDATE and DELETE from the
   service's role.
2. `RecordChain(...)` with this table and the `Records` of the service.
3. The worker runs `seal_next` as a timed job and publishes the topic. `check` and `sealed_days` serve the rechecks.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from shared import clock, outbox
from shared.contracts.digests_v1 import Chain, DaySealed
from shared.db import driver
from shared.language import Text as Words
from shared.seals import closing
from shared.seals.announcing import announcement, sealed_day
from shared.seals.findings import Finding, signature_fault
from shared.seals.merkle import TreeBuilder
from shared.seals.records import Records
from shared.seals.signer import DigestSigner, signed_by
from shared.seals.statements import (
    DAY_SECRET_BYTES,
    RecordsStatement,
    day_span,
    record_leaf_hash,
    records_statement_of,
    statement_hash,
    statement_text,
)

_log = structlog.get_logger(__name__)


def add_record_digest_table(metadata: MetaData) -> Table:
    return Table(
        "record_digest",
        metadata,
        Column("day", Date, primary_key=True),
        Column("statement", Text, nullable=False, comment="canonical JSON: what is hashed, chained and signed"),
        Column("sha256", Text, nullable=False, unique=True),
        Column("previous", Text, unique=True, comment="sha256 of the day before"),
        Column("records", Integer, nullable=False),
        Column("secret", LargeBinary, nullable=False, comment="salts of the day's leaves; never published"),
        Column("public_key", Text),
        Column("signature", Text),
        Column("sealed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        CheckConstraint("(public_key IS NULL) = (signature IS NULL)", name="signed_by_a_key"),
    )


class RecordChain:
    """`name` is the chain on the topic, `source` the service in the event headers, `lock` admits one sealer."""

    def __init__(self, schema: str, table: Table, records: Records, *, name: Chain, source: str, lock: str) -> None:
        self._schema, self._table, self._records = schema, table, records
        self._name, self._source, self._lock = name, source, lock

    async def seal_next(
        self, session: AsyncSession, *, time_zone: str, delay_s: int, signer: DigestSigner | None, topic: str
    ) -> date | None:
        """Seal the earliest closed day that is not sealed, if there is one, and return it. Timed job.

        A day is closed when no transaction that began before its end is open, at least `delay_s` after its end. Days
        without records are sealed, too, so that the chain has no gaps. The digest is announced on `topic`.
        """
        connection = await driver(session)
        if not await closing.try_lock(connection, self._lock):
            return None
        newest = await self.newest(session)
        if newest is not None:
            day: date = newest.day + timedelta(days=1)
        else:
            first = await self._records.first_at(session)
            if first is None:
                return None
            day = clock.local_date(first, time_zone)
        span = day_span(day, time_zone)
        if await closing.settled_before(connection) < span[1] + timedelta(seconds=delay_s):
            return None
        await self._seal(session, day, span, newest, time_zone, signer, topic)
        return day

    async def _seal(
        self,
        session: AsyncSession,
        day: date,
        span: tuple[datetime, datetime],
        newest: Any | None,
        time_zone: str,
        signer: DigestSigner | None,
        topic: str,
    ) -> None:
        secret = secrets.token_bytes(DAY_SECRET_BYTES)
        tree = await self._tree(session, secret, span)
        previous = newest.sha256 if newest is not None else None
        statement = statement_text(
            RecordsStatement(day=day, previous=previous, records=tree.size, root=tree.root().hex(), time_zone=time_zone)
        )
        public_key, signature = signed_by(signer, statement)
        sealed = DaySealed(
            chain=self._name,
            day=day,
            statement=statement,
            sha256=statement_hash(statement),
            public_key=public_key,
            signature=signature,
            sealed_at=clock.now(),
        )
        await session.execute(
            insert(self._table).values(
                day=day,
                statement=statement,
                sha256=sealed.sha256,
                previous=previous,
                records=tree.size,
                secret=secret,
                public_key=public_key,
                signature=signature,
            )
        )
        await outbox.add(session, self._schema, topic, [announcement(sealed, source=self._source)])
        _log.info("records_sealed", day=str(day), records=tree.size, signed=signer is not None)

    async def _tree(self, session: AsyncSession, secret: bytes, span: tuple[datetime, datetime]) -> TreeBuilder:
        tree = TreeBuilder()
        async for batch in self._records.between(session, *span):
            for row in batch:
                tree.add(record_leaf_hash(row, secret))
        return tree

    async def newest(self, session: AsyncSession) -> Any | None:
        """Return the digest of the newest sealed day."""
        query = select(self._table).order_by(self._table.c.day.desc()).limit(1)
        return (await session.execute(query)).first()

    async def digests(self, session: AsyncSession) -> Sequence[Any]:
        """Return all digests, the oldest first."""
        return (await session.execute(select(self._table).order_by(self._table.c.day))).all()

    async def sealed_days(self, session: AsyncSession) -> list[DaySealed]:
        """Return all digests as they were announced, the oldest first."""
        return [sealed_day(self._name, row) for row in await self.digests(session)]

    async def check(self, session: AsyncSession, keys: Collection[str] = ()) -> list[Finding]:
        """Recompute every sealed day, in order. With `keys`, every day must be signed with one of them."""
        findings: list[Finding] = []
        previous: Any = None
        for sealed in await self.digests(session):
            findings += await self._findings(session, sealed, previous, keys)
            previous = sealed
        return findings

    async def _findings(
        self, session: AsyncSession, sealed: Any, previous: Any | None, keys: Collection[str]
    ) -> list[Finding]:
        day, findings = sealed.day, []
        try:
            statement = records_statement_of(sealed.statement)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return [Finding(day, Words("记录摘要不可读", "the statement of the records cannot be read"))]
        linked = (statement.previous, sealed.previous) == ((previous.sha256 if previous else None),) * 2
        if statement_hash(sealed.statement) != sealed.sha256 or statement.day != day or not linked:
            findings.append(Finding(day, Words("记录摘要的链条断开", "the chain of the records is broken")))
        if previous is not None and day != previous.day + timedelta(days=1):
            findings.append(Finding(day, Words("记录摘要前面缺少日期", "days before this one are missing")))
        if fault := signature_fault(sealed, previous, keys):
            findings.append(Finding(day, Words(f"记录摘要：{fault.zh}", f"records: {fault.en}")))
        span = day_span(day, statement.time_zone)
        first = await self._records.first_at(session) if previous is None else None
        if first is not None and first < span[0]:
            text = Words("有记录早于首个封存日", "records are older than the first sealed day")
            findings.append(Finding(day, text, first, span[0]))
        tree = await self._tree(session, bytes(sealed.secret), span)
        if (tree.root().hex(), tree.size) != (statement.root, statement.records):
            text = Words(
                f"运营记录被改动：封存 {statement.records} 条，现有 {tree.size} 条",
                f"records of operators were changed: {statement.records} sealed, {tree.size} now",
            )
            findings.append(Finding(day, text, *span))
        return findings
