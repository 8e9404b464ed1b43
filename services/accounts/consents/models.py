import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.consents.domain import Actor, Change, Channel
from services.accounts.database import Base


class Consent(Base):
    """A consent from `given_at` until `ended_at`. Rows are never deleted, and an ended row is never reopened.

    `ends_at`: the moment, announced to the person and published, at which the consent ends without renewal. `version`
    grows with every change of the person's consent to this purpose, over all its rows.
    """

    __tablename__ = "consent"
    __table_args__ = (
        Index("uq_consent_live", "user_id", "purpose", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(None, "user_id", "consent_id"),
        Index(
            "ix_consent_text",
            "policy_family",
            "policy_version",
            "consent_id",
            postgresql_where=text("ended_at IS NULL AND ends_at IS NULL"),
        ),
        Index("ix_consent_ends_at", "ends_at", postgresql_where=text("ended_at IS NULL AND ends_at IS NOT NULL")),
        CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended"),
        CheckConstraint("ended_reason IN ('withdrawn', 'superseded', 'expired')", name="ended_reason"),
        CheckConstraint("version > 0", name="version"),
    )

    consent_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    purpose: Mapped[str]
    policy_family: Mapped[str]
    policy_version: Mapped[str]
    version: Mapped[int]
    given_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]


class ConsentChange(Base):
    """One line of a person's history of consents. Rows never change."""

    __tablename__ = "consent_change"
    __table_args__ = (
        Index(None, "user_id", "change_id"),
        CheckConstraint("change IN ('given', 'renewed', 'withdrawn', 'expired')", name="change"),
        CheckConstraint("actor IN ('self', 'guardian', 'policy')", name="actor"),
    )

    change_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    purpose: Mapped[str]
    policy_version: Mapped[str]
    change: Mapped[Change] = mapped_column(Text)
    at: Mapped[datetime]
    actor: Mapped[Actor] = mapped_column(Text)
    channel: Mapped[Channel] = mapped_column(Text)
