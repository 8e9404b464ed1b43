"""The value of an act: a pure function from a batch of acts and the state of the caps to one judgement per act.

No clock and no I/O. "Now" is the time at which the log accepted the act (`received_at`), so a replay years later gives
the same judgements. The first check that fails gives the reason. The order of the checks: plausibility, time window,
binding and consent, methodology, household and meter, duplicate act, act counted elsewhere, evidence, count caps,
amount caps, minimum.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec

from services.accounting.bindings.domain import BindingState
from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.judging.plausibility import find_broken_limit
from services.accounting.judging.subjects import CapKey, act_cap_keys, current_home, household_refusal
from services.accounting.judging.uniqueness import Taken
from services.accounting.methodologies.compiled import CapRule, Compiled, FactorRef
from services.accounting.methodologies.errors import NotComputable
from services.accounting.methodologies.evaluation import Value
from services.accounting.methodologies.matching import MethodologyIndex

FUTURE_TOLERANCE: Final = timedelta(minutes=5)  # a partner's clock may be ahead of ours by this much
# 1,000 tonnes. No act of one person comes near. Sums of such amounts stay far below 64 bits.
MAX_ACT_MG: Final = 10**12


class Case(Protocol):
    """An act and the methodology version that applies to it. The version is looked up once per act."""

    @property
    def act(self) -> Act: ...
    @property
    def method(self) -> Compiled | None: ...


class PlainCase(NamedTuple):
    act: Act
    method: Compiled | None


def match_acts(acts: Iterable[Act], index: MethodologyIndex) -> list[PlainCase]:
    return [PlainCase(act, index.find(act)) for act in acts]


class Status(StrEnum):
    CREDITED = "credited"
    REFUSED = "refused"
    PARKED = "parked"


class CapUsed(NamedTuple):
    acts: int = 0
    amount_mg: int = 0


_UNUSED: Final = CapUsed()


class AppliedCap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One counter of a cap and what it granted. `measure` gives the unit of `limit`, `used_before` and `granted`.

    `subject_id` is the household, meter or person that the counter belongs to. It is None if `per` is "account".
    """

    cap_id: str
    period_start: date
    measure: str  # "acts" | "mg"
    limit: int
    used_before: int
    granted: int
    per: str = "account"
    subject_id: UUID | None = None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one act, with everything that is needed to explain and recompute it years later.

    `reason_code` is CREDITED for an act that is credited in full. `raw_mg` is the value before caps, never negative.
    `inputs` are the values that the formula read, in the unit of the field's name. `detail` has the values that the
    sentence about a refusal shows.
    """

    activity_id: UUID
    account_id: UUID | None
    status: Status
    reason_code: str
    local_date: date | None = None
    amount_mg: int = 0
    raw_mg: int = 0
    methodology_code: str | None = None
    methodology_version: int | None = None
    scene: str | None = None
    evidence_tier: str | None = None
    factors: tuple[FactorRef, ...] = ()
    inputs: dict[str, int] = {}
    caps: tuple[AppliedCap, ...] = ()
    detail: dict[str, int | str] = {}
    vesting_days: int = 0
    issuable: bool = False
    credited_to: UUID | msgspec.UnsetType = msgspec.UNSET  # the household's account; unset for the person's own

    @property
    def holder_id(self) -> UUID | None:
        """The account that is credited."""
        return self.credited_to if isinstance(self.credited_to, UUID) else self.account_id


class JudgedBatch(NamedTuple):
    judgements: list[Judgement]  # in the order of the acts
    usage: dict[CapKey, CapUsed]  # added to the cap counters by this batch


class DuplicateCheck(Protocol):
    """Finds the credited act that an act repeats. `duplicates.CreditedActs` implements it."""

    def find_original(self, act: Act, groups: Sequence[str]) -> UUID | None: ...

    def add_credited(self, act: Act, groups: Sequence[str]) -> None: ...


class UniquenessCheck(Protocol):
    """Finds what makes an act a repetition across people. `uniqueness.CountedActs` implements it."""

    def find_taken(self, act: Act, seats: int) -> Taken | None: ...

    def add_credited(self, act: Act, seats: int) -> None: ...


def cap_keys(cases: Iterable[Case]) -> set[CapKey]:
    """Return the cap counters that `judge` needs for these cases."""
    keys: set[CapKey] = set()
    for case in cases:
        method, act = case.method, case.act
        if method is None or act.account_id is None:
            continue
        for caps in (method.count_caps, method.amount_caps):
            for cap in caps:
                keys.update(act_cap_keys(cap, act))
    return keys


def usage_of(judgement: Judgement) -> dict[CapKey, CapUsed]:
    """Return what a credited act used of its caps. A reversal subtracts the same amounts."""
    if judgement.status is not Status.CREDITED or judgement.account_id is None:
        return {}
    used = CapUsed(1, judgement.amount_mg)
    own = judgement.account_id
    return {CapKey(cap.subject_id or own, cap.cap_id, cap.period_start): used for cap in judgement.caps}


_NO_INPUTS: Final[dict[str, int]] = {}
_NO_DETAIL: Final[dict[str, int | str]] = {}


class _Progress(NamedTuple):
    """The results of the calculation steps that an act passed. Fields as in `Judgement`."""

    inputs: dict[str, int] = _NO_INPUTS
    raw_mg: int = 0
    amount_mg: int = 0
    caps: tuple[AppliedCap, ...] = ()
    detail: dict[str, int | str] = _NO_DETAIL


_NO_PROGRESS: Final = _Progress()


class _CapCounters:
    """Cap counters: usage before the batch, and additions of the batch."""

    def __init__(self, before: Mapping[CapKey, CapUsed]) -> None:
        self._before = before
        self.added: dict[CapKey, CapUsed] = {}

    def used(self, key: CapKey) -> CapUsed:
        before, added = self._before.get(key, _UNUSED), self.added.get(key)
        return before if added is None else CapUsed(before.acts + added.acts, before.amount_mg + added.amount_mg)

    def add(self, key: CapKey, amount_mg: int) -> None:
        added = self.added.get(key, _UNUSED)
        self.added[key] = CapUsed(added.acts + 1, added.amount_mg + amount_mg)


def judge(
    cases: Iterable[Case],
    usage: Mapping[CapKey, CapUsed],
    duplicates: DuplicateCheck | None = None,
    counted: UniquenessCheck | None = None,
) -> JudgedBatch:
    """Judge the cases in log order. The result equals judging them one by one with the usage carried along.

    `usage` holds the counters named by `cap_keys`. A missing counter counts as unused.
    """
    tally = _CapCounters(usage)
    judgements = [_judge_one(case.act, case.method, tally, duplicates, counted) for case in cases]
    return JudgedBatch(judgements, tally.added)


def _judge_one(
    act: Act,
    method: Compiled | None,
    tally: _CapCounters,
    duplicates: DuplicateCheck | None,
    counted: UniquenessCheck | None,
) -> Judgement:
    if method is None:
        found = find_broken_limit(act, None)
    else:
        document = method.document
        found = find_broken_limit(act, document.plausibility, is_exclusive=bool(document.exclusivity_groups))
    if found is not None:
        return _refused(act, method, found.code, _limit_detail(found.measure, found.measured, found.limit))
    reason = _window_refusal(act) or _binding_refusal(act)
    if reason is not None:
        return _refused(act, method, reason)
    if method is None:
        return _refused(act, None, reasons.NO_METHODOLOGY)
    if method.held:
        return _refused(act, method, reasons.METHODOLOGY_REFUSED)
    if method.shared and (reason := household_refusal(act, method)) is not None:
        return _refused(act, method, reason)
    groups = method.document.all_groups
    if duplicates is not None and (original := duplicates.find_original(act, groups)) is not None:
        return _refused(act, method, reasons.DUPLICATE_ACT, _Progress(detail={"original": str(original)}))
    if counted is not None and (taken := counted.find_taken(act, method.seats)) is not None:
        detail: dict[str, int | str] = {} if taken.original is None else {"original": str(taken.original)}
        return _refused(act, method, taken.reason, _Progress(detail=detail))
    judgement = _judge_amount(act, method, tally)
    if judgement.status is Status.CREDITED:
        if duplicates is not None:
            duplicates.add_credited(act, groups)
        if counted is not None:
            counted.add_credited(act, method.seats)
    return judgement


def _limit_detail(measure: str, measured: int, limit: int) -> _Progress:
    return _Progress(detail={"measure": measure, "measured": measured, "limit": limit})


def _window_refusal(act: Act) -> str | None:
    """Compare the end of the act with its receipt: a month's electricity is reported after the month."""
    happened = act.ended_at or act.occurred_at
    if happened - act.received_at > FUTURE_TOLERANCE:
        return reasons.NOT_YET_HAPPENED
    late = act.received_at - happened
    if (late.days * 86_400 + late.seconds, late.microseconds) > (act.late_window_s, 0):
        return reasons.TOO_LATE
    return None


