"""Bindings between citizens and partners, as accounts publishes them, and those that changed after their acts."""

from sqlalchemy import Column, DateTime, Index, Integer, Table, Text, Uuid

from services.accounting.database import metadata

binding = Table(
    "binding",
    metadata,
    Column("binding_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("partner_id", Text, nullable=False),
    Column("account_key", Text, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("counts_from", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("consent_withdrawn_at", DateTime(timezone=True)),
)
Index("ix_binding_key", binding.c.partner_id, binding.c.account_key)
Index("ix_binding_account", binding.c.account_id, binding.c.partner_id)

binding_change = Table(
    "binding_change",
    metadata,
    Column("partner_id", Text, primary_key=True),
    Column("account_id", Uuid, primary_key=True, comment="whose binding became known after acts that it decides"),
    Column("since", DateTime(timezone=True), nullable=False, comment="acts received before are not concerned"),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="further changes may arrive until then"),
    Column("looks", Integer, nullable=False, server_default="0", comment="made so far"),
)
Index("ix_binding_change_due_at", binding_change.c.due_at)
