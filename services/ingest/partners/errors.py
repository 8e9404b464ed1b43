"""Why a signed request is refused. Every refusal has a code of its own, because partners debug against them."""

from typing import ClassVar
from uuid import UUID

from services.ingest.sentences import partner_refusals
from shared.errors import AppError, Conflict, NotFound, TooManyRequests, Unauthenticated, Unavailable


class SignatureMissing(Unauthenticated):
    code = "SIGNATURE_MISSING"
    says = partner_refusals.SIGNATURE_MISSING


class SignatureMalformed(Unauthenticated):
    code = "SIGNATURE_MALFORMED"
    says = partner_refusals.SIGNATURE_MALFORMED


class UnknownAppKey(Unauthenticated):
    code = "UNKNOWN_APP_KEY"
    says = partner_refusals.UNKNOWN_APP_KEY


class KeyRevoked(Unauthenticated):
    code = "KEY_REVOKED"
    says = partner_refusals.KEY_REVOKED


class KeyNotYetValid(Unauthenticated):
    code = "KEY_NOT_YET_VALID"
    says = partner_refusals.KEY_NOT_YET_VALID


class KeyExpired(Unauthenticated):
    code = "KEY_EXPIRED"
    says = partner_refusals.KEY_EXPIRED


class SignatureAlgorithmMismatch(Unauthenticated):
    code = "SIGNATURE_ALGORITHM_MISMATCH"
    says = partner_refusals.SIGNATURE_ALGORITHM_MISMATCH


class TimestampOutOfWindow(Unauthenticated):
    code = "TIMESTAMP_OUT_OF_WINDOW"
    says = partner_refusals.TIMESTAMP_OUT_OF_WINDOW


class SignatureInvalid(Unauthenticated):
    code = "SIGNATURE_INVALID"
    says = partner_refusals.SIGNATURE_INVALID


class SignatureReplayed(Conflict):
    code = "SIGNATURE_REPLAYED"
    says = partner_refusals.SIGNATURE_REPLAYED


class RequestAlreadyReceived(SignatureReplayed):
    """The same bytes with the same signature, as a proxy sends them again after a lost answer."""

    members: ClassVar = {"receipt_id": UUID}
    says = partner_refusals.REQUEST_ALREADY_RECEIVED


class Refused(AppError):
    """The signature is valid, but the partner, its address or its key may not make this request."""

    status = 403


class PartnerSuspended(Refused):
    code = "PARTNER_SUSPENDED"
    says = partner_refusals.PARTNER_SUSPENDED


class AddressNotAllowed(Refused):
    code = "ADDRESS_NOT_ALLOWED"
    says = partner_refusals.ADDRESS_NOT_ALLOWED


class SandboxKeyNotAllowed(Refused):
    code = "SANDBOX_KEY_NOT_ALLOWED"
    says = partner_refusals.SANDBOX_KEY_NOT_ALLOWED


class LegacyKeyNotAllowed(Refused):
    code = "LEGACY_KEY_NOT_ALLOWED"
    says = partner_refusals.LEGACY_KEY_NOT_ALLOWED


class SignatureChecksBusy(Unavailable):
    code = "SIGNATURE_CHECKS_BUSY"
    says = partner_refusals.SIGNATURE_CHECKS_BUSY


class KeyChecksBusy(TooManyRequests):
    code = "KEY_CHECKS_BUSY"
    says = partner_refusals.KEY_CHECKS_BUSY


class PartnerNotFound(NotFound):
    code = "PARTNER_NOT_FOUND"
    says = partner_refusals.PARTNER_NOT_FOUND


class PartnerKeyNotFound(NotFound):
    code = "PARTNER_KEY_NOT_FOUND"
    says = partner_refusals.PARTNER_KEY_NOT_FOUND


class PartnerExists(Conflict):
    code = "PARTNER_EXISTS"
    says = partner_refusals.PARTNER_EXISTS


class PartnerChanged(Conflict):
    code = "PARTNER_CHANGED"
    says = partner_refusals.PARTNER_CHANGED


class SandboxOnly(Conflict):
    code = "SANDBOX_ONLY"
    says = partner_refusals.SANDBOX_ONLY


class KeyAlreadyRevoked(Conflict):
    code = "KEY_ALREADY_REVOKED"
    says = partner_refusals.KEY_ALREADY_REVOKED


class PartnersUnknown(Unavailable):
    code = "PARTNERS_UNKNOWN"
    says = partner_refusals.PARTNERS_UNKNOWN


class TooManyLiveKeys(Conflict):
    code = "TOO_MANY_LIVE_KEYS"
    says = partner_refusals.TOO_MANY_LIVE_KEYS


class KeyBelongsElsewhere(Conflict):
    code = "KEY_BELONGS_ELSEWHERE"
    says = partner_refusals.KEY_BELONGS_ELSEWHERE


class SourceTaken(Conflict):
    code = "SOURCE_TAKEN"
    says = partner_refusals.SOURCE_TAKEN
