import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Consent(Base):
    """A consent from `given_at` until `ended_at`. Rows are never deleted, and an ended row is never reopened."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("uq_consent_live", "user_id", "purpose", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "user_id", "consent_id"),
        CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended"),
        CheckConstraint("ended_reason IN ('withdrawn', 'superseded')", name="ended_reason"),
    )

    consent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    purpose: Mapped[str]
    policy_version: Mapped[str]
    given_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]
