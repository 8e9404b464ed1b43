import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class HouseholdMeter(Base):
    """A meter that counts for a household, [since, ended_at). Only the keyed hash of the meter number is stored.

    `confirmed_by`: the grid company that confirmed it; none where no partner can.
    """

    __tablename__ = "household_meter"
    __table_args__ = (
        Index("uq_household_meter_live_meter", "meter_key", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index(
            "uq_household_meter_live_household",
            "household_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        CheckConstraint("ended_at >= since", name="order"),
        CheckConstraint("version > 0", name="version"),
    )

    registration_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.household.household_id"))
    meter_key: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    changed_at: Mapped[datetime]


class MeterClaim(Base):
    """A meter that a household says is its own, until the grid company confirms or refuses it."""

    __tablename__ = "meter_claim"
    __table_args__ = (
        Index("uq_meter_claim_pending", "household_id", unique=True, postgresql_where=text("status = 'pending'")),
        Index("ix_meter_claim_due", "expires_at", postgresql_where=text("status = 'pending'")),
        CheckConstraint("status IN ('pending', 'confirmed', 'refused', 'withdrawn', 'expired')", name="status"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided"),
    )

    claim_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.household.household_id"))
    meter_key: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    status: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
