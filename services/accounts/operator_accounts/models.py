import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class OperatorAccount(Base):
    """An operator. `subject` is the person in every token, approval and audit entry, and never changes.

    With an issuer the identity provider proves who it is, and `roles` are those of the newest log-in. Without one it is
    a local account: password (argon2id), TOTP secret (sealed), `roles` from the machine. Two other operators give
    further roles, or withhold some; `domain.held_roles` gives the roles in force.
    """

    __tablename__ = "operator_account"
    __table_args__ = (CheckConstraint("(issuer IS NULL) = (password_hash IS NOT NULL)", name="one_proof"),)

    operator_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(unique=True)
    issuer: Mapped[str | None]
    name: Mapped[str]
    roles: Mapped[list[Any]] = mapped_column(JSONB)
    given_roles: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    withheld_roles: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    password_hash: Mapped[str | None]
    totp_sealed: Mapped[bytes | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class OperatorAttempt(Base):
    """Log-ins tried with one name, from one address, and with both. The key is a hash: also of names nobody has."""

    __tablename__ = "operator_attempt"
    __table_args__ = (Index(None, "window_ends_at"),)

    attempt_key: Mapped[bytes] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    window_ends_at: Mapped[datetime]
