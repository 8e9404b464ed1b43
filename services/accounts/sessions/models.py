import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class LoginSession(Base):
    """One log-in and all tokens that descend from it: the family that falls together."""

    __tablename__ = "login_session"
    __table_args__ = (Index(None, "user_id", "created_at"), Index(None, "expires_at"))

    session_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]


class RefreshToken(Base):
    """SHA-256 of a refresh token. A used one stays until it would have expired, so that its reuse is recognised."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index(None, "session_id"), Index(None, "expires_at"))

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(LoginSession.session_id, ondelete="CASCADE"))
    sequence: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
