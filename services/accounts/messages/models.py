import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.accounts.database import Base


class MessageChoice(Base):
    """How many messages of a kind a person has accepted and not received. WeChat allows one for each acceptance."""

    __tablename__ = "message_choice"
    __table_args__ = (
        CheckConstraint("remaining >= 0", name="not_negative"),
        Index(None, "kind", "user_id", postgresql_where=text("remaining > 0")),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.app_user.user_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    remaining: Mapped[int]
    changed_at: Mapped[datetime]


class Message(Base):
    """A message, once for (user, kind, key). `attempts` fences: only the claim that sent it may note the result.

    `due_at` is the time of the next attempt, and during an attempt the end of its claim.
    """

    __tablename__ = "message"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "kind"], ["accounts.message_choice.user_id", "accounts.message_choice.kind"]),
        Index("uq_message_user_id_kind_key", "user_id", "kind", "key", unique=True),
        Index("ix_message_due", "due_at", postgresql_where=text("status IN ('waiting', 'sending')")),
        Index("ix_message_failed", "message_id", postgresql_where=text("status = 'failed'")),
        Index(None, "created_at"),
        CheckConstraint("status IN ('waiting', 'sending', 'sent', 'unknown', 'dropped', 'failed')", name="status"),
        CheckConstraint("(status IN ('waiting', 'sending')) = (finished_at IS NULL)", name="finished"),
    )

    message_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    user_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    key: Mapped[str]
    texts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str]
    reason: Mapped[str | None]
    attempts: Mapped[int]
    refusals: Mapped[int]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class MessageRun(Base):
    """The messages of one kind and one day: how far the job has come, and until when a process has claimed it."""

    __tablename__ = "message_run"

    kind: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    position: Mapped[uuid.UUID]
    claimed_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class MessageWindow(Base):
    """Messages sent in one minute or one day, over all processes."""

    __tablename__ = "message_window"
    __table_args__ = (Index(None, "ends_at"),)

    length_s: Mapped[int] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(primary_key=True)
    sent: Mapped[int]
