"""Certificates can be revoked, have a holder who may be named, and files that the worker makes.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_SCHEMA = "rewards"
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _holders()
    _revocations()
    _documents()


def _holders() -> None:
    op.create_table(
        "certificate_holder",
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), comment="null: an enterprise, which is named"),
        sa.Column(
            "public_name",
            sa.Text(),
            comment="shown to everybody: the enterprise's, or the one that the donor agreed to",
        ),
        sa.Column("named_at", _TIME, comment="when the donor agreed"),
        sa.CheckConstraint("(public_name IS NULL) = (named_at IS NULL)", name=op.f("ck_certificate_holder_named")),
        sa.CheckConstraint(
            "char_length(public_name) BETWEEN 1 AND 200", name=op.f("ck_certificate_holder_public_name")
        ),
        sa.CheckConstraint("num_nonnulls(user_id, public_name) >= 1", name=op.f("ck_certificate_holder_known")),
        sa.PrimaryKeyConstraint("certificate_no", name=op.f("pk_certificate_holder")),
        schema=_SCHEMA,
    )
    # Donors who were erased stay unknown.
    op.execute(
        "INSERT INTO rewards.certificate_holder (certificate_no, user_id)"
        " SELECT c.certificate_no, d.user_id FROM rewards.certificate c JOIN rewards.donation d USING (donation_id)"
        " WHERE d.idempotency_key <> d.donation_id::text"
    )
    op.create_index("ix_certificate_holder_user", "certificate_holder", ["user_id"], schema=_SCHEMA)


def _revocations() -> None:
    op.create_table(
        "certificate_revocation",
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("reason_zh", sa.Text(), nullable=False, comment="public"),
        sa.Column("reason_en", sa.Text(), nullable=False, comment="public"),
        sa.Column("revoked_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("certificate_no", name=op.f("pk_certificate_revocation")),
        schema=_SCHEMA,
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON rewards.certificate_revocation FROM rewards")
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON rewards.certificate_revocation"
        " FOR EACH STATEMENT EXECUTE FUNCTION rewards.refuse_change()"
    )


def _documents() -> None:
    op.create_table(
        "document",
        sa.Column("content_hash", sa.Text(), nullable=False, comment="SHA-256 of the content, the form and the layout"),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("certificate_no", sa.Text(), comment="with the donor's erasure its documents go"),
        sa.Column("user_id", sa.Uuid(), comment="whose yearly statement"),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), server_default="requested", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("file", sa.LargeBinary()),
        sa.Column("file_sha256", sa.Text()),
        sa.Column("requested_at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("made_at", _TIME),
        sa.Column(
            "used_on",
            sa.Date(),
            server_default=sa.text("CURRENT_DATE"),
            nullable=False,
            comment="when it was last asked for",
        ),
        sa.Column("last_error", sa.Text()),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_document_{name}"))
            for name, rule in (
                ("content_hash", "content_hash ~ '^[0-9a-f]{64}$'"),
                ("owner", "num_nonnulls(certificate_no, user_id) = 1"),
                ("state", "state IN ('requested', 'ready')"),
                ("ready", "(state = 'ready') = (num_nonnulls(file, file_sha256, made_at) = 3)"),
                ("requested", "(state = 'requested') = (num_nulls(file, file_sha256, made_at) = 3)"),
                ("file_sha256", "file_sha256 = encode(sha256(file), 'hex')"),
                ("form", "form IN ('pdf', 'png')"),
                ("size", "octet_length(file) BETWEEN 1 AND 500000"),
            )
        ),
        sa.ForeignKeyConstraint(
            ["certificate_no"],
            ["rewards.certificate_holder.certificate_no"],
            name=op.f("fk_document_certificate_no_certificate_holder"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("content_hash", name=op.f("pk_document")),
        schema=_SCHEMA,
    )
    # PDF and PNG are compressed already.
    op.execute("ALTER TABLE rewards.document ALTER COLUMN file SET STORAGE EXTERNAL")
    op.create_index(
        "ix_document_due", "document", ["due_at"], schema=_SCHEMA, postgresql_where=sa.text("state = 'requested'")
    )
    op.create_index("ix_document_used", "document", ["used_on"], schema=_SCHEMA)
    op.create_index("ix_document_certificate", "document", ["certificate_no"], schema=_SCHEMA)
    op.create_index("ix_document_user", "document", ["user_id"], schema=_SCHEMA)


def downgrade() -> None:
    op.drop_table("document", schema=_SCHEMA)
    op.drop_table("certificate_revocation", schema=_SCHEMA)
    op.drop_table("certificate_holder", schema=_SCHEMA)
