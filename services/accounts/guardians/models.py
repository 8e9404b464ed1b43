import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class DeclaredAge(Base):
    """A person who said to be under 14. The sealed day on which the person turns 14 is all that is kept of it."""

    __tablename__ = "declared_age"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    turns_14_sealed: Mapped[bytes]


class Guardianship(Base):
    """A guardian of a person under 14, from `since` until `ended_at` or the day on which that person turns 14."""

    __tablename__ = "guardianship"
    __table_args__ = (
        Index("uq_guardianship_live", "ward_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "guardian_id"),
        Index(None, "ward_id"),
        CheckConstraint("ward_id <> guardian_id", name="two_people"),
    )

    guardianship_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ward_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    guardian_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class GuardianCode(Base):
    """SHA-256 of a code that a child shows. `guardianship_id` is set when the code has found the guardian."""

    __tablename__ = "guardian_code"
    __table_args__ = (Index(None, "expires_at"), Index(None, "user_id"))

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    expires_at: Mapped[datetime]
    guardianship_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(Guardianship.guardianship_id))
