"""The identity of an operator: password and one-time code of a local account, or an identity of the provider."""

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.accounts.operator_accounts import domain, repository
from services.accounts.operator_accounts.domain import LOCAL_PREFIX
from services.accounts.operator_accounts.errors import (
    LogInLocked,
    LogInRefused,
    OperatorDisabled,
    OperatorElsewhere,
    OperatorWithoutRole,
)
from services.accounts.operator_accounts.models import OperatorAccount
from services.accounts.vault import Vault
from shared import clock, telemetry
from shared.db import Database, Session
from shared.ids import new_id
from shared.rotation import Step
from shared.sealing import SealBroken

# With a password, 5 of a million codes (three are valid at a time) in a quarter of an hour.
ATTEMPTS_MAX = 5
# From all addresses together: an attacker with many addresses can lock a name out, but one address cannot.
ATTEMPTS_OF_NAME_MAX = 30
# Of one address with all names: a list of names must not be tried with one password. An office logs in less often.
ATTEMPTS_OF_ADDRESS_MAX = 60
ATTEMPT_WINDOW = timedelta(minutes=15)
PASSWORD_CHARS_MIN = 12

_log = structlog.get_logger(__name__)
# argon2id with the library's parameters (RFC 9106, low memory: 64 MiB, three passes).
_hasher = PasswordHasher()
# Compared with when nobody has the name, so that the time of an answer does not tell.
_nobodys_hash = ""


