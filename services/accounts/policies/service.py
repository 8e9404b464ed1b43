"""Which policy text a citizen can consent to, and until when a consent to an older text holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from services.accounts.policies import domain, repository
from services.accounts.policies.domain import GENERAL, PolicyDates, families_of
from services.accounts.policies.errors import PolicyVersionOutdated, PolicyVersionUnknown
from services.accounts.policies.models import Policy
from shared import clock
from shared.db import Session
from shared.errors import FieldError
from shared.language import Text

# Citizens have at least this long between the publication of a text and the end of consents to the one before.
RENEWAL_NOTICE_MIN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """`accepted_until` None: until a newer version replaces it. `renew_by` None: older consents stay valid."""

    version: str
    title: Text
    url: str | None
    effective_from: datetime
    accepted_until: datetime | None
    family: str = GENERAL
    renew_by: datetime | None = None

    def is_accepted(self, at: datetime) -> bool:
        return self.effective_from <= at and (self.accepted_until is None or at < self.accepted_until)


class PolicyText(NamedTuple):
    """The name of one text: versions are unique within a family."""

    family: str
    version: str


class PolicyChanged(ValueError):
    """A published version has other texts or another beginning than the file says. Publish a new version instead."""


class PolicyNoticeTooShort(ValueError):
    """Consents would end sooner than RENEWAL_NOTICE_MIN after the publication."""


async def list_policies(session: Session) -> Sequence[PublishedPolicy]:
    """Newest first, with those that begin later."""
    return [_published(row) for row in await repository.list_all(session)]


async def dates_of_all(session: Session) -> Sequence[PolicyDates]:
    """Return the dates of every published text, for `domain.end_of_consent`."""
    return [_dates(row) for row in await repository.list_all(session)]


async def require_accepted(session: Session, *, purpose: str, version: str) -> PolicyText:
    """Require that the version can be consented to now for this purpose. Raises PolicyVersionUnknown, ...Outdated.

    A version of another purpose is unknown, and so is one that begins later, until then.
    """
    at = clock.now()
    candidates = await _texts_of(session, purpose, at)
    found = next((policy for policy in candidates if policy.version == version), None)
    if found is not None and found.is_accepted(at):
        return PolicyText(found.family, version)
    current = next((policy.version for policy in candidates if policy.is_accepted(at)), "-")
    is_outdated = found is not None and found.effective_from <= at
    refusal = PolicyVersionOutdated if is_outdated else PolicyVersionUnknown
    raise refusal(
        current=current,
        extensions={"current_version": None if current == "-" else current},
        field_errors=[
            FieldError(
                "body.policy_version",
                refusal.code,
                Text(f"现行版本是 {current}，请阅读后再同意。", f"The current version is {current}."),
            )
        ],
    )


async def texts_to_renew(session: Session) -> Sequence[tuple[PolicyText, str | None]]:
    """Return the texts whose consents end, with the purpose that this concerns, or None for every one."""
    found = domain.renewals(await dates_of_all(session))
    return [(PolicyText(one.family, one.version), purpose) for one, purpose in found]


async def current_version(session: Session, *, purpose: str) -> str | None:
    """Return the newest version that can be consented to now for this purpose."""
    at = clock.now()
    return next((one.version for one in await _texts_of(session, purpose, at) if one.is_accepted(at)), None)


async def _texts_of(session: Session, purpose: str, at: datetime) -> Sequence[PublishedPolicy]:
    """Newest first. As soon as a partner has a text of its own, the general one for partners is no longer valid."""
    published = [_published(row) for row in await repository.list_of(session, families_of(purpose))]
    for family in families_of(purpose):
        texts = [policy for policy in published if policy.family == family]
        if any(policy.effective_from <= at for policy in texts):
            return texts
    return published


async def publish(session: Session, policies: Sequence[PublishedPolicy]) -> int:
    """Publish new versions and return their number. Each ends the versions of its family before it. Safe to repeat.

    Raises PolicyChanged for a version that was published otherwise, PolicyNoticeTooShort.
    """
    await repository.lock_publishing(session)
    known = {(policy.family, policy.version): policy for policy in await list_policies(session)}
    count = 0
    for policy in sorted(policies, key=lambda one: one.effective_from):
        before = known.get((policy.family, policy.version))
        if before is not None:
            if _content(before) != _content(policy):
                raise PolicyChanged(policy.version)
            continue
        _require_notice(policy, known.values())
        await repository.end_earlier(session, family=policy.family, effective_from=policy.effective_from)
        await repository.add(
            session,
            family=policy.family,
            version=policy.version,
            title_zh=policy.title.zh,
            title_en=policy.title.en,
            url=policy.url,
            effective_from=policy.effective_from,
            accepted_until=policy.accepted_until,
            renew_by=policy.renew_by,
        )
        count += 1
    return count


def end_of_consent(dates: Sequence[PolicyDates], *, purpose: str, text: PolicyText) -> datetime | None:
    """Return when consent to a text ends because a later one must be consented to."""
    return domain.end_of_consent(dates, purpose=purpose, family=text.family, version=text.version)


def _require_notice(policy: PublishedPolicy, known: Iterable[PublishedPolicy]) -> None:
    """An end that was announced does not move forward, so that nobody has to be told twice."""
    if policy.renew_by is None:
        return
    announced = [one.renew_by for one in known if one.renew_by and domain.are_related(one.family, policy.family)]
    if policy.renew_by < max([clock.now() + RENEWAL_NOTICE_MIN, *announced]):
        raise PolicyNoticeTooShort(policy.version)


def _content(policy: PublishedPolicy) -> tuple[object, ...]:
    return policy.title, policy.url, policy.effective_from, policy.renew_by


def _dates(row: Policy) -> PolicyDates:
    return PolicyDates(row.family, row.version, row.effective_from, row.renew_by)


def _published(row: Policy) -> PublishedPolicy:
    return PublishedPolicy(
        row.version,
        Text(row.title_zh, row.title_en),
        row.url,
        row.effective_from,
        row.accepted_until,
        row.family,
        row.renew_by,
    )
