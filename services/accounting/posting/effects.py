"""Rows and postings of judged events. Pure."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from services.accounting.judging import reasons
from services.accounting.judging.domain import Judgement, Status
from services.accounting.judging.stored import to_stored
from services.accounting.judging.uniqueness import use_of
from services.accounting.ledger import chart
from services.accounting.ledger.service import Posting
from services.accounting.posting.counted_repository import Counted, RefusedClaim
from services.accounting.posting.domain import Verdict
from services.accounting.posting.repository import ActivityRow
from shared.contracts.activities_v1 import ActivityReported

_ENCODE = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Effects:
    """Everything that a batch of verdicts writes, by table, so that each table needs one statement."""

    activities: list[ActivityRow] = field(default_factory=list)
    parked: list[tuple[uuid.UUID, str]] = field(default_factory=list)  # (activity, report as JSON)
    postings: list[Posting] = field(default_factory=list)
    pending: list[tuple[uuid.UUID, datetime]] = field(default_factory=list)  # (activity, when it becomes available)
    counted: Counted = field(default_factory=lambda: Counted([], []))
    claims: list[RefusedClaim] = field(default_factory=list)


def activity_row(verdict: Verdict) -> ActivityRow:
    """Return the row of a judged event. Of people without a binding only the verdict is stored."""
    report, act, judgement = verdict.report, verdict.act, verdict.judgement
    assert act is not None
    assert judgement is not None
    parked = judgement.status is Status.PARKED
    unbound = act.account_id is None
    return ActivityRow(  # by position: keyword arguments cost three times as much
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
        None if unbound and not parked else to_stored(judgement),
        None if unbound or parked else _ENCODE(report.act).decode(),
        bytes.fromhex(report.raw_sha256),
        verdict.sequence,
    )


def collect_effects(verdicts: Sequence[Verdict]) -> Effects:
    effects = Effects()
    for verdict in verdicts:
        judgement, act = verdict.judgement, verdict.act
        if judgement is None:
            continue
        assert act is not None  # a judgement is about an act
        effects.activities.append(activity_row(verdict))
        if judgement.status is Status.PARKED:
            # The whole report is stored, because it will be judged again.
            effects.parked.append((verdict.report.event_key, _ENCODE(verdict.report).decode()))
        elif judgement.amount_mg > 0:
            effects.postings.append(_credit(judgement, verdict.report))
            if act.number_key is not None:
                effects.counted.numbers.append((act.number_key, act.activity_id))
            use = use_of(act, verdict.seats)
            if use is not None:
                effects.counted.uses.append(use)
            if judgement.vesting_days:
                due_at = verdict.report.received_at + timedelta(days=judgement.vesting_days)
                effects.pending.append((judgement.activity_id, due_at))
        elif judgement.reason_code in reasons.CLAIM_REASONS:
            effects.claims.append(RefusedClaim(act.activity_id, act.number_key, act.use_key))
    return effects


def _credit(judgement: Judgement, report: ActivityReported) -> Posting:
    holder = credited_account(judgement)
    if judgement.vesting_days:
        holder = chart.sub_account(holder, "pending")
    issuance = chart.issuance(str(judgement.methodology_code))
    return Posting(
        "credit", issuance, holder, judgement.amount_mg, f"partner:{report.partner_id}", judgement.activity_id
    )


def credited_account(judgement: Judgement) -> chart.Account:
    """Return the account that a judgement credits: the person's, or the household's if `credited_to` is set."""
    holder_id = judgement.holder_id
    assert holder_id is not None  # a credit has an owner
    return chart.person(holder_id) if holder_id == judgement.account_id else chart.household(holder_id)
