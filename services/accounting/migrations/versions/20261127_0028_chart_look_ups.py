"""The chart of accounts: look up each account by its key, whatever the size of the tables at the first posting.

Revision ID: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# A statement of a trigger has no parameters: each connection plans it once and keeps the plan. Planned for a large poll
# while few accounts existed, the former join read all accounts, at every later posting of that connection. A scalar
# subquery that names the row outside can only be a look-up by the primary key.
_CHECK = """
CREATE OR REPLACE FUNCTION accounting.check_postings() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE refused record;
BEGIN
    -- Grouped first: nearly all postings of a poll are credits from a handful of issuance accounts.
    SELECT k.kind, k.debit_kind, k.credit_kind INTO refused
    FROM (SELECT g.kind, g.credit_kind, (SELECT d.kind FROM accounting.ledger_account d
                                         WHERE d.account_id = g.debit_account_id) AS debit_kind
          FROM (SELECT p.kind, p.debit_account_id, (SELECT c.kind FROM accounting.ledger_account c
                                                    WHERE c.account_id = p.credit_account_id) AS credit_kind
                FROM added p GROUP BY 1, 2, 3) g OFFSET 0) k
    LEFT JOIN accounting.posting_rule r
        ON r.kind = k.kind AND r.debit_kind = k.debit_kind AND r.credit_kind = k.credit_kind
    WHERE r.kind IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the chart of accounts does not allow a posting % from % to %',
            refused.kind, coalesce(refused.debit_kind, 'no account'), coalesce(refused.credit_kind, 'no account')
            USING ERRCODE = 'check_violation', TABLE = 'posting', SCHEMA = 'accounting', CONSTRAINT = 'posting_rule';
    END IF;
    RETURN NULL;
END $$"""
_FORMER = """
CREATE OR REPLACE FUNCTION accounting.check_postings() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
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


def upgrade() -> None:
    op.execute(_CHECK)


def downgrade() -> None:
    op.execute(_FORMER)
