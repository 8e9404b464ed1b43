"""Table of proposals that wait for a second person. Grants: see the migration."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Table, Text, Uuid, func, text

from services.accounting.database import metadata

proposal = Table(
    "ledger_proposal",
    metadata,
    Column("proposal_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False, comment="an activity or an account"),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("decided_by", Text),
    Column("decided_at", DateTime(timezone=True)),
    CheckConstraint("kind IN ('reversal', 'unfreeze')", name="kind"),
    CheckConstraint("status IN ('open', 'approved', 'rejected')", name="status"),
    CheckConstraint("(status = 'open') = (decided_by IS NULL)", name="decided"),
    CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name="two_people"),
)
Index(
    "uq_ledger_proposal_open",
    proposal.c.kind,
    proposal.c.subject_id,
    unique=True,
    postgresql_where=text("status = 'open'"),
)
