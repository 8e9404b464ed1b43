"""What a draft would have given for acts that were judged already. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from services.accounting.activities.acts import Act
from services.accounting.activities.domain import judge
from services.accounting.methodologies.compiled import Compiled, Factors, compile_methodology
from services.accounting.methodologies.document import Methodology
from services.accounting.methodologies.matching import MethodologyIndex


@dataclass(frozen=True, slots=True)
class PastAct:
    """An act as it was reported, and what it earned (0 when refused)."""

    act: Act
    earned_mg: int


@dataclass(slots=True)
class Difference:
    """Totals over the acts that the draft applies to; `people` holds each person's change, also a zero."""

    acts: int = 0
    before_acts: int = 0
    after_acts: int = 0
    before_mg: int = 0
    after_mg: int = 0
    people: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))


def rule_for(document: Methodology, factors: Factors, first_day: date) -> Compiled:
    """The draft as if it had been in force from `first_day`. Raises DocumentInvalid."""
    return compile_methodology(document.model_copy(update={"effective_from": first_day, "effective_to": None}), factors)


def compare(past: Sequence[PastAct], rule: Compiled) -> Difference:
    """`past` holds all of a person's acts of the period, in order of time; caps start unused on its first day."""
    index = MethodologyIndex([rule])
    concerned = [one for one in past if index.find(one.act) is not None]
    judged = judge([one.act for one in concerned], index, {}).judgements
    found = Difference(acts=len(concerned))
    for one, judgement in zip(concerned, judged, strict=True):
        assert one.act.account_id is not None  # strangers' acts are not kept
        found.before_acts += one.earned_mg > 0
        found.after_acts += judgement.amount_mg > 0
        found.before_mg += one.earned_mg
        found.after_mg += judgement.amount_mg
        found.people[one.act.account_id] += judgement.amount_mg - one.earned_mg
    return found
