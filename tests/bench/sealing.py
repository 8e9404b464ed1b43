"""Cost of sealing a day: SQL fills two days, a small one and a large one, with copies of judged acts.

The default is 200,000 acts in the large day. BENCH_SEALED=1000000 makes a million. Memory must not grow with the day.
"""

import os
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from services.accounting.proofs import repository, sealing
from shared import clock
from shared.db import Database, driver
from shared.seals.statements import day_span
from tests.bench import people
from tests.bench.figures import Figure, compared
from tests.bench.lab import Lab, drain
from tests.bench.posting import PEOPLE, prepare
from tests.bench.progress import Progress
from tests.databases import Dsns, connect_past_triggers

PART = "sealing"
STEPS = 4
PATTERNS = 5_000
ACTS = int(os.environ.get("BENCH_SEALED", "200000"))
SMALL = ACTS // 10
# A day of six million acts in 20 minutes of one core.
LIMIT_US = 200.0
ZONE = "Asia/Shanghai"
_NUMBERED = """
CREATE TABLE accounting.pattern AS SELECT row_number() OVER () - 1 AS place, a.* FROM accounting.activity a
"""
_COPIES = """
INSERT INTO accounting.activity (activity_id, fingerprint, partner_id, event_id, receipt_id, receipt_index, account_id,
    status, reason_code, scene, occurred_at, ended_at, received_at, amount_mg, methodology_code, methodology_version,
    judgement, act, raw_sha256, recorded_at, sequence)
SELECT md5($1 || 'a' || n)::uuid, p.fingerprint, p.partner_id, $1 || '-' || n, p.receipt_id, p.receipt_index,
    p.account_id, p.status, p.reason_code, p.scene, p.occurred_at, p.ended_at, p.received_at, p.amount_mg,
    p.methodology_code, p.methodology_version, p.judgement, p.act, p.raw_sha256,
    $2::timestamptz + n * (interval '86000 seconds' / $3::int), p.sequence
FROM generate_series(0, $3::int - 1) AS n JOIN accounting.pattern p ON p.place = n % $4::int
ORDER BY n -- rows of a table follow their time, as workers write them
"""
_POSTINGS = """
INSERT INTO accounting.posting (posting_id, posted_at, kind, debit_account_id, credit_account_id, amount_mg,
    activity_id, requested_by)
SELECT (lpad(to_hex((extract(epoch FROM a.recorded_at) * 1000)::bigint), 12, '0') || left(md5(a.event_id), 20))::uuid,
    a.recorded_at, 'credit', s.account_id, a.account_id, a.amount_mg,
    a.activity_id, 'partner:' || a.partner_id
FROM accounting.activity a
JOIN accounting.ledger_account s ON s.code = 'issuance:' || a.methodology_code
WHERE a.amount_mg > 0 AND a.event_id LIKE $1 || '-%'
ORDER BY a.recorded_at
"""


async def measure(lab: Lab, progress: Progress) -> tuple[list[Figure], dict[str, Any]]:
    dsns = await prepare(lab, "bench_sealing", progress)
    await lab.start_workers(dsns, 1)
    await drain(lab, dsns, people.make_records(people.make_reports(1, PATTERNS, PEOPLE)))
    await lab.start_workers(dsns, 0)
    progress.step()
    progress.say(f"{ACTS:,} 次行为 acts")
    first = clock.local_date(clock.now(), ZONE) - timedelta(days=3)
    await _fill(dsns, first, {"small": SMALL, "large": ACTS})
    progress.step()
    database = Database(dsns.app("accounting"), pool_size=1, plan_each_time=True)
    try:
        small = await _sealed(database, SMALL, progress)
        large = await _sealed(database, ACTS, progress)
    finally:
        await database.stop()
    return _figures(small, large), {"sealed_acts": ACTS}


async def _fill(dsns: Dsns, first: date, days: dict[str, int]) -> None:
    """Put copies of the judged acts, refused ones included, into past days, and nothing else."""
    connection = await connect_past_triggers(dsns)
    try:
        await connection.execute(_NUMBERED)
        patterns = await connection.fetchval("SELECT count(*) FROM accounting.pattern")
        await connection.execute("TRUNCATE accounting.activity, accounting.posting, accounting.activity_change")
        for number, (name, acts) in enumerate(days.items()):
            begin, _ = day_span(first + timedelta(days=number), ZONE)
            await connection.execute(_COPIES, name, begin, acts, patterns, timeout=600)
            await connection.execute(_POSTINGS, name, timeout=600)
        await connection.execute("DROP TABLE accounting.pattern")
        await connection.execute("VACUUM ANALYZE accounting.activity, accounting.posting", timeout=600)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Sealed:
    """Processor time of the job and of its database session, and the growth of the job's memory."""

    acts: int
    job_us: float
    database_us: float
    grown_mib: float
    taken_s: float

    @property
    def us(self) -> float:
        return self.job_us + self.database_us


async def _sealed(database: Database, acts: int, progress: Progress) -> Sealed:
    """Seal the next day in this process."""
    progress.say(f"封存 sealing {acts:,}")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak of the memory begins again
    before_mib, started = _memory_mib("VmRSS"), time.perf_counter()
    async with database.transaction() as session:
        backend = (await driver(session)).get_server_pid()
        spent_s = (time.process_time(), _backend_s(backend))
        day = await sealing.seal_next_day(session, time_zone=ZONE, delay_s=0, signer=None)
        job_s, database_s = time.process_time() - spent_s[0], _backend_s(backend) - spent_s[1]
        sealed = await repository.digest(session, day) if day else None
    if sealed is None or sealed.activities != acts:
        raise RuntimeError(f"{day}: {sealed.activities if sealed else 0} acts sealed instead of {acts}")
    progress.step()
    return Sealed(
        acts,
        job_s / acts * 1e6,
        database_s / acts * 1e6,
        _memory_mib("VmHWM") - before_mib,
        time.perf_counter() - started,
    )


def _memory_mib(field: str) -> float:
    """Return the resident memory of this process, now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def _backend_s(pid: int) -> float:
    """Return the processor time of a session of the database, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def _figures(small: Sealed, large: Sealed) -> list[Figure]:
    return [
        compared(
            PART,
            ("封存一次行为及其入账", f"sealing an act with its posting, {large.acts:,} in the day"),
            [large.us],
            [LIMIT_US],
            unit="us",
            limit_name="six million acts in 20 minutes of a core",
            target=1.0,
            at_most=True,
            note=f"job {large.job_us:.0f}, database {large.database_us:.0f}; memory grows by {small.grown_mib:.1f} MiB"
            f" with {small.acts:,} acts and by {large.grown_mib:.1f} MiB with {large.acts:,};"
            f" {large.taken_s:.0f} s",
        )
    ]
