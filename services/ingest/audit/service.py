"""Recording what operators change, in the transaction of the change itself, and reading it back."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from services.ingest.audit import repository
from shared.db import Session
from shared.ids import new_id


async def record(
    session: Session,
    *,
    subject: str,
    action: str,
    about: str,
    reason: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """`about` names the thing changed, `before` and `after` hold JSON values."""
    await repository.add(
        session,
        {
            "entry_id": new_id(),
            "subject": subject,
            "action": action,
            "object": about,
            "reason": reason,
            "before": before,
            "after": after,
        },
    )


async def entries(
    session: Session, *, about: str | None, subject: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Newest first, older than entry `before`."""
    return await repository.entries(session, about=about, subject=subject, before=before, limit=limit)
