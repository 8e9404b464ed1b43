"""WeChat: acceptances and queue of subscribe messages, texts to decide on, steps reported.

Revision ID: 20261127_0015
Revises: 20261127_0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_0015"
down_revision = "20261127_0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _choices()
    _messages()
    _runs()
    _text_checks()
    _steps()


def _choices() -> None:
    op.create_table(
        "message_choice",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint("remaining >= 0", name=op.f("ck_message_choice_not_negative")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_message_choice_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_message_choice")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_message_choice_kind_user_id"),
        "message_choice",
        ["kind", "user_id"],
        schema="accounts",
        postgresql_where=sa.text("remaining > 0"),
    )


def _messages() -> None:
    op.create_table(
        "message",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("texts", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'unknown', 'dropped', 'failed')", name=op.f("ck_message_status")
        ),
        sa.CheckConstraint(
            "(status IN ('waiting', 'sending')) = (finished_at IS NULL)", name=op.f("ck_message_finished")
        ),
        sa.ForeignKeyConstraint(
            ["user_id", "kind"],
            ["accounts.message_choice.user_id", "accounts.message_choice.kind"],
            name=op.f("fk_message_user_id_message_choice"),
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message")),
        schema="accounts",
    )
    op.create_index(
        "uq_message_user_id_kind_key", "message", ["user_id", "kind", "key"], unique=True, schema="accounts"
    )
    op.create_index(
        "ix_message_due",
        "message",
        ["due_at"],
        schema="accounts",
        postgresql_where=sa.text("status IN ('waiting', 'sending')"),
    )
    op.create_index(
        "ix_message_failed", "message", ["message_id"], schema="accounts", postgresql_where=sa.text("status = 'failed'")
    )
    op.create_index(op.f("ix_message_created_at"), "message", ["created_at"], schema="accounts")


def _runs() -> None:
    op.create_table(
        "message_window",
        sa.Column("length_s", sa.Integer(), nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("length_s", "ends_at", name=op.f("pk_message_window")),
        schema="accounts",
    )
    op.create_index(op.f("ix_message_window_ends_at"), "message_window", ["ends_at"], schema="accounts")
    op.create_table(
        "message_run",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("position", sa.Uuid(), nullable=False),
        sa.Column("claimed_until", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("kind", "day", name=op.f("pk_message_run")),
        schema="accounts",
    )


def _steps() -> None:
    op.create_table(
        "steps_reported",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reported_through", sa.Date(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_steps_reported_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_steps_reported")),
        schema="accounts",
    )


def _text_checks() -> None:
    op.create_table(
        "text_check",
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('waiting', 'allowed', 'refused')", name=op.f("ck_text_check_status")),
        sa.CheckConstraint("(status = 'waiting') = (decided_at IS NULL)", name=op.f("ck_text_check_decided")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_text_check_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("check_id", name=op.f("pk_text_check")),
        schema="accounts",
    )
    op.create_index(
        "uq_text_check_user_id_kind_text_hash",
        "text_check",
        ["user_id", "kind", "text_hash"],
        unique=True,
        schema="accounts",
    )
    op.create_index(
        "ix_text_check_waiting",
        "text_check",
        ["check_id"],
        schema="accounts",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(op.f("ix_text_check_created_at"), "text_check", ["created_at"], schema="accounts")


def downgrade() -> None:
    for table in ("steps_reported", "text_check", "message_run", "message_window", "message", "message_choice"):
        op.drop_table(table, schema="accounts")
