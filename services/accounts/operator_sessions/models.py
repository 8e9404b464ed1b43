import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class OperatorSession(Base):
    """One log-in of an operator, with the roles it was given. Only hashes of the refresh tokens are stored."""

    __tablename__ = "operator_session"
    __table_args__ = (
        Index(None, "operator_id", "created_at"),
        Index(None, "expires_at"),
        Index(None, "previous_sha256"),
    )

    session_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    operator_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.operator_account.operator_id"))
    subject: Mapped[str]
    method: Mapped[str]
    roles: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    refreshed_at: Mapped[datetime]
    refresh_sha256: Mapped[bytes] = mapped_column(unique=True)
    previous_sha256: Mapped[bytes | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]


class OperatorLogIn(Base):
    """A log-in that is at the identity provider. Its nonce and PKCE verifier are derived, not stored."""

    __tablename__ = "operator_log_in"
    __table_args__ = (Index(None, "expires_at"),)

    state_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
