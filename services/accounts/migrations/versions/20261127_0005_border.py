"""Log-in codes under way, and the published policies.

Revision ID: 20261127_0005
Revises: 20261127_0004
"""

import sqlalchemy as sa
from alembic import op

revision = "20261127_0005"
down_revision = "20261127_0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "log_in_code",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME, nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_log_in_code")),
        schema="accounts",
    )
    op.create_index(op.f("ix_log_in_code_claimed_until"), "log_in_code", ["claimed_until"], schema="accounts")
    op.create_table(
        "policy",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("effective_from", _TIME, nullable=False),
        sa.Column("accepted_until", _TIME, nullable=True),
        sa.CheckConstraint("accepted_until > effective_from", name=op.f("ck_policy_order")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy")),
        schema="accounts",
    )
    # The versions that clients send today. The first one ends when the programme publishes its next version.
    op.execute(
        """
        INSERT INTO accounts.policy (version, title_zh, title_en, effective_from) VALUES
            ('2026-01', '个人信息处理规则', 'Processing of personal data', '2026-01-01 00:00+08'),
            ('2026-11', '个人信息处理规则（2026 年 11 月）', 'Processing of personal data, November 2026',
             '2026-11-01 00:00+08')
        """
    )


def downgrade() -> None:
    op.drop_table("policy", schema="accounts")
    op.drop_table("log_in_code", schema="accounts")
