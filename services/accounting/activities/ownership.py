"""Whose acts these are: reported events together with the bindings of the people who did them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import asyncpg

from services.accounting.activities import posting_repository as repository
from services.accounting.activities.acts import Act, BindingState
from services.accounting.activities.posting_repository import BindingRow
from shared import clock
from shared.contracts.activities_v1 import ActivityReported

# By (partner, account key), in the order of their beginnings.
Bindings: TypeAlias = Mapping[tuple[str, str], Sequence[BindingRow]]


def bound_account(
    bindings: Sequence[BindingRow], started_at: datetime, received_at: datetime
) -> tuple[uuid.UUID | None, BindingState]:
    """Whose act it is, by the binding in whose interval it began; a withdrawn consent stops what arrives afterwards.

    A binding that ends exactly at the withdrawal has a successor: consent was given again, so what was done before the
    withdrawal counts, however late it arrives.
    """
    for binding in bindings:
        if binding.counts_from <= started_at and (binding.ended_at is None or started_at < binding.ended_at):
            withdrawn = binding.consent_withdrawn_at
            given_again = withdrawn is not None and binding.ended_at == withdrawn
            if withdrawn is not None and received_at >= withdrawn and not given_again:
                return binding.account_id, BindingState.CONSENT_WITHDRAWN
            return binding.account_id, BindingState.BOUND
    if not bindings:
        return None, BindingState.NONE
    nearest = bindings[-1]
    state = BindingState.BEFORE if started_at < bindings[0].counts_from else BindingState.AFTER
    return nearest.account_id, state


def to_act(report: ActivityReported, bindings: Sequence[BindingRow], time_zone: str) -> Act:
    assert report.act is not None  # reports always carry an act; the handler refuses others
    done = report.act
    account_id, state = bound_account(bindings, done.started_at, report.received_at)
    return Act(
        activity_id=report.event_key,
        account_id=account_id,
        partner_id=report.partner_id,
        kind=done.kind,
        occurred_at=done.started_at,
        local_date=clock.local_date(done.started_at, time_zone),
        received_at=report.received_at,
        late_window_s=report.late_window_s,
        binding=state,
        city_code=done.city_code,
        evidence_tier=report.evidence_tier,
        ended_at=done.ended_at,
        vehicle_type=done.vehicle_type,
        propulsion_type=done.propulsion_type,
        trip_type=done.trip_type,
        material=done.material,
        distance_m=done.distance_m,
        straight_line_m=done.straight_line_m,
        duration_s=done.duration_s,
        passenger_count=done.passenger_count,
        weight_g=done.weight_g,
        energy_wh=done.energy_wh,
        baseline_wh=done.baseline_wh,
        count=done.count,
        natural_key=done.natural_key,
        meter_key=done.meter_key,
    )


def acts_of(reports: Sequence[ActivityReported], bindings: Bindings, time_zone: str) -> list[Act]:
    return [to_act(report, bindings.get((report.partner_id, report.account_key), ()), time_zone) for report in reports]


async def bindings_of(
    connection: "asyncpg.Connection[asyncpg.Record]", reports: Sequence[ActivityReported]
) -> dict[tuple[str, str], list[BindingRow]]:
    keys = sorted({(report.partner_id, report.account_key) for report in reports})
    return await repository.bindings_of(connection, keys)


def people_of(bindings: Bindings) -> set[uuid.UUID]:
    """Everybody these bindings speak of."""
    return {binding.account_id for found in bindings.values() for binding in found}


async def lock_free(
    connection: "asyncpg.Connection[asyncpg.Record]", reports: Sequence[ActivityReported], bindings: Bindings
) -> tuple[Sequence[ActivityReported], Bindings]:
    """Locks those of the people whom no other transaction holds; returns their reports and bindings, in order.

    All reports of a person stay together, so that they are judged in the order of the log.
    """
    people = people_of(bindings)
    held = people - await repository.lock_free_people(connection, list(people))
    if not held:
        return reports, bindings
    ours = {key: found for key, found in bindings.items() if held.isdisjoint(binding.account_id for binding in found)}
    return [report for report in reports if (report.partner_id, report.account_key) in ours], ours