BINDING_REFUSALS: Final = {
    BindingState.NONE: reasons.NO_BINDING,
    BindingState.BEFORE: reasons.BEFORE_BINDING,
    BindingState.AFTER: reasons.AFTER_BINDING,
    BindingState.CONSENT_WITHDRAWN: reasons.CONSENT_WITHDRAWN,
}


def _binding_refusal(act: Act) -> str | None:
    if act.binding is BindingState.BOUND:
        return None if act.account_id is not None else reasons.NO_BINDING
    return BINDING_REFUSALS[act.binding]


def _judge_amount(act: Act, method: Compiled, tally: _CapCounters) -> Judgement:
    """Apply evidence, formula and caps."""
    amount = method.amounts.get(act.evidence_tier)
    if amount is None:
        refused_tier = _Progress(detail={"evidence_tier": act.evidence_tier})
        return _refused(act, method, reasons.EVIDENCE_NOT_ACCEPTED, refused_tier)
    inputs: dict[str, int] = {}
    values: list[Value] = []
    for slot in method.slots:
        value = slot.read(act)
        if value is None:
            return _refused(act, method, reasons.MISSING_INPUT, _Progress(detail={"field": slot.field}))
        inputs[slot.field] = value
        values.append(value)
    if method.improvement is not None:
        values.append(method.improvement_factor(act.local_date))
    try:
        raw_mg = max(0, amount(values))
    except NotComputable:
        return _refused(act, method, reasons.NOT_COMPUTABLE, _Progress(inputs))
    if raw_mg > MAX_ACT_MG:
        too_much = _limit_detail("raw_mg", raw_mg, MAX_ACT_MG)._replace(inputs=inputs)
        return _refused(act, method, reasons.IMPLAUSIBLE_AMOUNT, too_much)
    return _apply_caps(act, method, tally, inputs, raw_mg)


