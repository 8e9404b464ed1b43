from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Policy(Base):
    """A published version, to consent to from `effective_from` until `accepted_until`. Null: until it is replaced."""

    __tablename__ = "policy"
    __table_args__ = (CheckConstraint("accepted_until > effective_from", name="order"),)

    version: Mapped[str] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    url: Mapped[str | None]
    effective_from: Mapped[datetime]
    accepted_until: Mapped[datetime | None]
