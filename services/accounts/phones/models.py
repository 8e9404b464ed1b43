import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Phone(Base):
    """One per person, one person per number. The plain number is in no column."""

    __tablename__ = "phone"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(unique=True)
    phone_sealed: Mapped[bytes]
    verified_at: Mapped[datetime]