def _apply_caps(act: Act, method: Compiled, tally: _CapCounters, inputs: dict[str, int], raw_mg: int) -> Judgement:
    states: list[tuple[CapRule, CapKey, int]] = []
    for cap in method.count_caps:
        for key in act_cap_keys(cap, act):
            used = tally.used(key).acts
            if used >= cap.limit:
                full = (_applied_cap(cap, key, used, 0),)
                return _refused(act, method, cap.code, _Progress(inputs, raw_mg, caps=full))
            states.append((cap, key, used))
    granted = raw_mg
    for cap in method.amount_caps:
        for key in act_cap_keys(cap, act):
            used = tally.used(key).amount_mg
            if used >= cap.limit:
                full = (_applied_cap(cap, key, used, 0),)
                return _refused(act, method, cap.code, _Progress(inputs, raw_mg, caps=full))
            granted = min(granted, cap.limit - used)
            states.append((cap, key, used))
    if granted <= 0:
        return _refused(act, method, reasons.BELOW_MINIMUM, _Progress(inputs, raw_mg))
    for _, key, _ in states:
        tally.add(key, granted)
    touched = tuple(_applied_cap(cap, key, used, 1 if cap.measure == "acts" else granted) for cap, key, used in states)
    reason = reasons.PARTLY_CAPPED if granted < raw_mg else reasons.CREDITED
    return _judgement(act, method, Status.CREDITED, reason, _Progress(inputs, raw_mg, granted, touched))


def _applied_cap(cap: CapRule, key: CapKey, used: int, granted: int) -> AppliedCap:
    return AppliedCap(
        cap_id=cap.id,
        period_start=key.period_start,
        measure=cap.measure,
        limit=cap.limit,
        used_before=used,
        granted=granted,
        per=cap.per,
        subject_id=None if cap.per == "account" else key.subject_id,
    )


_PARKING: Final = frozenset({reasons.NO_BINDING, reasons.METHODOLOGY_REFUSED})


def _refused(act: Act, method: Compiled | None, reason: str, reached: _Progress = _NO_PROGRESS) -> Judgement:
    status = Status.PARKED if reason in _PARKING else Status.REFUSED
    return _judgement(act, method, status, reason, reached)


def _judgement(act: Act, method: Compiled | None, status: Status, reason: str, reached: _Progress) -> Judgement:
    if method is None:
        return Judgement(
            activity_id=act.activity_id,
            account_id=act.account_id,
            local_date=act.local_date,
            status=status,
            reason_code=reason,
            evidence_tier=act.evidence_tier,
            detail=reached.detail,
        )
    document = method.document
    return Judgement(
        activity_id=act.activity_id,
        account_id=act.account_id,
        local_date=act.local_date,
        status=status,
        reason_code=reason,
        amount_mg=reached.amount_mg,
        raw_mg=reached.raw_mg,
        methodology_code=document.code,
        methodology_version=document.version,
        scene=document.scene,
        evidence_tier=act.evidence_tier,
        factors=method.factor_refs,
        inputs=reached.inputs,
        caps=reached.caps,
        detail=reached.detail,
        vesting_days=document.vesting_days,
        issuable=document.issuable,
        credited_to=_household_of(act) if document.subject == "household" and reached.amount_mg else msgspec.UNSET,
    )


def _household_of(act: Act) -> UUID:
    home = current_home(act)
    assert home is not None  # `household_refusal` refuses acts without a household
    return home
