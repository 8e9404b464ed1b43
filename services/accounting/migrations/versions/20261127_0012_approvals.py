"""One table for all proposals that need a second person, in place of `proposal` and `ledger_proposal`.

Rejections by the proposer become withdrawals. Of several open proposals about one subject the oldest stays open and the
later ones expire, each with an entry in the audit log.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.ids import new_id

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SAME_PERSON = "lower(btrim(normalize(decided_by, NFKC))) = lower(btrim(normalize(proposed_by, NFKC)))"
_TWO_PEOPLE = f"status NOT IN ('approved', 'rejected') OR NOT ({_SAME_PERSON})"
_OLD_COLUMNS = "proposal_id, kind, reason, status, proposed_by, proposed_at, decided_by, decided_at"

# An open proposal gets its whole life from today on. `COLLATE "C"` orders factors as the service does.
_MOVE = f"""
INSERT INTO accounting.approval (proposal_id, kind, subject, content, reason, status, proposed_by, proposed_at,
    expires_at, decided_by, decided_at)
SELECT proposal_id, kind, subject, content, reason,
    CASE WHEN status = 'rejected' AND {_SAME_PERSON} THEN 'withdrawn'
         WHEN status = 'open' AND row_number() OVER (PARTITION BY kind, subject, status ORDER BY proposal_id) > 1
         THEN 'expired' ELSE status END,
    proposed_by, proposed_at,
    CASE WHEN status = 'open' THEN now() ELSE proposed_at END + interval '14 days',
    decided_by,
    CASE WHEN status <> 'open' THEN coalesce(decided_at, proposed_at)
         WHEN row_number() OVER (PARTITION BY kind, subject, status ORDER BY proposal_id) > 1 THEN now() END
FROM (
    SELECT {_OLD_COLUMNS}, subject_id::text AS subject, '{{}}'::jsonb AS content FROM accounting.ledger_proposal
    UNION ALL
    SELECT {_OLD_COLUMNS},
        CASE kind WHEN 'retirement' THEN (content ->> 'code') || ' v' || (content ->> 'version')
             ELSE (SELECT min(((factor ->> 'id') || ' ' || (factor ->> 'vintage')) COLLATE "C")
                   FROM jsonb_array_elements(content -> 'factors') AS factor) END,
        content
    FROM accounting.proposal
) AS old
"""
_EXPIRED = "SELECT proposal_id, kind, subject, proposed_by, content FROM accounting.approval WHERE status = 'expired'"


def upgrade() -> None:
    op.create_table(
        "approval",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the thing to change, in the one spelling of its kind"),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False, comment="the subject of the operator's token"),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="null while open and when expired"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'approved', 'rejected', 'withdrawn', 'expired')", name=op.f("ck_approval_status")
        ),
        sa.CheckConstraint("(status = 'open') = (decided_at IS NULL)", name=op.f("ck_approval_decided")),
        sa.CheckConstraint(
            "(status IN ('open', 'expired')) = (decided_by IS NULL)", name=op.f("ck_approval_decided_by")
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_approval")),
        schema="accounting",
    )
    op.execute(_MOVE)
    _tell_the_audit_log()
    op.create_index(
        "uq_approval_open",
        "approval",
        ["kind", "subject"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("status = 'open'"),
    )
    # The old tables compared the two names letter by letter. An old row that breaks the new rule stays as it is.
    op.execute(f"ALTER TABLE accounting.approval ADD CONSTRAINT ck_approval_two_people CHECK ({_TWO_PEOPLE}) NOT VALID")
    if not op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT FROM accounting.approval WHERE NOT ({_TWO_PEOPLE}))")):
        op.execute("ALTER TABLE accounting.approval VALIDATE CONSTRAINT ck_approval_two_people")
    op.drop_table("proposal", schema="accounting")
    op.drop_table("ledger_proposal", schema="accounting")
    # The service adds open proposals and decides them; it can neither rewrite nor remove one.
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON accounting.approval FROM accounting")
    op.execute(
        "GRANT INSERT (proposal_id, kind, subject, content, reason, proposed_by, expires_at),"
        " UPDATE (status, decided_by, decided_at) ON accounting.approval TO accounting"
    )


def _tell_the_audit_log() -> None:
    connection = op.get_bind()
    entry = sa.table(
        "audit_log",
        sa.column("entry_id", sa.Uuid()),
        *(sa.column(name, sa.Text()) for name in ("subject", "action", "object", "reason")),
        *(sa.column(name, postgresql.JSONB()) for name in ("before", "after")),
        schema="accounting",
    )
    for row in connection.execute(sa.text(_EXPIRED)).all():
        proposal = {"proposal_id": str(row.proposal_id)}
        connection.execute(
            entry.insert().values(
                entry_id=new_id(),
                subject="~expiry",
                action=f"{row.kind}.expire",
                object=row.subject,
                reason="同一对象已有更早的提案 an earlier proposal about the same subject is open"
                f" (proposal {row.proposal_id} of {row.proposed_by})",
                before={"proposal": {**proposal, "status": "open"}},
                after={"proposal": {**proposal, "status": "expired", "content": row.content}},
            )
        )


def _old_table(name: str, own: list[sa.Column], kinds: str, two_people: str) -> None:
    op.create_table(
        name,
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *own,
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f(f"ck_{name}_kind")),
        sa.CheckConstraint("status IN ('open', 'approved', 'rejected')", name=op.f(f"ck_{name}_status")),
        sa.CheckConstraint("(status = 'open') = (decided_by IS NULL)", name=op.f(f"ck_{name}_decided")),
        sa.CheckConstraint("status <> 'approved' OR decided_by <> proposed_by", name=op.f(f"ck_{name}_{two_people}")),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f(f"pk_{name}")),
        schema="accounting",
    )


def downgrade() -> None:
    _old_table(
        "proposal",
        [sa.Column("content", postgresql.JSONB(), nullable=False)],
        "'factors', 'retirement'",
        "second_person",
    )
    _old_table(
        "ledger_proposal",
        [sa.Column("subject_id", sa.Uuid(), nullable=False, comment="an activity or an account")],
        "'reversal', 'unfreeze'",
        "two_people",
    )
    op.create_index(
        "uq_ledger_proposal_open",
        "ledger_proposal",
        ["kind", "subject_id"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("status = 'open'"),
    )
    for table, column, value, kinds in (
        ("proposal", "content", "content", "'factors', 'retirement'"),
        ("ledger_proposal", "subject_id", "subject::uuid", "'reversal', 'unfreeze'"),
    ):
        op.execute(
            f"INSERT INTO accounting.{table} ({_OLD_COLUMNS}, {column})"
            " SELECT proposal_id, kind, reason,"
            " CASE WHEN status IN ('withdrawn', 'expired') THEN 'rejected' ELSE status END, proposed_by, proposed_at,"
            f" CASE status WHEN 'expired' THEN '~expiry' ELSE decided_by END, decided_at, {value}"
            f" FROM accounting.approval WHERE kind IN ({kinds})"
        )
    op.drop_table("approval", schema="accounting")
    op.execute("REVOKE DELETE, TRUNCATE ON accounting.proposal FROM accounting")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.ledger_proposal FROM accounting")
    op.execute("GRANT UPDATE (status, decided_by, decided_at) ON accounting.ledger_proposal TO accounting")
