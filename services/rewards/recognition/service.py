"""Use cases of recognition: project verdicts and donations into sums, and queue whose badges and places change.

One transaction for each poll. A replay, a repeat or another order of records leads to the same rows.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from services.rewards.campaigns import confirmed
from services.rewards.erased_accounts import service as erased_accounts
from services.rewards.recognition import facts_repository, repository
from services.rewards.recognition.domain import (
    ABOUT_A_COPY,
    COUNTED,
    Act,
    Cell,
    Due,
    Facts,
    State,
    Streaks,
    Sum,
    Verdict,
    changes_of,
    merge,
    says_nothing,
)
from services.rewards.recognition.repository import Stored
from shared import clock
from shared.contracts.identity import person_account_id
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rewards_v1 import DonationMade, RewardEvent
from shared.db import Session
from shared.projection import Items

ACCOUNT, GROUP = "account", "group"
_BEFORE_ALL = date(2000, 1, 1)
_FIRST_ACCOUNT = uuid.UUID(int=0)


async def handle_outcomes(session: Session, items: Items[ActivityJudged], *, time_zone: str) -> None:
    """Add verdicts to the sums. Consumer of `accounting.outcomes.v1`."""
    await record_verdicts(session, [outcome for _, outcome in items], time_zone=time_zone)


async def record_verdicts(session: Session, outcomes: Iterable[ActivityJudged], *, time_zone: str) -> None:
    """Store the newest state of each act and change the sums. A late fact about an erased person is dropped."""
    verdicts = [_verdict(one, time_zone) for one in outcomes if one.status not in ABOUT_A_COPY]
    erased = await erased_accounts.erased_among(session, {v.account_id for v in verdicts if v.account_id})
    verdicts = [_without_account(one) if one.account_id in erased else one for one in verdicts]
    if not verdicts:
        return
    await repository.share_sums(session)
    known = await repository.lock_acts(session, sorted({one.activity_id for one in verdicts}))
    acts: dict[uuid.UUID, Act] = dict(known)
    for one in verdicts:
        acts[one.activity_id] = merge(acts.get(one.activity_id), one)
    changed = [act for _, act in sorted(acts.items()) if act != known.get(act.activity_id) and _is_kept(act, known)]
    await repository.insert_acts(session, [act for act in changed if act.activity_id not in known])
    await repository.update_acts(session, [act for act in changed if act.activity_id in known])
    await _change_sums(session, [(known.get(act.activity_id), act) for act in changed])


def _is_kept(act: Act, known: Collection[uuid.UUID]) -> bool:
    return act.activity_id in known or not says_nothing(act)


def _verdict(outcome: ActivityJudged, time_zone: str) -> Verdict:
    counts = outcome.status in COUNTED and outcome.amount_mg > 0 and outcome.account_id and outcome.scene
    return Verdict(
        activity_id=outcome.activity_id,
        sequence=outcome.sequence,
        account_id=outcome.account_id if counts else None,
        scene=outcome.scene if counts else None,
        amount_mg=outcome.amount_mg if counts else 0,
        day=clock.local_date(outcome.occurred_at, time_zone) if outcome.occurred_at else None,
    )


def _without_account(verdict: Verdict) -> Verdict:
    return verdict._replace(account_id=None, scene=None, amount_mg=0)


async def _change_sums(session: Session, pairs: Sequence[tuple[Act | None, Act]]) -> None:
    changes = changes_of(pairs)
    if not changes:
        return
    state = await repository.get_state(session)
    await _apply(session, state.live, changes)
    if state.building is not None and state.built_through is not None:
        through = state.built_through
        built = {cell: change for cell, change in changes.items() if cell[0] <= through}
        if built:
            await _apply(session, state.building, built)
    await mark_accounts(session, account_ids={cell[0] for cell in changes})


async def _apply(session: Session, generation: int, changes: Mapping[Cell, Sum]) -> None:
    sums = await repository.lock_sums_of(session, generation, changes)
    stored = Stored.of(sums)
    sums.apply(changes)
    await repository.store_sums(session, generation, sums, stored)


async def handle_rewards(session: Session, items: Items[RewardEvent], *, time_zone: str) -> None:
    """Add donations. Consumer of `rewards.events.v1`, which this service writes.

    The donor is the person who gave, also if the grams were a household's.
    """
    donation_ids = {event.donation_id for _, event in items if isinstance(event, DonationMade)}
    if donation_ids:
        await add_donations(session, donation_ids=donation_ids, time_zone=time_zone)


async def add_donations(session: Session, *, donation_ids: Collection[uuid.UUID], time_zone: str) -> None:
    """Add confirmed donations by their ids, those that are known no second time."""
    made = await confirmed.confirmed_donations(session, donation_ids=sorted(donation_ids))
    donors = {one.donation_id: person_account_id(one.user_id) for one in made}
    erased = await erased_accounts.erased_among(session, set(donors.values()))
    rows = [
        (
            one.donation_id,
            donors[one.donation_id],
            one.campaign_id,
            clock.local_date(one.made_at, time_zone),
            one.amount_mg,
        )
        for one in made
        if donors[one.donation_id] not in erased
    ]
    if rows:
        await mark_accounts(session, account_ids=set(await repository.add_donations(session, rows)))


# --- the queue of accounts and groups whose badges and places may have changed -------------------------------------


async def mark_accounts(session: Session, *, account_ids: Collection[uuid.UUID]) -> None:
    if account_ids:
        await repository.add_due(session, ACCOUNT, account_ids)


async def mark_groups(session: Session, *, group_ids: Collection[uuid.UUID]) -> None:
    if group_ids:
        await repository.add_due(session, GROUP, group_ids)


async def take_due(session: Session, *, limit: int) -> list[Due]:
    """Remove and return the oldest entries. What is committed after this call has an entry of its own."""
    return await repository.take_due(session, limit)


async def is_only_refresher(session: Session) -> bool:
    """Take the lock of whoever refreshes, until the commit. False: another process is at it."""
    return await repository.try_lock_refresh(session)


async def wait_to_refresh(session: Session) -> None:
    await repository.lock_refresh(session)


async def get_state(session: Session) -> State:
    return await repository.get_state(session)


async def erase_accounts(session: Session, *, account_ids: Collection[uuid.UUID]) -> None:
    """Delete all acts, donations and sums of accounts, in every generation."""
    if account_ids:
        await repository.erase(session, sorted(account_ids))


async def start_sweep(session: Session, *, rules_sha256: str) -> None:
    """Begin to refresh everybody. The caller is the only refresher."""
    await repository.set_sweep(session, after=_FIRST_ACCOUNT, rules_sha256=rules_sha256)


async def take_swept(session: Session, *, limit: int) -> Sequence[uuid.UUID]:
    """Return the next accounts of the sweep, nobody without one. The caller is the only refresher."""
    state = await repository.get_state(session)
    if state.sweep_after is None:
        return []
    found = await repository.accounts_after(session, state.live, state.sweep_after, limit)
    after = found[-1] if len(found) == limit else None
    await repository.set_sweep(session, after=after, rules_sha256=state.rules_sha256)
    return found


# --- what badges and levels are decided on -------------------------------------------------------------------------


async def facts_of(session: Session, *, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Facts]:
    """Return what each account has done and given, zeros where nothing is known."""
    state = await repository.get_state(session)
    return await facts_repository.facts_of(session, state.live, sorted(account_ids))


async def streaks_of(session: Session, *, account_id: uuid.UUID, today: date) -> Streaks:
    """Return the streaks of days with an act. A late event may have mended one."""
    state = await repository.get_state(session)
    return await facts_repository.streaks_of(session, state.live, account_id, today)


async def lifetime_mg(session: Session, *, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the milligrams of all acts that count, for those accounts that have any."""
    state = await repository.get_state(session)
    return await facts_repository.totals_of(session, state.live, sorted(account_ids))


