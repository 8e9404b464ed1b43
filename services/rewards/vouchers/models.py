"""The table of voucher codes. Only the owner can read a code, and only with the key of the service."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
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
)
Index("ix_voucher_pool", voucher.c.item_id, voucher.c.voucher_id, postgresql_where=text("order_id IS NULL"))
