import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class BindingAuthorization(Base):
    """A state that was sent to a partner. `used_at`: its one exchange began. `binding_id`: what came of it.

    `code_hash` is the keyed hash of the code it was used with, so that a repeated request gets the same answer.
    """

    __tablename__ = "binding_authorization"
    __table_args__ = (Index(None, "expires_at"), Index(None, "user_id"))

    state_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    partner_id: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    code_hash: Mapped[bytes | None]
    binding_id: Mapped[uuid.UUID | None]


class PartnerGrant(Base):
    """Sealed tokens of a partner, kept only to be revoked. `revoke_at`: null while their binding lives.

    The row is written before the binding, with a time for its revocation. So a crash between them leaves no token that
    lives for ever. It has no key to the person's row: the tokens must end also after the person has gone.
    """

    __tablename__ = "partner_grant"
    __table_args__ = (
        Index("ix_partner_grant_due", "revoke_at", postgresql_where=text("revoke_at IS NOT NULL")),
        Index(None, "binding_id"),
        Index(None, "user_id"),
        CheckConstraint("binding_id IS NOT NULL OR revoke_at IS NOT NULL", name="ends"),
        CheckConstraint("attempts >= 0", name="attempts"),
    )

    grant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    partner_id: Mapped[str]
    tokens_sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    binding_id: Mapped[uuid.UUID | None]
    revoke_at: Mapped[datetime | None]
    attempts: Mapped[int]
