"""Records of partners, keys and webhook addresses, and the chain that seals them with the operators' other records.

A trigger keeps a record of every change, also of one made by hand. The partners and keys that exist get one audit entry
each with the subject `~before-records`: earlier registrations by the seed file left no entry.

Revision ID: 20261127_0007
Revises: 20261127_0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.ids import new_id

revision = "20261127_0007"
down_revision = "20261127_0006"
branch_labels = None
depends_on = None

# Columns that say nothing about what a partner may do, and change with every delivery.
_LEFT_OUT = "'updated_at', 'created_at', 'failing_since', 'last_success_at'"
# Sealed secrets begin with a random nonce. Their hash shows that a secret was replaced, and nothing else.
_FACTS = rf"""
CREATE FUNCTION ingest.recorded_facts(whole jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog AS $$
    SELECT jsonb_object_agg(
        CASE WHEN key LIKE '%\_sealed' THEN regexp_replace(key, '_sealed$', '_sha256') ELSE key END,
        CASE WHEN key LIKE '%\_sealed' AND value <> 'null'
             THEN to_jsonb(encode(sha256(decode(substr(value #>> '{{}}', 3), 'hex')), 'hex')) ELSE value END)
    FROM jsonb_each(whole) WHERE key NOT IN ({_LEFT_OUT})
$$"""
# Runs with the rights of the owner, so the service's role needs no right to add records.
_KEEP = """
CREATE FUNCTION ingest.keep_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    whole jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    old_facts jsonb := CASE WHEN TG_OP <> 'INSERT' THEN ingest.recorded_facts(to_jsonb(OLD)) END;
    new_facts jsonb := CASE WHEN TG_OP <> 'DELETE' THEN ingest.recorded_facts(to_jsonb(NEW)) END;
BEGIN
    IF old_facts IS DISTINCT FROM new_facts THEN
        INSERT INTO ingest.partner_record (kind, name, partner_id, facts)
        VALUES (TG_ARGV[0], whole ->> TG_ARGV[1], whole ->> 'partner_id', new_facts);
    END IF;
    RETURN NULL;
END $$"""
_REFUSE = """
CREATE FUNCTION ingest.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME;
END $$"""
_KINDS = (
    ("partner", "partner", "partner_id"),
    ("partner_key", "key", "app_key"),
    ("webhook_endpoint", "webhook", "partner_id"),
)
_ADD_ONLY = ("partner_record", "record_digest")


def upgrade() -> None:
    op.create_table(
        "partner_record",
        sa.Column("entry_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="app_key of a key, else the partner id"),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column(
            "facts",
            postgresql.JSONB(none_as_null=True),
            nullable=True,
            comment="the row, with hashes of its sealed secrets; null once it was deleted",
        ),
        sa.CheckConstraint("kind IN ('partner', 'key', 'webhook')", name=op.f("ck_partner_record_kind")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_partner_record")),
        schema="ingest",
    )
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
        schema="ingest",
    )
    for function in (_FACTS, _KEEP, _REFUSE):
        op.execute(function)
    _begin()
    for table, kind, name in _KINDS:
        op.execute(
            f"CREATE TRIGGER keep_record AFTER INSERT OR UPDATE OR DELETE ON ingest.{table}"
            f" FOR EACH ROW EXECUTE FUNCTION ingest.keep_record('{kind}', '{name}')"
        )
    for table in _ADD_ONLY:
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ingest.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION ingest.refuse_change()"
        )
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON ingest.{table} FROM ingest")
    op.execute("REVOKE INSERT ON ingest.partner_record FROM ingest")


def _begin() -> None:
    """Record what exists."""
    op.execute("SET LOCAL timezone = 'UTC'")
    for table, kind, name in _KINDS:
        op.execute(
            "INSERT INTO ingest.partner_record (kind, name, partner_id, facts)"
            f" SELECT '{kind}', {name}, partner_id, ingest.recorded_facts(to_jsonb(t)) FROM ingest.{table} t ORDER BY 2"
        )
    partners = op.get_bind().scalars(sa.text("SELECT partner_id FROM ingest.partner ORDER BY 1")).all()
    registered = sa.text(
        "INSERT INTO ingest.audit_log (entry_id, subject, action, object, reason, after)"
        " SELECT :entry_id, '~before-records', 'partner.register', 'partner/' || partner_id,"
        " '此前登记 registered before records were kept', jsonb_build_object('partner', facts, 'keys',"
        " coalesce((SELECT jsonb_agg(k.facts || jsonb_build_object('public_key_sha256',"
        " encode(sha256(convert_to(k.facts ->> 'public_key', 'UTF8')), 'hex')) ORDER BY k.name)"
        " FROM ingest.partner_record k WHERE k.kind = 'key' AND k.partner_id = p.partner_id), '[]'))"
        " FROM ingest.partner_record p WHERE kind = 'partner' AND name = :partner_id"
    )
    for partner_id in partners:
        op.get_bind().execute(registered, {"entry_id": new_id(), "partner_id": partner_id})


def downgrade() -> None:
    for table, _, _ in _KINDS:
        op.execute(f"DROP TRIGGER keep_record ON ingest.{table}")
    for table in reversed(_ADD_ONLY):
        op.drop_table(table, schema="ingest")
    for function in ("keep_record()", "recorded_facts(jsonb)", "refuse_change()"):
        op.execute(f"DROP FUNCTION ingest.{function}")
