"""Tables of vouchers: codes, validity by item, what was given back. Only the owner can read a code."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from services.rewards.database import metadata
from services.rewards.vouchers.domain import VALID_DAYS_MAX

voucher = Table(
    "voucher",
    metadata,
    Column("voucher_id", Uuid, primary_key=True),
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), nullable=False),
    Column("code_hash", LargeBinary, nullable=False, comment="keyed: finds a code imported twice, tells nothing"),
    Column("code_sealed", LargeBinary, nullable=False),
    Column("loaded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("order_id", Uuid, comment="null while in the pool"),
    Column("order_line", SmallInteger),
    Column("user_id", Uuid),
    Column("assigned_at", DateTime(timezone=True)),
    Column("opened_at", DateTime(timezone=True), comment="when its owner first saw the code"),
    Column("withdrawn", Boolean, nullable=False, server_default=text("false"), comment="its order is being returned"),
    Column(
        "imported",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="a code of the partner's own system: it cannot be replaced",
    ),
    Column("secret_sealed", LargeBinary, comment="of the changing QR code; made when the owner first looks"),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True), comment="exclusive; fixed when assigned; null: no end"),
    Column("reminded_at", DateTime(timezone=True), comment="when its owner was reminded of the end"),
    Column("expired_at", DateTime(timezone=True)),
    Column("used_at", DateTime(timezone=True), comment="a till without a line reports its own time"),
    Column("use_id", Uuid, comment="the redemption"),
    Column("used_shop_id", Text),
    Column(
        "retired",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="its order was refunded and nobody else can get the code; it is no piece any more",
    ),
    UniqueConstraint("item_id", "code_hash"),
    UniqueConstraint("order_id", "order_line"),
    CheckConstraint(
        "(order_id IS NULL) = (order_line IS NULL) AND (order_id IS NULL) = (user_id IS NULL)"
        " AND (order_id IS NULL) = (assigned_at IS NULL)",
        name="assigned_wholly",
    ),
    CheckConstraint(
        "(used_at IS NULL) = (use_id IS NULL) AND (used_at IS NULL) = (used_shop_id IS NULL)", name="used_wholly"
    ),
    CheckConstraint("num_nonnulls(used_at, expired_at) + withdrawn::int <= 1", name="one_end"),
    CheckConstraint("order_id IS NOT NULL OR num_nonnulls(used_at, expired_at, valid_until) = 0", name="pool_is_fresh"),
    CheckConstraint("valid_from < valid_until", name="validity"),
)
UNUSED = "order_id IS NOT NULL AND used_at IS NULL AND expired_at IS NULL AND NOT withdrawn AND NOT retired"
Index("ix_voucher_pool", voucher.c.item_id, voucher.c.voucher_id, postgresql_where=text("order_id IS NULL"))
# A till types the code without the item.
Index("ix_voucher_code", voucher.c.code_hash, postgresql_where=text("order_id IS NOT NULL"))
Index("ix_voucher_user", voucher.c.user_id, voucher.c.order_id, voucher.c.order_line)
Index("ix_voucher_end", voucher.c.valid_until, postgresql_where=text(UNUSED))

voucher_terms = Table(
    "voucher_terms",
    metadata,
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), primary_key=True),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_until", DateTime(timezone=True), comment="exclusive"),
    Column("valid_days", Integer, comment="whole days after the one of the order"),
    CheckConstraint("valid_from < valid_until", name="validity"),
    CheckConstraint(f"valid_days BETWEEN 1 AND {VALID_DAYS_MAX}", name="valid_days"),
)

voucher_returned = Table(
    "voucher_returned",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("order_line", SmallInteger, primary_key=True),
    Column("voucher_id", Uuid, nullable=False, comment="may belong to another order by now"),
    Column("user_id", Uuid, nullable=False),
    Column("item_id", Text, ForeignKey("rewards.item.item_id"), nullable=False),
    Column("assigned_at", DateTime(timezone=True), nullable=False),
    Column("returned_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
Index("ix_voucher_returned_voucher", voucher_returned.c.voucher_id)
Index("ix_voucher_returned_user", voucher_returned.c.user_id, voucher_returned.c.order_id)
