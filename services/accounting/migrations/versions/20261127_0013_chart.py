"""The chart of accounts in the database; postings are only ever added; parked reports apart from acts.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# The rows of the chart are written by every run of the migrations (migrations/env.py).
_CHECK = """
CREATE FUNCTION accounting.check_postings() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE refused record;
BEGIN
    -- Grouped first: nearly all postings of a poll are credits from a handful of issuance accounts.
    SELECT g.kind, d.kind AS debit_kind, g.credit_kind INTO refused
    FROM (SELECT p.kind, p.debit_account_id,
                 (SELECT a.kind FROM accounting.ledger_account a
                  WHERE a.account_id = p.credit_account_id) AS credit_kind
          FROM added p GROUP BY 1, 2, 3) g
    LEFT JOIN accounting.ledger_account d ON d.account_id = g.debit_account_id
    LEFT JOIN accounting.posting_rule r
        ON r.kind = g.kind AND r.debit_kind = d.kind AND r.credit_kind = g.credit_kind
    WHERE r.kind IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the chart of accounts does not allow a posting % from % to %',
            refused.kind, coalesce(refused.debit_kind, 'no account'), coalesce(refused.credit_kind, 'no account')
            USING ERRCODE = 'check_violation', TABLE = 'posting', SCHEMA = 'accounting', CONSTRAINT = 'posting_rule';
    END IF;
    RETURN NULL;
END $$"""

_REFUSE = """
CREATE FUNCTION accounting.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is not allowed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Postings are only ever added; accounts keep their identity.';
END $$"""


def upgrade() -> None:
    op.create_table(
        "posting_rule",
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="of a posting; the rows are `chart.CHART`, written by migrations"
        ),
        sa.Column("debit_kind", sa.Text(), nullable=False, comment="of an account"),
        sa.Column("credit_kind", sa.Text(), nullable=False, comment="of an account"),
        sa.PrimaryKeyConstraint("kind", "debit_kind", "credit_kind", name=op.f("pk_posting_rule")),
        schema="accounting",
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON accounting.posting_rule FROM accounting")
    op.execute(_CHECK)
    op.execute(
        "CREATE TRIGGER check_postings AFTER INSERT ON accounting.posting REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounting.check_postings()"
    )
    # The owner of the tables is bound by these as well, not only by what it grants to the service's role.
    op.execute(_REFUSE)
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting.posting"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounting.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OF account_id, kind, code, owner_id OR DELETE OR TRUNCATE"
        " ON accounting.ledger_account FOR EACH STATEMENT EXECUTE FUNCTION accounting.refuse_change()"
    )
    # Only reversals name a posting: an index entry for every credit cost as much as the trigger above.
    op.create_index(
        "uq_posting_reversal",
        "posting",
        ["reverses_posting_id", "debit_account_id"],
        unique=True,
        schema="accounting",
        postgresql_where=sa.text("reverses_posting_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("uq_posting_reverses_posting_id_debit_account_id"), "posting", schema="accounting")
    op.alter_column("cap_usage", "account_id", new_column_name="subject_id", schema="accounting")
    op.alter_column(
        "cap_usage",
        "subject_id",
        comment="a person's account, a household's account, or the id of a meter",
        existing_type=sa.Uuid(),
        schema="accounting",
    )
    _separate_parked_reports()


def _separate_parked_reports() -> None:
    op.create_table(
        "parked_report",
        sa.Column("activity_id", sa.Uuid(), nullable=False, comment="of a parked activity"),
        sa.Column(
            "report",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the whole event, to be judged exactly as it came",
        ),
        sa.PrimaryKeyConstraint("activity_id", name=op.f("pk_parked_report")),
        schema="accounting",
    )
    op.execute(
        "WITH parked AS (SELECT activity_id, act FROM accounting.activity WHERE status = 'parked' FOR UPDATE),"
        " moved AS (INSERT INTO accounting.parked_report (activity_id, report) SELECT activity_id, act FROM parked)"
        " UPDATE accounting.activity a SET act = NULL FROM parked p WHERE a.activity_id = p.activity_id"
    )
    op.alter_column(
        "activity",
        "act",
        comment="the reported act; null while parked and for strangers",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        schema="accounting",
    )


def downgrade() -> None:
    op.execute(
        "UPDATE accounting.activity a SET act = p.report FROM accounting.parked_report p"
        " WHERE a.activity_id = p.activity_id"
    )
    op.alter_column(
        "activity",
        "act",
        comment="the reported act; null for strangers",
        existing_type=postgresql.JSONB(astext_type=sa.Text()),
        schema="accounting",
    )
    op.drop_table("parked_report", schema="accounting")
    op.alter_column("cap_usage", "subject_id", new_column_name="account_id", schema="accounting")
    op.create_unique_constraint(
        op.f("uq_posting_reverses_posting_id_debit_account_id"),
        "posting",
        ["reverses_posting_id", "debit_account_id"],
        schema="accounting",
    )
    op.drop_index("uq_posting_reversal", "posting", schema="accounting")
    op.execute("DROP TRIGGER refuse_change ON accounting.ledger_account")
    op.execute("DROP TRIGGER refuse_change ON accounting.posting")
    op.execute("DROP FUNCTION accounting.refuse_change()")
    op.execute("DROP TRIGGER check_postings ON accounting.posting")
    op.execute("DROP FUNCTION accounting.check_postings()")
    op.drop_table("posting_rule", schema="accounting")
