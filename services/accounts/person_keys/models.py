import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class PersonKey(Base):
    """The data key of a person, sealed with the key of the vault. Erasure deletes the row."""

    __tablename__ = "person_key"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), primary_key=True)
    key_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
