"""Refusals of households."""

from services.accounting.sentences import refusals
from shared.errors import NotFound


class HouseholdNotFound(NotFound):
    """Also raised for a household in which the caller does not live."""

    code = "HOUSEHOLD_NOT_FOUND"
    says = refusals.HOUSEHOLD_NOT_FOUND


class FamilyCardNotFound(NotFound):
    """Also raised for an ended card, and for one of which the caller is not the proxy."""

    code = "FAMILY_CARD_NOT_FOUND"
    says = refusals.FAMILY_CARD_NOT_FOUND
