"""Use case of the sandbox: archive and judge accepted events as the worker and accounting would.

Nothing reaches the log, the ledger or a person. Receipts, statuses, the feed and webhooks are the real ones.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.ingest.archive import service as archive
from services.ingest.sandbox.domain import NUMBERS, UNBOUND, Sentence
from shared import clock
from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import account_key
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rejections_v1 import ReceiptRejected
from shared.db import Database, Session
from shared.eventlog import StoredRecord

# Archived rows name their record in the log. These have none.
_NO_POSITION = -1
_REVISED = {"correct": "CORRECTED", "cancel": "CANCELLED"}


class _Pending:
    """Verdicts to store together. The archive takes one verdict of an event at a time."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session, self._now = session, now
        self._verdicts: dict[tuple[UUID, int], ActivityJudged] = {}

    async def add(self, verdict: ActivityJudged) -> None:
        place = (verdict.receipt_id, verdict.index)
        if place in self._verdicts:
            await self.store()
        self._verdicts[place] = verdict

    async def store(self) -> None:
        if self._verdicts:
            record = _record(topics.OUTCOMES, self._now)
            await archive.handle_outcomes(self._session, [(record, one) for one in self._verdicts.values()])
            self._verdicts = {}


class SandboxJudge:
    """Judges requests of sandbox partners. `pepper` keys the hashes of account references."""

    def __init__(self, database: Database, *, pepper: str, time_zone: str) -> None:
        self._database, self._pepper, self._time_zone = database, pepper, time_zone

    async def judge(self, reports: Sequence[ActivityReported], rejections: ReceiptRejected | None) -> None:
        """Return once the verdicts are stored and their webhooks queued."""
        async with self._database.transaction() as session:
            now = clock.now()
            if rejections is not None:
                await archive.handle_rejections(session, [(_record(topics.ACTIVITIES, now), rejections)])
            if not reports:
                return
            known = await archive.copies_of(session, [one.event_key for one in reports])
            record = _record(topics.ACTIVITIES, now)
            await archive.handle_reports(session, [(record, one) for one in reports], time_zone=self._time_zone)
            pending = _Pending(session, now)
            for report in reports:
                if report.operation != "report":
                    await pending.store()  # it may concern an event of the same request
                for verdict in await self._verdicts(session, report, known.get(report.event_key), now):
                    await pending.add(verdict)
                known.setdefault(report.event_key, bytes.fromhex(report.fingerprint))
            await pending.store()

    async def _verdicts(
        self, session: Session, report: ActivityReported, first: bytes | None, now: datetime
    ) -> Iterable[ActivityJudged]:
        if first is not None:
            is_same = first == bytes.fromhex(report.fingerprint)
            return [_verdict(report, "duplicate" if is_same else "conflict", None, 0, 1, now)]
        verdicts = self._own(report, now)
        if report.operation == "report":
            return verdicts
        reason = _REVISED[report.operation]
        original = await archive.taken_back(session, report.partner_id, report.original_event_id or "", reason, now)
        if original is None:
            return [_verdict(report, "refused", "ORIGINAL_UNKNOWN", 0, 1, now)]
        if report.operation == "cancel":
            verdicts = [_verdict(report, "reversed", reason, 0, 1, now)]
        return [original, *verdicts]

    def _own(self, report: ActivityReported, now: datetime) -> list[ActivityJudged]:
        return [
            _verdict(report, one.status, one.reason_code, one.amount_mg, sequence, now)
            for sequence, one in enumerate(self._sentences(report), 1)
        ]

    def _sentences(self, report: ActivityReported) -> Sequence[Sentence]:
        for number, sentences in NUMBERS.items():
            if account_key(self._pepper, report.partner_id, "account_no", number) == report.account_key:
                return sentences
        return (UNBOUND,)


def _record(topic: str, now: datetime) -> StoredRecord:
    return StoredRecord(topic, _NO_POSITION, _NO_POSITION, b"", None, (), now)


def _verdict(
    report: ActivityReported, status: str, reason_code: str | None, amount_mg: int, sequence: int, now: datetime
) -> ActivityJudged:
    return ActivityJudged(
        activity_id=report.event_key,
        partner_id=report.partner_id,
        event_id=report.event_id,
        receipt_id=report.receipt_id,
        index=report.index,
        status=status,  # type: ignore[arg-type]  # one of the contract's, from the tables above
        reason_code=reason_code,
        amount_mg=amount_mg,
        judged_at=now,
        sequence=sequence,
    )
