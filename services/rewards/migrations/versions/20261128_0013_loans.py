"""Banks, their quotes, and offsets of loan interest.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_nonce",
        sa.Column("app_key", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("app_key", "nonce", name=op.f("pk_bank_nonce")),
        schema="rewards",
    )
    op.create_index("ix_bank_nonce_at", "bank_nonce", ["at"], unique=False, schema="rewards")
    op.create_table(
        "loan_month",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("bank_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("taken_fen", sa.BigInteger(), nullable=False, comment="of offsets that are not cancelled"),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False, comment="the limit when it was last used"),
        sa.CheckConstraint("taken_fen <= limit_fen", name=op.f("ck_loan_month_within_limit")),
        sa.CheckConstraint("taken_fen >= 0", name=op.f("ck_loan_month_not_negative")),
        sa.PrimaryKeyConstraint("user_id", "bank_id", "month", name=op.f("pk_loan_month")),
        schema="rewards",
    )
    op.create_table(
        "bank",
        sa.Column("bank_id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("budget_id", sa.Text(), nullable=False, comment="pays the interest"),
        sa.Column("fen_per_kg", sa.Integer(), nullable=False, comment="fen of interest for 1,000,000 mg"),
        sa.Column("month_fen", sa.BigInteger(), nullable=False, comment="of one person in a local month"),
        sa.Column("answer_hours", sa.Integer(), nullable=False, comment="without an answer by then the grams go back"),
        sa.Column(
            "registered_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("bank_id ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name=op.f("ck_bank_slug")),
        sa.CheckConstraint("answer_hours BETWEEN 1 AND 168", name=op.f("ck_bank_answer_hours")),
        sa.CheckConstraint("fen_per_kg > 0 AND month_fen > 0", name=op.f("ck_bank_terms")),
        sa.ForeignKeyConstraint(["budget_id"], ["rewards.budget.budget_id"], name=op.f("fk_bank_budget_id")),
        sa.PrimaryKeyConstraint("bank_id", name=op.f("pk_bank")),
        schema="rewards",
    )
    op.create_table(
        "bank_key",
        sa.Column("app_key", sa.Text(), nullable=False),
        sa.Column("bank_id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("live_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "algorithm IN ('CP1-ED25519', 'CP1-RSA-SHA256', 'CP1-SM2-SM3')", name=op.f("ck_bank_key_algorithm")
        ),
        sa.CheckConstraint("app_key ~ '^bk-[a-z0-9-]{3,80}$'", name=op.f("ck_bank_key_app_key")),
        sa.ForeignKeyConstraint(["bank_id"], ["rewards.bank.bank_id"], name=op.f("fk_bank_key_bank_id")),
        sa.PrimaryKeyConstraint("app_key", name=op.f("pk_bank_key")),
        schema="rewards",
    )
    op.create_index("ix_bank_key_bank", "bank_key", ["bank_id"], unique=False, schema="rewards")
    op.create_table(
        "loan_offset",
        sa.Column("offset_id", sa.Uuid(), nullable=False, comment="also the id of the hold in accounting"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "account_id", sa.Uuid(), nullable=False, comment="whose grams: the user's, a household's or a family card's"
        ),
        sa.Column(
            "spender_id", sa.Uuid(), nullable=True, comment="the user's own account, if the grams are of another one"
        ),
        sa.Column("agreement_id", sa.Uuid(), nullable=True, comment="of the members of the household, in accounting"),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("capture_to", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
        sa.Column(
            "title_zh", sa.Text(), nullable=True, comment="of the item or campaign, as it was; for accounting's lines"
        ),
        sa.Column("title_en", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("bank_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("budget_id", sa.Text(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=False, comment="of interest"),
        sa.Column("month", sa.Text(), nullable=False, comment="the local month that it counts in"),
        sa.Column("bank_status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column(
            "bank_at", sa.DateTime(timezone=True), nullable=True, comment="when the bank answered, or was given up"
        ),
        sa.Column("answer_hours", sa.Integer(), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True, comment="set when the grams are spent"),
        sa.CheckConstraint("(bank_status = 'waiting') = (bank_at IS NULL)", name=op.f("ck_loan_offset_bank_at")),
        sa.CheckConstraint(
            "(status IN ('cancelling', 'returning', 'cancelled')) = (reason_code IS NOT NULL)",
            name=op.f("ck_loan_offset_reason_code"),
        ),
        sa.CheckConstraint(
            "(status IN ('confirmed', 'cancelled')) = (settled_at IS NOT NULL)", name=op.f("ck_loan_offset_settled_at")
        ),
        sa.CheckConstraint(
            "bank_status <> 'confirmed' OR status = 'confirmed'", name=op.f("ck_loan_offset_confirmed_stays")
        ),
        sa.CheckConstraint(
            "bank_status IN ('waiting', 'confirmed', 'refused', 'silent')", name=op.f("ck_loan_offset_bank_status")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'cancelling', 'confirmed', 'returning', 'cancelled')",
            name=op.f("ck_loan_offset_status"),
        ),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_loan_offset_amount_positive")),
        sa.CheckConstraint("cost_fen > 0", name=op.f("ck_loan_offset_cost_positive")),
        sa.ForeignKeyConstraint(["bank_id"], ["rewards.bank.bank_id"], name=op.f("fk_loan_offset_bank_id")),
        sa.PrimaryKeyConstraint("offset_id", name=op.f("pk_loan_offset")),
        sa.UniqueConstraint("user_id", "idempotency_key", name=op.f("uq_loan_offset_user_id_idempotency_key")),
        schema="rewards",
    )
    op.create_index("ix_loan_offset_bank", "loan_offset", ["bank_id", "offset_id"], unique=False, schema="rewards")
    op.create_index(
        "ix_loan_offset_open",
        "loan_offset",
        ["next_attempt_at"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("status IN ('pending', 'cancelling', 'returning')"),
    )
    op.create_index(
        "ix_loan_offset_settled",
        "loan_offset",
        ["bank_at"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("bank_status = 'confirmed'"),
    )
    op.create_index("ix_loan_offset_user", "loan_offset", ["user_id", "offset_id"], unique=False, schema="rewards")
    op.create_index(
        "ix_loan_offset_waiting",
        "loan_offset",
        ["answer_by"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("status = 'confirmed' AND bank_status = 'waiting'"),
    )
    op.create_index(
        "uq_loan_offset_quote",
        "loan_offset",
        ["bank_id", "quote_id"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text("NOT (status = 'cancelled' AND reason_code NOT IN ('BANK_REFUSED', 'BANK_SILENT'))"),
    )
    op.create_table(
        "loan_quote",
        sa.Column("bank_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False, comment="the bank's reference"),
        sa.Column("customer_ref", sa.Text(), nullable=False, comment="names a citizen to this bank only"),
        sa.Column("interest_fen", sa.BigInteger(), nullable=False, comment="the most that may be offset"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("interest_fen > 0", name=op.f("ck_loan_quote_interest_positive")),
        sa.ForeignKeyConstraint(["bank_id"], ["rewards.bank.bank_id"], name=op.f("fk_loan_quote_bank_id")),
        sa.PrimaryKeyConstraint("bank_id", "quote_id", name=op.f("pk_loan_quote")),
        schema="rewards",
    )
    op.create_index("ix_loan_quote_customer", "loan_quote", ["customer_ref"], unique=False, schema="rewards")
    op.create_index("ix_loan_quote_end", "loan_quote", ["expires_at"], unique=False, schema="rewards")
    for table in ("bank", "bank_key", "loan_offset", "loan_month"):
        op.execute(f"REVOKE DELETE, TRUNCATE ON rewards.{table} FROM rewards")


def downgrade() -> None:
    for table in ("loan_month", "loan_quote", "loan_offset", "bank_nonce", "bank_key", "bank"):
        op.drop_table(table, schema="rewards")
