"""Use cases of operators about campaigns.

Opening and every change need a second person: a target and a window decide how much is taken from citizens. Closing
takes nothing from anybody and needs one. A proposal names the version of the campaign, so that nobody approves
something else than what was proposed.
"""

from collections.abc import Mapping
from typing import Any, Final

from services.rewards.approvals.domain import MallProposal
from services.rewards.audit.service import log
from services.rewards.campaign_plans.domain import differences, to_columns, to_json
from services.rewards.campaign_plans.errors import (
    CampaignChanged,
    CampaignEnded,
    CampaignExists,
    CampaignTargetTooLow,
    CampaignUnchanged,
    TooManyCampaigns,
)
from services.rewards.campaigns import service as campaigns
from services.rewards.campaigns.service import Campaign
from services.rewards.pictures import service as pictures
from shared.amounts import grams
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal
from shared.auth.tokens import Operator
from shared.db import Session

SCOPE: Final = "ops:rewards"
OPEN: Final = MallProposal.OPEN_CAMPAIGN
CHANGE: Final = MallProposal.CHANGE_CAMPAIGN
# A programme has some tens of campaigns a year.
CAMPAIGNS_MAX: Final = 2_000


async def propose_opening(
    session: Session,
    approvals: Approvals,
    *,
    campaign_id: str,
    content: Mapping[str, Any],
    reason: str,
    operator: Operator,
) -> Proposal:
    """Raises CampaignExists, TooManyCampaigns, PictureNotFound, ProposalOpen."""
    return await approvals.propose(
        session, kind=OPEN, subject=campaign_id, content=content, reason=reason, operator=operator
    )


async def propose_change(
    session: Session,
    approvals: Approvals,
    *,
    campaign_id: str,
    content: Mapping[str, Any],
    reason: str,
    operator: Operator,
) -> Proposal:
    """Propose other content.

    Raises CampaignNotFound, CampaignEnded, CampaignUnchanged, CampaignTargetTooLow, PictureNotFound, ProposalOpen.
    """
    row = await campaigns.lock_row(session, campaign_id=campaign_id)
    changed = differences(to_json(row._mapping), content)
    if not changed:
        raise CampaignUnchanged
    return await approvals.propose(
        session,
        kind=CHANGE,
        subject=campaign_id,
        content={"version": row.version, **changed},
        reason=reason,
        operator=operator,
    )


async def close(session: Session, *, campaign_id: str, reason: str, operator: str) -> Campaign:
    """Take no more donations, at once and for good. Those under way end as usual.

    Raises CampaignNotFound, CampaignEnded.
    """
    row = await campaigns.lock_row(session, campaign_id=campaign_id)
    if row.closed_at is not None:
        raise CampaignEnded
    await campaigns.close_campaign(session, campaign_id=campaign_id)
    state = {"donated_mg": row.donated_mg, "target_mg": row.target_mg}
    await log.record(
        session,
        subject=operator,
        action="campaign.close",
        about=campaign_id,
        reason=reason,
        before={"closed": False, **state},
        after={"closed": True, **state},
    )
    return await campaigns.get_campaign(session, campaign_id=campaign_id)


def kinds() -> tuple[Kind, ...]:
    return (
        Kind(name=OPEN, scope=SCOPE, preview=_preview_opening, act=_open),
        Kind(name=CHANGE, scope=SCOPE, preview=_preview_change, act=_change),
    )


async def _preview_opening(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    if await campaigns.get_campaigns(session, campaign_ids=[subject]):
        raise CampaignExists
    if await campaigns.count_campaigns(session) >= CAMPAIGNS_MAX:
        raise TooManyCampaigns(most=CAMPAIGNS_MAX)
    await _require_pictures(session, content)
    return Change({}, dict(content))


async def _open(session: Session, proposal: Proposal) -> None:
    await campaigns.add_campaign(session, campaign_id=proposal.subject, columns=to_columns(proposal.content))


async def _preview_change(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    row = await campaigns.lock_row(session, campaign_id=subject)
    if row.closed_at is not None:
        raise CampaignEnded
    if row.version != content["version"]:
        raise CampaignChanged
    changed = {name: value for name, value in content.items() if name != "version"}
    least_mg = row.donated_mg + row.reserved_mg
    if changed.get("target_mg", row.target_mg) < least_mg:
        raise CampaignTargetTooLow(least=grams(least_mg), extensions={"least_mg": least_mg})
    await _require_pictures(session, changed)
    before = to_json(row._mapping)
    return Change({name: before[name] for name in changed}, changed)


async def _change(session: Session, proposal: Proposal) -> None:
    await campaigns.change_campaign(session, campaign_id=proposal.subject, columns=to_columns(proposal.content))


async def _require_pictures(session: Session, content: Mapping[str, Any]) -> None:
    """Raises PictureNotFound."""
    if paths := content.get("images"):
        await pictures.require(session, hashes=[path.rpartition("/")[2] for path in paths])
