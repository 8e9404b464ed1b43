"""The audit log: what operators changed. The service's role may only add to it and read it."""

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from services.ingest.database import metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("entry_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("subject", Text, nullable=False, comment="who: the subject of the operator's token"),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False, comment="what it was done to"),
    Column("reason", Text, nullable=False),
    Column("before", JSONB(none_as_null=True), comment="null where nothing was there"),
    Column("after", JSONB(none_as_null=True), comment="null where nothing is left"),
)
Index("ix_audit_log_object", audit_log.c.object, audit_log.c.entry_id)
