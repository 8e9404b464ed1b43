import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.bindings.domain import BindingStatus
from services.accounts.database import Base

_LIVE = text("status <> 'ended'")


class Binding(Base):
    """A person at a partner, from `counts_from` until `ended_at`. Ended rows are history and never change.

    The partner's reference is not stored. Matching needs only `account_key`. A pending binding waits until
    `confirm_before` for the partner, and then counts from `counts_from` like any other.
    """

    __tablename__ = "binding"
    __table_args__ = (
        Index("uq_binding_live_partner_account", "partner_id", "account_key", unique=True, postgresql_where=_LIVE),
        Index("uq_binding_live_user_partner", "user_id", "partner_id", unique=True, postgresql_where=_LIVE),
        Index(None, "user_id", "binding_id"),
        Index(None, "partner_id", "account_key"),
        CheckConstraint("status IN ('pending', 'active', 'ended')", name="status"),
        CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("(status = 'pending') = (confirm_before IS NOT NULL)", name="confirmed"),
        CheckConstraint("ended_reason IS NULL OR status = 'ended'", name="ended_reason"),
        CheckConstraint("version > 0", name="version"),
        Index("ix_binding_unconfirmed", "confirm_before", postgresql_where=text("status = 'pending'")),
        Index(None, "partner_id", "binding_id"),
    )

    binding_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"))
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.carbon_account.account_id"), index=True)
    partner_id: Mapped[str]
    # As it was when the person bound: messages need it without a call. Null for bindings from before.
    partner_name: Mapped[str | None]
    account_key: Mapped[str]
    mode: Mapped[str]
    # Text with a CHECK, which a new status extends more easily than an ENUM type.
    status: Mapped[BindingStatus] = mapped_column(Text)
    version: Mapped[int]
    since: Mapped[datetime]
    counts_from: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    consent_withdrawn_at: Mapped[datetime | None]
    confirm_before: Mapped[datetime | None]
    # Null for bindings that ended before reasons were recorded.
    ended_reason: Mapped[str | None]
    changed_at: Mapped[datetime]


class BindingToken(Base):
    """SHA-256 of a token shown as a QR code. `binding_id` is set when the token has created its binding."""

    __tablename__ = "binding_token"
    __table_args__ = (Index(None, "expires_at"),)

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), index=True)
    partner_id: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    binding_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey(Binding.binding_id), index=True)


class PartnerNonce(Base):
    """A nonce that a partner has signed with. Stored longer than a signature with it stays valid."""

    __tablename__ = "partner_nonce"
    __table_args__ = (Index(None, "seen_at"),)

    partner_id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
