import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Erasure(Base):
    """One wish to leave. `user_id` is null once every service has answered: the row then names nobody."""

    __tablename__ = "erasure"
    __table_args__ = (
        Index("uq_erasure_planned", "user_id", unique=True, postgresql_where=text("status = 'planned'")),
        Index(None, "account_id"),
        Index("ix_erasure_due", "due_at", postgresql_where=text("status = 'planned'")),
        Index("ix_erasure_running", "asked_at", postgresql_where=text("status = 'running'")),
        CheckConstraint("status IN ('planned', 'cancelled', 'running', 'done')", name="status"),
        CheckConstraint("(status = 'done') = (user_id IS NULL)", name="named_until_done"),
    )

    erasure_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID | None]
    account_id: Mapped[uuid.UUID]
    status: Mapped[str]
    planned_at: Mapped[datetime]
    due_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class ErasureAnswer(Base):
    """A service holds nothing personal any more. `row_count`: how many rows it deleted or cleared."""

    __tablename__ = "erasure_answer"

    erasure_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Erasure.erasure_id), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    row_count: Mapped[int]
    answered_at: Mapped[datetime]
