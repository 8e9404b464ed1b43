"""Changes that operators make to partners and keys. Each is written to the audit log in the same transaction."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.ingest.audit import service as audit
from services.ingest.partners import repository
from services.ingest.partners.domain import LIVE_KEYS_MAX, KeyInterval, Status, partners_with_too_many_keys
from services.ingest.partners.errors import (
    KeyAlreadyRevoked,
    KeyBelongsElsewhere,
    PartnerExists,
    PartnerKeyNotFound,
    PartnerNotFound,
    SandboxOnly,
    SourceTaken,
    TooManyLiveKeys,
)
from services.ingest.partners.registry import key_place, partner_place
from services.ingest.partners.seed_file import require_usable, rule_of, wants_public_key
from services.ingest.partners.terms import KeyTimes, NewKey, NewPartner, PartnerTerms
from shared import clock
from shared.db import Session
from shared.errors import FieldError, InvalidRequest
from shared.sealing import Sealer

View = dict[str, Any]

_SECRET_BYTES = 32
_APP_KEY_BYTES = 8
_SEALED = {"phone_pepper_sealed", "oauth_sealed"}


async def list_partners(session: Session, *, after: str, limit: int) -> list[View]:
    rows = await repository.list_partners(session, after, limit)
    keys = await repository.keys_of(session, [row["partner_id"] for row in rows])
    return [_partner_view(row, keys) for row in rows]


async def get_partner(session: Session, partner_id: str) -> View:
    """Raises PartnerNotFound."""
    row = await repository.find_partner(session, partner_id)
    if row is None:
        raise PartnerNotFound
    return _partner_view(row, await repository.keys_of(session, [partner_id]))


async def create_partner(session: Session, sealer: Sealer, subject: str, new: NewPartner) -> View:
    """Raises PartnerExists, SourceTaken."""
    if await repository.find_partner(session, new.partner_id) is not None:
        raise PartnerExists
    await _require_free_source(session, new.partner_id, new.source)
    # Of two creations at once the second is refused. It does not overwrite the first.
    values = _values(new, new.partner_id, sealer) | {"partner_id": new.partner_id, "environment": new.environment}
    if not await repository.add_partner(session, values):
        raise PartnerExists
    view = await get_partner(session, new.partner_id)
    await _audit(session, subject, "partner.create", new.partner_id, new.reason, None, _terms(view))
    return view


async def change_partner(session: Session, sealer: Sealer, subject: str, partner_id: str, terms: PartnerTerms) -> View:
    """Raises PartnerNotFound, SourceTaken."""
    before = await _lock_partner(session, partner_id)
    await _require_free_source(session, partner_id, terms.source)
    await repository.change_partner(session, partner_id, _values(terms, partner_id, sealer))
    view = await get_partner(session, partner_id)
    after = _terms(view) | {
        f"{name}_replaced": True for name in ("phone_pepper", "oauth") if getattr(terms, name) is not None
    }
    await _audit(session, subject, "partner.change", partner_id, terms.reason, _terms(before), after)
    return view


async def set_status(session: Session, subject: str, partner_id: str, status: Status, reason: str) -> View:
    """Raises PartnerNotFound. Setting the present status again is audited too: it was an operator's decision."""
    before = await _lock_partner(session, partner_id)
    await repository.change_partner(session, partner_id, {"status": status})
    action = "partner.suspend" if status == "suspended" else "partner.resume"
    await _audit(session, subject, action, partner_id, reason, {"status": before["status"]}, {"status": status})
    return await get_partner(session, partner_id)


async def issue_key(session: Session, sealer: Sealer, subject: str, partner_id: str, new: NewKey) -> View:
    """Return the key, with `secret` if one was generated.

    Raises PartnerNotFound, SandboxOnly, InvalidRequest, KeyBelongsElsewhere, TooManyLiveKeys.
    """
    owner = await _lock_partner(session, partner_id)
    environment = new.environment or owner["environment"]
    if owner["environment"] == "sandbox" and environment == "live":
        raise SandboxOnly
    secret = None if wants_public_key(new.algorithm, new.rule) else "cpsk_" + secrets.token_urlsafe(_SECRET_BYTES)
    try:
        require_usable(new.algorithm, secret=secret, public_key=new.public_key, rule=new.rule)
    except ValueError as exc:
        raise InvalidRequest(field_errors=[FieldError("body.public_key", "KEY_UNUSABLE", str(exc))]) from exc
    _require_order(new.not_before, new.not_after)
    app_key = new.app_key or f"ak-{partner_id[:32]}-{secrets.token_hex(_APP_KEY_BYTES)}"
    values = {
        "app_key": app_key,
        "partner_id": partner_id,
        "algorithm": new.algorithm,
        "environment": environment,
        "secret_sealed": sealer.seal(secret, key_place(app_key)) if secret is not None else None,
        "public_key": new.public_key,
        "rule": rule_of(new.algorithm, new.rule),
        "not_before": new.not_before,
        "not_after": new.not_after,
    }
    if not await repository.add_key(session, values):
        raise KeyBelongsElsewhere(app_keys=app_key)
    await _require_key_limit(session, partner_id)
    view = await _key(session, partner_id, app_key)
    await _audit(session, subject, "key.issue", partner_id, new.reason, None, _json_values(view))
    return {**view, "secret": secret}


