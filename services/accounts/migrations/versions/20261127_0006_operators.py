"""Operators log in: accounts, attempts, sessions, the audit log.

Revision ID: 20261127_0006
Revises: 20261127_0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_0006"
down_revision = "20261127_0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = postgresql.JSONB(none_as_null=True)


def upgrade() -> None:
    op.create_table(
        "operator_account",
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("disabled_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "(issuer IS NULL) = (password_hash IS NOT NULL)", name=op.f("ck_operator_account_one_proof")
        ),
        sa.PrimaryKeyConstraint("operator_id", name=op.f("pk_operator_account")),
        sa.UniqueConstraint("subject", name=op.f("uq_operator_account_subject")),
        schema="accounts",
    )
    op.create_table(
        "operator_attempt",
        sa.Column("attempt_key", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("attempt_key", name=op.f("pk_operator_attempt")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_operator_attempt_window_ends_at"), "operator_attempt", ["window_ends_at"], schema="accounts"
    )
    op.create_table(
        "operator_log_in",
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_operator_log_in")),
        schema="accounts",
    )
    op.create_index(op.f("ix_operator_log_in_expires_at"), "operator_log_in", ["expires_at"], schema="accounts")
    _sessions()
    _audit_log()
    op.create_index(op.f("ix_operator_action_at"), "operator_action", ["at"], schema="accounts")


def _sessions() -> None:
    op.create_table(
        "operator_session",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("refreshed_at", _TIME, nullable=False),
        sa.Column("refresh_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["operator_id"],
            ["accounts.operator_account.operator_id"],
            name=op.f("fk_operator_session_operator_id_operator_account"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_operator_session")),
        sa.UniqueConstraint("refresh_sha256", name=op.f("uq_operator_session_refresh_sha256")),
        schema="accounts",
    )
    for columns in (["operator_id", "created_at"], ["expires_at"], ["previous_sha256"]):
        name = op.f(f"ix_operator_session_{'_'.join(columns)}")
        op.create_index(name, "operator_session", columns, schema="accounts")


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="who: the subject of the operator's token"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False, comment="what it was done to"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", _JSON, nullable=True, comment="null where nothing was there"),
        sa.Column("after", _JSON, nullable=True, comment="null where nothing is left"),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_log")),
        schema="accounts",
    )
    op.create_index("ix_audit_log_object", "audit_log", ["object", "entry_id"], schema="accounts")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounts.audit_log FROM accounts")
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts.audit_log"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounts.refuse_change()"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_operator_action_at"), "operator_action", schema="accounts")
    for table in ("audit_log", "operator_session", "operator_log_in", "operator_attempt", "operator_account"):
        op.drop_table(table, schema="accounts")
