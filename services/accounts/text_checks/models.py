import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class TextCheck(Base):
    """A text of one person that WeChat left to a person's decision. Harmless and risky texts leave no row."""

    __tablename__ = "text_check"
    __table_args__ = (
        Index("uq_text_check_user_id_kind_text_hash", "user_id", "kind", "text_hash", unique=True),
        Index("ix_text_check_waiting", "check_id", postgresql_where=text("status = 'waiting'")),
        Index(None, "created_at"),
        CheckConstraint("status IN ('waiting', 'allowed', 'refused')", name="status"),
        CheckConstraint("(status = 'waiting') = (decided_at IS NULL)", name="decided"),
    )

    check_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    kind: Mapped[str]
    text_hash: Mapped[bytes]
    text_sealed: Mapped[bytes]
    label: Mapped[int]
    status: Mapped[str]
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
