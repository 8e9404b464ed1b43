"""Use cases of terms: a maker writes, another member publishes as checker, a checker ends with notice.

A change locks the platform's row, so that no mandate is accepted under terms that change meanwhile.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from services.accounts.enterprise_members import service as members
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.service import EnterpriseView
from services.accounts.mandates import repository
from services.accounts.mandates.domain import NOTICE, TermsState, text_sha256
from services.accounts.mandates.errors import (
    MakerMayNotCheck,
    NotAPlatform,
    NoticeTooShort,
    TermsExist,
    TermsNotFound,
)
from services.accounts.mandates.models import MandateTerms
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from shared import clock
from shared.contracts.enterprises_v1 import EnterpriseRole
from shared.contracts.mandates_v1 import MandateKind
from shared.db import Session
from shared.ids import new_id
from shared.instants import next_minute, next_second, stamp

TERMS_QUOTA = Quota("mandate_terms", at_most=20, window_s=86_400)


@dataclass(frozen=True, slots=True)
class TermsView:
    terms_id: uuid.UUID
    platform_id: uuid.UUID
    platform_name: str
    kind: MandateKind
    scenes: tuple[str, ...]
    terms_version: str
    terms_sha256: str
    text: str
    valid_days: int | None
    threshold_mg: int | None
    status: TermsState
    published_at: datetime | None
    ends_at: datetime | None


async def write(
    session: Session,
    *,
    user_id: uuid.UUID,
    platform_id: uuid.UUID,
    kind: MandateKind,
    scenes: Collection[str],
    terms_version: str,
    text: str,
    valid_days: int | None,
    threshold_mg: int | None,
) -> TermsView:
    """Store a draft, by a maker. The same draft again is the same.

    Raises EnterpriseNotFound, EnterpriseRoleRequired, EnterpriseSuspended, EnterpriseStateConflict, NotAPlatform,
    TermsExist, QuotaExceeded.
    """
    platform = await _require(session, user_id, platform_id, "maker")
    await quotas.count_use(session, user_id=user_id, quota=TERMS_QUOTA)
    content = {
        "scenes": sorted(set(scenes)),
        "text": text,
        "sha256": text_sha256(text),
        "valid_days": valid_days,
        "threshold_mg": threshold_mg,
    }
    row = await repository.try_add_terms(
        session,
        {
            "terms_id": new_id(),
            "platform_id": platform_id,
            "kind": kind,
            "terms_version": terms_version,
            "made_by": user_id,
            "made_at": clock.now(),
            **content,
        },
    )
    if row is None:
        row = await repository.find_version(session, platform_id=platform_id, kind=kind, terms_version=terms_version)
        if row is None or any(getattr(row, name) != value for name, value in content.items()):
            raise TermsExist
    return view_of(row, platform)


async def publish(session: Session, *, user_id: uuid.UUID, platform_id: uuid.UUID, terms_id: uuid.UUID) -> TermsView:
    """Publish a draft, by a checker who did not write it. New mandates need these terms; present ones keep theirs.

    Raises as `write`, and TermsNotFound, MakerMayNotCheck.
    """
    platform = await _require(session, user_id, platform_id, "checker")
    row = await _locked_terms(session, platform_id, terms_id)
    if row.made_by == user_id:
        raise MakerMayNotCheck
    if row.published_at is None:
        row.published_at, row.published_by = clock.now(), user_id
        await repository.flush_changes(session)
    return view_of(row, platform)


async def end(
    session: Session, *, user_id: uuid.UUID, platform_id: uuid.UUID, terms_id: uuid.UUID, ends_at: datetime
) -> TermsView:
    """Accept no new mandates from now on, and end the present ones at `ends_at`, by a checker. The notice is NOTICE.

    An end that was announced can only come later. Raises as `publish`, and NoticeTooShort.
    """
    platform = await _require(session, user_id, platform_id, "checker")
    row = await _locked_terms(session, platform_id, terms_id)
    if row.published_at is None:
        raise TermsNotFound
    earliest = clock.now() + NOTICE
    # A client says "in 30 days" by a clock of its own.
    if ends_at < earliest - timedelta(minutes=1):
        raise NoticeTooShort(
            days=NOTICE.days,
            earliest=next_minute(earliest),
            extensions={"earliest": stamp(next_second(earliest))},
        )
    if row.ends_at is None:
        row.ends_at = ends_at
        await repository.flush_changes(session)
    return view_of(row, platform)


async def list_current(
    session: Session, *, platform_id: uuid.UUID | None, before: uuid.UUID | None, limit: int
) -> Sequence[TermsView]:
    """Return the current terms of each platform, the newest first. A suspended platform accepts no mandate."""
    rows = await repository.list_current(session, platform_id=platform_id, before=before, limit=limit)
    platforms = await enterprises.read_many(session, enterprise_ids={row.platform_id for row in rows})
    return [view_of(row, platforms[row.platform_id]) for row in rows]


async def read(session: Session, *, terms_id: uuid.UUID) -> TermsView:
    """Return published terms, also former ones: people who accepted them can read them. Raises TermsNotFound."""
    row = await repository.find_terms(session, terms_id=terms_id)
    if row is None or row.published_at is None:
        raise TermsNotFound
    return view_of(row, await enterprises.read(session, enterprise_id=row.platform_id))


async def list_of_platform(
    session: Session, *, user_id: uuid.UUID, platform_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[TermsView]:
    """Return all terms of a platform with drafts, for its members. Raises EnterpriseNotFound."""
    platform = await members.require_role(session, enterprise_id=platform_id, user_id=user_id)
    rows = await repository.list_of_platform(session, platform_id=platform_id, before=before, limit=limit)
    return [view_of(row, platform) for row in rows]


def require_platform(enterprise: EnterpriseView) -> None:
    """Raises NotAPlatform, EnterpriseSuspended, EnterpriseStateConflict."""
    if "pool_owner" not in enterprise.kinds or enterprise.approved_at is None:
        raise NotAPlatform
    enterprises.require_acting(enterprise)


def view_of(row: MandateTerms, platform: EnterpriseView) -> TermsView:
    status: TermsState = "draft" if row.published_at is None else "published" if row.ends_at is None else "ended"
    return TermsView(
        terms_id=row.terms_id,
        platform_id=row.platform_id,
        platform_name=platform.name,
        kind=cast("MandateKind", row.kind),
        scenes=tuple(row.scenes),
        terms_version=row.terms_version,
        terms_sha256=row.sha256,
        text=row.text,
        valid_days=row.valid_days,
        threshold_mg=row.threshold_mg,
        status=status,
        published_at=row.published_at,
        ends_at=row.ends_at,
    )


async def _require(
    session: Session, user_id: uuid.UUID, platform_id: uuid.UUID, role: EnterpriseRole
) -> EnterpriseView:
    platform = await members.require_role(
        session, enterprise_id=platform_id, user_id=user_id, roles=(role,), acting=True
    )
    require_platform(platform)
    return platform


async def _locked_terms(session: Session, platform_id: uuid.UUID, terms_id: uuid.UUID) -> MandateTerms:
    row = await repository.find_terms(session, terms_id=terms_id, lock=True)
    if row is None or row.platform_id != platform_id:
        raise TermsNotFound
    return row
