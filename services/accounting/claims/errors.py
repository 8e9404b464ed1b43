"""Refusals of claims."""

from services.accounting.sentences import refusals
from shared.errors import Conflict, TooManyRequests


class SceneNotClaimable(Conflict):
    code = "SCENE_NOT_CLAIMABLE"
    says = refusals.SCENE_NOT_CLAIMABLE


class TooManyClaims(TooManyRequests):
    code = "TOO_MANY_CLAIMS"
    says = refusals.TOO_MANY_CLAIMS
