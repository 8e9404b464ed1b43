"""Use cases of mandates: accept, end, list. A mandate covers acts from its acceptance on; nothing is back-dated.

Accepting is a consent of its own: to one platform, for named scenes, to one text whose hash the person sends back.
Lock order: the person, the platform (shared by all who accept at once), the mandate.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from services.accounts.carbon_accounts import service as carbon_accounts
from services.accounts.consents import service as consents
from services.accounts.consents.service import Purpose
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.errors import EnterpriseNotFound
from services.accounts.guardians import service as guardians
from services.accounts.guardians.errors import GuardianRequired
from services.accounts.mandates import repository, terms
from services.accounts.mandates.domain import EndReason, MandateState, state_at
from services.accounts.mandates.errors import MandateExists, MandateNotFound, NotAPlatform, TermsOutdated
from services.accounts.mandates.models import Mandate, MandateTerms
from services.accounts.mandates.publishing import publish_forgotten, publish_mandates
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.settings import Settings
from services.accounts.users import service as users
from shared import clock
from shared.contracts.mandates_v1 import MandateKind
from shared.db import Session
from shared.errors import FieldError, InvalidRequest
from shared.ids import new_id
from shared.language import Text

# Every mandate stays in the table as history and on the compacted topic.
MANDATES_QUOTA = Quota("mandate", at_most=20, window_s=86_400)
ENDED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class MandateView:
    mandate_id: uuid.UUID
    platform_id: uuid.UUID
    platform_name: str
    terms_id: uuid.UUID
    kind: MandateKind
    scenes: tuple[str, ...]
    terms_version: str
    terms_sha256: str
    threshold_mg: int | None
    status: MandateState
    accepted_at: datetime
    until: datetime | None
    end_reason: EndReason | None


async def accept(
    session: Session,
    *,
    settings: Settings,
    user_id: uuid.UUID,
    platform_id: uuid.UUID,
    kind: MandateKind,
    scenes: Collection[str],
    terms_version: str,
    terms_sha256: str,
) -> tuple[MandateView, bool]:
    """Give a platform a mandate. The same again is the same mandate; then the second value is False.

    Raises CarbonAccountNotOpened, GuardianRequired, ConsentRequired, NotAPlatform (also for one that is unknown),
    EnterpriseSuspended, EnterpriseStateConflict, TermsOutdated, MandateExists, InvalidRequest, QuotaExceeded,
    Unauthenticated.
    """
    await users.lock_user(session, user_id=user_id)
    # A personal account: neither a household nor a card that somebody else keeps can give a mandate.
    account = await carbon_accounts.require_personal(session, user_id=user_id)
    if await guardians.is_under_14(session, settings=settings, user_id=user_id):
        raise GuardianRequired
    await consents.require_consent(session, user_id=user_id, purpose=Purpose.DATA_PROCESSING)
    try:
        platform = await enterprises.lock_shared(session, enterprise_id=platform_id)
    except EnterpriseNotFound:
        raise NotAPlatform from None
    terms.require_platform(platform)
    wanted = sorted(set(scenes))
    now = clock.now()
    present = await repository.find_open(session, user_id=user_id, platform_id=platform_id)
    if present is not None and state_at(present.until, now) == "active":
        same = (present.kind, present.scenes, present.terms_version, present.terms_sha256)
        if same != (kind, wanted, terms_version, terms_sha256):
            raise MandateExists
        return _view(present, platform.name, now), False
    current = await repository.current_terms(session, platform_id=platform_id, kind=kind)
    if current is None or (current.terms_version, current.sha256) != (terms_version, terms_sha256):
        version = "-" if current is None else current.terms_version
        raise TermsOutdated(current=version, extensions={"current_version": version})
    _require_offered(wanted, current)
    await quotas.count_use(session, user_id=user_id, quota=MANDATES_QUOTA)
    if present is not None:  # it expired by itself; readers know its end since the beginning
        present.closed_at = now
        await repository.flush_changes(session)
    row = await repository.try_add(session, _values(current, user_id, account.account_id, wanted, now))
    if row is None:
        raise MandateExists
    await publish_mandates(session, settings=settings, rows=[row])
    return _view(row, platform.name, now), True


async def end(session: Session, *, settings: Settings, user_id: uuid.UUID, mandate_id: uuid.UUID) -> None:
    """End a mandate of one's own at once. Ending it again changes nothing. Raises MandateNotFound, Unauthenticated."""
    await users.lock_user(session, user_id=user_id)
    row = await repository.find(session, user_id=user_id, mandate_id=mandate_id)
    if row is None:
        raise MandateNotFound
    await _end_rows(session, settings, [row], "citizen")