@dataclass(frozen=True, slots=True)
class Person:
    """An operator whose identity is proven, with the roles of this moment."""

    operator_id: uuid.UUID
    subject: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorView:
    """`roles` are in force. `given_roles` and `withheld_roles` say which of them two operators have changed."""

    subject: str
    name: str
    roles: tuple[str, ...]
    given_roles: tuple[str, ...]
    withheld_roles: tuple[str, ...]
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A local account as its owner gets it, once: the password and the secret of the authenticator app."""

    subject: str
    password: str
    totp_uri: str


async def prove_local(
    database: Database, *, vault: Vault, name: str, password: str, code: str, address: str
) -> uuid.UUID:
    """Check a password, counting the attempt first. Return the operator's id. Raises LogInLocked, LogInRefused.

    The count is committed before the password is compared: attempts at once are counted one by one. The one-time code
    is only used up by `use_code`, in the transaction that makes the session.
    """
    at = clock.now()
    async with database.transaction() as session:
        for key, at_most in _attempt_keys(name, address):
            attempts, ends_at = await repository.count_attempt(
                session, attempt_key=key, at=at, window_ends_at=at + ATTEMPT_WINDOW
            )
            if attempts > at_most:
                telemetry.OPERATOR_LOG_INS.labels(outcome="locked").inc()
                _log.warning("operator_log_in_locked", attempts=attempts)
                left_s = max(int((ends_at - at).total_seconds()), 1)
                raise LogInLocked(minutes=-(-left_s // 60), retry_after_s=left_s)
        found = await repository.find(session, subject=LOCAL_PREFIX + name)
    is_right = await asyncio.to_thread(_is_password, found.password_hash if found else None, password)
    if found is None or not is_right or _step_of(vault, found, code, at) is None:
        telemetry.OPERATOR_LOG_INS.labels(outcome="refused").inc()
        raise LogInRefused
    return found.operator_id


async def use_code(
    session: Session, *, vault: Vault, operator_id: uuid.UUID, name: str, code: str, address: str
) -> Person:
    """Use up the one-time code. Raises LogInRefused (it was used), OperatorDisabled, OperatorWithoutRole."""
    account = await repository.lock(session, operator_id=operator_id)
    step = _step_of(vault, account, code, clock.now()) if account is not None else None
    if account is None or step is None or not await repository.use_step(session, operator_id=operator_id, step=step):
        raise LogInRefused
    person = _active(account)
    await repository.forget_attempts(session, [key for key, _ in _attempt_keys(name, address)[1:]])
    return person


async def prove_identity(session: Session, *, issuer: str, subject: str, name: str, roles: Sequence[str]) -> Person:
    """Find or register the person of a verified identity. The provider's roles replace those of the log-in before.

    Without a role there, nobody gets in, also with given roles. Raises OperatorElsewhere, OperatorDisabled,
    OperatorWithoutRole.
    """
    if subject.startswith(LOCAL_PREFIX):
        raise OperatorElsewhere
    if not roles:
        raise OperatorWithoutRole(scope="ops:read")
    row = OperatorAccount(
        operator_id=new_id(),
        subject=subject,
        issuer=issuer,
        name=name,
        roles=list(roles),
        given_roles=[],
        withheld_roles=[],
        created_at=clock.now(),
    )
    await repository.add(session, row)
    # Locked, so that a role taken away at this moment is either absent here, or ends the session made here.
    account = await repository.lock_by_subject(session, subject=subject)
    assert account is not None
    if account.issuer != issuer:
        raise OperatorElsewhere
    account.name, account.roles = name, list(roles)
    return _active(account)


async def require_active(session: Session, *, operator_id: uuid.UUID) -> tuple[str, ...]:
    """Return the roles in force. Raises OperatorDisabled."""
    account = await repository.get(session, operator_id=operator_id)
    if account is None or account.disabled_at is not None:
        raise OperatorDisabled
    return _held(account)


async def add_local(session: Session, *, vault: Vault, name: str, roles: Sequence[str]) -> NewAccount | None:
    """Register a local account with a password and a TOTP secret of our choice. None if the name exists."""
    password, secret = secrets.token_urlsafe(18), pyotp.random_base32()
    made = await import_local(session, vault=vault, name=name, roles=roles, password=password, totp_secret=secret)
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="carbon-inclusion")
    return NewAccount(LOCAL_PREFIX + name, password, uri) if made else None


async def import_local(
    session: Session, *, vault: Vault, name: str, roles: Sequence[str], password: str, totp_secret: str
) -> bool:
    """Register a local account with given secrets. False if the name exists. Raises ValueError."""
    if not domain.NAME.fullmatch(name):
        raise ValueError("a name has 2 to 64 characters: a-z, 0-9, dot, hyphen, underscore")
    if not roles or not set(roles) <= domain.ROLES.keys():
        raise ValueError(f"roles: {', '.join(domain.ROLES)}")
    if len(password) < PASSWORD_CHARS_MIN:
        raise ValueError(f"a password has {PASSWORD_CHARS_MIN} characters or more")
    operator_id = new_id()
    row = OperatorAccount(
        operator_id=operator_id,
        subject=LOCAL_PREFIX + name,
        name=name,
        roles=sorted(roles),
        given_roles=[],
        withheld_roles=[],
        password_hash=_hasher.hash(password),
        totp_sealed=vault.seal("totp", operator_id, totp_secret),
        created_at=clock.now(),
    )
    return await repository.add(session, row)


async def set_disabled(session: Session, *, subject: str, disabled: bool) -> uuid.UUID | None:
    """Switch an operator off or on again. None if there is none. The caller ends the sessions."""
    account = await repository.find(session, subject=subject)
    if account is None:
        return None
    account.disabled_at = clock.now() if disabled else None
    return account.operator_id


async def role_of(session: Session, *, subject: str) -> str | None:
    """Return the first role of an operator, None if the subject has no account here."""
    row = await repository.find(session, subject=subject)
    return next(iter(_held(row)), None) if row is not None else None


async def list_operators(session: Session) -> list[OperatorView]:
    """Return all operators by subject."""
    return [_view(row) for row in await repository.list_all(session)]


async def lock_operator(session: Session, *, subject: str) -> OperatorView | None:
    """Lock an operator until the end of the transaction. None if there is none."""
    row = await repository.lock_by_subject(session, subject=subject)
    return None if row is None else _view(row)


async def lock_operators(session: Session) -> list[OperatorView]:
    """Lock all operators until the end of the transaction."""
    return [_view(row) for row in await repository.lock_all(session)]


async def give_role(session: Session, *, subject: str, role: str) -> None:
    """Give a role to an operator whom the caller has locked. It is in the operator's next access token."""
    row = await repository.lock_by_subject(session, subject=subject)
    assert row is not None  # the caller has locked it
    row.withheld_roles = [one for one in row.withheld_roles if one != role]
    if role not in row.roles:
        row.given_roles = sorted({*row.given_roles, role})
    await repository.flush_changes(session)


