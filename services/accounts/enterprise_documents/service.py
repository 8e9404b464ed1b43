"""Use cases of documents: upload, list, delete, read as an operator.

A document has a key of its own, which the vault seals. Its content is stored in sealed pieces of 256 KiB and is never
opened, unpacked or shown here: it goes out as the bytes that came in. Documents change only while the application waits
for its first reviewer. Afterwards both operators decide about the same ones.
"""

import hashlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from services.accounts.audit.service import log
from services.accounts.enterprise_documents import repository
from services.accounts.enterprise_documents.domain import (
    DOCUMENTS_BYTES_MAX,
    DOCUMENTS_MAX,
    MIB,
    DocumentKind,
    MediaType,
    media_type_of,
    pieces_of,
)
from services.accounts.enterprise_documents.errors import (
    DocumentHashMismatch,
    DocumentNotFound,
    DocumentsTooLarge,
    DocumentTypeInvalid,
)
from services.accounts.enterprise_documents.models import EnterpriseDocument
from services.accounts.enterprise_members import service as members
from services.accounts.enterprise_members.domain import ADMIN
from services.accounts.enterprises import service as enterprises
from services.accounts.enterprises.errors import EnterpriseStateConflict
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.vault import Vault
from shared import clock
from shared.db import Session
from shared.ids import new_id
from shared.sealing import SealBroken, Sealer

UPLOADS_QUOTA = Quota("enterprise_document", at_most=40, window_s=86_400)
READS_PER_HOUR = 60
_READS_QUOTA = Quota("operator_document_read", at_most=READS_PER_HOUR, window_s=3600)
_OPERATORS = uuid.UUID("4a9a7f0c-6f43-5e0e-b7f9-1d5f8f1c2a63")
_KEY_BYTES = 32
_UPLOADED_MAX = 200


@dataclass(frozen=True, slots=True)
class DocumentView:
    document_id: uuid.UUID
    kind: DocumentKind
    media_type: MediaType
    size_bytes: int
    sha256: str
    uploaded_at: datetime


async def require_upload_allowed(session: Session, *, user_id: uuid.UUID, enterprise_id: uuid.UUID) -> None:
    """Require the right to upload, before a byte of the body is read. Raises as `upload` does."""
    enterprise = await members.require_role(session, enterprise_id=enterprise_id, user_id=user_id, roles=ADMIN)
    _require_open(enterprise)
    await quotas.count_use(session, user_id=user_id, quota=UPLOADS_QUOTA)


