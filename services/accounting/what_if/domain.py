"""What a draft would have credited for past acts. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.accounting.judging.acts import Act
from services.accounting.judging.domain import CapUsed, cap_keys, judge, match_acts
from services.accounting.judging.subjects import CapKey
from services.accounting.methodologies.compiled import Compiled, Factors, compile_methodology
from services.accounting.methodologies.document import Methodology
from services.accounting.methodologies.matching import MethodologyIndex


@dataclass(frozen=True, slots=True)
class PastAct:
    """A reported act, and what it earned (0 if refused)."""

    act: Act
    earned_mg: int


@dataclass(slots=True)
class Difference:
    """Totals over the acts that the draft applies to. `people` has the change of each person in milligrams, also zero.

    `usage` is the cap usage of households and meters, because other members may be in a later batch.
    """

    acts: int = 0
    before_acts: int = 0
    after_acts: int = 0
    before_mg: int = 0
    after_mg: int = 0
    people: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    usage: dict[CapKey, CapUsed] = field(default_factory=dict)


def rule_in_force_from(document: Methodology, factors: Factors, first_day: date) -> Compiled:
    """Compile the draft as if it were in force from `first_day`. Raises DocumentInvalid."""
    return compile_methodology(document.model_copy(update={"effective_from": first_day, "effective_to": None}), factors)


def compare(past: Sequence[PastAct], rule: Compiled, used: Mapping[CapKey, CapUsed] | None = None) -> Difference:
    """Judge past acts by the draft, and compare. `past` has all acts of each person in the period, in time order.

    Caps are unused on the first day. `used` is the cap usage of households and meters by people of earlier batches. The
    total of a household is exact. Its division among members depends on the order of account ids.
    """
    index = MethodologyIndex([rule])
    concerned = [one for one in past if index.find(one.act) is not None]
    batch = judge(match_acts((one.act for one in concerned), index), used or {})
    people = {one.act.account_id for one in concerned}
    shared = {key: count for key, count in batch.usage.items() if key.subject_id not in people}
    found = Difference(acts=len(concerned), usage=shared)
    for one, judgement in zip(concerned, batch.judgements, strict=True):
        assert one.act.account_id is not None  # strangers' acts are not kept
        found.before_acts += one.earned_mg > 0
        found.after_acts += judgement.amount_mg > 0
        found.before_mg += one.earned_mg
        found.after_mg += judgement.amount_mg
        found.people[one.act.account_id] += judgement.amount_mg - one.earned_mg
    return found


def subjects_of(past: Sequence[PastAct], rule: Compiled) -> set[UUID]:
    """Return the subjects whose cap usage in earlier batches `compare` needs."""
    return {key.subject_id for key in cap_keys(match_acts((one.act for one in past), MethodologyIndex([rule])))}
