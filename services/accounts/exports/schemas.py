import uuid
from typing import Literal, Self

from pydantic import BaseModel, Field

from services.accounts.exports.service import ExportView
from shared.instants import Instant


class ExportOut(BaseModel):
    export_id: uuid.UUID
    status: Literal["queued", "running", "ready"]
    requested_at: Instant
    service: Literal["accounts", "accounting", "rewards", "ingest"] | None = Field(
        description="正在收集哪个服务的信息 The service whose rows are being collected"
    )
    rows: int = Field(description="已收集的条数 Rows collected so far", examples=[120])

    @classmethod
    def of(cls, view: ExportView) -> Self:
        return cls.model_validate(
            {
                "export_id": view.export_id,
                "status": view.status,
                "requested_at": view.requested_at,
                "service": view.service,
                "rows": view.row_count,
            }
        )
