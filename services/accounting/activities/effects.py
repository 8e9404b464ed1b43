"""What judged events write: rows of activities and credits, and what balances change by. Pure."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from services.accounting.activities.domain import Status, to_stored
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


def activity_row(verdict: Verdict) -> ActivityRow:
    """The row of a judged event. Of strangers only the verdict is kept; of parked ones what a later binding needs."""
    report, act, judgement = verdict.report, verdict.act, verdict.judgement
    assert act is not None
    assert judgement is not None
    parked = judgement.status is Status.PARKED
    stranger = act.account_id is None and not parked
    return ActivityRow(  # in the order of its fields: by name it costs three times as much, for each event
        report.event_key,
        bytes.fromhex(report.fingerprint),
        report.partner_id,
        report.event_id,
        report.receipt_id,
        report.index,
        None if parked else act.account_id,
        report.account_key if parked else None,
        verdict.status,
        judgement.reason_code,
        judgement.scene,
        act.occurred_at,
        act.ended_at,
        report.received_at,
        judgement.amount_mg,
        judgement.methodology_code,
        judgement.methodology_version,
        None if stranger else to_stored(judgement),
        # While parked the whole report is kept, so that it can be judged again exactly as it came.
        None if stranger else _ENCODE(report if parked else report.act).decode(),
        bytes.fromhex(report.raw_sha256),
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
                    new_id(),
                    issuance_id,
                    holder_id,
                    judgement.amount_mg,
                    judgement.activity_id,
                    f"partner:{verdict.report.partner_id}",
                )
            )
            effects.issuance_mg[issuance_id, code] += judgement.amount_mg
    return effects
