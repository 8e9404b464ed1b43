"""Documents of an application. They have a path of their own: only here a body may have 5 MiB."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.accounts.enterprise_documents import service
from services.accounts.enterprise_documents.domain import DOCUMENTS_BYTES_MAX, DocumentKind
from services.accounts.enterprise_documents.schemas import DocumentOut, DocumentsOut
from services.accounts.live_citizen import LiveCitizen
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.media_types import parse_media_type

DOCUMENTS_PATHS = "/api/v1/accounts/enterprise-documents/*"
DOCUMENT_BODY_BYTES = DOCUMENTS_BYTES_MAX

router = APIRouter(prefix="/api/v1/accounts/enterprise-documents", tags=["企业 Enterprises"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": dict.fromkeys(("application/pdf", "image/jpeg", "image/png"), _BINARY),
    }
}
_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": DocumentOut, "description": "已上传过的同一文件 The same content was uploaded before"}
}


@router.post(
    "/{enterprise_id}",
    status_code=201,
    responses=_SAME_AGAIN,
    openapi_extra=_BODY,
    summary="上传申请材料 · Upload a document of the application",
)
async def upload_enterprise_document(
    enterprise_id: uuid.UUID,
    kind: DocumentKind,
    sha256: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$", description="文件的 SHA-256 Of the file")],
    citizen: LiveCitizen,
    request: Request,
    resources: RequestResources,
    response: Response,
) -> DocumentOut:
    """PDF、JPEG 或 PNG，全部材料最多 10 份、共 5 MiB；加密保存，运营人员查看时留有记录。开始审核后不能更改。

    PDF, JPEG or PNG; at most 10 files of 5 MiB together. Stored sealed; every look of an operator is recorded. No
    changes once the review has begun.
    """
    # The gate bounds how many bodies this process holds. Who may not upload is refused before the body is read.
    async with resources.document_gate.admit(str(citizen.user_id)):
        async with resources.database.transaction() as session:
            await service.require_upload_allowed(session, user_id=citizen.user_id, enterprise_id=enterprise_id)
        content = await request.body()
        declared = parse_media_type(request.headers.get("content-type", ""))
        async with resources.database.transaction() as session:
            view, is_new = await service.upload(
                session,
                vault=resources.vault,
                user_id=citizen.user_id,
                enterprise_id=enterprise_id,
                kind=kind,
                declared_type="" if declared is None else declared.name,
                declared_sha256=sha256,
                content=content,
            )
    if not is_new:
        response.status_code = 200
    return DocumentOut.of(view)


@router.get("/{enterprise_id}", summary="申请材料 · Documents of the application")
async def list_enterprise_documents(enterprise_id: uuid.UUID, citizen: Citizen, session: Session) -> DocumentsOut:
    """仅管理员；只列目录。For administrators; without the contents."""
    views = await service.list_documents(session, user_id=citizen.user_id, enterprise_id=enterprise_id)
    return DocumentsOut.of(views)


@router.delete("/{enterprise_id}/{document_id}", status_code=204, summary="删除申请材料 · Delete a document")
async def delete_enterprise_document(
    enterprise_id: uuid.UUID, document_id: uuid.UUID, citizen: LiveCitizen, session: Session
) -> None:
    await service.remove(session, user_id=citizen.user_id, enterprise_id=enterprise_id, document_id=document_id)
