"""Budgets, catalogue, vouchers, orders, campaigns, certificates, and the plumbing every service has.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _plumbing()
    _budgets_and_items()
    _stock()
    _vouchers()
    _orders()
    _campaigns()
    _donations()
    _certificates()


def _plumbing() -> None:
    op.create_table(
        "consumer_partition",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition", name=op.f("pk_consumer_partition")),
        schema="rewards",
    )
    op.create_table(
        "consumer_worker",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "holder", name=op.f("pk_consumer_worker")),
        schema="rewards",
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "consumer", "topic", "partition", "offset", name=op.f("uq_dead_letter_consumer_topic_partition_offset")
        ),
        schema="rewards",
    )
    op.create_table(
        "idempotency_key",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subject", "route", "key", name=op.f("pk_idempotency_key")),
        schema="rewards",
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False, schema="rewards")
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="rewards",
    )


def _budgets_and_items() -> None:
    op.create_table(
        "budget",
        sa.Column("budget_id", sa.Text(), nullable=False),
        sa.Column("sponsor_id", sa.Text(), nullable=False, comment="names the ledger account redeemed:<sponsor>"),
        sa.Column("sponsor_zh", sa.Text(), nullable=False),
        sa.Column("sponsor_en", sa.Text(), nullable=False),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("reserved_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spent_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("sponsor_id ~ '^[A-Za-z0-9._-]{1,60}$'", name=op.f("ck_budget_sponsor_id")),
        sa.CheckConstraint("reserved_fen + spent_fen <= limit_fen", name=op.f("ck_budget_within_limit")),
        sa.CheckConstraint("reserved_fen >= 0 AND spent_fen >= 0", name=op.f("ck_budget_not_negative")),
        sa.PrimaryKeyConstraint("budget_id", name=op.f("pk_budget")),
        schema="rewards",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "item",
        sa.Column("item_id", sa.Text(), nullable=False, comment="a slug chosen by the operator, stable for ever"),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("description_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("description_en", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("images", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("price_mg", sa.BigInteger(), nullable=False, comment="what a citizen pays for one piece"),
        sa.Column("price_fen", sa.BigInteger(), nullable=False, comment="what one piece costs its budget"),
        sa.Column("budget_id", sa.Text(), nullable=False),
        sa.Column("per_user_limit", sa.Integer(), nullable=True, comment="null: no limit"),
        sa.Column("sale_starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sale_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_sale", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "item_id ~ '^[a-z0-9][a-z0-9-]{0,59}$' AND category ~ '^[a-z0-9][a-z0-9-]{0,59}$'",
            name=op.f("ck_item_slugs"),
        ),
        sa.CheckConstraint("per_user_limit > 0", name=op.f("ck_item_per_user_limit")),
        sa.CheckConstraint("price_mg > 0 AND price_fen >= 0", name=op.f("ck_item_prices")),
        sa.CheckConstraint("sale_starts_at < sale_ends_at", name=op.f("ck_item_sale_window")),
        sa.ForeignKeyConstraint(["budget_id"], ["rewards.budget.budget_id"], name=op.f("fk_item_budget_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_item")),
        schema="rewards",
    )
    op.create_index("ix_item_category", "item", ["category", "item_id"], unique=False, schema="rewards")


def _stock() -> None:
    op.create_table(
        "item_stock",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("loaded", sa.Integer(), server_default="0", nullable=False, comment="all pieces ever put in"),
        sa.Column("available", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reserved", sa.Integer(), server_default="0", nullable=False, comment="in orders not settled yet"),
        sa.Column("sold", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("available + reserved + sold = loaded", name=op.f("ck_item_stock_nothing_lost")),
        sa.CheckConstraint("available >= 0 AND reserved >= 0 AND sold >= 0", name=op.f("ck_item_stock_not_negative")),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_item_stock_item_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_item_stock")),
        schema="rewards",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "item_taken",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False, comment="pieces in orders that are not cancelled"),
        sa.Column(
            "limit_quantity", sa.Integer(), nullable=True, comment="the item's limit when it was last used; null: none"
        ),
        sa.CheckConstraint("taken <= limit_quantity", name=op.f("ck_item_taken_within_limit")),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_item_taken_not_negative")),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_item_taken_item_id")),
        sa.PrimaryKeyConstraint("user_id", "item_id", name=op.f("pk_item_taken")),
        schema="rewards",
    )


def _vouchers() -> None:
    op.create_table(
        "voucher",
        sa.Column("voucher_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column(
            "code_hash", sa.LargeBinary(), nullable=False, comment="keyed: finds a code imported twice, tells nothing"
        ),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True, comment="null while in the pool"),
        sa.Column("order_line", sa.SmallInteger(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(order_id IS NULL) = (order_line IS NULL) AND (order_id IS NULL) = (user_id IS NULL)"
            " AND (order_id IS NULL) = (assigned_at IS NULL)",
            name=op.f("ck_voucher_assigned_wholly"),
        ),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_voucher_item_id")),
        sa.PrimaryKeyConstraint("voucher_id", name=op.f("pk_voucher")),
        sa.UniqueConstraint("item_id", "code_hash", name=op.f("uq_voucher_item_id_code_hash")),
        sa.UniqueConstraint("order_id", "order_line", name=op.f("uq_voucher_order_id_order_line")),
        schema="rewards",
    )
    op.create_index(
        "ix_voucher_pool",
        "voucher",
        ["item_id", "voucher_id"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("order_id IS NULL"),
    )


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Uuid(), nullable=False, comment="also the id of the hold in accounting"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("capture_to", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
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
        sa.Column("client_request_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_mg", sa.BigInteger(), nullable=False, comment="per piece, as it was when ordered"),
        sa.Column("budget_id", sa.Text(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=False, comment="all pieces"),
        sa.CheckConstraint(
            "(status IN ('cancelling', 'cancelled')) = (reason_code IS NOT NULL)", name=op.f("ck_orders_reason_code")
        ),
        sa.CheckConstraint(
            "(status IN ('confirmed', 'cancelled')) = (settled_at IS NOT NULL)", name=op.f("ck_orders_settled_at")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'cancelling', 'confirmed', 'cancelled')", name=op.f("ck_orders_status")
        ),
        sa.CheckConstraint("amount_mg = price_mg * quantity", name=op.f("ck_orders_amount")),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_orders_amount_positive")),
        sa.CheckConstraint("quantity BETWEEN 1 AND 10", name=op.f("ck_orders_quantity")),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_orders_item_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        sa.UniqueConstraint("user_id", "client_request_id", name=op.f("uq_orders_user_id_client_request_id")),
        schema="rewards",
    )
    op.create_index(
        "ix_orders_open",
        "orders",
        ["next_attempt_at"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("status IN ('pending', 'cancelling')"),
    )
    op.create_index("ix_orders_user", "orders", ["user_id", "order_id"], unique=False, schema="rewards")


def _campaigns() -> None:
    op.create_table(
        "campaign",
        sa.Column(
            "campaign_id", sa.Text(), nullable=False, comment="a slug; names the ledger account donated:<campaign>"
        ),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("description_zh", sa.Text(), server_default="", nullable=False),
        sa.Column("description_en", sa.Text(), server_default="", nullable=False),
        sa.Column("target_mg", sa.BigInteger(), nullable=False),
        sa.Column("donated_mg", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("donors", sa.Integer(), server_default="0", nullable=False, comment="people, not donations"),
        sa.Column("min_mg", sa.BigInteger(), nullable=False, comment="of one donation"),
        sa.Column("max_mg", sa.BigInteger(), nullable=False, comment="of one donation"),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("campaign_id ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name=op.f("ck_campaign_slug")),
        sa.CheckConstraint("0 < min_mg AND min_mg <= max_mg AND target_mg > 0", name=op.f("ck_campaign_amounts")),
        sa.CheckConstraint("donated_mg >= 0 AND donors >= 0", name=op.f("ck_campaign_not_negative")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_campaign_window")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign")),
        schema="rewards",
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "campaign_donor",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("donated_mg", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("donated_mg > 0", name=op.f("ck_campaign_donor_amount_positive")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["rewards.campaign.campaign_id"], name=op.f("fk_campaign_donor_campaign_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "user_id", name=op.f("pk_campaign_donor")),
        schema="rewards",
    )


def _donations() -> None:
    op.create_table(
        "donation",
        sa.Column("donation_id", sa.Uuid(), nullable=False, comment="also the id of the hold in accounting"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("capture_to", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=True),
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
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(status IN ('cancelling', 'cancelled')) = (reason_code IS NOT NULL)", name=op.f("ck_donation_reason_code")
        ),
        sa.CheckConstraint(
            "(status IN ('confirmed', 'cancelled')) = (settled_at IS NOT NULL)", name=op.f("ck_donation_settled_at")
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'cancelling', 'confirmed', 'cancelled')", name=op.f("ck_donation_status")
        ),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_donation_amount_positive")),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["rewards.campaign.campaign_id"], name=op.f("fk_donation_campaign_id")
        ),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_donation")),
        sa.UniqueConstraint("user_id", "idempotency_key", name=op.f("uq_donation_user_id_idempotency_key")),
        schema="rewards",
    )
    op.create_index(
        "ix_donation_open",
        "donation",
        ["next_attempt_at"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("status IN ('pending', 'cancelling')"),
    )
    op.create_index("ix_donation_user", "donation", ["user_id", "donation_id"], unique=False, schema="rewards")


def _certificates() -> None:
    op.create_table(
        "certificate",
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column(
            "campaign_zh", sa.Text(), nullable=False, comment="the title as it was when the certificate was issued"
        ),
        sa.Column("campaign_en", sa.Text(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("certificate_no ~ '^[0-9]{20}$'", name=op.f("ck_certificate_certificate_no")),
        sa.CheckConstraint("amount_mg > 0", name=op.f("ck_certificate_amount_positive")),
        sa.PrimaryKeyConstraint("certificate_no", name=op.f("pk_certificate")),
        sa.UniqueConstraint("donation_id", name=op.f("uq_certificate_donation_id")),
        schema="rewards",
    )
    # A certificate is printed once and never changed.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON rewards.certificate FROM rewards")


def downgrade() -> None:
    for table in (
        "certificate",
        "donation",
        "campaign_donor",
        "campaign",
        "orders",
        "voucher",
        "item_taken",
        "item_stock",
        "item",
        "budget",
        "outbox",
        "idempotency_key",
        "dead_letter",
        "consumer_worker",
        "consumer_partition",
    ):
        op.drop_table(table, schema="rewards")