async def take_role(session: Session, *, subject: str, role: str) -> uuid.UUID:
    """Take a role from an operator whom the caller has locked, whatever the provider says. Return the operator's id.

    The caller ends the sessions.
    """
    row = await repository.lock_by_subject(session, subject=subject)
    assert row is not None  # the caller has locked it
    row.given_roles = [one for one in row.given_roles if one != role]
    row.withheld_roles = sorted({*row.withheld_roles, role})
    await repository.flush_changes(session)
    return row.operator_id


async def purge_past(session: Session, *, at_most: int) -> None:
    """Delete counts of past windows, at most `at_most`."""
    await repository.delete_past(session, before=clock.now(), at_most=at_most)


def _held(account: OperatorAccount) -> tuple[str, ...]:
    return domain.held_roles(account.roles, given=account.given_roles, withheld=account.withheld_roles)


def _view(row: OperatorAccount) -> OperatorView:
    return OperatorView(
        row.subject, row.name, _held(row), tuple(row.given_roles), tuple(row.withheld_roles), row.disabled_at
    )


def _active(account: OperatorAccount) -> Person:
    if account.disabled_at is not None:
        raise OperatorDisabled
    roles = _held(account)
    if not domain.scopes_of(roles):
        raise OperatorWithoutRole(scope="ops:read")
    return Person(account.operator_id, account.subject, roles)


def _attempt_keys(name: str, address: str) -> tuple[tuple[bytes, int], ...]:
    """The narrow ones count first: a locked address does not use up the attempts of the name."""

    def key(*parts: str) -> bytes:
        return hashlib.sha256("\x00".join(parts).encode()).digest()

    return (
        (key("address", address), ATTEMPTS_OF_ADDRESS_MAX),
        (key("both", name, address), ATTEMPTS_MAX),
        (key("name", name), ATTEMPTS_OF_NAME_MAX),
    )


def _is_password(stored: str | None, password: str) -> bool:
    global _nobodys_hash  # noqa: PLW0603 - made once, at the first log-in, because it takes 64 MiB
    if not _nobodys_hash:
        _nobodys_hash = _hasher.hash(secrets.token_urlsafe(18))
    try:
        return _hasher.verify(stored or _nobodys_hash, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def _step_of(vault: Vault, account: OperatorAccount, code: str, at: datetime) -> int | None:
    """The time step of a code that is not used up."""
    if account.totp_sealed is None:
        return None
    try:
        secret = vault.unseal("totp", account.operator_id, account.totp_sealed)
    except SealBroken:
        _log.error("totp_secret_unreadable", operator_id=str(account.operator_id))
        return None
    step = domain.matching_step(secret, code, at_s=int(at.timestamp()))
    return step if step is not None and (account.totp_last_step or 0) < step else None


async def count_sealed_otherwise(session: Session, vault: Vault) -> int:
    """Count the TOTP secrets that another key than the current one has sealed."""
    return await repository.count_sealed_otherwise(session, version=vault.seal_version)


async def reseal_some(session: Session, vault: Vault, after: uuid.UUID | None, at_most: int) -> Step:
    """Seal some TOTP secrets with the current key. Raises SealBroken."""
    del after  # there are a few dozen operators
    rows = await repository.lock_sealed_otherwise(session, version=vault.seal_version, at_most=at_most)
    for row in rows:
        assert row.totp_sealed is not None  # the condition of the look-up
        row.totp_sealed = vault.reseal("totp", row.operator_id, row.totp_sealed) or row.totp_sealed
    await repository.flush_changes(session)
    return Step(rows[-1].operator_id if rows else None, len(rows), is_last=not rows)
