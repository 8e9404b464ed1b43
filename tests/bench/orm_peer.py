"""A peer in the usual ORM style: a session and a transaction per event, with the same work.

It has the same tables, judge and promises: inbox, binding, lock of the person, caps, double entry, tally, outcome.
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import registry

from services.accounting.bindings.domain import BindingRow
from services.accounting.bindings.models import binding
from services.accounting.judging.domain import CapUsed, cap_keys, judge, match_acts
from services.accounting.judging.duplicates import CreditedAct, CreditedActs
from services.accounting.judging.stored import to_stored
from services.accounting.judging.subjects import CapKey
from services.accounting.ledger.chart import issuance_code, system_account_id
from services.accounting.ledger.models import ledger_account, posting
from services.accounting.methodologies.service import Library
from services.accounting.posting import models
from services.accounting.posting.candidates import to_act
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Database
from shared.ids import new_id

_ZONE = "Asia/Shanghai"
_encode = msgspec.json.Encoder().encode


class Activity:
    """Mapped below. The attributes are the columns."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update({})
        for name, value in values.items():
            setattr(self, name, value)


class Account(Activity):
    pass


class Posting(Activity):
    pass


class CapCounter(Activity):
    pass


class Binding(Activity):
    pass


class Tally(Activity):
    pass


def _map() -> None:
    mapping = registry()
    for mapped, table in (
        (Activity, models.activity),
        (Account, ledger_account),
        (Posting, posting),
        (CapCounter, models.cap_usage),
        (Binding, binding),
        (Tally, models.intake_tally),
    ):
        mapping.map_imperatively(mapped, table, inherits=None)


_MAPPED: list[bool] = []


class OrmPeer:
    def __init__(self, dsn: str) -> None:
        if not _MAPPED:
            _map()
            _MAPPED.append(True)
        self._database = Database(dsn, pool_size=1)
        self._library = Library()

    async def measure(self, reports: Sequence[ActivityReported]) -> float:
        """Post the reports one by one. Returns events per second."""
        try:
            await self._post(reports[0])
            started = time.perf_counter()
            for report in reports[1:]:
                await self._post(report)
            return (len(reports) - 1) / (time.perf_counter() - started)
        finally:
            await self._database.stop()

    async def _post(self, report: ActivityReported) -> None:
        async with self._database.transaction() as session:
            if await session.get(Activity, report.event_key) is not None:
                return
            bindings = await session.scalars(
                select(Binding).where(
                    binding.c.partner_id == report.partner_id,
                    binding.c.account_key == report.account_key,
                )
            )
            rows: list[Any] = list(bindings)
            found = [BindingRow(row.account_id, row.counts_from, row.ended_at, None) for row in rows]
            act = to_act(report, found, _ZONE)
            account: Any = await session.get(Account, act.account_id, with_for_update=True)
            index = await self._library.index(session)
            counters, usage = await self._caps(session, [act], index)
            batch = judge(match_acts([act], index), usage, await self._credited_nearby(session, act, index))
            (judgement,) = batch.judgements
            for key, used in batch.usage.items():
                counter: Any = counters.get(key)
                if counter is None:
                    counter = CapCounter(
                        subject_id=key.subject_id, cap_id=key.cap_id, period_start=key.period_start, acts=0, amount_mg=0
                    )
                    session.add(counter)
                counter.acts += used.acts
                counter.amount_mg += used.amount_mg
            self._write(session, report, act, judgement, account)
            await self._write_outcome(session, report, judgement)

    async def _caps(self, session: AsyncSession, acts: list[Any], index: Any) -> tuple[dict[CapKey, Any], Any]:
        counters: dict[CapKey, Any] = {}
        for key in cap_keys(match_acts(acts, index)):
            counter = await session.get(CapCounter, tuple(key))
            if counter is not None:
                counters[key] = counter
        return counters, {key: CapUsed(counter.acts, counter.amount_mg) for key, counter in counters.items()}

    async def _credited_nearby(self, session: AsyncSession, act: Any, index: Any) -> CreditedActs:
        near = await session.scalars(
            select(Activity).where(
                models.activity.c.account_id == act.account_id,
                models.activity.c.occurred_at.between(
                    act.occurred_at - timedelta(days=1), (act.ended_at or act.occurred_at) + timedelta(days=1)
                ),
                models.activity.c.status == "credited",
            )
        )
        counted = []
        rows: list[Any] = list(near)
        for row in rows:
            version = index.version(row.methodology_code, row.methodology_version)
            groups = version.document.exclusivity_groups if version else ()
            counted.append(
                CreditedAct(row.activity_id, row.account_id, groups, row.occurred_at, row.ended_at, row.partner_id)
            )
        return CreditedActs(counted)

    def _write(self, session: AsyncSession, report: ActivityReported, act: Any, judgement: Any, account: Any) -> None:
        session.add(
            Activity(
                activity_id=report.event_key,
                fingerprint=bytes.fromhex(report.fingerprint),
                partner_id=report.partner_id,
                event_id=report.event_id,
                receipt_id=report.receipt_id,
                receipt_index=report.index,
                account_id=act.account_id,
                status=str(judgement.status),
                reason_code=judgement.reason_code,
                scene=judgement.scene,
                occurred_at=act.occurred_at,
                ended_at=act.ended_at,
                received_at=report.received_at,
                amount_mg=judgement.amount_mg,
                methodology_code=judgement.methodology_code,
                methodology_version=judgement.methodology_version,
                judgement=msgspec.json.decode(to_stored(judgement)),
                act=msgspec.to_builtins(report.act),
                raw_sha256=bytes.fromhex(report.raw_sha256),
            )
        )
        if judgement.amount_mg:
            issuance_id = system_account_id(issuance_code(judgement.methodology_code))
            session.add(
                Posting(
                    posting_id=new_id(),
                    kind="credit",
                    debit_account_id=issuance_id,
                    credit_account_id=act.account_id,
                    amount_mg=judgement.amount_mg,
                    activity_id=report.event_key,
                    requested_by=f"partner:{report.partner_id}",
                )
            )
            account.balance_mg += judgement.amount_mg
            account.lifetime_mg += judgement.amount_mg

    async def _write_outcome(self, session: AsyncSession, report: ActivityReported, judgement: Any) -> None:
        outcome = ActivityJudged(
            activity_id=report.event_key,
            partner_id=report.partner_id,
            event_id=report.event_id,
            receipt_id=report.receipt_id,
            index=report.index,
            status=str(judgement.status),  # type: ignore[arg-type]
            reason_code=judgement.reason_code,
            amount_mg=judgement.amount_mg,
            judged_at=clock.now(),
        )
        await session.execute(
            text("INSERT INTO accounting.outbox (topic, records) VALUES ('bench', :records)"),
            {"records": _encode(outcome)},
        )
        await session.flush()
        tally = insert(models.intake_tally).values(
            partner_id=report.partner_id,
            received_on=report.received_at.date(),
            status=str(judgement.status),
            reason_code=judgement.reason_code,
            events=1,
            amount_mg=judgement.amount_mg,
        )
        await session.execute(
            tally.on_conflict_do_update(
                index_elements=["partner_id", "received_on", "status", "reason_code"],
                set_={
                    "events": models.intake_tally.c.events + 1,
                    "amount_mg": models.intake_tally.c.amount_mg + tally.excluded.amount_mg,
                },
            )
        )
        if judgement.amount_mg:
            issuance: Any = await session.get(
                Account, system_account_id(issuance_code(judgement.methodology_code)), with_for_update=True
            )
            if issuance is not None:
                issuance.balance_mg -= judgement.amount_mg
