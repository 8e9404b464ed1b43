"""Enterprises with members and documents, and mandates for pooling.

Revision ID: 20261127_0014
Revises: 20261127_0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_0014"
down_revision = "20261127_0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = postgresql.JSONB()
_KINDS = "kind IN ('person', 'household'{})"
_HOLDER = "(kind = 'person') = (user_id IS NOT NULL) AND (kind = 'household') = (household_id IS NOT NULL){}"


def upgrade() -> None:
    _enterprise()
    _documents()
    _members()
    _terms()
    _mandates()
    _mandate_indexes()
    for name in ("kind", "holder"):
        op.drop_constraint(op.f(f"ck_carbon_account_{name}"), "carbon_account", schema="accounts", type_="check")
    op.add_column("carbon_account", sa.Column("enterprise_id", sa.Uuid(), nullable=True), schema="accounts")
    op.create_unique_constraint(
        op.f("uq_carbon_account_enterprise_id"), "carbon_account", ["enterprise_id"], schema="accounts"
    )
    op.create_foreign_key(
        op.f("fk_carbon_account_enterprise_id"),
        "carbon_account",
        "enterprise",
        ["enterprise_id"],
        ["enterprise_id"],
        source_schema="accounts",
        referent_schema="accounts",
    )
    _check_accounts(", 'enterprise'", " AND (kind = 'enterprise') = (enterprise_id IS NOT NULL)")


def _check_accounts(kind: str, holder: str) -> None:
    for name, rule in (("kind", _KINDS.format(kind)), ("holder", _HOLDER.format(holder))):
        op.create_check_constraint(op.f(f"ck_carbon_account_{name}"), "carbon_account", rule, schema="accounts")


def _enterprise() -> None:
    op.create_table(
        "enterprise",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kinds", _JSON, nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("applied_by", sa.Uuid(), nullable=True),
        sa.Column("applied_at", _TIME, nullable=False),
        sa.Column("approved_at", _TIME, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "(status IN ('active', 'suspended', 'closed')) = (approved_at IS NOT NULL)",
            name=op.f("ck_enterprise_approved"),
        ),
        sa.CheckConstraint(
            "status IN ('applied', 'under_review', 'active', 'suspended', 'closed', 'rejected')",
            name=op.f("ck_enterprise_status"),
        ),
        sa.CheckConstraint("(approved_at IS NULL) = (version = 0)", name=op.f("ck_enterprise_version")),
        sa.ForeignKeyConstraint(["applied_by"], ["accounts.app_user.user_id"], name=op.f("fk_enterprise_applied_by")),
        sa.PrimaryKeyConstraint("enterprise_id", name=op.f("pk_enterprise")),
        schema="accounts",
    )
    op.create_index(op.f("ix_enterprise_applied_by"), "enterprise", ["applied_by"], unique=False, schema="accounts")
    op.create_index(
        op.f("ix_enterprise_status_enterprise_id"),
        "enterprise",
        ["status", "enterprise_id"],
        unique=False,
        schema="accounts",
    )
    op.create_index(
        "uq_enterprise_held_uscc",
        "enterprise",
        ["uscc"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("status IN ('applied', 'under_review', 'active', 'suspended')"),
    )


def _documents() -> None:
    op.create_table(
        "enterprise_document",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "kind IN ('business_licence', 'authorisation_letter', 'other')", name=op.f("ck_enterprise_document_kind")
        ),
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/jpeg', 'image/png')",
            name=op.f("ck_enterprise_document_media_type"),
        ),
        sa.CheckConstraint("size_bytes BETWEEN 1 AND 5242880", name=op.f("ck_enterprise_document_size")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["accounts.enterprise.enterprise_id"], name=op.f("fk_enterprise_document_enterprise_id")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["accounts.app_user.user_id"], name=op.f("fk_enterprise_document_uploaded_by")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_enterprise_document")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_enterprise_document_uploaded_by"), "enterprise_document", ["uploaded_by"], schema="accounts"
    )
    op.create_index(
        "uq_enterprise_document_content",
        "enterprise_document",
        ["enterprise_id", "sha256"],
        unique=True,
        schema="accounts",
    )
    op.create_table(
        "enterprise_document_piece",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("piece_no", sa.Integer(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["accounts.enterprise_document.document_id"],
            name=op.f("fk_enterprise_document_piece_document_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("document_id", "piece_no", name=op.f("pk_enterprise_document_piece")),
        schema="accounts",
    )


def _members() -> None:
    op.create_table(
        "enterprise_member",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("roles", _JSON, nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("invited_at", _TIME, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "ended_reason IN ('left', 'removed', 'declined', 'expired', 'erased')",
            name=op.f("ck_enterprise_member_ended_reason"),
        ),
        sa.CheckConstraint("(accepted_at IS NULL) = (version = 0)", name=op.f("ck_enterprise_member_version")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name=op.f("ck_enterprise_member_ended")),
        sa.CheckConstraint("jsonb_array_length(roles) BETWEEN 1 AND 4", name=op.f("ck_enterprise_member_roles")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["accounts.enterprise.enterprise_id"], name=op.f("fk_enterprise_member_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_enterprise_member_user_id")),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_enterprise_member")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_enterprise_member_user_id_membership_id"),
        "enterprise_member",
        ["user_id", "membership_id"],
        unique=False,
        schema="accounts",
    )
    op.create_index(
        "uq_enterprise_member_live",
        "enterprise_member",
        ["enterprise_id", "user_id"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _terms() -> None:
    op.create_table(
        "mandate_terms",
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("platform_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scenes", _JSON, nullable=False),
        sa.Column("terms_version", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("valid_days", sa.Integer(), nullable=True),
        sa.Column("threshold_mg", sa.BigInteger(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", _TIME, nullable=True),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.Column("all_ended_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('benefit', 'agency')", name=op.f("ck_mandate_terms_kind")),
        sa.CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name=op.f("ck_mandate_terms_published")),
        sa.CheckConstraint("ends_at IS NULL OR published_at IS NOT NULL", name=op.f("ck_mandate_terms_ends")),
        sa.CheckConstraint("published_by <> made_by", name=op.f("ck_mandate_terms_two_people")),
        sa.CheckConstraint("threshold_mg > 0", name=op.f("ck_mandate_terms_threshold")),
        sa.CheckConstraint("valid_days BETWEEN 1 AND 3660", name=op.f("ck_mandate_terms_valid_days")),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["accounts.enterprise.enterprise_id"], name=op.f("fk_mandate_terms_platform_id")
        ),
        sa.PrimaryKeyConstraint("terms_id", name=op.f("pk_mandate_terms")),
        schema="accounts",
    )
    op.create_index(
        "uq_mandate_terms_version",
        "mandate_terms",
        ["platform_id", "kind", "terms_version"],
        unique=True,
        schema="accounts",
    )


def _mandates() -> None:
    op.create_table(
        "mandate",
        sa.Column("mandate_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("platform_id", sa.Uuid(), nullable=False),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scenes", _JSON, nullable=False),
        sa.Column("terms_version", sa.Text(), nullable=False),
        sa.Column("terms_sha256", sa.Text(), nullable=False),
        sa.Column("threshold_mg", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "end_reason IN ('citizen', 'platform', 'expiry', 'erasure')", name=op.f("ck_mandate_end_reason")
        ),
        sa.CheckConstraint("(until IS NULL) = (end_reason IS NULL)", name=op.f("ck_mandate_ended")),
        sa.CheckConstraint("closed_at IS NULL OR until IS NOT NULL", name=op.f("ck_mandate_closed")),
        sa.CheckConstraint("until >= accepted_at", name=op.f("ck_mandate_order")),
        sa.CheckConstraint("version > 0", name=op.f("ck_mandate_version")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.carbon_account.account_id"], name=op.f("fk_mandate_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["accounts.enterprise.enterprise_id"], name=op.f("fk_mandate_platform_id")
        ),
        sa.ForeignKeyConstraint(["terms_id"], ["accounts.mandate_terms.terms_id"], name=op.f("fk_mandate_terms_id")),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_mandate_user_id")),
        sa.PrimaryKeyConstraint("mandate_id", name=op.f("pk_mandate")),
        schema="accounts",
    )


def _mandate_indexes() -> None:
    op.create_index(
        "ix_mandate_platform_open",
        "mandate",
        ["platform_id"],
        unique=False,
        schema="accounts",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_mandate_terms_open",
        "mandate",
        ["terms_id", "mandate_id"],
        unique=False,
        schema="accounts",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_mandate_account_id"), "mandate", ["account_id"], schema="accounts")
    op.create_index(
        op.f("ix_mandate_user_id_mandate_id"), "mandate", ["user_id", "mandate_id"], unique=False, schema="accounts"
    )
    op.create_index(
        "uq_mandate_open",
        "mandate",
        ["user_id", "platform_id"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("closed_at IS NULL"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM accounts.carbon_account WHERE kind = 'enterprise'")
    for name in ("kind", "holder"):
        op.drop_constraint(op.f(f"ck_carbon_account_{name}"), "carbon_account", schema="accounts", type_="check")
    op.drop_column("carbon_account", "enterprise_id", schema="accounts")
    _check_accounts("", "")
    for table in ("mandate", "mandate_terms", "enterprise_document_piece", "enterprise_document"):
        op.drop_table(table, schema="accounts")
    for table in ("enterprise_member", "enterprise"):
        op.drop_table(table, schema="accounts")
