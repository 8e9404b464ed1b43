import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class EnterpriseDocument(Base):
    """A document of an application. `key_sealed` opens its pieces: without it they are noise."""

    __tablename__ = "enterprise_document"
    __table_args__ = (
        Index("uq_enterprise_document_content", "enterprise_id", "sha256", unique=True),
        CheckConstraint("size_bytes BETWEEN 1 AND 5242880", name="size"),
        CheckConstraint("kind IN ('business_licence', 'authorisation_letter', 'other')", name="kind"),
        CheckConstraint("media_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="media_type"),
    )

    document_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    enterprise_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.enterprise.enterprise_id"))
    kind: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    key_sealed: Mapped[bytes]
    # Null once the person was erased.
    uploaded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.app_user.user_id"), index=True)
    uploaded_at: Mapped[datetime]


class EnterpriseDocumentPiece(Base):
    """At most 256 KiB of a document, sealed with the key of the document."""

    __tablename__ = "enterprise_document_piece"

    document_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey(EnterpriseDocument.document_id, ondelete="CASCADE"), primary_key=True
    )
    piece_no: Mapped[int] = mapped_column(primary_key=True)
    content_sealed: Mapped[bytes]
