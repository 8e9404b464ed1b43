"""The route on which auditors read the audit log, the same in every service."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.audit import AuditLog
from shared.auth.tokens import require_scope
from shared.db import Session
from shared.instants import Instant
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

# PostgreSQL cannot search for a NUL, and no name in the log has control characters.
Name = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00-\x1f]+$")]


class AuditEntry(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "entry_id": "01999e5e-0000-7000-8000-000000000001",
                "at": "2026-11-23T10:00:00+08:00",
                "subject": "operator-2",
                "action": "dead_letter.discard",
                "object": "dead_letter:17",
                "reason": "乱码",
                "before": {"reason": "UNREADABLE_RECORD"},
                "after": None,
            }
        }
    )

    entry_id: uuid.UUID
    at: Instant
    subject: str = Field(description="操作人 Who")
    action: str
    object: str = Field(description="对象 What it was done to")
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @classmethod
    def of(cls, row: Any) -> "AuditEntry":
        return cls.model_validate(row, from_attributes=True)


def audit_router(*, service: str, log: AuditLog) -> APIRouter:
    router = APIRouter(prefix=f"/api/v1/{service}/ops", tags=["运营 Operations"])

    @router.get(
        "/audit",
        operation_id=f"list_{service}_audit_entries",
        summary="审计记录 · Audit log",
        dependencies=[Depends(require_scope("ops:read"))],
    )
    async def list_audit_entries(
        session: Session,
        object: Name = None,  # noqa: A002 - the name of the query parameter
        subject: Name = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> Page[AuditEntry]:
        """最新的在前。Newest first; entries are never changed or removed."""
        rows = await log.entries(
            session, about=object, subject=subject, before=position_of(cursor, uuid.UUID), limit=limit + 1
        )
        return Page.of(rows, limit, item=AuditEntry.of, cursor=lambda row: (row.entry_id,))

    return router
