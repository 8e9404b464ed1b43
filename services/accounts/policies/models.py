from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class Policy(Base):
    """A published version of a family, to consent to from `effective_from` until `accepted_until`.

    `accepted_until` null: until it is replaced. From `renew_by` on, consents to the versions before it are void.
    """

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("accepted_until > effective_from", name="order"),
        CheckConstraint("renew_by > effective_from", name="renewal"),
    )

    family: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    url: Mapped[str | None]
    effective_from: Mapped[datetime]
    accepted_until: Mapped[datetime | None]
    renew_by: Mapped[datetime | None]
