"""Use cases of reconciliation: the worker compares a partner's lines, partners and operators read reports."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from services.ingest.archive import service as archive
from services.ingest.archive.domain import ActTotals, partner_status
from services.ingest.reconciliation import repository
from services.ingest.reconciliation.domain import DIFFERENCES_KEPT, KINDS
from services.ingest.reconciliation.errors import ReportNotFound
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Session

_SUMS = ("events", "distance_m", "weight_g", "energy_wh", "pieces", "amount_mg")
_REPORTS_SHOWN = 20
# The accounts of a year are closed within the next year.
REPORTS_KEPT = timedelta(days=2 * 366)
_DELETE_MAX = 20

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Day:
    """`ours` by partner: sums in total, by kind of act and by status."""

    day: date
    time_zone: str
    ours: Mapping[str, Mapping[str, Any]]
    reports: Sequence[Mapping[str, Any]]


async def add_lines(
    session: Session, *, report_id: UUID, reports: Sequence[ActivityReported], lines: Sequence[int], time_zone: str
) -> None:
    """Store a block of the partner's lines until they are compared. Safe to repeat.

    Cancellations are left out: they have no act and belong to no day.
    """
    zone = ZoneInfo(time_zone)
    rows = [
        {
            "line_no": line,
            "event_key": report.event_key,
            "event_id": report.event_id,
            "occurred_on": report.act.started_at.astimezone(zone).date(),
            "fingerprint": bytes.fromhex(report.fingerprint),
            "act": _encode(report.act).decode(),
        }
        for line, report in zip(lines, reports, strict=True)
        if report.act is not None
    ]
    if rows:
        await repository.add_lines(session, report_id, rows)


async def drop_lines(session: Session, *, report_id: UUID) -> None:
    await repository.drop_lines(session, report_id)


async def compare_day(session: Session, *, report_id: UUID, partner_id: str, day: date, time_zone: str) -> None:
    """Make the report from all stored lines, then delete the lines."""
    acts = await archive.sum_acts_of_day(session, day=day, time_zone=time_zone, partner_id=partner_id)
    row = {
        "report_id": report_id,
        "partner_id": partner_id,
        "day": day,
        "ours": sums_of(acts),
        "theirs": await repository.sum_lines(session, report_id, day),
        "differences": {},
    }
    await repository.add_report(session, row)
    since = archive.first_receipt_about(day, time_zone)
    await repository.compare_lines(
        session, report_id=report_id, partner_id=partner_id, day=day, since=since, kept=DIFFERENCES_KEPT
    )
    await repository.drop_lines(session, report_id)


def sums_of(acts: Iterable[ActTotals]) -> dict[str, Any]:
    """Sums in total, by kind of act and by the status that a partner sees."""
    total: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    kinds: dict[str, dict[str, int]] = {}
    statuses: dict[str, dict[str, int]] = {}
    for act in acts:
        values = asdict(act)
        groups = (
            kinds.setdefault(act.kind, dict.fromkeys(_SUMS, 0)),
            statuses.setdefault(partner_status(act.status), dict.fromkeys(_SUMS, 0)),
        )
        for group in (total, *groups):
            for name in _SUMS:
                group[name] += values[name]
    return {**total, "by_kind": kinds, "by_status": statuses}


async def day_view(session: Session, *, day: date, time_zone: str, partner_id: str | None) -> Day:
    """Our sums of a day, of one partner or of all, and the reports about it."""
    acts = await archive.sum_acts_of_day(session, day=day, time_zone=time_zone, partner_id=partner_id)
    partners = {act.partner_id for act in acts} | ({partner_id} if partner_id is not None else set())
    ours = {one: sums_of(act for act in acts if act.partner_id == one) for one in sorted(partners)}
    return Day(day, time_zone, ours, await repository.list_reports(session, day, partner_id, _REPORTS_SHOWN))


async def get_report(session: Session, *, report_id: UUID, partner_id: str | None) -> Mapping[str, Any]:
    """`partner_id` None: any partner's report, for operators. Raises ReportNotFound."""
    row = await repository.find_report(session, report_id)
    if row is None or partner_id not in {None, row["partner_id"]}:
        raise ReportNotFound
    return {**row, "differences": {kind: row["differences"].get(kind, 0) for kind in KINDS}}


async def list_differences(
    session: Session,
    *,
    report_id: UUID,
    partner_id: str | None,
    kind: str | None,
    after: tuple[str, str, int] | None,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    """Raises ReportNotFound."""
    await get_report(session, report_id=report_id, partner_id=partner_id)
    return await repository.list_differences(session, report_id, kind, after, limit)


async def delete_old_reports(session: Session) -> None:
    """Timed job. Deletes a bounded number of reports per run."""
    await repository.delete_old_reports(session, clock.now() - REPORTS_KEPT, _DELETE_MAX)
