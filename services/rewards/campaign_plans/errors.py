"""Refusals that operators of campaigns read."""

from typing import ClassVar

from services.rewards.sentences import campaigns, mall
from shared.errors import Conflict


class CampaignExists(Conflict):
    code = "CAMPAIGN_EXISTS"
    says = campaigns.CAMPAIGN_EXISTS


class CampaignChanged(Conflict):
    """The campaign was changed after the proposal."""

    code = "CAMPAIGN_CHANGED"
    says = campaigns.CAMPAIGN_CHANGED


class CampaignEnded(Conflict):
    """An operator has closed it for good."""

    code = "CAMPAIGN_ENDED"
    says = campaigns.CAMPAIGN_ENDED


class CampaignTargetTooLow(Conflict):
    """Below what is given or under way: `least_mg`."""

    code = "CAMPAIGN_TARGET_TOO_LOW"
    members: ClassVar = {"least_mg": int}
    says = campaigns.CAMPAIGN_TARGET_TOO_LOW


class CampaignUnchanged(Conflict):
    code = "NOTHING_CHANGED"
    says = mall.NOTHING_CHANGED


class TooManyCampaigns(Conflict):
    code = "TOO_MANY_CAMPAIGNS"
    says = campaigns.TOO_MANY_CAMPAIGNS
