"""Changes that operators make to partners and keys at once. Each is audited in the same transaction.

`proposals.py` decides which changes need a second operator first.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.ingest.audit import service as audit
from services.ingest.partners import repository
from services.ingest.partners.domain import (
    LIVE_KEYS_MAX,
    Environment,
    KeyInterval,
    Status,
    partners_with_too_many_keys,
)
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
from shared.language import Text
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
    await require_new(session, new.partner_id, new.source)
    sealed = sealed_terms(new, new.partner_id, sealer)
    named = {"partner_id": new.partner_id, "environment": new.environment}
    view = await add_partner(session, {**plain_terms(new), **sealed, **named})
    shown = {"oauth": new.oauth.shown()} if new.oauth is not None else {}
    await _audit(session, subject, "partner.create", new.partner_id, new.reason, None, {**_terms(view), **shown})
    return view


async def require_new(session: Session, partner_id: str, source: str) -> None:
    """Raises PartnerExists, SourceTaken."""
    if await repository.find_partner(session, partner_id) is not None:
        raise PartnerExists
    await require_free_source(session, partner_id, source)


async def add_partner(session: Session, values: Mapping[str, Any]) -> View:
    """Of two creations at once the second is refused. It does not overwrite the first. Raises PartnerExists."""
    if not await repository.add_partner(session, values):
        raise PartnerExists
    return await get_partner(session, values["partner_id"])


async def change_partner(session: Session, sealer: Sealer, subject: str, partner_id: str, terms: PartnerTerms) -> View:
    """Raises PartnerNotFound, SourceTaken."""
    before = await locked_terms(session, partner_id)
    await require_free_source(session, partner_id, terms.source)
    sealed = sealed_terms(terms, partner_id, sealer)
    await repository.change_partner(session, partner_id, {**plain_terms(terms), **sealed})
    view = await get_partner(session, partner_id)
    after = _terms(view) | {f"{name}_replaced": True for name in named_secrets(terms)}
    if terms.oauth is not None:
        after["oauth"] = terms.oauth.shown()
    await _audit(session, subject, "partner.change", partner_id, terms.reason, before, after)
    return view


async def set_status(session: Session, subject: str, partner_id: str, status: Status, reason: str) -> View:
    """Raises PartnerNotFound. Setting the present status again is audited too: it was an operator's decision."""
    before = await _lock_partner(session, partner_id)
    await repository.change_partner(session, partner_id, {"status": status})
    action = "partner.suspend" if status == "suspended" else "partner.resume"
    await _audit(session, subject, action, partner_id, reason, {"status": before["status"]}, {"status": status})
    return await get_partner(session, partner_id)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that is not stored yet: its columns, and the secret to show once, if one was generated."""

    values: Mapping[str, Any] = field(repr=False)
    secret: str | None = field(repr=False)


async def make_key(session: Session, sealer: Sealer, partner_id: str, new: NewKey) -> MadeKey:
    """Raises PartnerNotFound, SandboxOnly, InvalidRequest, KeyBelongsElsewhere, TooManyLiveKeys."""
    secret = None if wants_public_key(new.algorithm, new.rule) else "cpsk_" + secrets.token_urlsafe(_SECRET_BYTES)
    try:
        require_usable(new.algorithm, secret=secret, public_key=new.public_key, rule=new.rule)
    except ValueError as exc:
        raise InvalidRequest(
            field_errors=[
                FieldError(
                    "body.public_key",
                    "KEY_UNUSABLE",
                    Text("公钥不能用，请核对格式与算法。", f"The key cannot be used: {exc}."),
                )
            ]
        ) from exc
    require_order(new.not_before, new.not_after)
    app_key = new.app_key or f"ak-{partner_id[:32]}-{secrets.token_hex(_APP_KEY_BYTES)}"
    environment = await require_key_room(session, partner_id, app_key, new.environment)
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
    return MadeKey(values, secret)


async def require_key_room(
    session: Session, partner_id: str, app_key: str, environment: Environment | None
) -> Environment:
    """Return the key's environment, by default the partner's. Locks the partner.

    Raises PartnerNotFound, SandboxOnly, KeyBelongsElsewhere, TooManyLiveKeys.
    """
    owner = await _lock_partner(session, partner_id)
    chosen: Environment = environment or owner["environment"]
    if owner["environment"] == "sandbox" and chosen == "live":
        raise SandboxOnly
    if await repository.lock_keys(session, [app_key]):
        raise KeyBelongsElsewhere(app_keys=app_key)
    live = await repository.live_keys(session, [partner_id], clock.now())
    if partners_with_too_many_keys([*live, (partner_id, chosen)]):
        raise TooManyLiveKeys(partners=partner_id, limit=LIVE_KEYS_MAX)
    return chosen


async def add_key(session: Session, subject: str, values: Mapping[str, Any], reason: str) -> View:
    """Raises KeyBelongsElsewhere."""
    view = await store_key(session, values)
    await _audit(session, subject, "key.issue", values["partner_id"], reason, None, json_values(view))
    return view


async def store_key(session: Session, values: Mapping[str, Any]) -> View:
    """Raises KeyBelongsElsewhere."""
    if not await repository.add_key(session, values):
        raise KeyBelongsElsewhere(app_keys=values["app_key"])
    return await _key(session, values["partner_id"], values["app_key"])


def audited_key(key: Mapping[str, Any]) -> View:
    """The JSON values of a key that is not stored yet, with the digest of its public key beside the key."""
    public = key["public_key"]
    return {**key, "public_key_sha256": None if public is None else _digest(public)}


async def changeable_key(session: Session, partner_id: str, app_key: str) -> View:
    """Locks the partner. Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked."""
    await _lock_partner(session, partner_id)
    key = await _key(session, partner_id, app_key)
    if key["revoked_at"] is not None:
        raise KeyAlreadyRevoked
    return key


async def set_key_times(session: Session, subject: str, partner_id: str, app_key: str, times: KeyTimes) -> View:
    """Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked, TooManyLiveKeys, InvalidRequest."""
    before = await changeable_key(session, partner_id, app_key)
    require_order(times.not_before, times.not_after)
    moments = {"not_before": times.not_before, "not_after": times.not_after}
    view = await store_key_times(session, partner_id, app_key, moments)
    await _audit(session, subject, "key.times", partner_id, times.reason, json_values(before), json_values(view))
    return view


async def store_key_times(
    session: Session, partner_id: str, app_key: str, times: Mapping[str, datetime | None]
) -> View:
    """Raises TooManyLiveKeys."""
    await repository.change_key(session, app_key, times)
    live = await repository.live_keys(session, [partner_id], clock.now())
    if partners_with_too_many_keys(live):
        raise TooManyLiveKeys(partners=partner_id, limit=LIVE_KEYS_MAX)
    return await _key(session, partner_id, app_key)


async def revoke_key(session: Session, subject: str, partner_id: str, app_key: str, reason: str) -> View:
    """Revoke the key for good. Raises PartnerNotFound, PartnerKeyNotFound, KeyAlreadyRevoked."""
    before = await changeable_key(session, partner_id, app_key)
    await repository.change_key(session, app_key, {"revoked_at": clock.now()})
    view = await _key(session, partner_id, app_key)
    await _audit(session, subject, "key.revoke", partner_id, reason, json_values(before), json_values(view))
    return view


def plain_terms(terms: PartnerTerms) -> dict[str, Any]:
    """Columns of the partner as JSON values, without its secrets."""
    return terms.model_dump(mode="json", exclude={"reason", "phone_pepper", "oauth", "partner_id", "environment"})


def named_secrets(terms: PartnerTerms) -> list[str]:
    """The secrets that these terms set."""
    return [name for name in ("phone_pepper", "oauth") if getattr(terms, name) is not None]


def shown_terms(terms: PartnerTerms) -> dict[str, Any]:
    """The terms as people see them before they decide: all but the secrets themselves."""
    shown = {"oauth": terms.oauth.shown()} if terms.oauth is not None else {}
    return {"terms": plain_terms(terms), "secrets": named_secrets(terms), **shown}


def sealed_terms(terms: PartnerTerms, partner_id: str, sealer: Sealer) -> dict[str, bytes]:
    """Columns of the secrets that these terms set."""
    values = {}
    if terms.phone_pepper is not None:
        text = terms.phone_pepper.get_secret_value()
        values["phone_pepper_sealed"] = sealer.seal(text, partner_place(partner_id, "phone_pepper"))
    if terms.oauth is not None:
        values["oauth_sealed"] = sealer.seal(json.dumps(terms.oauth.with_secret()), partner_place(partner_id, "oauth"))
    return values


async def locked_terms(session: Session, partner_id: str) -> View:
    """The terms as JSON values, without secrets, of a partner that stays locked. Raises PartnerNotFound."""
    return _terms(await _lock_partner(session, partner_id))


async def _lock_partner(session: Session, partner_id: str) -> repository.Row:
    """Lock the partner's row, so that changes of one partner are serialised. Raises PartnerNotFound."""
    row = await repository.find_partner(session, partner_id, lock=True)
    if row is None:
        raise PartnerNotFound
    return _partner_view(row, [])


async def require_free_source(session: Session, partner_id: str, source: str) -> None:
    taken = await repository.sources_of_others(session, {source: partner_id})
    if taken:
        raise SourceTaken(sources=source)


def require_order(not_before: datetime | None, not_after: datetime | None) -> None:
    if not_before is not None and not_after is not None and not_after <= not_before:
        raise InvalidRequest(
            field_errors=[
                FieldError(
                    "body.not_after",
                    "BEFORE_NOT_BEFORE",
                    Text("失效时间早于生效时间，请改正。", "The key ends before it begins."),
                )
            ]
        )


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
        "public_key_sha256": _digest(public) if public is not None else None,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _terms(view: Mapping[str, Any]) -> View:
    return {name: value for name, value in json_values(view).items() if name not in {"keys", "updated_at"}}


def json_values(view: Mapping[str, Any]) -> View:
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
