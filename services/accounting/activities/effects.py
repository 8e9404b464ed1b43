"""What judged events write: rows of activities and credits, and what balances change by. Pure."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec

from services.accounting.activities.domain import Judgement, Status, from_record
from services.accounting.activities.posting_repository import ActivityRow, CreditRow
from services.accounting.activities.verdicts import Verdict
from services.accounting.activities.vesting_repository import PendingRow
from services.accounting.ledger.domain import issuance_code, sub_account_id, system_account_id
from shared.ids import new_id

_ENCODE = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Effects:
    """All that a batch writes, gathered so that each table is written once. `people_mg`: households' too."""

    activities: list[ActivityRow] = field(default_factory=list)
    credits: list[CreditRow] = field(default_factory=list)
    people_mg: dict[uuid.UUID, int] = field(default_factory=lambda: defaultdict(int))
    pending: list[PendingRow] = field(default_factory=list)
    issuance_mg: dict[tuple[uuid.UUID, str], int] = field(default_factory=lambda: defaultdict(int))


def judgement_of(row: Any) -> Judgement:
    """The judgement of a stored activity, which may have come as text or as a mapping."""
    record = row["judgement"]
    return from_record(msgspec.json.decode(record) if isinstance(record, str) else record)


def activity_row(verdict: Verdict) -> ActivityRow:
    """The row of a judged event. Of strangers only the verdict is kept; of parked ones what a later binding needs."""
    report, act, judgement = verdict.report, verdict.act, verdict.judgement
    assert act is not None
    assert judgement is not None
    parked = judgement.status is Status.PARKED
    stranger = act.account_id is None and not parked
    return ActivityRow(
        activity_id=report.event_key,
        fingerprint=bytes.fromhex(report.fingerprint),
        partner_id=report.partner_id,
        event_id=report.event_id,
        receipt_id=report.receipt_id,
        receipt_index=report.index,
        account_id=None if parked else act.account_id,
        account_key=report.account_key if parked else None,
        status=verdict.status,
        reason_code=judgement.reason_code,
        scene=judgement.scene,
        occurred_at=act.occurred_at,
        ended_at=act.ended_at,
        received_at=report.received_at,
        amount_mg=judgement.amount_mg,
        methodology_code=judgement.methodology_code,
        methodology_version=judgement.methodology_version,
        judgement=None if stranger else _ENCODE(judgement).decode(),
        # While parked the whole report is kept, so that it can be judged again exactly as it came.
        act=None if stranger else _ENCODE(report if parked else report.act).decode(),
        raw_sha256=bytes.fromhex(report.raw_sha256),
    )


def gather(verdicts: Sequence[Verdict]) -> Effects:
    effects = Effects()
    for verdict in verdicts:
        judgement = verdict.judgement
        if judgement is None:
            continue
        effects.activities.append(activity_row(verdict))
        if judgement.amount_mg > 0:
            owner_id = judgement.holder_id
            assert owner_id is not None
            code = issuance_code(str(judgement.methodology_code))
            issuance_id = system_account_id(code)
            holder_id = owner_id
            if judgement.vesting_days:
                holder_id = sub_account_id(owner_id, "pending")
                due_at = verdict.report.received_at + timedelta(days=judgement.vesting_days)
                row = PendingRow(judgement.activity_id, owner_id, holder_id, judgement.amount_mg, due_at)
                effects.pending.append(row)
            else:
                effects.people_mg[owner_id] += judgement.amount_mg
            effects.credits.append(
                CreditRow(
                    posting_id=new_id(),
                    debit_account_id=issuance_id,
                    credit_account_id=holder_id,
                    amount_mg=judgement.amount_mg,
                    activity_id=judgement.activity_id,
                    requested_by=f"partner:{verdict.report.partner_id}",
                )
            )
            effects.issuance_mg[issuance_id, code] += judgement.amount_mg
    return effects
