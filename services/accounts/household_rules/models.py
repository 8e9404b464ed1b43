import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base

_KIND = "kind IN ('all_agree', 'any_member_up_to')"
_LIMIT = "(kind = 'any_member_up_to') = (limit_mg > 0)"


class HouseholdRule(Base):
    """The rule in force. Without a row: all agree."""

    __tablename__ = "household_rule"
    __table_args__ = (CheckConstraint(_KIND, name="kind"), CheckConstraint(_LIMIT, name="limit"))

    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.household.household_id"), primary_key=True)
    version: Mapped[int]
    kind: Mapped[str]
    limit_mg: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[datetime]


class RuleProposal(Base):
    """A rule that a member proposes to the others. Accepted ones are the history of the rule.

    Members are ids of stays. They are no references: the history of a rule outlives who is erased.
    """

    __tablename__ = "household_rule_proposal"
    __table_args__ = (
        Index("uq_household_rule_proposal_open", "household_id", unique=True, postgresql_where=text("status = 'open'")),
        CheckConstraint(_KIND, name="kind"),
        CheckConstraint(_LIMIT, name="limit"),
        CheckConstraint("status IN ('open', 'accepted', 'refused', 'withdrawn', 'expired')", name="status"),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended"),
    )

    proposal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.household.household_id"))
    kind: Mapped[str]
    limit_mg: Mapped[int] = mapped_column(BigInteger)
    proposed_by: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    status: Mapped[str]
    ended_at: Mapped[datetime | None]


class RuleAgreement(Base):
    """A member, by the id of the stay, who agrees to a proposal."""

    __tablename__ = "household_rule_agreement"

    proposal_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.household_rule_proposal.proposal_id"), primary_key=True
    )
    membership_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agreed_at: Mapped[datetime]
