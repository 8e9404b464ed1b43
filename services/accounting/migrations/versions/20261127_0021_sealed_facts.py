"""Seals of activities and of the operators' records, the journal of the library, and the nightly recheck.

The journal starts with the library as it is: earlier approvals are in `methodology_draft`, `approval` and `audit_log`.
Days that were sealed before keep their format.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Runs with the rights of the owner, so the service's role needs no right to add changes.
_KEEP = """
CREATE FUNCTION accounting.keep_replaced_verdicts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO accounting.activity_change (activity_id, sequence, old_sequence, status, reason_code, amount_mg,
        account_id, scene, methodology_code, methodology_version, act_sha256, judgement_sha256)
    SELECT n.activity_id, n.sequence, o.sequence, o.status, o.reason_code, o.amount_mg, o.account_id, o.scene,
        o.methodology_code, o.methodology_version,
        CASE WHEN o.status <> 'parked' AND o.act IS DISTINCT FROM n.act
             THEN sha256(convert_to(o.act::text, 'UTF8')) END,
        CASE WHEN o.status <> 'parked' AND o.judgement IS DISTINCT FROM n.judgement
             THEN sha256(convert_to(o.judgement::text, 'UTF8')) END
    FROM old_rows o JOIN new_rows n USING (activity_id) WHERE n.sequence <> o.sequence;
    RETURN NULL;
