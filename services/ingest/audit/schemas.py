"""HTTP model of the audit log."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class AuditEntry(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "entry_id": "01999e5e-0000-7000-8000-000000000001",
                "at": "2026-11-23T02:00:00Z",
                "subject": "operator-2",
                "action": "key.revoke",
                "object": "partner/bike",
                "reason": "密钥疑似泄露",
                "before": {"app_key": "ak-bike", "revoked_at": None},
                "after": {"app_key": "ak-bike", "revoked_at": "2026-11-23T02:00:00Z"},
            }
        }
    )

    entry_id: uuid.UUID
    at: datetime
    subject: str = Field(description="操作人 Who")
    action: str
    object: str = Field(description="对象 What it was done to")
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
