import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class FamilyCard(Base):
    """A card and the person who holds it: a user without a WeChat identity, with an own carbon account.

    `qr_sha256`: of the code on the card; none once the card has ended. `label_sealed` is for the proxy's eyes only and
    sealed with the id of the card. `limit_mg`: what the proxy may spend in a month. The ids of users are no references:
    a card is history and outlives who is erased.
    """

    __tablename__ = "family_card"
    __table_args__ = (
        Index(None, "proxy_user_id"),
        CheckConstraint("kind IN ('paper', 'transit')", name="kind"),
        CheckConstraint("opened_through IN ('proxy', 'window')", name="opened_through"),
        CheckConstraint("ended_reason IN ('ended', 'handed_over')", name="ended_reason"),
        CheckConstraint(
            "(ended_at IS NULL) = (ended_reason IS NULL) AND (ended_at IS NULL OR qr_sha256 IS NULL)", name="ended"
        ),
    )

    card_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    kind: Mapped[str]
    qr_sha256: Mapped[bytes | None] = mapped_column(unique=True)
    proxy_user_id: Mapped[uuid.UUID | None]
    label_sealed: Mapped[bytes | None]
    limit_mg: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    opened_at: Mapped[datetime]
    opened_through: Mapped[str]
    changed_at: Mapped[datetime]
    window_renewed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]


class FamilyCardCode(Base):
    """SHA-256 of a code by which a person takes over the account of a card, or becomes its proxy. Deleted when used."""

    __tablename__ = "family_card_code"
    __table_args__ = (
        Index(None, "card_id"),
        Index(None, "expires_at"),
        CheckConstraint("purpose IN ('handover', 'proxy')", name="purpose"),
    )

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    card_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(FamilyCard.card_id))
    purpose: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class FamilyCardEvent(Base):
    """An act on a card, and the kind of its actor. The service's role may only insert.

    `policy_version`: the policy to which the holder consented, through the one who did it. What an operator did is in
    the audit log, too, with the operator's name and reason.
    """

    __tablename__ = "family_card_event"
    __table_args__ = (
        Index(None, "card_id"),
        CheckConstraint("by IN ('proxy', 'window', 'person')", name="by"),
    )

    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    card_id: Mapped[uuid.UUID] = mapped_column(ForeignKey(FamilyCard.card_id))
    at: Mapped[datetime]
    action: Mapped[str]
    by: Mapped[str]
    policy_version: Mapped[str | None]
    request_id: Mapped[str]
