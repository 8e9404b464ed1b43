"""The timed check of the records: partners and keys every time, the seals once a newer day is sealed."""

from datetime import date
from pathlib import Path

import structlog

from services.ingest.partners.provenance import Opens
from services.ingest.records import service
from shared import clock, telemetry
from shared.db import Session

_log = structlog.get_logger(__name__)


class NightlyCheck:
    """Sets the gauges. The seals are checked when the worker starts and after each seal."""

    def __init__(self, *, opens: Opens, copy: Path | None) -> None:
        self._opens, self._copy = opens, copy
        self._checked: date | None = None
        self._seals = 0

    async def run(self, session: Session) -> None:
        """Timed job."""
        findings = await service.check_partners(session, opens=self._opens)
        telemetry.RECORD_FINDINGS.labels("partners").set(len(findings))
        newest = await service.newest_day(session)
        if newest is not None and newest != self._checked:
            seals = await service.check_seals(session, copy=self._copy)
            self._checked, self._seals = newest, len(seals)
            telemetry.RECORDS_CHECKED.set(clock.now().timestamp())
            findings += seals
        telemetry.RECORD_FINDINGS.labels("seals").set(self._seals)
        for one in findings:
            _log.error(
                "record_finding", partner=one.partner_id, app_key=one.app_key, day=str(one.day or ""), text=one.text.en
            )
