"""Use case of placing donations: a set of requests of different people, in one transaction.

A first look, without locks, refuses what cannot succeed: a crowd in front of a campaign at its target locks nothing.
The others are decided under the locks of their campaigns, in the order in which they came.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.rewards.campaigns import repository, service
from services.rewards.campaigns.domain import Obstacle
from services.rewards.campaigns.errors import AmountOutOfRange, CampaignClosed, CampaignNotFound, TargetExceeded
from services.rewards.campaigns.models import donation
from services.rewards.campaigns.service import Campaign, Wanted
from services.rewards.settlement import service as settlements
from services.rewards.settlement.service import Asked, Placement
from services.rewards.teams import service as teams
from services.rewards.teams.errors import TeamNotFound
from shared import clock
from shared.amounts import grams
from shared.db import Session
from shared.errors import AppError, IdempotencyKeyInProgress, IdempotencyKeyReused
from shared.ids import new_id

Placed = Placement | AppError


async def place_donations(session: Session, *, asked: Sequence[Asked]) -> list[Placed]:
    """Open the settlements of donations. Reserve their milligrams of the target.

    Errors: CampaignNotFound, TeamNotFound, CampaignClosed, AmountOutOfRange, TargetExceeded, IdempotencyKeyReused.
    """
    campaigns = await service.get_campaigns(session, campaign_ids={one.wanted.campaign_id for one in asked})
    earlier = await repository.by_keys(session, [(one.origin.user_id, one.origin.idempotency_key) for one in asked])
    found: dict[int, Placed] = {}
    candidates: list[int] = []
    joined = await teams.teams_of(session, user_ids={one.origin.user_id for one in asked if one.wanted.team_id})
    for place, one in enumerate(asked):
        campaign = campaigns.get(one.wanted.campaign_id)
        row = earlier.get((one.origin.user_id, one.origin.idempotency_key))
        if campaign is None:
            found[place] = CampaignNotFound()
        elif row is not None:
            found[place] = await _existing(session, one, row)
        elif one.wanted.team_id and joined.get(one.origin.user_id) != one.wanted.team_id:
            found[place] = TeamNotFound()
        elif refusal := _refusal(one, campaign, campaign.rest_mg):
            found[place] = refusal
        else:
            candidates.append(place)
    if candidates:
        found |= await _reserve(session, {place: asked[place] for place in candidates})
    return [found[place] for place in range(len(asked))]


async def _reserve(session: Session, candidates: Mapping[int, Asked]) -> dict[int, Placed]:
    """Decide under the locks of the campaigns, insert the donations."""
    campaigns = await service.lock_campaigns(
        session, campaign_ids={one.wanted.campaign_id for one in candidates.values()}
    )
    rest_mg = {campaign_id: campaign.rest_mg for campaign_id, campaign in campaigns.items()}
    found: dict[int, Placed] = {}
    new: dict[int, dict[str, Any]] = {}
    for place, one in candidates.items():
        campaign = campaigns[one.wanted.campaign_id]
        if refusal := _refusal(one, campaign, rest_mg[campaign.campaign_id]):
            found[place] = refusal
        else:
            rest_mg[campaign.campaign_id] -= one.wanted.amount_mg
            new[place] = _new_row(one, campaign)
    if new:
        found |= await _insert(session, candidates, new)
    return found


async def _insert(
    session: Session, candidates: Mapping[int, Asked], new: Mapping[int, dict[str, Any]]
) -> dict[int, Placed]:
    opened = await settlements.open_many(
        session, donation, [(candidates[place].origin, row) for place, row in new.items()]
    )
    found: dict[int, Placed] = {}
    reserved_mg: dict[str, int] = {}
    for place, row in new.items():
        settlement = opened.get(row["donation_id"])
        if settlement is None:  # another process has placed a donation with this key a moment ago
            found[place] = IdempotencyKeyInProgress()
            continue
        found[place] = Placement(settlement)
        reserved_mg[row["campaign_id"]] = reserved_mg.get(row["campaign_id"], 0) + row["amount_mg"]
    await repository.reserve(session, reserved_mg)
    return found


async def _existing(session: Session, asked: Asked, row: Any) -> Placed:
    wanted: Wanted = asked.wanted
    asked_for = (wanted.campaign_id, wanted.amount_mg, asked.origin.account_id, wanted.team_id)
    if (row.campaign_id, row.amount_mg, row.account_id, row.team_id) != asked_for:
        return IdempotencyKeyReused()
    return Placement(await settlements.get(session, donation, settlement_id=row.donation_id), repeated=True)


def _refusal(asked: Asked, campaign: Campaign, rest_mg: int) -> AppError | None:
    """`rest_mg`: what the campaign still takes, after the requests before this one."""
    terms = campaign.terms
    match campaign.obstacle(asked.wanted.amount_mg, rest_mg=rest_mg, instant=clock.now()):
        case Obstacle.CLOSED:
            return CampaignClosed()
        case Obstacle.OUT_OF_RANGE:
            return AmountOutOfRange(
                least=grams(terms.min_mg),
                most=grams(terms.max_mg),
                extensions={"min_mg": terms.min_mg, "max_mg": terms.max_mg},
            )
        case Obstacle.OVER_TARGET:
            return TargetExceeded(left=grams(rest_mg), extensions={"rest_mg": rest_mg})
        case _:
            return None


def _new_row(asked: Asked, campaign: Campaign) -> dict[str, Any]:
    return {
        "donation_id": new_id(),
        "amount_mg": asked.wanted.amount_mg,
        "capture_to": f"donated:{campaign.campaign_id}",
        "title_zh": campaign.title.zh,
        "title_en": campaign.title.en,
        "campaign_id": campaign.campaign_id,
        "enterprise_id": asked.wanted.enterprise_id,
        "team_id": asked.wanted.team_id,
    }
