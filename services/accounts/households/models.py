import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Household(Base):
    """Opened by one person and closed when the last member leaves. Its carbon account is in `carbon_account`."""

    __tablename__ = "household"
    __table_args__ = (CheckConstraint("closed_at >= opened_at", name="order"),)

    household_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    # Null once the person who opened it was erased.
    opened_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.app_user.user_id"), index=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class HouseholdMember(Base):
    """A membership, [joined_at, left_at). Ended memberships are history and never change."""

    __tablename__ = "household_member"
    __table_args__ = (
        Index("uq_household_member_live", "user_id", unique=True, postgresql_where=text("left_at IS NULL")),
        Index(None, "household_id"),
        Index(None, "user_id", "membership_id"),
        CheckConstraint("left_at >= joined_at", name="order"),
        CheckConstraint("version > 0", name="version"),
    )

    membership_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Household.household_id))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.carbon_account.account_id"), index=True)
    version: Mapped[int]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class HouseholdMeter(Base):
    """A meter of a household, [since, ended_at). Only the keyed hash of the meter number is stored."""

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
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Household.household_id))
    meter_key: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class HouseholdInvitation(Base):
    """SHA-256 of a code that a member shows. `membership_id` is set when the code has been used."""

    __tablename__ = "household_invitation"
    __table_args__ = (Index(None, "expires_at"),)

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Household.household_id))
    invited_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    membership_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(HouseholdMember.membership_id), index=True)
