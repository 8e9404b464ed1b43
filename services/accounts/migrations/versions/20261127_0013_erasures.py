"""Erasure of people. Indexes for the foreign keys to a person, so that no deletion reads a whole table.

Revision ID: 20261127_0013
Revises: 20261127_0012
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0013"
down_revision = "20261127_0012"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_INDEXES = (
    ("binding", "account_id"),
    ("binding_token", "user_id"),
    ("binding_token", "binding_id"),
    ("household", "opened_by"),
    ("household_member", "account_id"),
    ("household_invitation", "invited_by"),
    ("household_invitation", "membership_id"),
    ("log_in_code", "session_id"),
)


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("planned_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("cancelled_at", _TIME, nullable=True),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("asked_at", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('planned', 'cancelled', 'running', 'done')", name=op.f("ck_erasure_status")),
        sa.CheckConstraint("(status = 'done') = (user_id IS NULL)", name=op.f("ck_erasure_named_until_done")),
        sa.PrimaryKeyConstraint("erasure_id", name=op.f("pk_erasure")),
        schema="accounts",
    )
    for name, column, status, unique in (
        ("uq_erasure_planned", "user_id", "planned", True),
        ("ix_erasure_due", "due_at", "planned", False),
        ("ix_erasure_running", "asked_at", "running", False),
    ):
        where = sa.text(f"status = '{status}'")
        op.create_index(name, "erasure", [column], unique=unique, schema="accounts", postgresql_where=where)
    op.create_index(op.f("ix_erasure_account_id"), "erasure", ["account_id"], schema="accounts")
    op.create_table(
        "erasure_answer",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("answered_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["accounts.erasure.erasure_id"], name=op.f("fk_erasure_answer_erasure_id_erasure")
        ),
        sa.PrimaryKeyConstraint("erasure_id", "service", name=op.f("pk_erasure_answer")),
        schema="accounts",
    )
    _exports()
    _questions()
    for column in ("reason_kind", "role"):
        op.add_column("operator_action", sa.Column(column, sa.Text(), nullable=True), schema="accounts")
    op.alter_column("household", "opened_by", nullable=True, schema="accounts")
    for table, column in _INDEXES:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], schema="accounts")


def _exports() -> None:
    person = {"referent": "accounts.app_user.user_id"}
    op.create_table(
        "person_key",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], [person["referent"]], name=op.f("fk_person_key_user_id_app_user")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_person_key")),
        schema="accounts",
    )
    op.create_table(
        "data_export",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("lease_until", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'ready', 'failed')", name=op.f("ck_data_export_status")),
        sa.CheckConstraint(
            "(status = 'ready') = (expires_at IS NOT NULL)", name=op.f("ck_data_export_expires_when_ready")
        ),
        sa.ForeignKeyConstraint(["user_id"], [person["referent"]], name=op.f("fk_data_export_user_id_app_user")),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_data_export")),
        schema="accounts",
    )
    is_open = sa.text("status IN ('queued', 'running')")
    for name, columns, unique, where in (
        ("uq_data_export_open", ["user_id"], True, is_open),
        ("ix_data_export_open", ["requested_at"], False, is_open),
        ("ix_data_export_user_id_export_id", ["user_id", "export_id"], False, None),
        ("ix_data_export_expires_at", ["expires_at"], False, None),
    ):
        op.create_index(name, "data_export", columns, unique=unique, schema="accounts", postgresql_where=where)
    op.create_table(
        "export_archive",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["accounts.data_export.export_id"],
            name=op.f("fk_export_archive_export_id_data_export"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("export_id", name=op.f("pk_export_archive")),
        schema="accounts",
    )


def _questions() -> None:
    op.create_table(
        "freeze_question",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", _TIME, nullable=True),
        sa.CheckConstraint("(answered_at IS NULL) = (answer_sealed IS NULL)", name=op.f("ck_freeze_question_answered")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_freeze_question_user_id_app_user")
        ),
        sa.PrimaryKeyConstraint("question_id", name=op.f("pk_freeze_question")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_freeze_question_user_id_question_id"),
        "freeze_question",
        ["user_id", "question_id"],
        schema="accounts",
    )
    op.create_index(
        "ix_freeze_question_open",
        "freeze_question",
        ["question_id"],
        schema="accounts",
        postgresql_where=sa.text("answered_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("freeze_question", schema="accounts")
    for column in ("reason_kind", "role"):
        op.drop_column("operator_action", column, schema="accounts")
    for table in ("export_archive", "data_export", "person_key"):
        op.drop_table(table, schema="accounts")
    for table, column in _INDEXES:
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table, schema="accounts")
    op.drop_table("erasure_answer", schema="accounts")
    op.drop_table("erasure", schema="accounts")
