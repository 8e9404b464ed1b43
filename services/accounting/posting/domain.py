"""Verdicts on reported events, and events that are known already. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.judging.domain import Judgement, Status
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import Status as OutcomeStatus


class KnownEvent(NamedTuple):
    """An event of the inbox: its fingerprint, and the receipt of the copy that counts.

    The receipt is None for a correction of an earlier release.
    """

    fingerprint: bytes
    receipt_id: uuid.UUID | None
    receipt_index: int | None


class ReplacedVerdict(NamedTuple):
    """The verdict that a later verdict on the same event replaces, with the fields that the tallies need."""

    status: str
    reason_code: str
    amount_mg: int = 0


PARKED_VERDICT = ReplacedVerdict(Status.PARKED, reasons.NO_BINDING)


@dataclass(slots=True)
class Verdict:
    """The verdict on one reported event. `judgement` is None for a repeat (duplicate or conflict).

    `place` is the position of the event in its poll. `seats` are those of the methodology that judged the act.
    """

    report: ActivityReported
    status: OutcomeStatus
    act: Act | None = None
    judgement: Judgement | None = None
    sequence: int = 1
    replaces: ReplacedVerdict | None = None
    place: int = 0
    seats: int = 1

    @property
    def reason_code(self) -> str | None:
        return self.judgement.reason_code if self.judgement else None

    @property
    def amount_mg(self) -> int:
        return self.judgement.amount_mg if self.judgement else 0


def separate_repeats(
    reports: Sequence[ActivityReported], known: Mapping[uuid.UUID, KnownEvent]
) -> tuple[list[tuple[int, ActivityReported]], list[Verdict]]:
    """Return (place, event) pairs to judge, and verdicts on repeats.

    A repeat with the same content is a duplicate. A repeat with other content is a conflict. The judged copy itself,
    with the same receipt, is no repeat and gets no second verdict: the log delivered it twice, or a poll was
    interrupted between its transactions.
    """
    seen: dict[uuid.UUID, ActivityReported] = {}
    fresh, repeats = [], []
    for place, report in enumerate(reports):
        first = known.get(report.event_key) if known else None
        if first is None:
            earlier = seen.setdefault(report.event_key, report)
            if earlier is report:
                fresh.append((place, report))
                continue
            first = KnownEvent(bytes.fromhex(earlier.fingerprint), earlier.receipt_id, earlier.index)
        fingerprint = bytes.fromhex(report.fingerprint)
        if (report.receipt_id, report.index) != first[1:] or fingerprint != first.fingerprint:
            status: OutcomeStatus = "duplicate" if first.fingerprint == fingerprint else "conflict"
            repeats.append(Verdict(report, status, place=place))
    return fresh, repeats


def report_of_activity(row: Any, account_key: str) -> ActivityReported:
    """Return the event of a stored activity without its act, for the outcome of a later verdict."""
    return ActivityReported(
        event_key=row["activity_id"],
        partner_id=row["partner_id"],
        event_id=row["event_id"],
        receipt_id=row["receipt_id"],
        index=row["receipt_index"],
        account_key=account_key,
        fingerprint=row["fingerprint"].hex(),
        raw_sha256=row["raw_sha256"].hex(),
        received_at=row["received_at"],
        late_window_s=0,
    )


def outcome_status(judgement: Judgement) -> OutcomeStatus:
    """Return the status of the outcome. It is `pending` for a credit that has to vest."""
    if judgement.status is Status.CREDITED and judgement.vesting_days:
        return "pending"
    statuses: dict[Status, OutcomeStatus] = {
        Status.CREDITED: "credited",
        Status.REFUSED: "refused",
        Status.PARKED: "parked",
    }
    return statuses[judgement.status]


def verdict_without_act(report: ActivityReported, status: OutcomeStatus, reason_code: str, *, sequence: int) -> Verdict:
    """Return a verdict on a correction, on an event that nobody claimed, or on an activity that was taken back."""
    judged = Judgement(
        activity_id=report.event_key,
        account_id=None,
        status=Status.PARKED if status == "parked" else Status.REFUSED,
        reason_code=reason_code,
    )
    return Verdict(report, status, judgement=judged, sequence=sequence)
