"""The rule by which a household spends its grams: proposed by a member, in force once every member has agreed.

The caller holds the lock of the household and names its present members by their stays. Who moves in while a proposal
is open has to agree as well. The agreement of who has left no longer counts, nor is it needed.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.accounts.household_rules import repository
from services.accounts.household_rules.errors import NoRuleProposal, RuleProposalOpen
from services.accounts.household_rules.models import HouseholdRule, RuleProposal
from services.accounts.household_rules.publishing import publish_rule
from services.accounts.settings import Settings
from shared import clock
from shared.contracts.households_v1 import RuleKind
from shared.db import Session
from shared.ids import new_id

PROPOSAL_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rule:
    """`limit_mg`: what one member may spend alone in a month, for `any_member_up_to`."""

    kind: str
    limit_mg: int


DEFAULT_RULE = Rule("all_agree", 0)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A rule that waits for the agreement of the `missing` members."""

    rule: Rule
    proposed_by: uuid.UUID
    missing: frozenset[uuid.UUID]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RuleState:
    rule: Rule
    since: datetime | None
    proposed: Proposed | None


async def read_state(session: Session, *, household_id: uuid.UUID, members: Collection[uuid.UUID]) -> RuleState:
    row = await repository.find_rule(session, household_id=household_id)
    proposal = await repository.find_open(session, household_id=household_id)
    proposed = None
    if proposal is not None and proposal.expires_at > clock.now():
        agreed = await repository.agreed(session, proposal_id=proposal.proposal_id)
        proposed = Proposed(
            Rule(proposal.kind, proposal.limit_mg),
            proposal.proposed_by,
            frozenset(members) - frozenset(agreed),
            proposal.expires_at,
        )
    return RuleState(_rule(row), row.since if row else None, proposed)


async def propose(
    session: Session,
    *,
    settings: Settings,
    household_id: uuid.UUID,
    member: uuid.UUID,
    members: Collection[uuid.UUID],
    kind: RuleKind,
    limit_mg: int,
) -> None:
    """Propose a rule. It is in force at once if nobody else lives there. The rule in force again changes nothing.

    The proposer may replace the own proposal. Raises RuleProposalOpen (another member's).
    """
    wanted = Rule(kind, limit_mg if kind == "any_member_up_to" else 0)
    row = await repository.find_rule(session, household_id=household_id)
    now = clock.now()
    proposal = await repository.find_open(session, household_id=household_id)
    if proposal is not None:
        expired = proposal.expires_at <= now
        if not expired and proposal.proposed_by in members and proposal.proposed_by != member:
            raise RuleProposalOpen
        await _end(session, proposal, "expired" if expired else "withdrawn", now)
    if _rule(row) == wanted:
        return
    proposal = RuleProposal(
        proposal_id=new_id(),
        household_id=household_id,
        kind=wanted.kind,
        limit_mg=wanted.limit_mg,
        proposed_by=member,
        created_at=now,
        expires_at=now + PROPOSAL_LIFE,
        status="open",
    )
    await repository.add(session, proposal)
    await repository.add_agreement(session, proposal_id=proposal.proposal_id, membership_id=member, at=now)
    await settle(session, settings=settings, household_id=household_id, members=members)


async def agree(
    session: Session,
    *,
    settings: Settings,
    household_id: uuid.UUID,
    member: uuid.UUID,
    members: Collection[uuid.UUID],
) -> None:
    """Agree to the open proposal. Repeatable while it is open. Raises NoRuleProposal."""
    proposal = await _require_open(session, household_id)
    await repository.add_agreement(session, proposal_id=proposal.proposal_id, membership_id=member, at=clock.now())
    await settle(session, settings=settings, household_id=household_id, members=members)


async def refuse(session: Session, *, household_id: uuid.UUID, member: uuid.UUID) -> None:
    """Refuse the open proposal, or withdraw the own one. One refusal ends it. Raises NoRuleProposal."""
    proposal = await _require_open(session, household_id)
    status = "withdrawn" if proposal.proposed_by == member else "refused"
    await _end(session, proposal, status, clock.now())


async def settle(
    session: Session, *, settings: Settings, household_id: uuid.UUID, members: Collection[uuid.UUID]
) -> None:
    """Put the open proposal in force if every member has agreed. Called after members agreed or left.

    A proposal of somebody who has left ends.
    """
    proposal = await repository.find_open(session, household_id=household_id)
    now = clock.now()
    if proposal is None or proposal.expires_at <= now:
        return
    if proposal.proposed_by not in members:
        await _end(session, proposal, "withdrawn", now)
        return
    if not frozenset(members) <= frozenset(await repository.agreed(session, proposal_id=proposal.proposal_id)):
        return
    await _end(session, proposal, "accepted", now)
    row = await repository.find_rule(session, household_id=household_id)
    if row is None:
        row = HouseholdRule(
            household_id=household_id, version=1, kind=proposal.kind, limit_mg=proposal.limit_mg, since=now
        )
        await repository.add(session, row)
    else:
        row.version, row.kind, row.limit_mg, row.since = row.version + 1, proposal.kind, proposal.limit_mg, now
        await repository.flush_changes(session)
    await publish_rule(session, settings=settings, row=row)


async def _require_open(session: Session, household_id: uuid.UUID) -> RuleProposal:
    proposal = await repository.find_open(session, household_id=household_id)
    if proposal is None or proposal.expires_at <= clock.now():
        raise NoRuleProposal
    return proposal


async def _end(session: Session, proposal: RuleProposal, status: str, at: datetime) -> None:
    proposal.status, proposal.ended_at = status, at
    await repository.flush_changes(session)


def _rule(row: HouseholdRule | None) -> Rule:
    return Rule(row.kind, row.limit_mg) if row is not None else DEFAULT_RULE
