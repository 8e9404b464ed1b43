"""Use cases of publishing: one operator writes a draft and checks it, another one publishes it.

draft ──check──▶ checked ──publish, by an operator who is no author──▶ published version, never changed again
  ▲                 │
  └──any change─────┘
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.accounting.audit import service as audit
from services.accounting.methodologies import service as methodologies
from services.accounting.methodologies.approvers import Approvers
from services.accounting.methodologies.compiled import factor_set
from services.accounting.methodologies.coverage import Days
from services.accounting.methodologies.document import Methodology, content_sha256, parse_methodology
from services.accounting.methodologies.errors import Problem
from services.accounting.publishing import repository
from services.accounting.publishing.domain import (
    DATE_PAST,
    VERSION_TAKEN,
    LibraryState,
    find_problems,
)
from services.accounting.publishing.draft_warnings import Outlook, publication_outlook, unacknowledged
from services.accounting.publishing.errors import (
    CheckFailed,
    DraftChanged,
    DraftClosed,
    DraftNotChecked,
    DraftNotFound,
    EffectiveDatePast,
    VersionAlreadyPublished,
    WarningsNotAcknowledged,
)
from services.accounting.publishing.succession import ChangedEnd, PublishedVersion
from shared import clock
from shared.approvals_kinds import SecondPersonNeeded, is_same_person
from shared.db import Session
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Review:
    """A draft, its faults as of now, and the effect of its publication."""

    draft: Any
    problems: Sequence[Problem]
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Publication:
    document: Methodology
    sha256: str
    ended: Sequence[ChangedEnd]


def _name(document: Methodology) -> str:
    return f"{document.code} v{document.version}"


def _audited(row: Any) -> dict[str, Any]:
    """Return the state of a draft for the audit log."""
    return {"draft_id": str(row.draft_id), "status": row.status, "sha256": row.sha256}


async def _library_state(session: Session, *, days: Days) -> LibraryState:
    factors = factor_set(await methodologies.list_factors(session))
    return LibraryState(await published_versions(session), factors, days)


async def published_versions(session: Session) -> list[PublishedVersion]:
    return [
        PublishedVersion(version.document, version.effective_to, version.retired_from)
        for version in await methodologies.list_published(session)
    ]


async def outlook_of(session: Session, *, text: str, days: Days) -> Outlook:
    """Return the effect of publishing this document as of now. Raises DocumentInvalid."""
    document, marks = parse_methodology(text)
    return publication_outlook(document, marks, await published_versions(session), days)


async def _review(session: Session, row: Any, *, days: Days) -> Review:
    if row.status in {"published", "withdrawn"}:
        return Review(row, (), Outlook())
    document, marks = parse_methodology(row.text)
    library = await _library_state(session, days=days)
    outlook = publication_outlook(document, marks, library.published, days)
    return Review(row, find_problems(document, marks, library), outlook)


async def write_draft(session: Session, *, text: str, reason: str, subject: str, days: Days) -> Review:
    """Store a document that can be parsed, even if it has other faults. Raises DocumentInvalid."""
    document, _ = parse_methodology(text)
    row = await repository.add_draft(
        session,
        {
            "draft_id": new_id(),
            "code": document.code,
            "version": document.version,
            "text": text,
            "sha256": content_sha256(document),
            "status": "draft",
            "authors": [subject],
        },
    )
    await audit.record(
        session, subject=subject, action="draft.write", about=_name(document), reason=reason, after=_audited(row)
    )
    return await _review(session, row, days=days)


async def _open_draft(session: Session, draft_id: uuid.UUID) -> Any:
    """Return the draft, locked. Raises DraftNotFound, DraftClosed."""
    row = await repository.draft(session, draft_id, lock=True)
    if row is None:
        raise DraftNotFound
    if row.status in {"published", "withdrawn"}:
        raise DraftClosed
    return row


async def rewrite_draft(
    session: Session, *, draft_id: uuid.UUID, text: str, reason: str, subject: str, days: Days
) -> Review:
    """Replace the text, which then needs a new check. Raises DocumentInvalid, DraftNotFound, DraftClosed."""
    document, _ = parse_methodology(text)
    before = await _open_draft(session, draft_id)
    row = await repository.change_draft(
        session,
        draft_id,
        {
            "code": document.code,
            "version": document.version,
            "text": text,
            "sha256": content_sha256(document),
            "status": "draft",
            "authors": sorted({*before.authors, subject}),
            "rewritten": before.rewritten or text != before.text,
            "checked_by": None,
            "checked_at": None,
        },
    )
    await audit.record(
        session,
        subject=subject,
        action="draft.rewrite",
        about=_name(document),
        reason=reason,
        before=_audited(before),
        after=_audited(row),
    )
    return await _review(session, row, days=days)


async def withdraw_draft(session: Session, *, draft_id: uuid.UUID, reason: str, subject: str) -> Review:
    """Withdraw a draft. Raises DraftNotFound, DraftClosed."""
    before = await _open_draft(session, draft_id)
    row = await repository.change_draft(session, draft_id, {"status": "withdrawn"})
    await audit.record(
        session,
        subject=subject,
        action="draft.withdraw",
        about=f"{row.code} v{row.version}",
        reason=reason,
        before=_audited(before),
        after=_audited(row),
    )
    return Review(row, (), Outlook())


async def review_draft(session: Session, *, draft_id: uuid.UUID, days: Days) -> Review:
    """Return a draft with its faults. Raises DraftNotFound."""
    row = await repository.draft(session, draft_id)
    if row is None:
        raise DraftNotFound
    return await _review(session, row, days=days)


async def list_drafts(session: Session, *, status: str | None, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    return await repository.drafts(session, status=status, before=before, limit=limit)


async def check_draft(session: Session, *, draft_id: uuid.UUID, subject: str, days: Days) -> Review:
    """Check a draft. Raises CheckFailed with every problem, DraftNotFound, DraftClosed."""
    before = await _open_draft(session, draft_id)
    review = await _review(session, before, days=days)
    if review.problems:
        raise CheckFailed(review.problems)
    row = await repository.change_draft(
        session, draft_id, {"status": "checked", "checked_by": subject, "checked_at": clock.now()}
    )
    await audit.record(
        session,
        subject=subject,
        action="draft.check",
        about=f"{row.code} v{row.version}",
        reason="",
        before=_audited(before),
        after=_audited(row),
    )
    return Review(row, (), review.outlook)


async def publish_draft(
    session: Session,
    *,
    draft_id: uuid.UUID,
    sha256: str | None,
    acknowledged: Collection[str],
    reason: str,
    subject: str,
    days: Days,
) -> Publication:
    """Make a checked draft a version and end the versions it supersedes, in one transaction.

    Checks the draft again, because the library may have changed since the last check. `sha256` is the hash of the text
    that the publisher read: an author may rewrite and check a draft again after somebody has read it, so a rewritten
    draft needs it. `acknowledged` are the names of the warnings. Raises DraftNotFound, DraftClosed,
    DraftNotChecked, SecondPersonNeeded, DraftChanged, VersionAlreadyPublished, EffectiveDatePast, CheckFailed,
    WarningsNotAcknowledged.
    """
    await methodologies.lock_library(session)
    before = await _open_draft(session, draft_id)
    if before.status != "checked":
        raise DraftNotChecked
    if any(is_same_person(subject, author) for author in before.authors):
        raise SecondPersonNeeded(subject=subject)
    if sha256 != before.sha256 and (sha256 is not None or before.rewritten):
        raise DraftChanged(sha256=before.sha256)
    document, marks = parse_methodology(before.text)
    library = await _library_state(session, days=days)
    _refuse(find_problems(document, marks, library), document, days)
    outlook = publication_outlook(document, marks, library.published, days)
    if names := unacknowledged(outlook.warnings, acknowledged):
        raise WarningsNotAcknowledged(outlook.warnings, names)
    by = Approvers(",".join(before.authors), subject)
    await move_ends(session, outlook.ends, by=by)
    await methodologies.publish_version(session, document=document, by=by)
    row = await repository.change_draft(
        session, draft_id, {"status": "published", "published_by": subject, "published_at": clock.now()}
    )
    await audit.record(
        session,
        subject=subject,
        action="methodology.publish",
        about=_name(document),
        reason=reason,
        before={**_audited(before), "effective_to": _ends_before(outlook, document)},
        after={
            **_audited(row),
            "effective_to": dict.fromkeys(_ends_before(outlook, document), _day(document.effective_from)),
            "acknowledged": sorted({warning.code for warning in outlook.warnings}),
        },
    )
    return Publication(document, row.sha256, outlook.ends)


async def move_ends(session: Session, changes: Sequence[ChangedEnd], *, by: Approvers) -> None:
    """Write new ends of versions. The caller holds the lock of the library."""
    for change in changes:
        document = change.version.document
        await methodologies.set_end(
            session, code=document.code, version=document.version, effective_to=change.effective_to, by=by
        )


def _ends_before(outlook: Outlook, document: Methodology) -> dict[str, str | None]:
    """Return ends before the publication, by `vN` for the same code and by `CODE vN` for another one."""
    own = f"{document.code} "
    return {change.version.label.removeprefix(own): _day(change.version.effective_to) for change in outlook.ends}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _refuse(problems: Sequence[Problem], document: Methodology, days: Days) -> None:
    codes = {problem.code for problem in problems}
    if VERSION_TAKEN in codes:
        raise VersionAlreadyPublished(name=_name(document))
    if DATE_PAST in codes:
        raise EffectiveDatePast(day=document.effective_from, earliest=days.earliest)
    if problems:
        raise CheckFailed(problems)
