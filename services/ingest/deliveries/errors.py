"""Refusals about webhooks and deliveries."""

from services.ingest.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class EndpointNotFound(NotFound):
    code = "WEBHOOK_NOT_FOUND"
    says = refusals.WEBHOOK_NOT_FOUND


class DeliveryNotFound(NotFound):
    code = "DELIVERY_NOT_FOUND"
    says = refusals.DELIVERY_NOT_FOUND


class EndpointDisabled(Conflict):
    code = "WEBHOOK_DISABLED"
    says = refusals.WEBHOOK_DISABLED


class RotationUnderWay(Conflict):
    code = "ROTATION_UNDER_WAY"
    says = refusals.ROTATION_UNDER_WAY


class AddressRefused(InvalidRequest):
    code = "WEBHOOK_ADDRESS_REFUSED"
    says = refusals.WEBHOOK_ADDRESS_REFUSED


class ReplayTooLarge(Conflict):
    code = "REPLAY_TOO_LARGE"
    says = refusals.REPLAY_TOO_LARGE