async def upload(
    session: Session,
    *,
    vault: Vault,
    user_id: uuid.UUID,
    enterprise_id: uuid.UUID,
    kind: DocumentKind,
    declared_type: str,
    declared_sha256: str,
    content: bytes,
) -> tuple[DocumentView, bool]:
    """Store a document. The same content again is the same document; then the second value is False.

    Raises EnterpriseNotFound, EnterpriseRoleRequired, EnterpriseStateConflict, DocumentTypeInvalid,
    DocumentHashMismatch, DocumentsTooLarge.
    """
    media_type = media_type_of(content)
    if media_type is None or media_type != declared_type:
        raise DocumentTypeInvalid
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != declared_sha256:
        raise DocumentHashMismatch
    await _lock_open(session, enterprise_id, user_id)
    stored = await repository.list_of(session, enterprise_id=enterprise_id)
    same = next((row for row in stored if row.sha256 == sha256), None)
    if same is not None:
        return _view(same), False
    total = sum(row.size_bytes for row in stored) + len(content)
    if len(stored) >= DOCUMENTS_MAX or total > DOCUMENTS_BYTES_MAX:
        raise DocumentsTooLarge(files=DOCUMENTS_MAX, mib=DOCUMENTS_BYTES_MAX // MIB)
    document_id, key = new_id(), os.urandom(_KEY_BYTES)
    row = EnterpriseDocument(
        document_id=document_id,
        enterprise_id=enterprise_id,
        kind=kind,
        media_type=media_type,
        size_bytes=len(content),
        sha256=sha256,
        key_sealed=vault.seal("document_key", document_id, key.hex()),
        uploaded_by=user_id,
        uploaded_at=clock.now(),
    )
    sealer = Sealer(key)
    sealed = [sealer.seal_bytes(piece, _place(number)) for number, piece in enumerate(pieces_of(content))]
    await repository.add(session, row, sealed)
    return _view(row), True


async def list_documents(session: Session, *, user_id: uuid.UUID, enterprise_id: uuid.UUID) -> Sequence[DocumentView]:
    """Raises EnterpriseNotFound, EnterpriseRoleRequired."""
    await members.require_role(session, enterprise_id=enterprise_id, user_id=user_id, roles=ADMIN)
    return await documents_of(session, enterprise_id=enterprise_id)


async def documents_of(session: Session, *, enterprise_id: uuid.UUID) -> Sequence[DocumentView]:
    """For operators and for the review. The oldest first."""
    return [_view(row) for row in await repository.list_of(session, enterprise_id=enterprise_id)]


async def remove(session: Session, *, user_id: uuid.UUID, enterprise_id: uuid.UUID, document_id: uuid.UUID) -> None:
    """Raises EnterpriseNotFound, EnterpriseRoleRequired, EnterpriseStateConflict, DocumentNotFound."""
    await _lock_open(session, enterprise_id, user_id)
    if await repository.find(session, enterprise_id=enterprise_id, document_id=document_id) is None:
        raise DocumentNotFound
    await repository.remove(session, document_id=document_id)


async def remove_all(session: Session, *, enterprise_id: uuid.UUID) -> None:
    """Delete the documents of an application or enterprise that ended. The caller holds the enterprise's lock."""
    for row in await repository.list_of(session, enterprise_id=enterprise_id):
        await repository.remove(session, document_id=row.document_id)


async def count_read(session: Session, *, operator: str) -> None:
    """Count a look at a document, in a transaction of its own. Raises QuotaExceeded."""
    await quotas.count_use(session, user_id=uuid.uuid5(_OPERATORS, operator), quota=_READS_QUOTA)


async def read_as_operator(
    session: Session, *, vault: Vault, operator: str, enterprise_id: uuid.UUID, document_id: uuid.UUID, reason: str
) -> tuple[DocumentView, bytes]:
    """Return a document with its content, and record the look. Raises DocumentNotFound, SealBroken."""
    row = await repository.find(session, enterprise_id=enterprise_id, document_id=document_id)
    if row is None:
        raise DocumentNotFound
    view = _view(row)
    await log.record(
        session,
        subject=operator,
        action="enterprise.document.read",
        about=str(enterprise_id),
        reason=reason,
        after={"document_id": str(document_id), "kind": view.kind, "sha256": view.sha256},
    )
    sealer = Sealer(bytes.fromhex(vault.unseal("document_key", document_id, row.key_sealed)))
    pieces = await repository.pieces_of(session, document_id=document_id)
    content = b"".join(sealer.open_bytes(piece, _place(number)) for number, piece in enumerate(pieces))
    if hashlib.sha256(content).hexdigest() != row.sha256:  # a piece is missing
        raise SealBroken(document_id)
    return view, content


async def erase_user(session: Session, *, user_id: uuid.UUID) -> None:
    """Delete documents that the person uploaded for applications that were not approved."""
    for row in await repository.list_of_uploader(session, user_id=user_id, limit=_UPLOADED_MAX):
        if (await enterprises.read(session, enterprise_id=row.enterprise_id)).approved_at is None:
            await repository.remove(session, document_id=row.document_id)


async def _lock_open(session: Session, enterprise_id: uuid.UUID, user_id: uuid.UUID) -> None:
    enterprise = await enterprises.lock(session, enterprise_id=enterprise_id)
    await members.require_role(session, enterprise_id=enterprise_id, user_id=user_id, roles=ADMIN)
    _require_open(enterprise)


def _require_open(enterprise: enterprises.EnterpriseView) -> None:
    if enterprise.status != "applied":
        raise EnterpriseStateConflict(extensions={"enterprise_status": enterprise.status})


def _place(number: int) -> str:
    return f"piece:{number}"


def _view(row: EnterpriseDocument) -> DocumentView:
    return DocumentView(
        document_id=row.document_id,
        kind=cast("DocumentKind", row.kind),
        media_type=cast("MediaType", row.media_type),
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        uploaded_at=row.uploaded_at,
    )
