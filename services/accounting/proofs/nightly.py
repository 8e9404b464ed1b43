"""The nightly recheck: every seal and every equation, in steps of some seconds, from a position kept in a table.

A run begins when a newer day is sealed than the last run knew. It goes through the days from the newest to the oldest,
then through the days of the records, the copy in the file, the library, and the equations one by one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from services.accounting.checks import service as checks
from services.accounting.ledger import history
from services.accounting.methodologies import service as methodologies
from services.accounting.proofs import recheck_repository, rechecking, repository, sealing
from shared import telemetry
from shared.db import Session
from shared.language import Text
from shared.seals.findings import Finding, compare_copy

# One step of the timed job. It leaves time for posting between two steps.
STEP_S: Final = 2.0
_FINDINGS_KEPT: Final = 1000
_LOCK: Final = "accounting.nightly_check"


@dataclass(slots=True)
class _Run:
    """A run while one step works on it. Stages: days, records, copy, library, equations, done."""

    newest_day: date
    stage: str = "days"
    day: date | None = None
    tree: int = 0
    block: int = 0
    found_today: int = 0
    days: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    equations: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Any) -> "_Run":
        position: Mapping[str, Any] = row.position
        return cls(
            row.newest_day,
            position["stage"],
            date.fromisoformat(position["day"]) if position["day"] else None,
            position["tree"],
            position["block"],
            position["found_today"],
            row.days,
            list(row.findings),
            dict(row.equations),
        )

    def position(self) -> dict[str, Any]:
        day = self.day.isoformat() if self.day else None
        return {
            "stage": self.stage,
            "day": day,
            "tree": self.tree,
            "block": self.block,
            "found_today": self.found_today,
        }

    def add(self, findings: list[Finding]) -> None:
        self.found_today += len(findings)
        for finding in findings[: _FINDINGS_KEPT - len(self.findings)]:
            self.findings.append(
                {
                    "day": finding.day.isoformat(),
                    "text_zh": finding.text.zh,
                    "text_en": finding.text.en,
                    "since": finding.since.isoformat() if finding.since else None,
                    "until": finding.until.isoformat() if finding.until else None,
                }
            )


async def check_step(session: Session, *, digest_file_path: Path | None = None, step_s: float = STEP_S) -> None:
    """Continue the run, or begin one if a newer day was sealed. Timed job."""
    if await history.try_lock(session, name=_LOCK):
        row = await recheck_repository.newest_run(session)
        newest = await repository.newest(session)
        if newest is not None and (row is None or (row.finished_at and row.newest_day < newest.day)):
            await recheck_repository.begin_run(session, newest.day, _Run(newest.day, day=newest.day).position())
            row = await recheck_repository.newest_run(session)
        if row is not None and row.finished_at is None:
            await _work(session, _Run.of(row), digest_file_path, step_s)
    await _set_gauges(session)


async def _work(session: Session, run: _Run, path: Path | None, step_s: float) -> None:
    stop = time.monotonic() + step_s
    while run.stage != "done":
        if run.stage == "days":
            await _check_blocks(session, run)
        elif run.stage == "records":
            run.add(await sealing.RECORDS.check(session))
            run.stage = "copy"
        elif run.stage == "copy":
            run.add(await check_copy(session, path) if path is not None else [])
            run.stage = "library"
        elif run.stage == "library":
            run.add(
                [_refused(run.newest_day, str(one)) for one in (await methodologies.examine_library(session)).refused]
            )
            run.stage = "equations"
        else:
            await _check_equation(session, run)
        if time.monotonic() >= stop:
            break
    await recheck_repository.save_run(
        session,
        run.newest_day,
        {"position": run.position(), "days": run.days, "findings": run.findings, "equations": run.equations},
        finished=run.stage == "done",
    )


async def _check_blocks(session: Session, run: _Run) -> None:
    """Check one piece of the current day, then move on: to its next piece, or to the day before."""
    assert run.day is not None
    sealed = await repository.digest(session, run.day)
    if sealed is None:
        run.stage = "records"
        return
    found, following = await rechecking.check_piece(session, sealed, tree=run.tree, block=run.block)
    run.add(found)
    if following is not None:
        run.tree, run.block = following
        return
    await recheck_repository.set_checked(session, run.day, run.found_today)
    run.day, run.days = run.day - timedelta(days=1), run.days + 1
    run.tree = run.block = run.found_today = 0


async def check_copy(session: Session, path: Path) -> list[Finding]:
    """Compare the copy in the file with the digests in the database. An unreadable file is a finding of today."""
    return await compare_copy(path, await sealing.all_digests(session))


def _refused(day: date, name: str) -> Finding:
    return Finding(
        day, Text(f"方法学库与批准的内容不符：{name}", f"the library differs from what was approved: {name}")
    )


async def _check_equation(session: Session, run: _Run) -> None:
    left = [name for name in checks.equation_sentences() if name not in run.equations]
    if left:
        run.equations[left[0]] = await checks.check_one(session, left[0])
    if len(left) <= 1:
        run.stage = "done"


def differences(run: Any) -> int:
    """Return the number of findings and of equations that do not hold."""
    return len(run.findings) + sum(1 for figure in run.equations.values() if figure)


async def _set_gauges(session: Session) -> None:
    newest, last = await recheck_repository.newest_run(session), await last_run(session)
    found = max((differences(run) for run in (newest, last) if run is not None), default=0)
    telemetry.SEAL_FINDINGS.set(found)
    if last is not None:
        telemetry.SEAL_CHECKED_DAY.set(last.finished_at.timestamp())


async def last_run(session: Session) -> Any | None:
    """Return the last complete run."""
    return await recheck_repository.newest_run(session, finished=True)


async def open_run(session: Session) -> Any | None:
    """Return the run that is under way."""
    return await recheck_repository.newest_run(session, finished=False)
