"""Daily settlement, disputes, imported pools of voucher codes, and what tills accepted without a line.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clearing_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("adjusted_fen", sa.BigInteger(), nullable=False, comment="of disputes that were decided"),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_clearing_day")),
        schema="rewards",
    )
    op.create_table(
        "clearing_line",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("sponsor_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.Column("adjusted_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("pieces >= 0 AND fen >= 0", name=op.f("ck_clearing_line_not_negative")),
        sa.ForeignKeyConstraint(["day"], ["rewards.clearing_day.day"], name=op.f("fk_clearing_line_day")),
        sa.ForeignKeyConstraint(["shop_id"], ["rewards.shop.shop_id"], name=op.f("fk_clearing_line_shop_id")),
        sa.PrimaryKeyConstraint("day", "shop_id", "sponsor_id", "item_id", name=op.f("pk_clearing_line")),
        schema="rewards",
    )
    op.create_index(
        "ix_clearing_line_merchant", "clearing_line", ["merchant_id", "day"], unique=False, schema="rewards"
    )
    op.create_table(
        "dispute",
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("sponsor_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("voucher_id", sa.Uuid(), nullable=False),
        sa.Column(
            "redemption_id",
            sa.Uuid(),
            nullable=True,
            comment="the one that stands, or that was undone; null: given back",
        ),
        sa.Column("report_id", sa.Uuid(), nullable=True, comment="of the till that had no line"),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False, comment="the price of the piece"),
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_day", sa.Date(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("adjusted_fen", sa.BigInteger(), nullable=True, comment="what the shop gets more; negative: less"),
        sa.Column("cleared_day", sa.Date(), nullable=True, comment="the day whose settlement has it"),
        sa.CheckConstraint(
            "(status = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (adjusted_fen IS NULL)",
            name=op.f("ck_dispute_decided"),
        ),
        sa.CheckConstraint("kind IN ('double_use', 'given_back', 'merchant', 'sponsor')", name=op.f("ck_dispute_kind")),
        sa.CheckConstraint("status IN ('open', 'upheld', 'refused')", name=op.f("ck_dispute_status")),
        sa.CheckConstraint("fen >= 0 AND abs(adjusted_fen) <= fen", name=op.f("ck_dispute_within_price")),
        sa.ForeignKeyConstraint(["order_id"], ["rewards.orders.order_id"], name=op.f("fk_dispute_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["rewards.shop.shop_id"], name=op.f("fk_dispute_shop_id")),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f("pk_dispute")),
        schema="rewards",
    )
    op.create_index("ix_dispute_merchant", "dispute", ["merchant_id", "dispute_id"], unique=False, schema="rewards")
    op.create_index(
        "ix_dispute_open",
        "dispute",
        ["dispute_id"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_dispute_uncleared",
        "dispute",
        ["decided_day"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("cleared_day IS NULL"),
    )
    op.create_index(
        "uq_dispute_redemption",
        "dispute",
        ["redemption_id", "kind"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text("report_id IS NULL"),
    )
    op.create_index("uq_dispute_report", "dispute", ["report_id"], unique=True, schema="rewards")
    op.create_table(
        "voucher_import",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column(
            "report",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="[line, state] of lines that were not added, at most 1,000",
        ),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column(
            "imported_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "added >= 0 AND known >= 0 AND repeated >= 0 AND refused >= 0", name=op.f("ck_voucher_import_not_negative")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_voucher_import_item_id")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_voucher_import")),
        schema="rewards",
    )
    op.create_index(
        "ix_voucher_import_item", "voucher_import", ["item_id", "import_id"], unique=False, schema="rewards"
    )
    op.create_table(
        "offline_report",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the till"),
        sa.Column("report_id", sa.Uuid(), nullable=False, comment="made by the till: a repeat changes nothing"),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("voucher_id", sa.Uuid(), nullable=True, comment="null: no code of ours"),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reported_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True, comment="why it was refused"),
        sa.Column("redemption_id", sa.Uuid(), nullable=True, comment="of this voucher, this till's or the earlier one"),
        sa.Column("dispute_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(outcome = 'refused') = (code IS NOT NULL)", name=op.f("ck_offline_report_code")),
        sa.CheckConstraint(
            "(outcome IN ('double_use', 'given_back')) = (dispute_id IS NOT NULL)",
            name=op.f("ck_offline_report_dispute"),
        ),
        sa.CheckConstraint(
            "outcome IN ('redeemed', 'known', 'double_use', 'given_back', 'refused')",
            name=op.f("ck_offline_report_outcome"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["rewards.orders.order_id"], name=op.f("fk_offline_report_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["rewards.shop.shop_id"], name=op.f("fk_offline_report_shop_id")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_offline_report")),
        sa.UniqueConstraint("actor", "report_id", name=op.f("uq_offline_report_actor_report_id")),
        schema="rewards",
    )
    op.create_index("ix_offline_report_shop", "offline_report", ["shop_id", "entry_id"], unique=False, schema="rewards")
    # A closed day never changes.
    for table in ("clearing_day", "clearing_line", "voucher_import", "offline_report"):
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON rewards.{table} FROM rewards")
    op.execute("REVOKE DELETE, TRUNCATE ON rewards.dispute FROM rewards")


def downgrade() -> None:
    op.drop_index("ix_offline_report_shop", table_name="offline_report", schema="rewards")
    op.drop_table("offline_report", schema="rewards")
    op.drop_index("ix_voucher_import_item", table_name="voucher_import", schema="rewards")
    op.drop_table("voucher_import", schema="rewards")
    op.drop_index("uq_dispute_report", table_name="dispute", schema="rewards")
    op.drop_index(
        "uq_dispute_redemption", table_name="dispute", schema="rewards", postgresql_where=sa.text("report_id IS NULL")
    )
    op.drop_index(
        "ix_dispute_uncleared", table_name="dispute", schema="rewards", postgresql_where=sa.text("cleared_day IS NULL")
    )
    op.drop_index(
        "ix_dispute_open", table_name="dispute", schema="rewards", postgresql_where=sa.text("status = 'open'")
    )
    op.drop_index("ix_dispute_merchant", table_name="dispute", schema="rewards")
    op.drop_table("dispute", schema="rewards")
    op.drop_index("ix_clearing_line_merchant", table_name="clearing_line", schema="rewards")
    op.drop_table("clearing_line", schema="rewards")
    op.drop_table("clearing_day", schema="rewards")
