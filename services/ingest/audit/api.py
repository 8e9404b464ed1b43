"""The route by which auditors read what operators changed."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.ingest.audit import service
from services.ingest.audit.schemas import AuditEntry
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor

router = APIRouter(prefix="/api/v1/ingest/ops", tags=["运营 Operators"])

# PostgreSQL cannot look for a NUL, and a name of ours has no control characters.
Name = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/audit", summary="审计记录 · Audit log")
async def list_audit_entries(
    session: Session,
    _operator: Annotated[Operator, Depends(require_scope("ops:read"))],
    object: Name = None,  # noqa: A002 - the name of the query parameter
    subject: Name = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[AuditEntry]:
    """最新的在前。Newest first; entries are never changed or removed."""
    position = decode_cursor(cursor, uuid.UUID)
    rows = await service.entries(
        session, about=object, subject=subject, before=position[0] if position else None, limit=limit + 1
    )
    items = [AuditEntry.model_validate(row, from_attributes=True) for row in rows[:limit]]
    has_more = len(rows) > limit
    return Page(
        items=items, has_more=has_more, next_cursor=encode_cursor(str(items[-1].entry_id)) if has_more else None
    )
