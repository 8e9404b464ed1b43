"""Use cases of partners: verify signatures, and register partners from the seed file."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace

from services.ingest.audit import service as audit
from services.ingest.partners import proof, repository
from services.ingest.partners.changes import ChangeListener
from services.ingest.partners.claims import Claim, claim_of, head_of
from services.ingest.partners.domain import (
    LIVE_KEYS_MAX,
    Caller,
    Partner,
    SignedRequest,
    intake_share,
    partners_with_too_many_keys,
)
from services.ingest.partners.errors import (
    AddressNotAllowed,
    KeyBelongsElsewhere,
    LegacyKeyNotAllowed,
    PartnerSuspended,
    RequestAlreadyReceived,
    SandboxKeyNotAllowed,
    SignatureInvalid,
    SignatureReplayed,
    SourceTaken,
    TimestampOutOfWindow,
    TooManyLiveKeys,
)
from services.ingest.partners.keys import Key
from services.ingest.partners.nonces import SeenNonces
from services.ingest.partners.ports import SignatureChecks
from services.ingest.partners.registry import PartnerRegistry, key_place, partner_place
from services.ingest.partners.seed_file import SeedKey, SeedPartner
from services.ingest.partners.slow_checks import SlowCheckQueue
from shared import clock
from shared.auth import cp1
from shared.db import Session
from shared.sealing import Sealer

__all__ = [
    "Caller",
    "ChangeListener",
    "Key",
    "Partner",
    "PartnerRegistry",
    "SeenNonces",
    "SignatureChecks",
    "SignedRequest",
    "SlowCheckQueue",
    "authenticate",
    "claimed_share",
    "count_sealed_otherwise",
    "register_partners",
    "require_live_data",
    "reseal_some",
    "verify_signature",
]


def claimed_share(checks: SignatureChecks, request: SignedRequest) -> str | None:
    """Return whose share of the intake the header of a request names, before its body is read. Nothing is verified.

    None: a form, whose key may stand in its body, or a nonce that was used before, which anybody may repeat.
    Raises the refusals that need no body: SignatureMissing, SignatureMalformed, UnknownAppKey,
    SignatureAlgorithmMismatch, KeyRevoked, KeyNotYetValid, KeyExpired, TimestampOutOfWindow, PartnersUnknown.
    """
    head = head_of(checks.registry, request)
    if head is None:
        return None
    _require_in_time(head.key, head.timestamp)
    if head.nonce is not None and checks.nonces.has(head.key.app_key, head.nonce):
        return None
    return intake_share(head.key.partner_id, head.key.environment)


def _require_in_time(key: Key, timestamp: int) -> None:
    """Raises KeyRevoked, KeyNotYetValid, KeyExpired, TimestampOutOfWindow."""
    at = clock.now()
    key.require_valid(at)
    if abs(at.timestamp() - timestamp) > cp1.WINDOW_S:
        raise TimestampOutOfWindow(server_time=int(at.timestamp()))


async def verify_signature(checks: SignatureChecks, request: SignedRequest) -> Caller:
    """Return who signed the request. Cheap checks come first. The events are not read before the signature is valid.

    Raises the refusals of partners/errors.py except SignatureReplayed: this function does not check the nonce.
    """
    claim = claim_of(checks.registry, request)
    key = claim.key
    _require_in_time(key, claim.timestamp)
    partner = checks.registry.partner(key.partner_id)
    if not await _is_valid(checks.slow_queue, claim):
        raise SignatureInvalid
    # Only after the signature: without the key nobody learns anything about a partner.
    if partner.status == "suspended":
        raise PartnerSuspended
    if not partner.admits(request.address):
        raise AddressNotAllowed(address=request.address or "-")
    is_apart = key.environment == "sandbox" and not partner.sandbox
    if key.environment != partner.environment:
        partner = replace(partner, environment=key.environment)
    return Caller(partner, key.app_key, claim.nonce, claim.timestamp, claim.payload, claim.signature, is_apart)


async def _is_valid(slow_queue: SlowCheckQueue, claim: Claim) -> bool:
    verifier = claim.key.verifier
    if verifier.is_slow:
        return await slow_queue.verify(claim.key.app_key, verifier, claim.message, claim.signature)
    return verifier.verify(claim.message, claim.signature)


async def authenticate(checks: SignatureChecks, request: SignedRequest) -> Caller:
    """Like `verify_signature`, and refuses a nonce that this process has seen. Raises also SignatureReplayed."""
    caller = await verify_signature(checks, request)
    seen = checks.nonces.claim(caller.app_key, caller.nonce, signature=caller.signature, at_s=time.monotonic())
    if seen is None:
        return caller
    if seen.signature == hash(caller.signature) and seen.receipt_id is not None:
        raise RequestAlreadyReceived(receipt_id=seen.receipt_id, extensions={"receipt_id": str(seen.receipt_id)})
    raise SignatureReplayed


def require_live_data(registry: PartnerRegistry, caller: Caller, *, method: str) -> None:
    """For routes that read or change stored data. Raises SandboxKeyNotAllowed, LegacyKeyNotAllowed."""
    if caller.partner.environment != registry.partner(caller.partner.partner_id).environment:
        raise SandboxKeyNotAllowed
    key = registry.key(caller.app_key)
    if method != "GET" and key is not None and key.legacy is not None:
        raise LegacyKeyNotAllowed


async def register_partners(session: Session, *, partners: Sequence[SeedPartner], sealer: Sealer) -> None:
    """Create or change partners and keys as given. Others stay as they are. Safe to repeat.

    Raises SourceTaken, KeyBelongsElsewhere, TooManyLiveKeys. The caller's transaction must then be rolled back.
    """
    taken = await repository.sources_of_others(session, {p.source: p.partner_id for p in partners})
    if taken:
        raise SourceTaken(sources=", ".join(taken))
    if partners:
        await repository.upsert_partners(session, [_partner_row(p, sealer) for p in partners])
    owners = {key.app_key: (p.partner_id, key.algorithm) for p in partners for key in p.keys}
    known = await repository.lock_keys(session, owners)
    foreign = [row["app_key"] for row in known if (row["partner_id"], row["algorithm"]) != owners[row["app_key"]]]
    if foreign:
        raise KeyBelongsElsewhere(app_keys=", ".join(foreign))
    if owners:
        await repository.upsert_keys(session, [row for p in partners for row in _key_rows(p, sealer)])
    live = await repository.live_keys(session, [p.partner_id for p in partners], clock.now())
    crowded = partners_with_too_many_keys(live)
    if crowded:
        raise TooManyLiveKeys(partners=", ".join(crowded), limit=LIVE_KEYS_MAX)
    for partner in partners:
        await proof.record_registration(session, sealer, partner.partner_id, {key.app_key for key in partner.keys})


def _partner_row(partner: SeedPartner, sealer: Sealer) -> repository.Row:
    row = partner.model_dump(exclude={"keys", "phone_pepper", "oauth"})  # the other fields are columns of the same name
    pepper, oauth = partner.phone_pepper, partner.oauth
    return {
        **row,
        "phone_pepper_sealed": sealer.seal(pepper.get_secret_value(), partner_place(partner.partner_id, "phone_pepper"))
        if pepper
        else None,
        "oauth_sealed": sealer.seal(json.dumps(oauth.with_secret()), partner_place(partner.partner_id, "oauth"))
        if oauth is not None
        else None,
    }


def _key_rows(partner: SeedPartner, sealer: Sealer) -> list[repository.Row]:
    return [
        {
            "app_key": key.app_key,
            "partner_id": partner.partner_id,
            "algorithm": key.algorithm,
            "environment": key.environment or partner.environment,
            "secret_sealed": _sealed_secret(key, sealer),
            "public_key": key.public_key,
            "rule": key.resolved_rule(),
            "not_before": key.not_before,
            "not_after": key.not_after,
        }
        for key in partner.keys
    ]


def _sealed_secret(key: SeedKey, sealer: Sealer) -> bytes | None:
    secret = key.secret
    return sealer.seal(secret.get_secret_value(), key_place(key.app_key)) if secret is not None else None


async def reseal_some(session: Session, sealer: Sealer, *, at_most: int) -> int:
    """Seal at most so many secrets of partners with the current key. Return the number. Raises SealBroken.

    The audit log gets an entry for each partner: a row that changes without one is reported.
    """
    count, changed = 0, set()
    for partner_id, column, name, sealed in await repository.sealed_secrets(session):
        again = sealer.reseal(sealed, _place_of(column, name)) if count < at_most else None
        if again is not None:
            await repository.replace_secret(session, column=column, name=name, before=sealed, after=again)
            count += 1
            changed.add(partner_id)
    for partner_id in sorted(changed):
        await audit.record(
            session,
            subject=proof.KEYS_SUBJECT,
            action="secrets.reseal",
            about=f"partner/{partner_id}",
            reason=proof.KEYS_REASON,
        )
    return count


async def count_sealed_otherwise(session: Session, sealer: Sealer) -> int:
    """Count the secrets of partners that another key has sealed. Raises SealBroken."""
    rows = await repository.sealed_secrets(session)
    return sum(sealer.reseal(sealed, _place_of(column, name)) is not None for _, column, name, sealed in rows)


def _place_of(column: str, name: str) -> str:
    return key_place(name) if column == "secret_sealed" else partner_place(name, column.removesuffix("_sealed"))