async def list_mine(
    session: Session, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[MandateView]:
    """Return mandates with the ended ones, the newest first."""
    rows = await repository.list_of(session, user_id=user_id, before=before, limit=limit)
    platforms = await enterprises.read_many(session, enterprise_ids={row.platform_id for row in rows})
    now = clock.now()
    return [_view(row, platforms[row.platform_id].name, now) for row in rows]


async def count_of_platform(session: Session, *, platform_id: uuid.UUID) -> int:
    """Count the mandates that a platform has now."""
    return await repository.count_live_of_platform(session, platform_id=platform_id, now=clock.now())


async def end_with_terms(session: Session, *, settings: Settings) -> None:
    """Timed job: carry the end of terms over to their mandates, a bounded number each time."""
    ended = await repository.next_to_end(session)
    if ended is None or ended.ends_at is None:
        return
    rows = await repository.later_than(session, terms_id=ended.terms_id, ends_at=ended.ends_at, limit=ENDED_AT_ONCE)
    now = clock.now()
    for row in rows:
        row.until, row.end_reason = max(ended.ends_at, row.accepted_at), "platform"
        row.version, row.changed_at = row.version + 1, max(now, row.changed_at)
    await publish_mandates(session, settings=settings, rows=rows)
    if len(rows) < ENDED_AT_ONCE:
        ended.all_ended_at = now
    await repository.flush_changes(session)


async def erase_user(session: Session, *, settings: Settings, user_id: uuid.UUID) -> None:
    """End all mandates of a person, then tell readers of the topic to forget them.

    The rows are deleted by the caller, who holds the user's lock.
    """
    await _end_rows(session, settings, await repository.list_open(session, user_id=user_id), "erasure")
    await publish_forgotten(session, settings=settings, mandate_ids=await repository.ids_of(session, user_id=user_id))


async def _end_rows(session: Session, settings: Settings, rows: Sequence[Mandate], reason: EndReason) -> None:
    now = clock.now()
    changed = []
    for row in rows:
        if row.closed_at is not None:
            continue
        row.closed_at = now
        if state_at(row.until, now) == "ended":
            continue
        row.until, row.end_reason = max(now, row.accepted_at), reason
        row.version, row.changed_at = row.version + 1, max(now, row.changed_at)
        changed.append(row)
    await publish_mandates(session, settings=settings, rows=changed)
    await repository.flush_changes(session)


def _require_offered(scenes: Sequence[str], current: MandateTerms) -> None:
    if missing := sorted(set(scenes) - set(current.scenes)):
        hint = Text(f"条款不包括：{'、'.join(missing)}。", f"The terms do not cover {', '.join(missing)}.")
        raise InvalidRequest(field_errors=[FieldError("body.scenes", "SCENE_NOT_OFFERED", hint)])


def _values(
    current: MandateTerms, user_id: uuid.UUID, account_id: uuid.UUID, scenes: Sequence[str], now: datetime
) -> dict[str, object]:
    until = None if current.valid_days is None else now + timedelta(days=current.valid_days)
    return {
        "mandate_id": new_id(),
        "user_id": user_id,
        "account_id": account_id,
        "platform_id": current.platform_id,
        "terms_id": current.terms_id,
        "kind": current.kind,
        "scenes": scenes,
        "terms_version": current.terms_version,
        "terms_sha256": current.sha256,
        "threshold_mg": current.threshold_mg,
        "accepted_at": now,
        "until": until,
        "end_reason": None if until is None else "expiry",
        "version": 1,
        "changed_at": now,
    }


def _view(row: Mandate, platform_name: str, now: datetime) -> MandateView:
    return MandateView(
        mandate_id=row.mandate_id,
        platform_id=row.platform_id,
        platform_name=platform_name,
        terms_id=row.terms_id,
        kind=cast("MandateKind", row.kind),
        scenes=tuple(row.scenes),
        terms_version=row.terms_version,
        terms_sha256=row.terms_sha256,
        threshold_mg=row.threshold_mg,
        status=state_at(row.until, now),
        accepted_at=row.accepted_at,
        until=row.until,
        end_reason=cast("EndReason | None", row.end_reason),
    )
