import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class MandateTerms(Base):
    """Terms of a platform: written by a maker, published by another member as checker, ended with notice.

    A published text never changes. `ends_at` is when all mandates under these terms end.
    """

    __tablename__ = "mandate_terms"
    __table_args__ = (
        Index("uq_mandate_terms_version", "platform_id", "kind", "terms_version", unique=True),
        CheckConstraint("kind IN ('benefit', 'agency')", name="kind"),
        CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name="published"),
        CheckConstraint("published_by <> made_by", name="two_people"),
        CheckConstraint("ends_at IS NULL OR published_at IS NOT NULL", name="ends"),
        CheckConstraint("valid_days BETWEEN 1 AND 3660", name="valid_days"),
        CheckConstraint("threshold_mg > 0", name="threshold"),
    )

    terms_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    platform_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.enterprise.enterprise_id"))
    kind: Mapped[str]
    scenes: Mapped[list[Any]] = mapped_column(JSONB)
    terms_version: Mapped[str]
    text: Mapped[str]
    sha256: Mapped[str]
    valid_days: Mapped[int | None]
    threshold_mg: Mapped[int | None] = mapped_column(BigInteger)
    made_by: Mapped[uuid.UUID]
    made_at: Mapped[datetime]
    published_by: Mapped[uuid.UUID | None]
    published_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    all_ended_at: Mapped[datetime | None]


class Mandate(Base):
    """A mandate, [accepted_at, until). `until` is a planned end while `closed_at` is empty. Rows stay until erasure."""

    __tablename__ = "mandate"
    __table_args__ = (
        Index("uq_mandate_open", "user_id", "platform_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index(None, "user_id", "mandate_id"),
        Index("ix_mandate_terms_open", "terms_id", "mandate_id", postgresql_where=text("closed_at IS NULL")),
        Index("ix_mandate_platform_open", "platform_id", postgresql_where=text("closed_at IS NULL")),
        CheckConstraint("until >= accepted_at", name="order"),
        CheckConstraint("(until IS NULL) = (end_reason IS NULL)", name="ended"),
        CheckConstraint("end_reason IN ('citizen', 'platform', 'expiry', 'erasure')", name="end_reason"),
        CheckConstraint("closed_at IS NULL OR until IS NOT NULL", name="closed"),
        CheckConstraint("version > 0", name="version"),
    )

    mandate_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.carbon_account.account_id"), index=True)
    platform_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.enterprise.enterprise_id"))
    terms_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(MandateTerms.terms_id))
    kind: Mapped[str]
    scenes: Mapped[list[Any]] = mapped_column(JSONB)
    terms_version: Mapped[str]
    terms_sha256: Mapped[str]
    threshold_mg: Mapped[int | None] = mapped_column(BigInteger)
    accepted_at: Mapped[datetime]
    until: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    version: Mapped[int]
    changed_at: Mapped[datetime]
