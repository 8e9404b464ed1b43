"""The schema of the rewards service: its metadata, and the columns that its settled tables have in common."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.schema import SchemaItem

from shared.db import metadata_for
from shared.plumbing import add_plumbing_tables

SCHEMA = "rewards"
metadata = metadata_for(SCHEMA)
add_plumbing_tables(metadata)

# A table with the columns of a settlement. Orders and donations keep their state in their own row.
SettledTable = Table
OPEN = "status IN ('pending', 'cancelling', 'returning')"
# Rows that are no orders or donations of anybody: they were refused before anything was spent.
REFUSED = "status = 'cancelled' AND reason_code NOT IN ('CALLED_OFF', 'REFUNDED')"


def settlement_columns(id_name: str) -> list[SchemaItem]:
    return [
        Column(id_name, Uuid, primary_key=True, comment="also the id of the hold in accounting"),
        Column("user_id", Uuid, nullable=False),
        Column("account_id", Uuid, nullable=False, comment="whose grams: the user's, a household's or a family card's"),
        Column("spender_id", Uuid, comment="the user's own account, if the grams are of another one"),
        Column("agreement_id", Uuid, comment="of the members of the household, in accounting"),
        Column("amount_mg", BigInteger, nullable=False),
        Column("capture_to", Text, nullable=False),
        Column("status", Text, nullable=False, server_default="pending"),
        Column("reason_code", Text),
        Column("title_zh", Text, comment="of the item or campaign, as it was; for accounting's lines"),
        Column("title_en", Text),
        Column("idempotency_key", Text, nullable=False),
        Column("request_id", Text, nullable=False),
        Column("language", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        Column("settled_at", DateTime(timezone=True)),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("next_attempt_at", DateTime(timezone=True), nullable=False),
        Column("last_error", Text),
        CheckConstraint("status IN ('pending', 'cancelling', 'confirmed', 'returning', 'cancelled')", name="status"),
        CheckConstraint("(status IN ('confirmed', 'cancelled')) = (settled_at IS NOT NULL)", name="settled_at"),
        CheckConstraint(
            "(status IN ('cancelling', 'returning', 'cancelled')) = (reason_code IS NOT NULL)", name="reason_code"
        ),
        CheckConstraint("amount_mg > 0", name="amount_positive"),
    ]


def index_open(table: Table) -> None:
    """Add the index by which the worker finds the few open rows."""
    Index(f"ix_{table.name}_open", table.c.next_attempt_at, postgresql_where=text(OPEN))
