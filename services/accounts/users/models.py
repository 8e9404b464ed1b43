import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class User(Base):
    """A user, one per open id. `openid_sealed` is stored for messages only. Nothing else reads it."""

    __tablename__ = "app_user"

    user_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    openid_hash: Mapped[bytes] = mapped_column(unique=True)
    openid_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime]
