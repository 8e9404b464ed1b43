from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class SigningKey(Base):
    """A key by its `kid`. It is published from the start, signs from `signs_from`, and is withdrawn at `ends_at`.

    The private key is sealed. The key of the settings has none here, only its times.
    """

    __tablename__ = "signing_key"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    private_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]
    signs_from: Mapped[datetime]
    ends_at: Mapped[datetime | None]
