import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class CarbonAccount(Base):
    """Holder and opening time of an account. Balances are in the ledger of the accounting service."""

    __tablename__ = "carbon_account"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'household', 'enterprise')", name="kind"),
        CheckConstraint(
            "(kind = 'person') = (user_id IS NOT NULL) AND (kind = 'household') = (household_id IS NOT NULL)"
            " AND (kind = 'enterprise') = (enterprise_id IS NOT NULL)",
            name="holder",
        ),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.app_user.user_id"), unique=True)
    household_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.household.household_id"), unique=True)
    enterprise_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("accounts.enterprise.enterprise_id"), unique=True
    )
    account_no: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    opened_at: Mapped[datetime]
