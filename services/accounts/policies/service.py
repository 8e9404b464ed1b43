"""Which version of the privacy policy a citizen can consent to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.accounts.policies import repository
from services.accounts.policies.errors import PolicyVersionOutdated, PolicyVersionUnknown
from services.accounts.policies.models import Policy
from shared import clock
from shared.db import Session
from shared.errors import FieldError
from shared.language import Text


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """`accepted_until` None: until a newer version replaces it."""

    version: str
    title: Text
    url: str | None
    effective_from: datetime
    accepted_until: datetime | None

    def is_accepted(self, at: datetime) -> bool:
        return self.effective_from <= at and (self.accepted_until is None or at < self.accepted_until)


class PolicyChanged(ValueError):
    """A published version has other texts or another beginning than the file says. Publish a new version instead."""


async def list_policies(session: Session) -> Sequence[PublishedPolicy]:
    """Newest first, with those that begin later."""
    return [_published(row) for row in await repository.list_all(session)]


async def require_accepted(session: Session, *, version: str) -> None:
    """Require that the version can be consented to now. Raises PolicyVersionUnknown, PolicyVersionOutdated.

    A version that begins later is unknown until then.
    """
    at = clock.now()
    policies = await list_policies(session)
    found = next((policy for policy in policies if policy.version == version), None)
    if found is not None and found.is_accepted(at):
        return
    current = next((policy.version for policy in policies if policy.is_accepted(at)), "-")
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


async def publish(session: Session, policies: Sequence[PublishedPolicy]) -> int:
    """Publish new versions and return their number. Each ends the versions before it. Safe to repeat.

    Raises PolicyChanged for a version that was published otherwise.
    """
    await repository.lock_publishing(session)
    known = {policy.version: policy for policy in await list_policies(session)}
    count = 0
    for policy in sorted(policies, key=lambda one: one.effective_from):
        before = known.get(policy.version)
        if before is not None:
            if (before.title, before.url, before.effective_from) != (policy.title, policy.url, policy.effective_from):
                raise PolicyChanged(policy.version)
            continue
        await repository.end_earlier(session, effective_from=policy.effective_from)
        await repository.add(
            session,
            version=policy.version,
            title_zh=policy.title.zh,
            title_en=policy.title.en,
            url=policy.url,
            effective_from=policy.effective_from,
            accepted_until=policy.accepted_until,
        )
        count += 1
    return count


def _published(row: Policy) -> PublishedPolicy:
    return PublishedPolicy(
        row.version, Text(row.title_zh, row.title_en), row.url, row.effective_from, row.accepted_until
    )