async def set_key_times(session: Session, subject: str, partner_id: str, app_key: str, times: KeyTimes) -> View:
    """Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked, TooManyLiveKeys, InvalidRequest."""
    await _lock_partner(session, partner_id)
    before = await _key(session, partner_id, app_key)
    if before["revoked_at"] is not None:
        raise KeyAlreadyRevoked
    _require_order(times.not_before, times.not_after)
    await repository.change_key(session, app_key, {"not_before": times.not_before, "not_after": times.not_after})
    await _require_key_limit(session, partner_id)
    view = await _key(session, partner_id, app_key)
    await _audit(session, subject, "key.times", partner_id, times.reason, _json_values(before), _json_values(view))
    return view


async def revoke_key(session: Session, subject: str, partner_id: str, app_key: str, reason: str) -> View:
    """Revoke the key for good. Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked."""
    await _lock_partner(session, partner_id)
    before = await _key(session, partner_id, app_key)
    if before["revoked_at"] is not None:
        raise KeyAlreadyRevoked
    await repository.change_key(session, app_key, {"revoked_at": clock.now()})
    view = await _key(session, partner_id, app_key)
    await _audit(session, subject, "key.revoke", partner_id, reason, _json_values(before), _json_values(view))
    return view


def _values(terms: PartnerTerms, partner_id: str, sealer: Sealer) -> dict[str, Any]:
    values = terms.model_dump(exclude={"reason", "phone_pepper", "oauth", "partner_id", "environment"})
    if terms.phone_pepper is not None:
        text = terms.phone_pepper.get_secret_value()
        values["phone_pepper_sealed"] = sealer.seal(text, partner_place(partner_id, "phone_pepper"))
    if terms.oauth is not None:
        values["oauth_sealed"] = sealer.seal(json.dumps(terms.oauth), partner_place(partner_id, "oauth"))
    return values


async def _lock_partner(session: Session, partner_id: str) -> repository.Row:
    """Lock the partner's row, so that changes of one partner are serialised. Raises PartnerNotFound."""
    row = await repository.find_partner(session, partner_id, lock=True)
    if row is None:
        raise PartnerNotFound
    return _partner_view(row, [])


async def _require_free_source(session: Session, partner_id: str, source: str) -> None:
    taken = await repository.sources_of_others(session, {source: partner_id})
    if taken:
        raise SourceTaken(sources=source)


async def _require_key_limit(session: Session, partner_id: str) -> None:
    live = await repository.live_keys(session, [partner_id], clock.now())
    if partners_with_too_many_keys(live):
        raise TooManyLiveKeys(partners=partner_id, limit=LIVE_KEYS_MAX)


def _require_order(not_before: datetime | None, not_after: datetime | None) -> None:
    if not_before is not None and not_after is not None and not_after <= not_before:
        raise InvalidRequest(field_errors=[FieldError("body.not_after", "BEFORE_NOT_BEFORE", "ends before it begins")])


async def _key(session: Session, partner_id: str, app_key: str) -> View:
    for row in await repository.keys_of(session, [partner_id]):
        if row["app_key"] == app_key:
            return _key_view(row)
    raise PartnerKeyNotFound


def _partner_view(row: repository.Row, keys: Sequence[repository.Row]) -> View:
    return {
        **{name: value for name, value in row.items() if name not in _SEALED},
        "has_phone_pepper": row["phone_pepper_sealed"] is not None,
        "has_oauth": row["oauth_sealed"] is not None,
        "keys": [_key_view(key) for key in keys if key["partner_id"] == row["partner_id"]],
    }


def _key_view(row: repository.Row) -> View:
    public = row["public_key"]
    shown = {name: value for name, value in row.items() if name not in {"secret_sealed", "public_key"}}
    return {
        **shown,
        "state": KeyInterval(row["not_before"], row["not_after"], row["revoked_at"]).state(clock.now()),
        "public_key_sha256": hashlib.sha256(public.encode()).hexdigest() if public is not None else None,
    }


def _terms(view: Mapping[str, Any]) -> View:
    return {name: value for name, value in _json_values(view).items() if name not in {"keys", "updated_at"}}


def _json_values(view: Mapping[str, Any]) -> View:
    """The view as JSON values. A view holds no secrets."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in view.items()}


async def _audit(
    session: Session, subject: str, action: str, partner_id: str, reason: str, before: View | None, after: View | None
) -> None:
    await audit.record(
        session,
        subject=subject,
        action=action,
        about=f"partner/{partner_id}",
        reason=reason,
        before=before,
        after=after,
    )
