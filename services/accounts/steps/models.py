import uuid
from datetime import date, datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class StepsReported(Base):
    """The last day of a person that was reported. The steps themselves are not stored here."""

    __tablename__ = "steps_reported"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), primary_key=True)
    reported_through: Mapped[date]
    changed_at: Mapped[datetime]
