import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Household(Base):
    """Opened by one person and closed when the last member leaves. Its carbon account is in `carbon_account`.

    `owner_id` is a member while the household is open, and null afterwards. The name is sealed with the household's id.
    """

    __tablename__ = "household"
    __table_args__ = (CheckConstraint("closed_at >= opened_at", name="order"),)

    household_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    # Null once the person who opened it was erased.
    opened_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.app_user.user_id"), index=True)
    # No reference: its check would lock the row of the next owner, who may hold it and wait for this household.
    owner_id: Mapped[uuid.UUID | None]
    name_sealed: Mapped[bytes | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class HouseholdMember(Base):
    """A membership, [joined_at, left_at). Ended memberships are history and never change.

    The nickname is sealed with the id of the membership.
    """

    __tablename__ = "household_member"
    __table_args__ = (
        Index("uq_household_member_live", "user_id", unique=True, postgresql_where=text("left_at IS NULL")),
        Index(None, "household_id"),
        Index(None, "user_id", "membership_id"),
        CheckConstraint("left_at >= joined_at", name="order"),
        CheckConstraint("version > 0", name="version"),
        CheckConstraint("ended_by IN ('member', 'owner')", name="ended_by"),
    )

    membership_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Household.household_id))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.carbon_account.account_id"), index=True)
    version: Mapped[int]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    nickname_sealed: Mapped[bytes | None]
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


class HouseholdHandover(Base):
    """The owner offers the household to a member, who accepts or not."""

    __tablename__ = "household_handover"

    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(Household.household_id), primary_key=True)
    membership_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(HouseholdMember.membership_id), index=True)
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
