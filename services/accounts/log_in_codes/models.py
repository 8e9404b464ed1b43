import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class LogInCode(Base):
    """The keyed hash of a code, the claim of its exchange, and the result: a session or a refusal's code."""

    __tablename__ = "log_in_code"
    __table_args__ = (Index(None, "claimed_until"),)

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    claimed_at: Mapped[datetime]
    claimed_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    session_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    refusal: Mapped[str | None]
