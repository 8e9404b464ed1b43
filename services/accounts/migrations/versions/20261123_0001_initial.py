"""Users, phones, accounts, consents, sessions, bindings, the audit of look-ups, and the shared plumbing.

Revision ID: 20261123_0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _users()
    _consents()
    _sessions()
    _bindings()
    _binding_tokens()
    _consumers()
    _outbox()
    # The service's role may not change the audit of look-ups.
    op.execute("REVOKE UPDATE, DELETE ON accounts.operator_action FROM accounts")


def _users() -> None:
    op.create_table(
        "app_user",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("openid_hash", sa.LargeBinary(), nullable=False),
        sa.Column("openid_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("openid_hash", name=op.f("uq_app_user_openid_hash")),
        schema="accounts",
    )
    op.create_table(
        "phone",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_phone_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_phone")),
        sa.UniqueConstraint("phone_hash", name=op.f("uq_phone_phone_hash")),
        schema="accounts",
    )
    op.create_table(
        "carbon_account",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_no", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind = 'person'", name=op.f("ck_carbon_account_kind")),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_carbon_account_user_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_carbon_account")),
        sa.UniqueConstraint("account_no", name=op.f("uq_carbon_account_account_no")),
        sa.UniqueConstraint("user_id", name=op.f("uq_carbon_account_user_id")),
        schema="accounts",
    )


def _consents() -> None:
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("ended_reason IN ('withdrawn', 'superseded')", name=op.f("ck_consent_ended_reason")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name=op.f("ck_consent_ended")),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_consent_user_id")),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_consent_user_id_consent_id"), "consent", ["user_id", "consent_id"], unique=False, schema="accounts"
    )
    op.create_index(
        "uq_consent_live",
        "consent",
        ["user_id", "purpose"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "quota_use",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("window_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "purpose", "window_ends_at", name=op.f("pk_quota_use")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_quota_use_window_ends_at"), "quota_use", ["window_ends_at"], unique=False, schema="accounts"
    )
    op.create_table(
        "operator_action",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("account_no", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_action")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_operator_action_account_no_id"),
        "operator_action",
        ["account_no", "id"],
        unique=False,
        schema="accounts",
    )


def _sessions() -> None:
    op.create_table(
        "login_session",
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_login_session")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_login_session_expires_at"), "login_session", ["expires_at"], unique=False, schema="accounts"
    )
    op.create_index(
        op.f("ix_login_session_user_id_created_at"),
        "login_session",
        ["user_id", "created_at"],
        unique=False,
        schema="accounts",
    )
    op.create_table(
        "refresh_token",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["accounts.login_session.session_id"],
            name=op.f("fk_refresh_token_session_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_refresh_token")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_refresh_token_expires_at"), "refresh_token", ["expires_at"], unique=False, schema="accounts"
    )
    op.create_index(
        op.f("ix_refresh_token_session_id"), "refresh_token", ["session_id"], unique=False, schema="accounts"
    )


def _bindings() -> None:
    op.create_table(
        "binding",
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("account_key", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consent_withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_binding_ended")),
        sa.CheckConstraint("status IN ('pending', 'active', 'ended')", name=op.f("ck_binding_status")),
        sa.CheckConstraint("version > 0", name=op.f("ck_binding_version")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.carbon_account.account_id"], name=op.f("fk_binding_account_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_binding_user_id")),
        sa.PrimaryKeyConstraint("binding_id", name=op.f("pk_binding")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_binding_partner_id_account_key"),
        "binding",
        ["partner_id", "account_key"],
        unique=False,
        schema="accounts",
    )
    op.create_index(
        op.f("ix_binding_user_id_binding_id"), "binding", ["user_id", "binding_id"], unique=False, schema="accounts"
    )
    op.create_index(
        "uq_binding_live_partner_account",
        "binding",
        ["partner_id", "account_key"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("status <> 'ended'"),
    )
    op.create_index(
        "uq_binding_live_user_partner",
        "binding",
        ["user_id", "partner_id"],
        unique=True,
        schema="accounts",
        postgresql_where=sa.text("status <> 'ended'"),
    )


def _binding_tokens() -> None:
    op.create_table(
        "binding_token",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["binding_id"], ["accounts.binding.binding_id"], name=op.f("fk_binding_token_binding_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["accounts.app_user.user_id"], name=op.f("fk_binding_token_user_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_binding_token")),
        schema="accounts",
    )
    op.create_index(
        op.f("ix_binding_token_expires_at"), "binding_token", ["expires_at"], unique=False, schema="accounts"
    )
    op.create_table(
        "partner_nonce",
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("partner_id", "nonce", name=op.f("pk_partner_nonce")),
        schema="accounts",
    )
    op.create_index(op.f("ix_partner_nonce_seen_at"), "partner_nonce", ["seen_at"], unique=False, schema="accounts")


def _consumers() -> None:
    op.create_table(
        "consumer_partition",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition", name=op.f("pk_consumer_partition")),
        schema="accounts",
    )
    op.create_table(
        "consumer_worker",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "holder", name=op.f("pk_consumer_worker")),
        schema="accounts",
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "consumer", "topic", "partition", "offset", name=op.f("uq_dead_letter_consumer_topic_partition_offset")
        ),
        schema="accounts",
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="accounts",
    )
    op.create_table(
        "idempotency_key",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subject", "route", "key", name=op.f("pk_idempotency_key")),
        schema="accounts",
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False, schema="accounts")


def downgrade() -> None:
    for table in (
        "binding_token",
        "partner_nonce",
        "binding",
        "refresh_token",
        "login_session",
        "operator_action",
        "quota_use",
        "consent",
        "carbon_account",
        "phone",
        "app_user",
        "idempotency_key",
        "outbox",
        "dead_letter",
        "consumer_worker",
        "consumer_partition",
    ):
        op.drop_table(table, schema="accounts")
