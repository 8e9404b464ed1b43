"""What a citizen can still earn: the caps of the versions in force, and how much of each is used."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.accounting.households import service as households
from services.accounting.households.domain import Stay
from services.accounting.judging.domain import CapUsed
from services.accounting.judging.subjects import period_start, person_cap_keys
from services.accounting.methodologies.compiled import CapRule, Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.posting import history
from shared import clock
from shared.db import Session

_UNUSED = CapUsed()


@dataclass(frozen=True, slots=True)
class CapState:
    """How much of a cap a person has used today. `shared`: other people use it, too."""

    cap: CapRule
    period_start: date
    used: int  # acts or milligrams, as the cap measures
    shared: bool

    @property
    def left(self) -> int:
        return max(self.cap.limit - self.used, 0)


@dataclass(frozen=True, slots=True)
class Allowance:
    version: Compiled
    caps: Sequence[CapState]


async def list_allowances(
    session: Session, index: MethodologyIndex, *, account_id: uuid.UUID, now: datetime, time_zone: str
) -> list[Allowance]:
    """Return the caps of every version in force today, by scene.

    A cap may have several counters (the person's own, the household's). The fullest one limits.
    """
    versions = index.in_force(clock.local_date(now, time_zone))
    caps = {cap.id: cap for version in versions for cap in _caps_of(version)}
    states = await _cap_states(session, caps, account_id=account_id, now=now, time_zone=time_zone)
    found = [Allowance(version, [states[cap.id] for cap in _caps_of(version)]) for version in versions]
    return sorted(found, key=lambda one: one.version.document.scene)


def _caps_of(version: Compiled) -> Sequence[CapRule]:
    return (*version.count_caps, *version.amount_caps)


async def _cap_states(
    session: Session, caps: Mapping[str, CapRule], *, account_id: uuid.UUID, now: datetime, time_zone: str
) -> dict[str, CapState]:
    today = clock.local_date(now, time_zone)
    stays: tuple[Stay, ...] = ()
    meter_key: str | None = None
    if any(cap.per != "account" for cap in caps.values()):
        stays, meter_key = await households.current_homes(session, account_id=account_id, now=now, time_zone=time_zone)
    keys = {cap_id: person_cap_keys(cap, account_id, stays, meter_key, today) for cap_id, cap in caps.items()}
    used = await history.cap_usage_of(session, [key for found in keys.values() for key in found])
    states = {}
    for cap_id, cap in caps.items():
        counted = [used.get(key, _UNUSED) for key in keys[cap_id]]
        states[cap_id] = CapState(
            cap,
            period_start(cap.period, today),
            max((one.acts if cap.measure == "acts" else one.amount_mg for one in counted), default=0),
            shared=any(key.subject_id != account_id for key in keys[cap_id]),
        )
    return states
