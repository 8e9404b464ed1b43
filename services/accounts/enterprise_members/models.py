import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class EnterpriseMember(Base):
    """A membership: invited at `invited_at`, valid in [accepted_at, ended_at). Ended ones are history.

    `version` counts the changes that were published, from 1 at the acceptance. `name_sealed` is the name that the
    administrator gave the person.
    """

    __tablename__ = "enterprise_member"
    __table_args__ = (
        Index(
            "uq_enterprise_member_live",
            "enterprise_id",
            "user_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "user_id", "membership_id"),
        CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended"),
        CheckConstraint("ended_reason IN ('left', 'removed', 'declined', 'expired', 'erased')", name="ended_reason"),
        CheckConstraint("jsonb_array_length(roles) BETWEEN 1 AND 4", name="roles"),
        CheckConstraint("(accepted_at IS NULL) = (version = 0)", name="version"),
    )

    membership_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    enterprise_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.enterprise.enterprise_id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    account_id: Mapped[uuid.UUID]
    roles: Mapped[list[Any]] = mapped_column(JSONB)
    name_sealed: Mapped[bytes | None]
    version: Mapped[int]
    invited_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]
    changed_at: Mapped[datetime]
