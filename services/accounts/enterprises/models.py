import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Enterprise(Base):
    """An enterprise since its application. The contact is a person's name and number, sealed while it is open.

    `version` counts the changes that were published, from 1 at the approval.
    """

    __tablename__ = "enterprise"
    __table_args__ = (
        CheckConstraint(
            "status IN ('applied', 'under_review', 'active', 'suspended', 'closed', 'rejected')", name="status"
        ),
        CheckConstraint("(status IN ('active', 'suspended', 'closed')) = (approved_at IS NOT NULL)", name="approved"),
        CheckConstraint("(approved_at IS NULL) = (version = 0)", name="version"),
        Index(
            "uq_enterprise_held_uscc",
            "uscc",
            unique=True,
            postgresql_where=text("status IN ('applied', 'under_review', 'active', 'suspended')"),
        ),
        Index(None, "status", "enterprise_id"),
        Index(None, "applied_by"),
    )

    enterprise_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    uscc: Mapped[str]
    name: Mapped[str]
    kinds: Mapped[list[Any]] = mapped_column(JSONB)
    contact_sealed: Mapped[bytes | None]
    status: Mapped[str]
    status_reason: Mapped[str | None]
    # Null once the person was erased.
    applied_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    applied_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    version: Mapped[int]
    changed_at: Mapped[datetime]
