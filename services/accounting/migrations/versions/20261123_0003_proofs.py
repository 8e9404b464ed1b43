"""Daily digests of the postings, and what the running check of the balances keeps.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "daily_digest",
        sa.Column("day", sa.Date(), nullable=False, comment="local day of the postings"),
        sa.Column("statement", sa.Text(), nullable=False, comment="canonical JSON: what is hashed, chained and signed"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column(
            "previous",
            sa.Text(),
            nullable=True,
            comment="sha256 of the day before; two days cannot follow the same one",
        ),
        sa.Column("postings", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="salts of the day's leaves; never published"),
        sa.Column("public_key", sa.Text(), nullable=True, comment="Ed25519, hex; null when no key was set"),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(public_key IS NULL) = (signature IS NULL)", name=op.f("ck_daily_digest_signed_by_a_key")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_digest")),
        sa.UniqueConstraint("sha256", name=op.f("uq_daily_digest_sha256")),
        sa.UniqueConstraint("previous", name=op.f("uq_daily_digest_previous")),
        schema="accounting",
    )
    op.create_table(
        "digest_block",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        sa.Column("first_posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_posting_id", sa.Uuid(), nullable=False),
        sa.Column("last_posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("leaves > 0", name=op.f("ck_digest_block_leaves_positive")),
        sa.PrimaryKeyConstraint("day", "number", name=op.f("pk_digest_block")),
        schema="accounting",
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("postings_mg", sa.BigInteger(), nullable=False, comment="what the postings checked so far add up to"),
        sa.Column("drift_mg", sa.BigInteger(), nullable=False, comment="balance minus postings_mg when last looked at"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_ledger_checkpoint")),
        schema="accounting",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_ledger_checkpoint_drifting",
        "ledger_checkpoint",
        ["account_id"],
        unique=False,
        schema="accounting",
        postgresql_where=sa.text("drift_mg <> 0"),
    )
    op.create_table(
        "ledger_check_state",
        sa.Column("id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_before", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ledger_check_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_check_state")),
        schema="accounting",
    )
    op.create_index(
        "ix_posting_posted_at",
        "posting",
        ["posted_at"],
        unique=False,
        schema="accounting",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
    )
    # A sealed day stays as it is: the service can add the next one, never change or remove one.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.daily_digest, accounting.digest_block FROM accounting")


def downgrade() -> None:
    op.drop_index("ix_posting_posted_at", table_name="posting", schema="accounting", postgresql_using="brin")
    op.drop_table("ledger_check_state", schema="accounting")
    op.drop_index(
        "ix_ledger_checkpoint_drifting",
        table_name="ledger_checkpoint",
        schema="accounting",
        postgresql_where=sa.text("drift_mg <> 0"),
    )
    op.drop_table("ledger_checkpoint", schema="accounting")
    op.drop_table("digest_block", schema="accounting")
    op.drop_table("daily_digest", schema="accounting")
