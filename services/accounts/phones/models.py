import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Phone(Base):
    """The verified number of a person, unique in both directions. No column holds the plain number."""

    __tablename__ = "phone"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), primary_key=True)
    phone_hash: Mapped[bytes] = mapped_column(unique=True)
    phone_sealed: Mapped[bytes]
    verified_at: Mapped[datetime]
