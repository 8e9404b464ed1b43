"""Vouchers at tills: validity and ends of vouchers, merchants, shops, tills, redemptions.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_UNUSED = "order_id IS NOT NULL AND used_at IS NULL AND expired_at IS NULL AND NOT withdrawn AND NOT retired"
_VOUCHER_CHECKS = {
    "used_wholly": "(used_at IS NULL) = (use_id IS NULL) AND (used_at IS NULL) = (used_shop_id IS NULL)",
    "one_end": "num_nonnulls(used_at, expired_at) + withdrawn::int <= 1",
    "pool_is_fresh": "order_id IS NOT NULL OR num_nonnulls(used_at, expired_at, valid_until) = 0",
    "validity": "valid_from < valid_until",
}


def upgrade() -> None:
    op.create_table(
        "merchant",
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("merchant_id ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name=op.f("ck_merchant_slug")),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("ck_merchant_status")),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_merchant")),
        schema="rewards",
    )
    op.create_table(
        "merchant_nonce",
        sa.Column("app_key", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("app_key", "nonce", name=op.f("pk_merchant_nonce")),
        schema="rewards",
    )
    op.create_index("ix_merchant_nonce_at", "merchant_nonce", ["at"], unique=False, schema="rewards")
    op.create_table(
        "merchant_key",
        sa.Column("app_key", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True, comment="of an HMAC key"),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "live_at", sa.DateTime(timezone=True), nullable=True, comment="null until a second person approved it"
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "algorithm IN ('CP1-HMAC-SHA256', 'CP1-ED25519', 'CP1-RSA-SHA256', 'CP1-SM2-SM3')",
            name=op.f("ck_merchant_key_algorithm"),
        ),
        sa.CheckConstraint("num_nonnulls(secret_sealed, public_key) = 1", name=op.f("ck_merchant_key_one_material")),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["rewards.merchant.merchant_id"], name=op.f("fk_merchant_key_merchant_id")
        ),
        sa.PrimaryKeyConstraint("app_key", name=op.f("pk_merchant_key")),
        schema="rewards",
    )
    op.create_index("ix_merchant_key_merchant", "merchant_key", ["merchant_id"], unique=False, schema="rewards")
    op.create_table(
        "shop",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="takes no vouchers any more"),
        sa.CheckConstraint("shop_id ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name=op.f("ck_shop_slug")),
        sa.ForeignKeyConstraint(["merchant_id"], ["rewards.merchant.merchant_id"], name=op.f("fk_shop_merchant_id")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shop")),
        schema="rewards",
    )
    op.create_index("ix_shop_merchant", "shop", ["merchant_id", "shop_id"], unique=False, schema="rewards")
    op.create_table(
        "till",
        sa.Column("till_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "enrolled_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["rewards.shop.shop_id"], name=op.f("fk_till_shop_id")),
        sa.PrimaryKeyConstraint("till_id", name=op.f("pk_till")),
        schema="rewards",
    )
    op.create_index(
        "ix_till_shop",
        "till",
        ["shop_id"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "till_enrolment",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="of the till"),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["rewards.shop.shop_id"], name=op.f("fk_till_enrolment_shop_id")),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_till_enrolment")),
        schema="rewards",
    )
    op.create_index("ix_till_enrolment_end", "till_enrolment", ["expires_at"], unique=False, schema="rewards")
    op.create_table(
        "voucher_returned",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line", sa.SmallInteger(), nullable=False),
        sa.Column("voucher_id", sa.Uuid(), nullable=False, comment="may belong to another order by now"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "returned_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_voucher_returned_item_id")),
        sa.PrimaryKeyConstraint("order_id", "order_line", name=op.f("pk_voucher_returned")),
        schema="rewards",
    )
    op.create_index("ix_voucher_returned_voucher", "voucher_returned", ["voucher_id"], schema="rewards")
    op.create_index(
        "ix_voucher_returned_user", "voucher_returned", ["user_id", "order_id"], unique=False, schema="rewards"
    )
    op.create_table(
        "voucher_terms",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True, comment="exclusive"),
        sa.Column("valid_days", sa.Integer(), nullable=True, comment="whole days after the one of the order"),
        sa.CheckConstraint("valid_days BETWEEN 1 AND 3650", name=op.f("ck_voucher_terms_valid_days")),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("ck_voucher_terms_validity")),
        sa.ForeignKeyConstraint(["item_id"], ["rewards.item.item_id"], name=op.f("fk_voucher_terms_item_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_voucher_terms")),
        schema="rewards",
    )
    op.create_table(
        "redemption",
        sa.Column("redemption_id", sa.Uuid(), nullable=False),
        sa.Column("voucher_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the till, which alone may undo it"),
        sa.Column("till_id", sa.Uuid(), nullable=True, comment="null: a merchant's own system"),
        sa.Column("sponsor_id", sa.Text(), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False, comment="what one piece cost its budget when it was ordered"),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=False, comment="at the till"),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "recorded_day", sa.Date(), nullable=False, comment="local day of the record: the day of the settlement"
        ),
        sa.Column("offline", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cleared_day",
            sa.Date(),
            nullable=True,
            comment="the day whose settlement has it; cannot be undone any more",
        ),
        sa.CheckConstraint("fen >= 0", name=op.f("ck_redemption_fen")),
        sa.CheckConstraint("undone_at IS NULL OR cleared_day IS NULL", name=op.f("ck_redemption_one_end")),
        sa.ForeignKeyConstraint(["order_id"], ["rewards.orders.order_id"], name=op.f("fk_redemption_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["rewards.shop.shop_id"], name=op.f("fk_redemption_shop_id")),
        sa.ForeignKeyConstraint(["voucher_id"], ["rewards.voucher.voucher_id"], name=op.f("fk_redemption_voucher_id")),
        sa.PrimaryKeyConstraint("redemption_id", name=op.f("pk_redemption")),
        schema="rewards",
    )
    op.create_index("ix_redemption_day", "redemption", ["recorded_day", "shop_id"], unique=False, schema="rewards")
    op.create_index(
        "ix_redemption_open",
        "redemption",
        ["recorded_day"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text("undone_at IS NULL AND cleared_day IS NULL"),
    )
    op.create_index("ix_redemption_shop", "redemption", ["shop_id", "redemption_id"], unique=False, schema="rewards")
    op.create_index(
        "uq_redemption_voucher",
        "redemption",
        ["voucher_id"],
        unique=True,
        schema="rewards",
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.add_column(
        "voucher",
        sa.Column(
            "secret_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="of the changing QR code; made when the owner first looks",
        ),
        schema="rewards",
    )
    op.add_column("voucher", sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True), schema="rewards")
    op.add_column(
        "voucher",
        sa.Column(
            "valid_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="exclusive; fixed when assigned; null: no end",
        ),
        schema="rewards",
    )
    op.add_column(
        "voucher",
        sa.Column(
            "reminded_at", sa.DateTime(timezone=True), nullable=True, comment="when its owner was reminded of the end"
        ),
        schema="rewards",
    )
    op.add_column("voucher", sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True), schema="rewards")
    op.add_column(
        "voucher",
        sa.Column(
            "used_at", sa.DateTime(timezone=True), nullable=True, comment="a till without a line reports its own time"
        ),
        schema="rewards",
    )
    op.add_column("voucher", sa.Column("use_id", sa.Uuid(), nullable=True, comment="the redemption"), schema="rewards")
    op.add_column("voucher", sa.Column("used_shop_id", sa.Text(), nullable=True), schema="rewards")
    op.create_index(
        "ix_voucher_end",
        "voucher",
        ["valid_until"],
        unique=False,
        schema="rewards",
        postgresql_where=sa.text(
            "order_id IS NOT NULL AND used_at IS NULL AND expired_at IS NULL AND NOT withdrawn AND NOT retired"
        ),
    )
    op.create_index("ix_voucher_user", "voucher", ["user_id", "order_id", "order_line"], unique=False, schema="rewards")
    for name, rule in _VOUCHER_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_voucher_{name}"), "voucher", rule, schema="rewards")
    op.add_column(
        "orders",
        sa.Column(
            "kept_fen",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="pieces that were used before the order was refunded: their sponsor pays them",
        ),
        schema="rewards",
    )
    op.create_check_constraint(
        op.f("ck_orders_kept_fen"), "orders", "kept_fen BETWEEN 0 AND cost_fen", schema="rewards"
    )
    # What a till has recorded stays.
    op.execute("REVOKE DELETE, TRUNCATE ON rewards.redemption FROM rewards")


def downgrade() -> None:
    op.drop_column("orders", "kept_fen", schema="rewards")
    for name in _VOUCHER_CHECKS:
        op.drop_constraint(op.f(f"ck_voucher_{name}"), "voucher", schema="rewards")
    op.drop_index("ix_voucher_user", table_name="voucher", schema="rewards")
    op.drop_index(
        "ix_voucher_end",
        table_name="voucher",
        schema="rewards",
        postgresql_where=sa.text(
            "order_id IS NOT NULL AND used_at IS NULL AND expired_at IS NULL AND NOT withdrawn AND NOT retired"
        ),
    )
    op.drop_column("voucher", "used_shop_id", schema="rewards")
    op.drop_column("voucher", "use_id", schema="rewards")
    op.drop_column("voucher", "used_at", schema="rewards")
    op.drop_column("voucher", "expired_at", schema="rewards")
    op.drop_column("voucher", "reminded_at", schema="rewards")
    op.drop_column("voucher", "valid_until", schema="rewards")
    op.drop_column("voucher", "valid_from", schema="rewards")
    op.drop_column("voucher", "secret_sealed", schema="rewards")
    op.drop_index(
        "uq_redemption_voucher",
        table_name="redemption",
        schema="rewards",
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.drop_index("ix_redemption_shop", table_name="redemption", schema="rewards")
    op.drop_index(
        "ix_redemption_open",
        table_name="redemption",
        schema="rewards",
        postgresql_where=sa.text("undone_at IS NULL AND cleared_day IS NULL"),
    )
    op.drop_index("ix_redemption_day", table_name="redemption", schema="rewards")
    op.drop_table("redemption", schema="rewards")
    op.drop_table("voucher_terms", schema="rewards")
    op.drop_index("ix_voucher_returned_voucher", table_name="voucher_returned", schema="rewards")
    op.drop_index("ix_voucher_returned_user", table_name="voucher_returned", schema="rewards")
    op.drop_table("voucher_returned", schema="rewards")
    op.drop_index("ix_till_enrolment_end", table_name="till_enrolment", schema="rewards")
    op.drop_table("till_enrolment", schema="rewards")
    op.drop_index("ix_till_shop", table_name="till", schema="rewards", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_table("till", schema="rewards")
    op.drop_index("ix_shop_merchant", table_name="shop", schema="rewards")
    op.drop_table("shop", schema="rewards")
    op.drop_index("ix_merchant_key_merchant", table_name="merchant_key", schema="rewards")
    op.drop_table("merchant_key", schema="rewards")
    op.drop_index("ix_merchant_nonce_at", table_name="merchant_nonce", schema="rewards")
    op.drop_table("merchant_nonce", schema="rewards")
    op.drop_table("merchant", schema="rewards")
