import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class User(Base):
    """A user, one per open id. `openid_sealed` is stored for messages only. Nothing else reads it.

    A person with a family card has no open id before the handover, and neither has one who took over a card's account.
    """

    __tablename__ = "app_user"
    __table_args__ = (CheckConstraint("(openid_hash IS NULL) = (openid_sealed IS NULL)", name="identity"),)

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    openid_hash: Mapped[bytes | None] = mapped_column(unique=True)
    openid_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime]
