import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class LookupKey(Base):
    """A pepper by its id: `current` makes new hashes, rows may still have hashes of a `former` one.

    `users_through` and `phones_through` are the last rows that a rotation to this key has hashed anew.
    """

    __tablename__ = "lookup_key"
    __table_args__ = (
        CheckConstraint("state IN ('current', 'former')", name="state"),
        Index("uq_lookup_key_current", "state", unique=True, postgresql_where=text("state = 'current'")),
    )

    key_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    users_through: Mapped[uuid.UUID | None]
    phones_through: Mapped[uuid.UUID | None]
    rehashed: Mapped[int] = mapped_column(BigInteger)
