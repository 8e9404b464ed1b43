import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base

_OPEN = text("status IN ('queued', 'running')")


class DataExport(Base):
    """One export. `rows` and `service` tell the progress. `lease_until`: a worker is at it until then."""

    __tablename__ = "data_export"
    __table_args__ = (
        Index("uq_data_export_open", "user_id", unique=True, postgresql_where=_OPEN),
        Index("ix_data_export_open", "requested_at", postgresql_where=_OPEN),
        Index(None, "user_id", "export_id"),
        Index(None, "expires_at"),
        CheckConstraint("status IN ('queued', 'running', 'ready', 'failed')", name="status"),
        CheckConstraint("(status = 'ready') = (expires_at IS NOT NULL)", name="expires_when_ready"),
    )

    export_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    status: Mapped[str]
    service: Mapped[str | None]
    row_count: Mapped[int]
    attempts: Mapped[int]
    requested_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class ExportArchive(Base):
    """The archive, sealed with the person's data key."""

    __tablename__ = "export_archive"

    export_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(DataExport.export_id, ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes]
