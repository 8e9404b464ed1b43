"""Tables of erasure: tasks, which stay for good, and erased accounts that still have grams to come."""

from sqlalchemy import Column, DateTime, Index, Table, Uuid

from services.accounting.database import metadata
from shared.erasing import add_erasure_table

erasure_task = add_erasure_table(metadata)

erased_balance = Table(
    "erased_balance",
    metadata,
    Column("account_id", Uuid, primary_key=True, comment="its grams are withdrawn as they become available"),
    Column("looked_at", DateTime(timezone=True), nullable=False),
)
Index("ix_erased_balance_looked_at", erased_balance.c.looked_at)
