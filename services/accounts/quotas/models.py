import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class QuotaUse(Base):
    """Number of uses by one user for one purpose in one fixed time window."""

    __tablename__ = "quota_use"
    __table_args__ = (Index(None, "window_ends_at"),)

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    window_ends_at: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int]
