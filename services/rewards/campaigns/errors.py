"""Errors of campaigns."""

from typing import ClassVar

from services.rewards.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class CampaignNotFound(NotFound):
    code = "CAMPAIGN_NOT_FOUND"
    says = refusals.CAMPAIGN_NOT_FOUND


class DonationNotFound(NotFound):
    code = "DONATION_NOT_FOUND"
    says = refusals.DONATION_NOT_FOUND


class CampaignClosed(Conflict):
    code = "CAMPAIGN_CLOSED"
    says = refusals.CAMPAIGN_CLOSED


class AmountOutOfRange(InvalidRequest):
    code = "AMOUNT_OUT_OF_RANGE"
    members: ClassVar = {"min_mg": int, "max_mg": int}
    says = refusals.AMOUNT_OUT_OF_RANGE


class TargetExceeded(Conflict):
    """The donation is larger than what the campaign still takes: `rest_mg`, 0 at the target."""

    code = "TARGET_EXCEEDED"
    members: ClassVar = {"rest_mg": int}
    says = refusals.TARGET_EXCEEDED
