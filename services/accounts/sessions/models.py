import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class LoginSession(Base):
    """One log-in and the token family derived from it. The family is revoked as a whole.

    `stepped_up_at` is a moment of the database's clock. `device` is a name of `domain.Device`.
    """

    __tablename__ = "login_session"
    __table_args__ = (Index(None, "user_id", "created_at"), Index(None, "expires_at"))

    session_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    refreshed_at: Mapped[datetime | None]
    stepped_up_at: Mapped[datetime | None]
    device: Mapped[str | None]


class RefreshToken(Base):
    """SHA-256 of a refresh token. A used token is kept until it would have expired, so that reuse is detected."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index(None, "session_id"), Index(None, "expires_at"))

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(LoginSession.session_id, ondelete="CASCADE"))
    sequence: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
