"""Vesting of credits, freezing of accounts, operators' proposals.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vesting",
        sa.Column(
            "activity_id",
            sa.Uuid(),
            nullable=False,
            comment="of a pending activity; gone when it vests or is reversed",
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_vesting")),
        schema="accounting",
    )
    op.create_index("ix_vesting_due", "vesting", ["due_at", "activity_id"], schema="accounting")
    op.create_index("ix_binding_account", "binding", ["account_id", "partner_id"], schema="accounting")
    _extend_ledger()
    _add_operations()


def _extend_ledger() -> None:
    op.alter_column(
        "ledger_account",
        "lifetime_mg",
        comment="of a person: credited and pending activities, whatever became of the grams; less what was reversed",
        existing_type=sa.BigInteger(),
        schema="accounting",
    )
    op.add_column(
        "ledger_account", sa.Column("owner_id", sa.Uuid(), comment="whose sub-account this is"), schema="accounting"
    )
    op.add_column(
        "ledger_account",
        sa.Column("frozen_at", sa.DateTime(timezone=True), comment="no new hold may take from it"),
        schema="accounting",
    )
    # A debt came from reversing an activity of its owner.
    op.execute(
        "UPDATE accounting.ledger_account d SET owner_id = a.account_id FROM accounting.posting p"
        " JOIN accounting.activity a USING (activity_id)"
        " WHERE d.kind = 'debt' AND p.kind = 'reversal' AND p.debit_account_id = d.account_id"
    )
    op.create_check_constraint(
        op.f("ck_ledger_account_sub_account_has_owner"),
        "ledger_account",
        "(kind IN ('debt', 'pending')) = (owner_id IS NOT NULL)",
        schema="accounting",
    )
    op.create_check_constraint(
        op.f("ck_ledger_account_people_are_frozen"),
        "ledger_account",
        "frozen_at IS NULL OR kind = 'person'",
        schema="accounting",
    )
    op.create_index(
        "uq_posting_vest_of_activity",
        "posting",
        ["activity_id"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("kind = 'vest'"),
    )


def _add_operations() -> None:
    op.create_table(
        "ledger_proposal",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False, comment="an activity or an account"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("kind IN ('reversal', 'unfreeze')", name=op.f("ck_ledger_proposal_kind")),
        sa.CheckConstraint("status IN ('open', 'approved', 'rejected')", name=op.f("ck_ledger_proposal_status")),
        sa.CheckConstraint("(status = 'open') = (decided_by IS NULL)", name=op.f("ck_ledger_proposal_decided")),
        sa.CheckConstraint(
            "status <> 'approved' OR decided_by <> proposed_by", name=op.f("ck_ledger_proposal_two_people")
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_ledger_proposal")),
        schema="accounting",
    )
    op.create_index(
        "uq_ledger_proposal_open",
        "ledger_proposal",
        ["kind", "subject_id"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("status = 'open'"),
    )
    # A proposal is decided, never rewritten.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON accounting.ledger_proposal FROM accounting")
    op.execute("GRANT UPDATE (status, decided_by, decided_at) ON accounting.ledger_proposal TO accounting")


def downgrade() -> None:
    op.drop_table("ledger_proposal", schema="accounting")
    op.drop_index("uq_posting_vest_of_activity", table_name="posting", schema="accounting")
    op.drop_constraint(op.f("ck_ledger_account_people_are_frozen"), "ledger_account", schema="accounting")
    op.drop_constraint(op.f("ck_ledger_account_sub_account_has_owner"), "ledger_account", schema="accounting")
    op.drop_column("ledger_account", "frozen_at", schema="accounting")
    op.drop_column("ledger_account", "owner_id", schema="accounting")
    op.alter_column("ledger_account", "lifetime_mg", comment=None, existing_type=sa.BigInteger(), schema="accounting")
    op.drop_index("ix_binding_account", table_name="binding", schema="accounting")
    op.drop_table("vesting", schema="accounting")
