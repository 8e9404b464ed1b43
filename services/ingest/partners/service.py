"""Use cases of partners: who signed this, who is registered, and registering them."""

import json
import time
from collections.abc import Sequence
from datetime import datetime

from services.ingest.partners import repository
from services.ingest.partners.domain import LIVE_KEYS_MAX, Caller, Key, Partner, partners_with_too_many_keys
from services.ingest.partners.errors import (
    KeyBelongsElsewhere,
    KeyExpired,
    KeyNotYetValid,
    KeyRevoked,
    SignatureAlgorithmMismatch,
    SignatureInvalid,
    SignatureMalformed,
    SignatureMissing,
    SignatureReplayed,
    SourceTaken,
    TimestampOutOfWindow,
    TooManyLiveKeys,
    UnknownAppKey,
)
from services.ingest.partners.nonces import SeenNonces
from services.ingest.partners.registry import PartnerRegistry, place_of_key, place_of_partner
from services.ingest.partners.seed_file import SeedPartner
from services.ingest.sealing import Sealer
from shared import clock
from shared.auth import cp1
from shared.db import Session

__all__ = ["Caller", "Partner", "PartnerRegistry", "SeenNonces", "authenticate", "register", "verify"]


def verify(registry: PartnerRegistry, *, method: str, target: str, authorization: str | None, body: bytes) -> Caller:
    """Who signed these bytes. Cheap checks first; nothing of the body is looked at before its signature holds.

    Raises the refusals of partners/errors.py except SignatureReplayed: whether the nonce is new is for the caller.
    """
    if not authorization:
        raise SignatureMissing
    credential = cp1.parse_authorization(authorization)
    if credential is None:
        raise SignatureMalformed
    key = registry.key(credential.app_key)
    if key is None:
        raise UnknownAppKey
    if credential.algorithm != key.algorithm:
        raise SignatureAlgorithmMismatch(algorithm=key.algorithm)
    at = clock.now()
    _require_valid(key, at)
    if abs(at.timestamp() - credential.timestamp) > cp1.WINDOW_S:
        raise TimestampOutOfWindow(server_time=int(at.timestamp()))
    message = cp1.string_to_sign(
        method=method, target=target, timestamp=credential.timestamp, nonce=credential.nonce, body=body
    )
    if not cp1.verify_hmac_sha256(key.secret, message, credential.signature):
        raise SignatureInvalid
    return Caller(registry.partner(key.partner_id), key.app_key, credential.nonce, credential.timestamp)


def authenticate(
    registry: PartnerRegistry,
    nonces: SeenNonces,
    *,
    method: str,
    target: str,
    authorization: str | None,
    body: bytes,
) -> Caller:
    """As `verify`, and refuses a signature this process has seen. Raises also SignatureReplayed."""
    caller = verify(registry, method=method, target=target, authorization=authorization, body=body)
    if not nonces.claim(caller.app_key, caller.nonce, at_s=time.monotonic()):
        raise SignatureReplayed
    return caller


def _require_valid(key: Key, at: datetime) -> None:
    if key.revoked_at is not None and key.revoked_at <= at:
        raise KeyRevoked
    if key.not_before is not None and at < key.not_before:
        raise KeyNotYetValid
    if key.not_after is not None and at >= key.not_after:
        raise KeyExpired


async def register(session: Session, *, partners: Sequence[SeedPartner], sealer: Sealer) -> None:
    """Makes the partners and keys as given; what exists is changed, what is not named stays. Safe to repeat.

    Raises SourceTaken, KeyBelongsElsewhere, TooManyLiveKeys; then nothing of it holds.
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


def _partner_row(partner: SeedPartner, sealer: Sealer) -> repository.Row:
    row = partner.model_dump(exclude={"keys", "phone_pepper", "oauth"})
    pepper, oauth = partner.phone_pepper, partner.oauth
    return {
        **row,
        "phone_pepper_sealed": sealer.seal(
            pepper.get_secret_value(), place_of_partner(partner.partner_id, "phone_pepper")
        )
        if pepper
        else None,
        "oauth_sealed": sealer.seal(json.dumps(oauth), place_of_partner(partner.partner_id, "oauth"))
        if oauth is not None
        else None,
    }


def _key_rows(partner: SeedPartner, sealer: Sealer) -> list[repository.Row]:
    return [
        {
            "app_key": key.app_key,
            "partner_id": partner.partner_id,
            "algorithm": key.algorithm,
            "secret_sealed": sealer.seal(key.secret.get_secret_value(), place_of_key(key.app_key)),
            "not_before": key.not_before,
            "not_after": key.not_after,
        }
        for key in partner.keys
    ]
