import uuid
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.accounts.enterprise_documents.domain import DocumentKind, MediaType
from services.accounts.enterprise_documents.service import DocumentView
from shared.instants import Instant


class DocumentOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "document_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d50",
                "kind": "business_licence",
                "media_type": "application/pdf",
                "size_bytes": 183204,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "uploaded_at": "2026-11-27T10:05:00+08:00",
            }
        }
    )

    document_id: uuid.UUID
    kind: DocumentKind
    media_type: MediaType
    size_bytes: int
    sha256: str
    uploaded_at: Instant

    @classmethod
    def of(cls, view: DocumentView) -> Self:
        return cls.model_validate(view, from_attributes=True)


class DocumentsOut(BaseModel):
    items: list[DocumentOut] = Field(description="最多 10 份 At most 10")

    @classmethod
    def of(cls, views: Sequence[DocumentView]) -> Self:
        return cls(items=[DocumentOut.of(view) for view in views])