async def earned_in(
    session: Session, *, account_ids: Collection[uuid.UUID], spans: Sequence[tuple[date, date]], generation: int
) -> dict[uuid.UUID, list[int]]:
    """Return the milligrams of each span (first and last day) for each account with acts.

    A span that begins before the programme is a lifetime, which is stored as a sum.
    """
    if not account_ids:
        return {}
    accounts = sorted(account_ids)
    totals = await facts_repository.totals_of(session, generation, accounts)
    found = {account_id: [total if _is_lifetime(span) else 0 for span in spans] for account_id, total in totals.items()}
    short = [place for place, span in enumerate(spans) if not _is_lifetime(span)]
    for account_id, number, amount_mg in await facts_repository.earned_in(
        session, generation, sorted(found), [spans[place] for place in short]
    ):
        found[account_id][short[number - 1]] = amount_mg
    return found


def _is_lifetime(span: tuple[date, date]) -> bool:
    return span[0] <= _BEFORE_ALL


async def donated_in(
    session: Session, *, account_ids: Collection[uuid.UUID], spans: Sequence[tuple[date, date]]
) -> dict[tuple[uuid.UUID, str], list[int]]:
    """Return the milligrams of each span by (account, campaign)."""
    found: dict[tuple[uuid.UUID, str], list[int]] = {}
    if account_ids:
        for account_id, campaign_id, number, amount_mg in await facts_repository.donated_in(
            session, sorted(account_ids), spans
        ):
            found.setdefault((account_id, campaign_id), [0] * len(spans))[number - 1] = amount_mg
    return found