END $$"""
_ADD_ONLY = ("activity_change", "library_journal", "record_digest", "activity_block")


def upgrade() -> None:
    _keep_changes()
    _seal_activities()
    _seal_records()
    _keep_journal()
    _recheck()
    for table in _ADD_ONLY:
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON accounting.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION accounting.refuse_change()"
        )
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON accounting.{table} FROM accounting")
    op.execute("REVOKE INSERT ON accounting.activity_change FROM accounting")


def _keep_changes() -> None:
    op.create_table(
        "activity_change",
        sa.Column("activity_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.SmallInteger(), nullable=False, comment="of the new verdict"),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "old_sequence",
            sa.SmallInteger(),
            nullable=False,
            comment="this and all below: of the verdict it replaced",
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("amount_mg", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("scene", sa.Text(), nullable=True),
        sa.Column("methodology_code", sa.Text(), nullable=True),
        sa.Column("methodology_version", sa.Integer(), nullable=True),
        sa.Column(
            "act_sha256",
            sa.LargeBinary(),
            nullable=True,
            comment="of the act's text, if the new verdict has another act or none",
        ),
        sa.Column(
            "judgement_sha256",
            sa.LargeBinary(),
            nullable=True,
            comment="of the judgement's text, if it was replaced or deleted",
        ),
        sa.PrimaryKeyConstraint("activity_id", "sequence", name=op.f("pk_activity_change")),
        schema="accounting",
    )
    for table, column in (("activity_change", "changed_at"), ("activity", "recorded_at")):
        op.create_index(
            f"ix_{table}_{column}",
            table,
            [column],
            schema="accounting",
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on", "pages_per_range": 32},
            postgresql_ops={column: "timestamptz_minmax_multi_ops"},
        )
    op.execute(_KEEP)
    # PostgreSQL takes a column list and transition tables only in separate triggers. Inserts are not affected.
    op.execute(
        "CREATE TRIGGER keep_replaced_verdicts AFTER UPDATE ON accounting.activity"
        " REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounting.keep_replaced_verdicts()"
    )


def _seal_activities() -> None:
    op.add_column(
        "daily_digest",
        sa.Column("activities", sa.Integer(), nullable=True, comment="null for days of leaf format 1"),
        schema="accounting",
    )
    op.create_table(
        "activity_block",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("leaves", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_activity_id", sa.Uuid(), nullable=False),
        sa.Column("first_sequence", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("leaves > 0", name=op.f("ck_activity_block_leaves_positive")),
        sa.PrimaryKeyConstraint("day", "number", name=op.f("pk_activity_block")),
        schema="accounting",
    )


def _seal_records() -> None:
    op.create_table(
        "record_digest",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False, comment="canonical JSON: what is hashed, chained and signed"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True, comment="sha256 of the day before"),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="salts of the day's leaves; never published"),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(public_key IS NULL) = (signature IS NULL)", name=op.f("ck_record_digest_signed_by_a_key")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_record_digest")),
        sa.UniqueConstraint("sha256", name=op.f("uq_record_digest_sha256")),
        sa.UniqueConstraint("previous", name=op.f("uq_record_digest_previous")),
        schema="accounting",
    )


def _keep_journal() -> None:
    op.create_table(
        "library_journal",
        sa.Column("entry_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of a methodology; the vintage of a factor"),
        sa.Column("sha256", sa.Text(), nullable=True, comment="of the document; null for an end"),
        sa.Column("document", postgresql.JSONB(), nullable=True, comment="as approved"),
        sa.Column("ends_on", sa.Date(), nullable=True, comment="of an end: the first day out of force"),
        sa.Column("retired", sa.Boolean(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('version', 'factor', 'end')", name=op.f("ck_library_journal_kind")),
        sa.CheckConstraint(
            "(kind = 'end') = (sha256 IS NULL) AND (kind = 'end') = (document IS NULL)",
            name=op.f("ck_library_journal_document"),
        ),
        sa.CheckConstraint(
            "approved_by <> proposed_by OR approved_by IN ('~shipped', '~before-journal')",
            name=op.f("ck_library_journal_two_people"),
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_library_journal")),
        schema="accounting",
    )
    op.execute(
        "INSERT INTO accounting.library_journal (kind, name, version, sha256, document, proposed_by, approved_by)"
        " SELECT 'version', code, version, sha256, document, '~before-journal', '~before-journal'"
        " FROM accounting.methodology_version"
        " UNION ALL SELECT 'factor', factor_id, vintage, sha256, document, '~before-journal', '~before-journal'"
        " FROM accounting.factor ORDER BY 1, 2, 3"
    )
    for ends_on, retired, where in (
        ("retired_from", "true", "retired_from IS NOT NULL"),
        (
            "effective_to",
            "false",
            "effective_to IS DISTINCT FROM coalesce(retired_from, (document->>'effective_to')::date)",
        ),
    ):
        op.execute(
            "INSERT INTO accounting.library_journal (kind, name, version, ends_on, retired, proposed_by, approved_by)"
            f" SELECT 'end', code, version, {ends_on}, {retired}, '~before-journal', '~before-journal'"
            f" FROM accounting.methodology_version WHERE {where} ORDER BY code, version"
        )


def _recheck() -> None:
    op.create_table(
        "seal_check",
        sa.Column("newest_day", sa.Date(), nullable=False, comment="the newest sealed day when the run began"),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", postgresql.JSONB(), nullable=False, comment="where the next step begins"),
        sa.Column("steps", sa.Integer(), server_default="0", nullable=False),
        sa.Column("days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("equations", postgresql.JSONB(), nullable=False, comment="figures by name; 0 while it holds"),
        sa.PrimaryKeyConstraint("newest_day", name=op.f("pk_seal_check")),
        schema="accounting",
    )
    op.create_table(
        "checked_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_checked_day")),
        schema="accounting",
    )


def downgrade() -> None:
    for table in ("checked_day", "seal_check", "library_journal", "record_digest", "activity_block"):
        op.drop_table(table, schema="accounting")
    op.drop_column("daily_digest", "activities", schema="accounting")
    op.execute("DROP TRIGGER keep_replaced_verdicts ON accounting.activity")
    op.execute("DROP FUNCTION accounting.keep_replaced_verdicts()")
    op.drop_index("ix_activity_recorded_at", table_name="activity", schema="accounting", postgresql_using="brin")
    op.drop_table("activity_change", schema="accounting")
