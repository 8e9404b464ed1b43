"""Use cases of badges: award and withdraw by the rules, show them with progress, levels and streaks."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from services.rewards.badges import repository
from services.rewards.badges.domain import Badge, Done, Level, SceneDone, level_of, why_withdrawn
from services.rewards.badges.repository import Held
from services.rewards.badges.rules import load_rules
from services.rewards.memberships import service as memberships
from services.rewards.memberships.domain import Group
from services.rewards.recognition import service as recognition
from services.rewards.recognition.domain import Facts, Streaks
from shared import clock
from shared.db import Session


@dataclass(frozen=True, slots=True)
class BadgeView:
    """A badge as its owner, or somebody on the way to it, sees it. `history`: oldest first."""

    badge: Badge
    value: int
    history: tuple[Held, ...]

    @property
    def held(self) -> Held | None:
        newest = self.history[-1] if self.history else None
        return newest if newest is not None and newest.withdrawn_at is None else None


@dataclass(frozen=True, slots=True)
class LevelView:
    lifetime_mg: int
    level: Level
    following: Level | None


async def refresh(session: Session, *, account_ids: Collection[uuid.UUID], households: Collection[Group]) -> None:
    """Award what these accounts have earned by now, and withdraw what they no longer meet.

    `households`: all those that one of these people belongs to. Depends on the sums alone: a repeat changes nothing.
    The caller is the only refresher.
    """
    rules = {badge.id: badge for badge in load_rules().badges}
    if not account_ids:
        return
    done = await _done_by(session, account_ids, households)
    newest: dict[tuple[uuid.UUID, str], Held] = {
        (held.account_id, held.badge_id): held for held in await repository.newest_of(session, sorted(account_ids))
    }
    awards, versions = [], []
    for account_id, facts in sorted(done.items()):
        for badge in rules.values():
            held = newest.get((account_id, badge.id))
            if not badge.is_earned(facts):
                continue
            if held is None or held.withdrawn_at is not None:
                awards.append((account_id, badge.id, 1 if held is None else held.number + 1, badge.version))
            elif held.rule_version != badge.version:
                versions.append((account_id, badge.id, held.number, badge.version))
    withdrawals = [
        (held.account_id, held.badge_id, held.number, why_withdrawn(rule, earned_version=held.rule_version).value)
        for held in newest.values()
        if held.withdrawn_at is None
        and ((rule := rules.get(held.badge_id)) is None or not rule.is_earned(done[held.account_id]))
    ]
    at = clock.now()
    await repository.award(session, awards, at)
    await repository.set_versions(session, versions)
    await repository.withdraw(session, withdrawals, at)


async def _done_by(
    session: Session, account_ids: Collection[uuid.UUID], households: Collection[Group]
) -> Mapping[uuid.UUID, Done]:
    facts = await recognition.facts_of(session, account_ids=account_ids)
    accounts = {one for group in households for one in (group.account_id, *group.members)}
    lifetime = await recognition.lifetime_mg(session, account_ids=accounts) if accounts else {}
    together = {
        member: sum(lifetime.get(one, 0) for one in (group.account_id, *group.members))
        for group in households
        for member in group.members
    }
    return {account_id: _done(one, together.get(account_id, 0)) for account_id, one in facts.items()}


def _done(facts: Facts, household_mg: int) -> Done:
    return Done.model_construct(
        scenes={
            name: SceneDone.model_construct(acts=one.acts, days=one.days, amount_mg=one.amount_mg)
            for name, one in facts.scenes.items()
        },
        days=facts.days,
        streak_days=facts.longest_streak,
        donations=facts.donations,
        donated=facts.donated,
        household_mg=household_mg,
    )


async def list_badges(session: Session, *, account_id: uuid.UUID) -> list[BadgeView]:
    """Return every badge in the order of the rules, with its history."""
    group_ids = await memberships.groups_of(session, account_ids=[account_id])
    groups = (await memberships.find_groups(session, group_ids=group_ids)).values()
    households = [group for group in groups if group.kind == "household"]
    done = (await _done_by(session, [account_id], households))[account_id]
    history: dict[str, list[Held]] = {}
    for held in await repository.history_of(session, account_id):
        history.setdefault(held.badge_id, []).append(held)
    return [BadgeView(badge, badge.value(done), tuple(history.get(badge.id, ()))) for badge in load_rules().badges]


async def get_level(session: Session, *, account_id: uuid.UUID) -> LevelView:
    lifetime_mg = (await recognition.lifetime_mg(session, account_ids=[account_id])).get(account_id, 0)
    return LevelView(lifetime_mg, *level_of(load_rules().levels, lifetime_mg))


async def get_streaks(session: Session, *, account_id: uuid.UUID, today: date) -> Streaks:
    return await recognition.streaks_of(session, account_id=account_id, today=today)


async def erase_accounts(session: Session, *, account_ids: Collection[uuid.UUID]) -> None:
    if account_ids:
        await repository.erase(session, sorted(account_ids))
