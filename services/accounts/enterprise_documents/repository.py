import uuid
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.enterprise_documents.models import EnterpriseDocument, EnterpriseDocumentPiece


async def add(session: AsyncSession, row: EnterpriseDocument, pieces: Sequence[bytes]) -> None:
    session.add(row)
    await session.flush()
    session.add_all(
        EnterpriseDocumentPiece(document_id=row.document_id, piece_no=number, content_sealed=piece)
        for number, piece in enumerate(pieces)
    )
    await session.flush()


async def list_of(session: AsyncSession, *, enterprise_id: uuid.UUID) -> Sequence[EnterpriseDocument]:
    statement = select(EnterpriseDocument).where(EnterpriseDocument.enterprise_id == enterprise_id)
    return (await session.scalars(statement.order_by(EnterpriseDocument.document_id))).all()


async def find(session: AsyncSession, *, enterprise_id: uuid.UUID, document_id: uuid.UUID) -> EnterpriseDocument | None:
    statement = select(EnterpriseDocument).where(
        EnterpriseDocument.document_id == document_id, EnterpriseDocument.enterprise_id == enterprise_id
    )
    return await session.scalar(statement)


async def pieces_of(session: AsyncSession, *, document_id: uuid.UUID) -> Sequence[bytes]:
    statement = select(EnterpriseDocumentPiece.content_sealed).where(EnterpriseDocumentPiece.document_id == document_id)
    return (await session.scalars(statement.order_by(EnterpriseDocumentPiece.piece_no))).all()


async def remove(session: AsyncSession, *, document_id: uuid.UUID) -> None:
    """The pieces go with the document."""
    await session.execute(delete(EnterpriseDocument).where(EnterpriseDocument.document_id == document_id))


async def list_of_uploader(session: AsyncSession, *, user_id: uuid.UUID, limit: int) -> Sequence[EnterpriseDocument]:
    statement = select(EnterpriseDocument).where(EnterpriseDocument.uploaded_by == user_id)
    return (await session.scalars(statement.order_by(EnterpriseDocument.document_id.desc()).limit(limit))).all()
