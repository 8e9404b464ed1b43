"""Public keys, legacy rules and limits of partners, what they used of a day, the audit log, and news of a change.

Revision ID: 20261124_0002
Revises: 20261123_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_0002"
down_revision = "20261123_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _limits()
    _keys()
    _usage()
    _audit()
    _news()


def _limits() -> None:
    op.add_column("partner", sa.Column("status", sa.Text(), server_default="active", nullable=False), schema="ingest")
    for name in ("requests_per_s", "requests_burst", "events_per_s", "events_burst"):
        op.add_column("partner", sa.Column(name, sa.Integer(), comment="null: no limit of its own"), schema="ingest")
    op.add_column("partner", sa.Column("events_per_day", sa.BigInteger(), comment="null: no budget"), schema="ingest")
    op.add_column(
        "partner",
        sa.Column(
            "allowed_networks",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="CIDR; empty: any address",
        ),
        schema="ingest",
    )
    op.create_check_constraint(
        op.f("ck_partner_status"), "partner", "status IN ('active', 'suspended')", schema="ingest"
    )
    op.create_check_constraint(
        op.f("ck_partner_limits"),
        "partner",
        "requests_per_s > 0 AND requests_burst > 0 AND events_per_s > 0 AND events_burst >= 500 AND events_per_day > 0",
        schema="ingest",
    )


def _keys() -> None:
    op.alter_column("partner_key", "secret_sealed", nullable=True, schema="ingest")
    op.add_column("partner_key", sa.Column("public_key", sa.Text(), comment="PEM, or SM2 in hex"), schema="ingest")
    op.add_column(
        "partner_key",
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), comment="of a legacy signature"),
        schema="ingest",
    )
    op.add_column("partner_key", sa.Column("environment", sa.Text()), schema="ingest")
    op.execute(
        "UPDATE ingest.partner_key k SET environment = p.environment FROM ingest.partner p"
        " WHERE p.partner_id = k.partner_id"
    )
    op.alter_column("partner_key", "environment", nullable=False, schema="ingest")
    op.create_check_constraint(
        op.f("ck_partner_key_environment"), "partner_key", "environment IN ('live', 'sandbox')", schema="ingest"
    )
    op.create_check_constraint(
        op.f("ck_partner_key_one_material"),
        "partner_key",
        "num_nonnulls(secret_sealed, public_key) = 1",
        schema="ingest",
    )


def _usage() -> None:
    op.create_table(
        "partner_usage",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False, comment="where the programme lives"),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["ingest.partner.partner_id"], name=op.f("fk_partner_usage_partner_id")
        ),
        sa.PrimaryKeyConstraint("partner_id", "day", name=op.f("pk_partner_usage")),
        schema="ingest",
    )


def _audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="who: the subject of the operator's token"),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False, comment="what it was done to"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "before", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="null where nothing was there"
        ),
        sa.Column(
            "after", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="null where nothing is left"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_log")),
        schema="ingest",
    )
    op.create_index("ix_audit_log_object", "audit_log", ["object", "entry_id"], schema="ingest")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON ingest.audit_log FROM ingest")


def _news() -> None:
    """Whoever changes partners or keys, in whatever way: every process hears of it at the commit."""
    op.execute(
        "CREATE FUNCTION ingest.partners_changed() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_notify('ingest_partners', ''); RETURN NULL; END $$"
    )
    for table in ("partner", "partner_key"):
        op.execute(
            f"CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE ON ingest.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION ingest.partners_changed()"
        )


def downgrade() -> None:
    for table in ("partner", "partner_key"):
        op.execute(f"DROP TRIGGER {table}_changed ON ingest.{table}")
    op.execute("DROP FUNCTION ingest.partners_changed()")
    op.drop_table("audit_log", schema="ingest")
    op.drop_table("partner_usage", schema="ingest")
    op.execute("DELETE FROM ingest.partner_key WHERE secret_sealed IS NULL")  # the older code knows secrets only
    op.drop_constraint(op.f("ck_partner_key_one_material"), "partner_key", schema="ingest")
    op.drop_constraint(op.f("ck_partner_key_environment"), "partner_key", schema="ingest")
    for name in ("environment", "rule", "public_key"):
        op.drop_column("partner_key", name, schema="ingest")
    op.alter_column("partner_key", "secret_sealed", nullable=False, schema="ingest")
    op.drop_constraint(op.f("ck_partner_limits"), "partner", schema="ingest")
    op.drop_constraint(op.f("ck_partner_status"), "partner", schema="ingest")
    for name in (
        "allowed_networks",
        "events_per_day",
        "events_burst",
        "events_per_s",
        "requests_burst",
        "requests_per_s",
        "status",
    ):
        op.drop_column("partner", name, schema="ingest")
