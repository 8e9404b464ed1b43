import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class FreezeQuestion(Base):
    """A question and its answer. Both texts are sealed with the person's data key."""

    __tablename__ = "freeze_question"
    __table_args__ = (
        Index(None, "user_id", "question_id"),
        Index("ix_freeze_question_open", "question_id", postgresql_where=text("answered_at IS NULL")),
        CheckConstraint("(answered_at IS NULL) = (answer_sealed IS NULL)", name="answered"),
    )

    question_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    text_sealed: Mapped[bytes]
    asked_at: Mapped[datetime]
    answer_sealed: Mapped[bytes | None]
    answered_at: Mapped[datetime | None]
