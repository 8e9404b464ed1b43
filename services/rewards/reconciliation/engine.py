"""Drives a reconciliation in bounded steps. No transaction is open during a call to accounting.

Two workers may drive one run: the position moves by compare-and-set, and a repeated capture has the same effect once.
"""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from services.rewards.database import SettledTable
from services.rewards.reconciliation import service
from services.rewards.reconciliation.holds import HoldReader, HoldsUnavailable
from services.rewards.reconciliation.service import MissingCapture
from services.rewards.settlement.domain import HoldAnswer, Reason
from services.rewards.settlement.holds import Holds
from shared import clock
from shared.db import Database

# A run of the job takes a second or two, so that a stop of the worker never waits for a whole reconciliation.
_PAGES_PER_RUN: Final = 20
_CAPTURES_PER_RUN: Final = 50

_log = structlog.get_logger(__name__)


class Reconciler:
    """`tables` by the kind of settlement. What moved within `in_flight` is left to the next run."""

    def __init__(
        self,
        database: Database,
        *,
        reader: HoldReader,
        holds: Holds,
        tables: Mapping[str, SettledTable],
        in_flight: timedelta,
        page_size: int,
    ) -> None:
        self._database, self._reader, self._holds, self._tables = database, reader, holds, tables
        self._in_flight, self._page_size = in_flight, page_size

    async def advance(self) -> None:
        """Compare the next ids of the open run, if there is one. Timed job."""
        async with self._database.transaction() as session:
            run = await service.get_open_run(session)
        for _page in range(_PAGES_PER_RUN):
            if run is None:
                return
            try:
                page = await self._reader.read_page(after=run.position, limit=self._page_size)
            except HoldsUnavailable as exc:
                _log.warning("reconciliation_waits", error=str(exc))
                async with self._database.transaction() as session:
                    await service.note_error(session, run=run, error=str(exc))
                return
            async with self._database.transaction() as session:
                run = await service.compare_stretch(
                    session,
                    run=run,
                    page=page,
                    tables=self._tables,
                    in_flight=self._in_flight,
                    limit=self._page_size,
                )

    async def repeat_captures(self) -> None:
        """Repeat missing captures that two people have approved. Timed job.

        The hold has the id of the settlement, so a repeat cannot take the grams twice.
        """
        async with self._database.transaction() as session:
            todo = await service.list_captures_to_repeat(session, tables=self._tables, limit=_CAPTURES_PER_RUN)
        for missing in todo:
            result = await self._capture(missing)
            if result is None:
                return
            async with self._database.transaction() as session:
                await service.note_result(session, missing=missing, result=result)

    async def _capture(self, missing: MissingCapture) -> str | None:
        """Return the result, None if accounting did not answer."""
        # The life of the hold runs from now on: that of the first one is over.
        settlement = dataclasses.replace(missing.settlement, created_at=clock.now())
        reply = await self._holds.place(settlement, purpose=missing.kind)
        if reply.answer is HoldAnswer.HELD:
            reply = await self._holds.capture(settlement)
        if reply.answer is HoldAnswer.UNKNOWN:
            return None
        _log.info("capture_repeated", settlement_id=str(settlement.settlement_id), answer=reply.answer)
        if reply.answer is HoldAnswer.CAPTURED:
            return "captured"
        if reply.answer in {HoldAnswer.GIVEN_BACK, HoldAnswer.REFUNDED}:
            return "hold_ended"
        return "insufficient_balance" if reply.detail == Reason.INSUFFICIENT_BALANCE else "refused"
